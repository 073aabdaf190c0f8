#include "node/block_answers.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "absl/status/status.h"
#include "base/mark.h"
#include "base/status_macros.h"
#include "network/frames.h"

namespace kiln::node {
namespace {

using consensus::BlockPtr;

// How far an uncommitted chain is walked: more than BlockTree keeps is no honest request.
constexpr size_t kUncommittedBlocksMax = 4096;

// What a block adds to an answer, generously: header, certificate, lengths.
size_t EncodedBytes(const consensus::Block& block) {
  return block.payload->size() + 512 + block.justify.signatures.size() * 64 +
         block.justify.signers.bytes().size();
}

// The uncommitted blocks from above the committed chain up to `tip`, oldest first.
absl::StatusOr<std::deque<BlockPtr>> UncommittedChain(const storage::Store& store, BlockPtr tip) {
  std::deque<BlockPtr> chain;
  while (tip->header.height > store.committed_height()) {
    if (chain.size() == kUncommittedBlocksMax) return absl::NotFoundError("chain too long");
    chain.push_front(tip);
    KILN_ASSIGN_OR_RETURN(tip, store.BlockById(tip->header.parent_id));
  }
  return chain;
}

class AnswerBuilder {
 public:
  AnswerBuilder(size_t bytes_max, size_t blocks_max)
      : bytes_max_(bytes_max), blocks_max_(blocks_max) {}

  // False when there is no room for it. The first block always fits.
  bool Add(BlockPtr block) {
    const size_t bytes = EncodedBytes(*block);
    if (!answer_.blocks.empty() &&
        (bytes_ + bytes > bytes_max_ || answer_.blocks.size() == blocks_max_)) {
      if (answer_.blocks.size() < blocks_max_) KILN_MARK("an answer is cut by its bytes");
      KILN_MARK("an answer is cut and ends with a certificate");
      answer_.tip_qc = block->justify;  // certifies the last one taken
      return false;
    }
    bytes_ += bytes;
    answer_.blocks.push_back(std::move(block));
    return true;
  }
  consensus::Blocks Take() && { return std::move(answer_); }

 private:
  const size_t bytes_max_;
  const size_t blocks_max_;
  size_t bytes_ = 0;
  consensus::Blocks answer_;
};

}  // namespace

absl::StatusOr<consensus::Blocks> AnswerBlockRequest(const storage::Store& store,
                                                     const consensus::BlockRequest& request,
                                                     const ChainLimits& limits) {
  KILN_ASSIGN_OR_RETURN(const BlockPtr tip, store.BlockById(request.block_id));
  if (tip->header.height <= request.above_height) {
    KILN_MARK("a block is served alone, to show its height");
    return consensus::Blocks{.blocks = {tip}, .tip_qc = std::nullopt};
  }
  KILN_ASSIGN_OR_RETURN(const std::deque<BlockPtr> uncommitted, UncommittedChain(store, tip));

  const size_t count = std::clamp<size_t>(request.count, 1, consensus::kBlocksPerAnswerMax);
  AnswerBuilder answer(network::FrameBytesMax(limits), count);
  const uint64_t committed_end = std::min(
      tip->header.height.value, uncommitted.empty() ? tip->header.height.value
                                                    : uncommitted.front()->header.height.value - 1);
  for (uint64_t height = request.above_height.value + 1; height <= committed_end; ++height) {
    KILN_ASSIGN_OR_RETURN(BlockPtr block, store.BlockAt(Height{height}));
    if (!answer.Add(std::move(block))) return std::move(answer).Take();
  }
  for (const BlockPtr& block : uncommitted) {
    if (block->header.height <= request.above_height) continue;
    KILN_MARK("an uncommitted block is served");
    if (!answer.Add(block)) break;
  }
  return std::move(answer).Take();
}

}  // namespace kiln::node
