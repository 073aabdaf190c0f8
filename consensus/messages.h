// What replicas say to each other. Plain data; see codec.h for bytes and verifier.h for belief.
#ifndef KILN_CONSENSUS_MESSAGES_H_
#define KILN_CONSENSUS_MESSAGES_H_

#include <optional>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "consensus/block.h"
#include "consensus/certificates.h"
#include "crypto/ed25519.h"
#include "kiln/types.h"

namespace kiln::consensus {

// The leader's block for its round. `tc` is there when the round was entered by a timeout
// certificate.
struct Proposal {
  BlockPtr block;
  std::optional<TimeoutCertificate> tc;
  crypto::Signature signature{};
};

struct Vote {
  Epoch epoch;
  Round round;
  Hash block_id;
  ValidatorIndex author;
  crypto::Signature signature{};

  friend bool operator==(const Vote&, const Vote&) = default;
};

// The signature covers chain, epoch, round and high_qc.round.
struct Timeout {
  Epoch epoch;
  Round round;
  ValidatorIndex author;
  QuorumCertificate high_qc;
  std::optional<TimeoutCertificate> last_tc;  // by which the round was entered, if by one
  crypto::Signature signature{};

  friend bool operator==(const Timeout&, const Timeout&) = default;
};

// Told to whoever is behind.
struct Certificates {
  QuorumCertificate high_qc;
  std::optional<TimeoutCertificate> last_tc;
};

// An answer to a request: consecutive blocks, oldest first, 1 to kBlocksPerAnswerMax. `tip_qc`
// certifies the last; without it the last block's id must be the one that was asked for.
struct Blocks {
  std::vector<BlockPtr> blocks;
  std::optional<QuorumCertificate> tip_qc;
};
inline constexpr size_t kBlocksPerAnswerMax = 64;

// From a validator that lost its safety record (docs/recovery.md): where do the others stand now?
struct StandingRequest {
  Hash nonce;  // random, of this recovery alone: no answer of before counts

  friend bool operator==(const StandingRequest&, const StandingRequest&) = default;
};

// The answer, for that one asker and nonce. The certificates prove the author's round; the
// signature covers all of it (StandingBytes).
struct Standing {
  Epoch epoch;
  ValidatorIndex author;
  ValidatorIndex asker;
  Hash nonce;
  Round last_voted_round;  // of votes and timeouts alike
  QuorumCertificate high_qc;
  std::optional<TimeoutCertificate> last_tc;  // by which its round was entered, if by one
  crypto::Signature signature{};

  Round round() const { return RoundAfter(high_qc, last_tc); }

  friend bool operator==(const Standing&, const Standing&) = default;
};

using Message =
    std::variant<Proposal, Vote, Timeout, Certificates, Blocks, StandingRequest, Standing>;

// For the chain of the block with this id: its `count` oldest members above `above_height`, which
// may end before the block itself; that block alone if it is not above. One kind of request serves
// a missing parent, a range of heights, and the question how far away a block is.
struct BlockRequest {
  Hash block_id;
  Height above_height;
  uint32_t count = 1;  // 1 to kBlocksPerAnswerMax; the answerer may send fewer

  friend bool operator==(const BlockRequest&, const BlockRequest&) = default;
};

}  // namespace kiln::consensus

#endif  // KILN_CONSENSUS_MESSAGES_H_
