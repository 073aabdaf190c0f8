#include "node/receipts.h"

#include <memory>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "consensus/block.h"
#include "consensus/receipt.h"
#include "crypto/merkle.h"

namespace kiln::node {
namespace {

// Everything that receipts from one block share.
struct BlockProofs {
  consensus::BlockPtr block;
  storage::BlockResults results;
  consensus::SharedBytes finality;
  crypto::MerkleTree tree;
};

absl::StatusOr<BlockProofs> ReadBlock(const storage::Store& store, Height height) {
  KILN_ASSIGN_OR_RETURN(consensus::BlockPtr block, store.BlockAt(height));
  KILN_ASSIGN_OR_RETURN(storage::BlockResults results, store.ResultsAt(height));
  KILN_ASSIGN_OR_RETURN(std::string finality, store.FinalityAt(height));
  if (results.replies.size() != block->index->entries.size()) {
    return absl::DataLossError(absl::StrCat("results of height ", height.value, ": ",
                                            results.replies.size(), " replies for ",
                                            block->index->entries.size(), " transactions"));
  }
  crypto::MerkleTree tree(LeavesOf(*block->index));
  return BlockProofs{.block = std::move(block),
                     .results = std::move(results),
                     .finality = std::make_shared<const std::string>(std::move(finality)),
                     .tree = std::move(tree)};
}

absl::StatusOr<ReceiptParts> MakeReceipt(const BlockProofs& proofs, const Hash& id,
                                         uint32_t index) {
  const auto& entries = proofs.block->index->entries;
  if (index >= entries.size() || entries[index].id != id) {
    return absl::DataLossError(absl::StrCat("transaction index: ", id.ToHex(), " is not entry ",
                                            index, " at height ",
                                            proofs.block->header.height.value));
  }
  return ReceiptParts{.height = proofs.block->header.height,
                      .block_id = proofs.block->id,
                      .index = index,
                      .reply = proofs.results.replies[index],
                      .inclusion = consensus::ProveInclusion(*proofs.block, proofs.tree, index),
                      .finality = proofs.finality};
}

}  // namespace

std::vector<Hash> LeavesOf(const consensus::PayloadIndex& index) {
  std::vector<Hash> leaves;
  leaves.reserve(index.entries.size());
  for (const consensus::PayloadIndex::Entry& entry : index.entries) leaves.push_back(entry.leaf);
  return leaves;
}

namespace {

// Where in the block the id was executed, not set aside.
absl::StatusOr<ReceiptParts> MakeReceiptOf(const BlockProofs& proofs, const Hash& id) {
  const auto& entries = proofs.block->index->entries;
  for (uint32_t i = 0; i < entries.size(); ++i) {
    if (entries[i].id == id && proofs.results.replies[i].code < Reply::kFirstEngineCode) {
      return MakeReceipt(proofs, id, i);
    }
  }
  return absl::NotFoundError(absl::StrCat("transaction ", id.ToHex(), " was not executed lately"));
}

}  // namespace

std::vector<absl::StatusOr<ReceiptParts>> FindRecentReceipts(const storage::Store& store,
                                                             const DuplicateWindow& window,
                                                             absl::Span<const Hash> ids) {
  std::vector<absl::StatusOr<ReceiptParts>> receipts(
      ids.size(), absl::NotFoundError("the transaction was not executed lately"));
  absl::btree_map<Height, std::vector<size_t>> by_height;  // places in `ids`
  for (size_t i = 0; i < ids.size(); ++i) {
    if (const std::optional<Height> height = window.HeightOf(ids[i])) {
      by_height[*height].push_back(i);
    }
  }
  for (const auto& [height, places] : by_height) {
    const absl::StatusOr<BlockProofs> proofs = ReadBlock(store, height);
    for (const size_t place : places) {
      receipts[place] = proofs.ok() ? MakeReceiptOf(*proofs, ids[place])
                                    : absl::StatusOr<ReceiptParts>(proofs.status());
    }
  }
  return receipts;
}

absl::StatusOr<ReceiptParts> FindReceipt(const storage::Store& store, const Hash& id) {
  KILN_ASSIGN_OR_RETURN(const storage::TransactionPosition position,
                        store.FindTransaction(id, Height{0}));
  KILN_ASSIGN_OR_RETURN(const BlockProofs proofs, ReadBlock(store, position.height));
  return MakeReceipt(proofs, id, position.index);
}

Receipt ToReceipt(const ReceiptParts& parts) {
  return {
      .height = parts.height.value,
      .index = parts.index,
      .reply = parts.reply,
      .proof = {
          .block_id = parts.block_id, .inclusion = parts.inclusion, .finality = *parts.finality}};
}

}  // namespace kiln::node
