// Why a snapshot is the state of a certified chain, for whoever has the genesis and nothing else.
#ifndef KILN_STORAGE_SNAPSHOT_PROOF_H_
#define KILN_STORAGE_SNAPSHOT_PROOF_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/ids.h"
#include "consensus/block.h"
#include "consensus/executed_state.h"
#include "consensus/finality.h"
#include "kiln/genesis.h"
#include "storage/chain_verifier.h"
#include "storage/records.h"
#include "storage/store.h"

namespace kiln::storage {

// Headers and certificates around one snapshot. Anybody may have made it, until VerifySnapshotProof
// has accepted it.
struct SnapshotProof {
  Hash chain_id;
  Height height;  // of the snapshot
  // A later state, which names the snapshot and its root, and an encoded FinalityProof of a block
  // that names that state.
  consensus::ExecutedState naming;
  std::string naming_finality;
  // An encoded FinalityProof of the block above the snapshot's.
  std::string above_finality;
  // The snapshot's own block, and those below it down to the first that was certified in the round
  // after its parent's: what shows how far the snapshot's chain commits. Newest first.
  std::vector<consensus::Header> below;
};
inline constexpr size_t kSnapshotProofBytesMax = 2 << 20;

std::string Encode(const SnapshotProof& proof);
absl::StatusOr<SnapshotProof> DecodeSnapshotProof(absl::string_view bytes);

// What a proof shows.
struct ProvedSnapshot {
  Height height;
  Hash root;                 // of its chunks
  consensus::Header header;  // of its block
  Height commits_height;     // LedgerBase::commits_height of that block
  // The blocks above it up to the first that is committed directly, oldest first, and what commits
  // that one: the least that a ledger which begins with the snapshot must have.
  std::vector<consensus::Header> above;
  CommitRecord commit;
};
// InvalidArgument or FailedPrecondition (another chain) say what is wrong.
absl::StatusOr<ProvedSnapshot> VerifySnapshotProof(const SnapshotProof& proof,
                                                   const Genesis& genesis, ChainVerifier* verifier);

// That these are the blocks of ProvedSnapshot::above. The error says what is wrong.
absl::Status VerifyBlocksAbove(const ProvedSnapshot& proved,
                               const std::vector<consensus::BlockPtr>& blocks,
                               ChainVerifier* verifier);

// NotFound when the chain does not prove the snapshot of that height yet, or what would is pruned.
absl::StatusOr<SnapshotProof> MakeSnapshotProof(const Store& store, const Genesis& genesis,
                                                Height height);

// Of the snapshots that are kept, the newest that MakeSnapshotProof can prove. NotFound.
absl::StatusOr<Height> NewestCertifiedSnapshot(const Store& store, const ChainLimits& limits);

}  // namespace kiln::storage

#endif  // KILN_STORAGE_SNAPSHOT_PROOF_H_
