// A block's transactions: one contiguous buffer, from the client's stream to the disk.
//
//   payload   = u32 count, then per transaction: u32 length, envelope
//   envelope  = u64 last height, u8 key length, key, payload of the application
#ifndef KILN_CONSENSUS_PAYLOAD_H_
#define KILN_CONSENSUS_PAYLOAD_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/ids.h"
#include "kiln/genesis.h"
#include "kiln/types.h"

namespace kiln::consensus {

inline constexpr size_t kTransactionKeyBytesMax = 64;
inline constexpr size_t kEnvelopeHeaderBytes = 9;  // last height, key length
inline constexpr size_t kEnvelopeOverheadBytesMax = kEnvelopeHeaderBytes + kTransactionKeyBytesMax;
inline constexpr size_t kPayloadHeaderBytes = 4;       // count
inline constexpr size_t kPayloadEntryHeaderBytes = 4;  // length

using SharedBytes = std::shared_ptr<const std::string>;

// A transaction as it is ordered. Views into the payload. A transaction executes at height h only
// if h <= last_height <= h + duplicate window, so that its id need not be remembered for ever. An
// empty payload is the engine's own barrier: it is ordered and executed by nobody.
struct Envelope {
  uint64_t last_height = 0;
  absl::string_view key;
  absl::string_view payload;
};

// REQUIRES: envelope.key.size() <= kTransactionKeyBytesMax. Appends the envelope alone.
void AppendEnvelope(const Envelope& envelope, std::string* to);
absl::StatusOr<Envelope> DecodeEnvelope(absl::string_view bytes, const ChainLimits& limits);

// Hash of key and payload. The last height is not in it: resubmission keeps the id. The key is
// hashed together with the payload, so nobody can use up somebody else's key.
Hash EnvelopeId(const Envelope& envelope);

// A transaction's leaf in its block's Merkle tree: a hash of its id and last height. It covers the
// whole envelope, whose bytes the id has hashed already.
Hash LeafOf(const Hash& id, uint64_t last_height);

// Writes a payload. Not thread-safe.
class PayloadBuilder {
 public:
  PayloadBuilder();
  void Add(absl::string_view envelope);  // already encoded
  void Add(const Envelope& envelope);
  uint32_t count() const { return count_; }
  size_t bytes() const { return out_.size(); }
  // What the payload would measure with one more envelope of this size.
  size_t BytesWith(size_t envelope_bytes) const {
    return out_.size() + kPayloadEntryHeaderBytes + envelope_bytes;
  }
  SharedBytes Finish() &&;

 private:
  std::string out_;
  uint32_t count_ = 0;
};

// Where each transaction of a payload is. Computed once, when the payload arrives, off the
// replica's thread; shared by all who hold the block.
struct PayloadIndex {
  struct Entry {
    uint32_t offset = 0;  // of the envelope in the payload
    uint32_t length = 0;
    uint64_t last_height = 0;
    Hash id;
    Hash leaf;  // LeafOf id and last height
  };
  std::vector<Entry> entries;
  Hash root;  // Merkle root over the leaves

  absl::string_view EnvelopeAt(const std::string& payload, size_t i) const {
    return absl::string_view(payload).substr(entries[i].offset, entries[i].length);
  }
};

// InvalidArgument for bytes that are not one canonical payload of well-formed envelopes within the
// limits (for a block, and for batches between mempools, which are no larger).
absl::StatusOr<std::shared_ptr<const PayloadIndex>> IndexPayload(absl::string_view payload,
                                                                 const ChainLimits& limits);

// The same for a batch on its way between clients and mempools: ids, but no leaves and no root,
// which only a block needs.
absl::StatusOr<std::shared_ptr<const PayloadIndex>> IndexBatch(absl::string_view batch,
                                                               const ChainLimits& limits);

// How many transactions a batch says it has; InvalidArgument when it cannot have so many or is
// larger than a block. Reads no further: what is inside each is not judged.
absl::StatusOr<uint32_t> CountBatch(absl::string_view batch, const ChainLimits& limits);
// How many outcomes a batch is owed, however malformed it is: at least one, and no more than a
// block or the batch itself can hold.
uint32_t ClaimedCount(absl::string_view batch, const ChainLimits& limits);
// Fills in the last height of every envelope. Stops at the first thing out of place: IndexBatch
// says what it is.
void StampLastHeight(Height last_height, std::string* batch);

// Computes leaves and root from what else is in the entries.
void AddLeaves(PayloadIndex* index);

// The payload of a block without transactions, and its index.
const SharedBytes& EmptyPayload();
const std::shared_ptr<const PayloadIndex>& EmptyPayloadIndex();

}  // namespace kiln::consensus

#endif  // KILN_CONSENSUS_PAYLOAD_H_
