// Values that cross the public API: plain data, freely copied. Thread-compatible.
#ifndef KILN_TYPES_H_
#define KILN_TYPES_H_

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace kiln {

// How a process ends whose node stopped itself to stay safe.
inline constexpr int kFailStopExitStatus = 70;

// A SHA-256 digest. All zero means "none".
struct Hash {
  static constexpr size_t kBytes = 32;
  std::array<uint8_t, kBytes> bytes{};

  // 64 lower-case hexadecimal digits, and back. InvalidArgument for anything else.
  std::string ToHex() const;
  static absl::StatusOr<Hash> FromHex(absl::string_view hex);
  // The first eight digits: enough for a log line, never for a comparison.
  std::string Short() const;
  bool IsZero() const { return *this == Hash{}; }
  absl::string_view view() const {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  friend bool operator==(const Hash&, const Hash&) = default;
  friend auto operator<=>(const Hash&, const Hash&) = default;  // NOLINT: not a null pointer
  template <typename H>
  friend H AbslHashValue(H h, const Hash& hash) {
    return H::combine_contiguous(std::move(h), hash.bytes.data(), hash.bytes.size());
  }
};

// What a client asks to be ordered. `payload` is the application's (1 byte up to the genesis
// limit); `key` tells apart two intentional submissions of one payload (0 to 64 bytes, any value).
// The same payload under the same key is executed at most once within the chain's duplicate window,
// whichever validators it was sent to, however often.
struct Transaction {
  std::string payload;
  std::string key;
};

// The application's answer to one transaction. Code 0 is success; 1 is a refusal by the
// application; codes from kFirstEngineCode up are the engine's and never come from an application.
struct Reply {
  static constexpr uint32_t kOk = 0;
  static constexpr uint32_t kRefused = 1;
  static constexpr uint32_t kFirstEngineCode = 0xFFFF0000;
  static constexpr uint32_t kDuplicate = 0xFFFF0001;  // executed before; not executed again
  static constexpr uint32_t kExpired = 0xFFFF0002;    // ordered after its last height; not executed

  uint32_t code = kOk;
  std::string bytes;

  static Reply Ok(absl::string_view bytes = "") { return {kOk, std::string(bytes)}; }
  static Reply Refused(absl::string_view why) { return {kRefused, std::string(why)}; }
  bool ok() const { return code == kOk; }
  friend bool operator==(const Reply&, const Reply&) = default;
};

// Something an application wants subscribers to see. Part of the block's results.
struct Event {
  std::string type;
  std::string data;
};

// A change to the validator set, in force from the next epoch. Power 0 removes the validator.
struct ValidatorUpdate {
  std::array<uint8_t, 32> consensus_key{};
  std::array<uint8_t, 32> node_key{};
  uint64_t power = 0;
};

// That a transaction is in a block, and that the block is final. Both encodings are specified in
// docs/protocol.md; kiln::VerifyReceipt checks them against a genesis.
struct CommitProof {
  Hash block_id;
  std::string inclusion;  // last height it was ordered under, and Merkle path to the payload root
  std::string finality;   // headers from the block to a certified descendant, and the certificate
};

// Where a transaction was ordered, and what the application replied. The proof covers height, block
// and index; the reply is the answering validator's word until a state proof covers it.
struct Receipt {
  uint64_t height = 0;
  uint32_t index = 0;
  Reply reply;
  CommitProof proof;
};

// kLocal answers from the asked validator's state, which may lag (Answer::height says by how much);
// kLinearizable first orders a barrier, so that the answer reflects all that was acknowledged
// before.
enum class Read { kLocal, kLinearizable };

struct Answer {
  uint64_t height = 0;  // the state's height when the query ran
  std::string value;
};

struct PeerStatus {
  std::string name;     // readable, from the genesis
  std::string address;  // host:port, empty when unknown
  bool connected = false;
  std::string last_error;  // why the last connection ended or was refused
};

// Of a validator that fetches and executes what the others committed while it was away.
struct CatchUpStatus {
  uint64_t height = 0;  // executed
  uint64_t target = 0;  // certified, and known to lie that far; moves while the chain goes on
  double blocks_per_second = 0;  // lately; 0 while there is nothing to tell it from
  double seconds_left = 0;       // at that rate, to the target; 0 when there is no rate
};

// Of the background check of what a validator stored.
struct ScrubStatus {
  uint64_t height = 0;                       // checked, of the pass under way
  uint64_t passes = 0;                       // completed since this process started
  std::optional<absl::Time> last_completed;  // the last of them
  uint64_t damaged = 0;                      // heights found damaged that are not mended
  uint64_t repaired = 0;                     // heights mended since this process started
  std::string damage;                        // what is wrong at the lowest of those; empty if none
};

struct NodeStatus {
  std::string chain_name;
  Hash chain_id;
  std::string validator_name;
  uint64_t epoch = 0;
  uint64_t round = 0;
  std::string leader;  // of the current round
  uint64_t committed_height = 0;
  uint64_t executed_height = 0;
  Hash head_id;     // the block at committed_height
  Hash state_root;  // at executed_height
  absl::Time head_time;
  uint64_t committed_transactions = 0;  // since genesis, executed duplicates excluded
  uint64_t mempool_transactions = 0;
  uint64_t mempool_bytes = 0;
  uint64_t votes_signed = 0;  // since this process started
  bool ready = false;
  std::string not_ready_reason;  // empty when ready
  std::vector<PeerStatus> peers;
  std::optional<CatchUpStatus> catching_up;  // none when it is not far behind
  std::optional<ScrubStatus> scrub;          // none when it is off
};

}  // namespace kiln

#endif  // KILN_TYPES_H_
