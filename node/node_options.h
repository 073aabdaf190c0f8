// What a node checks before it starts: its options, and that its keys are those of one validator.
#ifndef KILN_NODE_NODE_OPTIONS_H_
#define KILN_NODE_NODE_OPTIONS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/ids.h"
#include "crypto/ed25519.h"
#include "kiln/node.h"

namespace kiln::node {

// What options may be; include/kiln/node.h says the same to embedding programs.
struct WholeRange {
  uint64_t min = 0;
  uint64_t max = 0;
  bool Contains(uint64_t value) const { return value >= min && value <= max; }
};
inline constexpr WholeRange kRoundTimeoutMinMs = {10, 60'000};
inline constexpr WholeRange kRoundTimeoutMaxMs = {10, 600'000};  // and at least round_timeout_min
inline constexpr WholeRange kHeartbeatIntervalMs = {100, 600'000};
inline constexpr WholeRange kDoppelgangerWaitMs = {0, 60'000};
inline constexpr WholeRange kMempoolBytes = {1 << 20, uint64_t{4} << 30};
inline constexpr WholeRange kMempoolTransactions = {100, 10'000'000};
inline constexpr WholeRange kDiskFreeBytes = {0, INT64_MAX};
inline constexpr WholeRange kScrubBytesPerSecond = {0, 1 << 30};
inline constexpr WholeRange kSnapshotsKept = {1, 100};
inline constexpr WholeRange kRetentionBlocks = {0, INT64_MAX};
inline constexpr WholeRange kSnapshotCatchUpBlocks = {0, INT64_MAX};
inline constexpr WholeRange kVerifyThreads = {0, 64};
inline constexpr size_t kAdminSocketPathBytesMax = 107;  // what Unix sockets allow

// Everything that can be known without opening a file. InvalidArgument names the option and what is
// allowed. The genesis is validated too.
absl::Status ValidateNodeOptions(const NodeOptions& options);

// A validator's secrets, and who it is in the genesis.
struct NodeKeys {
  crypto::SecretKey consensus;
  crypto::SecretKey node;
  ValidatorIndex self;
};

// Reads both key files. Besides what crypto::ReadKeyFile refuses: keys of nobody in the genesis,
// keys of two different validators, and a list of peers that has the node itself in it.
absl::StatusOr<NodeKeys> LoadNodeKeys(const NodeOptions& options);

}  // namespace kiln::node

#endif  // KILN_NODE_NODE_OPTIONS_H_
