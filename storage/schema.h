// How the store's records are keyed and protected on disk: column families, keys, checksummed
// values.
#ifndef KILN_STORAGE_SCHEMA_H_
#define KILN_STORAGE_SCHEMA_H_

#include <array>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/ids.h"
#include "kiln/types.h"

namespace kiln::storage {

// A ledger that begins at block 1 is of the first, one that stands on a later block (LedgerBase) of
// the second: what knows the first alone must not take it for a damaged one.
inline constexpr uint32_t kFormatVersion = 6;
inline constexpr uint32_t kFormatVersionWithBase = 7;

// One column family each. The number is part of every checksum: never reuse one.
enum class Family : uint8_t {
  kDefault = 0,           // RocksDB insists on it; empty
  kBlocks = 1,            // BlockKey -> header and justify; content-addressed by the id in the key
  kPayloads = 2,          // BlockKey -> payload as it is, absent when empty; covered by the header
  kCertificates = 3,      // HeightKey of each directly committed block -> child header and its QC
  kIndexByHeight = 4,     // committed height -> id; id of any stored block -> height
  kTransactionIndex = 5,  // height -> executed state and id prefixes; height -> replies; height
                          // below the lowest -> ids executed there, of the duplicate window
  kSafety = 6,            // one key -> the safety record
  kApplicationState = 7,  // the application's keys, one byte in front; a snapshot's chunks
  kMetadata = 8,          // format version, chain id, committed head, executed state, base
};
inline constexpr size_t kFamilyCount = 9;
inline constexpr std::array<absl::string_view, kFamilyCount> kFamilyNames = {
    "default",           "blocks", "payloads",          "certificates", "index_by_height",
    "transaction_index", "safety", "application_state", "metadata"};

inline absl::string_view NameOf(Family family) {
  return kFamilyNames[static_cast<size_t>(family)];
}

// Keys sort by height, because heights are big-endian.
std::string HeightKey(Height height);
std::string BlockKey(Height height, const Hash& id);
std::string IdAtHeightKey(Height height);     // kIndexByHeight
std::string HeightOfIdKey(const Hash& id);    // kIndexByHeight
std::string ResultIdsKey(Height height);      // kTransactionIndex
std::string ResultRepliesKey(Height height);  // kTransactionIndex
std::string WindowIdsKey(Height height);      // kTransactionIndex
// The application's state lies in one of two spaces of kApplicationState, which the metadata name:
// a snapshot is written into the other one, and takes its place in one write.
enum class StateSpace : char { kFirst = 'u', kSecond = 'v' };
inline StateSpace OtherThan(StateSpace space) {
  return space == StateSpace::kFirst ? StateSpace::kSecond : StateSpace::kFirst;
}
std::string StateKey(absl::string_view user_key, StateSpace space = StateSpace::kFirst);
std::string StateKeyEnd(StateSpace space = StateSpace::kFirst);  // above every StateKey
// Of a snapshot that is being fetched, likewise in kApplicationState (storage/snapshot_stage.h).
inline constexpr absl::string_view kStagedOfferKey = "o";
std::string StagedChunkKey(uint32_t index);
std::string StagedEnd();  // above every StagedChunkKey
absl::StatusOr<uint32_t> ParseStagedChunkKey(absl::string_view key);
inline constexpr absl::string_view kSafetyKey = "safety";
inline constexpr absl::string_view kFormatVersionKey = "format_version";
inline constexpr absl::string_view kChainIdKey = "chain_id";
inline constexpr absl::string_view kCommittedKey = "committed";
inline constexpr absl::string_view kExecutedKey = "executed";
inline constexpr absl::string_view kStateSpaceKey = "state_space";  // absent: the first
inline constexpr absl::string_view kBaseKey = "base";  // with kFormatVersionWithBase alone

// DataLoss for a key of another shape.
struct BlockKeyParts {
  Height height;
  Hash id;
};
absl::StatusOr<BlockKeyParts> ParseBlockKey(absl::string_view key);
absl::StatusOr<Height> ParseHeightKey(absl::string_view key);
absl::StatusOr<Height> ParseIdAtHeightKey(absl::string_view key);

// A sealed value ends in a checksum of family, key and value, so that a value read from another
// place is as wrong as a damaged one.
inline constexpr size_t kSealBytes = 8;
std::string Seal(Family family, absl::string_view key, std::string value);
// The value without its seal, as a view into `sealed`. DataLoss names family and key.
absl::StatusOr<absl::string_view> Unseal(Family family, absl::string_view key,
                                         absl::string_view sealed);

// For error messages: "blocks/00000000000000075fab...", cut after 24 bytes.
std::string Describe(Family family, absl::string_view key);

}  // namespace kiln::storage

#endif  // KILN_STORAGE_SCHEMA_H_
