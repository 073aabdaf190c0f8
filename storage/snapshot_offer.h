// What a validator tells another one that lacks blocks which are gone: a snapshot to begin with.
#ifndef KILN_STORAGE_SNAPSHOT_OFFER_H_
#define KILN_STORAGE_SNAPSHOT_OFFER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/ids.h"
#include "consensus/block.h"
#include "kiln/genesis.h"
#include "storage/chain_verifier.h"
#include "storage/snapshot_proof.h"
#include "storage/store.h"

namespace kiln::storage {

// Anybody may have made it, until VerifyOffer has accepted it. How many chunks there are is not in
// it: the first chunk's Merkle proof shows that, under the certified root.
struct SnapshotOffer {
  SnapshotProof proof;
  std::vector<consensus::BlockPtr> above;  // the blocks of ProvedSnapshot::above, whole
};

std::string Encode(const SnapshotOffer& offer);
absl::StatusOr<SnapshotOffer> DecodeSnapshotOffer(absl::string_view bytes,
                                                  const ChainLimits& limits);

// Errors as VerifySnapshotProof's; the blocks are those that are proved.
absl::StatusOr<ProvedSnapshot> VerifySnapshotOffer(const SnapshotOffer& offer,
                                                   const Genesis& genesis, ChainVerifier* verifier);

// NotFound as MakeSnapshotProof.
absl::StatusOr<SnapshotOffer> MakeSnapshotOffer(const Store& store, const Genesis& genesis,
                                                Height height);

}  // namespace kiln::storage

#endif  // KILN_STORAGE_SNAPSHOT_OFFER_H_
