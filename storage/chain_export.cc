#include "storage/chain_export.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "consensus/block.h"
#include "consensus/finality.h"

namespace kiln::storage {
namespace {

// Of `height` + 1 and + 2 the first is the child and the second has its certificate.
constexpr uint64_t kBlocksAboveEnd = 2;

// REQUIRES: height + kBlocksAboveEnd is committed.
absl::StatusOr<bool> IsEnd(const Store& store, Height height) {
  KILN_ASSIGN_OR_RETURN(const consensus::Header child, store.HeaderAt(Height{height.value + 1}));
  return consensus::CommitsParent(child);
}

absl::StatusOr<ChainEnd> EndAt(const Store& store, Height height) {
  ChainEnd end{.height = height, .commit = {}};
  KILN_ASSIGN_OR_RETURN(end.commit.child, store.HeaderAt(Height{height.value + 1}));
  KILN_ASSIGN_OR_RETURN(const consensus::BlockPtr above,
                        store.BlockAt(Height{height.value + kBlocksAboveEnd}));
  end.commit.certificate = above->justify;
  return end;
}

absl::Status TooShort(Height height, Height committed) {
  return absl::NotFoundError(absl::StrCat(
      "no block from height ", height.value,
      " on has its certificate in the ledger yet, which ends at height ", committed.value));
}

}  // namespace

absl::StatusOr<ChainEnd> FindEnd(const Store& store, Height height) {
  const Height committed = store.committed_height();
  for (Height at = height; at.value + kBlocksAboveEnd <= committed.value; ++at.value) {
    KILN_ASSIGN_OR_RETURN(const bool is_end, IsEnd(store, at));
    if (is_end) return EndAt(store, at);
  }
  return TooShort(height, committed);
}

absl::StatusOr<ChainEnd> FindHighestEnd(const Store& store) {
  const Height committed = store.committed_height();
  const Height lowest = store.base().lowest();
  for (uint64_t above = committed.value; above >= lowest.value + kBlocksAboveEnd; --above) {
    const Height at{above - kBlocksAboveEnd};
    KILN_ASSIGN_OR_RETURN(const bool is_end, IsEnd(store, at));
    if (is_end) return EndAt(store, at);
  }
  return TooShort(lowest, committed);
}

absl::StatusOr<ChainEnd> HeadEnd(const Store& store) {
  const Height head = store.committed_height();
  KILN_ASSIGN_OR_RETURN(const std::string finality, store.FinalityAt(head));
  KILN_ASSIGN_OR_RETURN(consensus::FinalityProof proof, consensus::DecodeFinalityProof(finality));
  if (proof.headers.size() != 2) {
    return absl::DataLossError("the committed head has no certificate of its own");
  }
  return ChainEnd{.height = head,
                  .commit = {.child = std::move(proof.headers.back()),
                             .certificate = std::move(proof.certificate)}};
}

absl::Status ExportChain(const Store& store, const Hash& chain_id, Height first,
                         const ChainEnd& end, ChainFileWriter* writer, ChainProgress progress) {
  KILN_CHECK_GT(first.value, 0u);
  KILN_CHECK_LE(first.value, end.height.value);
  KILN_RETURN_IF_ERROR(writer->Begin({.chain_id = chain_id, .first = first, .last = end.height}));
  for (Height height = first; height <= end.height; ++height.value) {
    KILN_ASSIGN_OR_RETURN(const consensus::BlockPtr block, store.BlockAt(height));
    KILN_RETURN_IF_ERROR(writer->Add(*block));
    progress(height);
  }
  return writer->End(end.commit);
}

}  // namespace kiln::storage
