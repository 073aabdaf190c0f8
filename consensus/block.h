// Blocks: a header that names everything, the certificate of the parent, and the payload.
#ifndef KILN_CONSENSUS_BLOCK_H_
#define KILN_CONSENSUS_BLOCK_H_

#include <cstdint>
#include <memory>

#include "base/ids.h"
#include "consensus/certificates.h"
#include "consensus/payload.h"
#include "kiln/genesis.h"
#include "kiln/types.h"

namespace kiln::consensus {

// The block id is the hash of this record's canonical encoding (codec.h).
struct Header {
  Hash chain_id;
  Epoch epoch;
  Round round;
  Height height;
  Hash parent_id;
  Round parent_round;
  Hash justify_hash;  // of the encoding of Block::justify
  Hash payload_root;
  Height executed_height;  // executed by the proposer; at most what the block's ancestors commit
  Hash state_root;         // hash of the ExecutedState at executed_height
  uint64_t time_us = 0;    // microseconds since the Unix epoch; never below the parent's
  ValidatorIndex proposer;
  bool epoch_end = false;

  friend bool operator==(const Header&, const Header&) = default;
};

// Whether a QC for a block with this header commits the block's parent: their rounds are
// consecutive (the two-chain rule: Jolteon, figure 2; HotStuff-2, section 3).
inline bool CommitsParent(const Header& certified) {
  return certified.round.value == certified.parent_round.value + 1;
}

// Immutable once made; shared as BlockPtr. Invariant of every BlockPtr outside the decoder: id is
// the hash of header, header.justify_hash that of justify, header.payload_root that of payload, and
// index describes payload. Whether signatures hold is the verifier's business.
struct Block {
  Header header;
  QuorumCertificate justify;
  SharedBytes payload;

  Hash id;
  std::shared_ptr<const PayloadIndex> index;

  bool has_transactions() const { return !index->entries.empty(); }
};
using BlockPtr = std::shared_ptr<const Block>;

// Seals a block of our own: computes justify_hash, payload_root, index and id.
// REQUIRES: `index` describes `payload`.
BlockPtr MakeBlock(Header header, QuorumCertificate justify, SharedBytes payload,
                   std::shared_ptr<const PayloadIndex> index);

// A block of somebody else's header. REQUIRES: its justify_hash and payload_root were compared with
// what is given.
BlockPtr AssembleBlock(const Header& header, QuorumCertificate justify, SharedBytes payload,
                       std::shared_ptr<const PayloadIndex> index);

// Block 0: height 0, round 0, epoch 1, executed height 0, `genesis_state_root`, no payload; and the
// certificate for it, which every validator accepts by equality.
BlockPtr GenesisBlock(const Genesis& genesis);
QuorumCertificate GenesisCertificate(const Genesis& genesis);

}  // namespace kiln::consensus

#endif  // KILN_CONSENSUS_BLOCK_H_
