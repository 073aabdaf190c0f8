#include "node/forward_queue.h"

#include <utility>

#include "base/mark.h"

namespace kiln::node {
namespace {

// Writes batches together, each with what it left out of it.
class Merger {
 public:
  Merger(const ChainLimits& limits, bool is_one) : limits_(limits), is_one_(is_one) {}

  void Add(const TransactionBatch& batch) {
    const bool is_large = batch.bytes->size() >= ForwardQueue::kBytesWorthAMessage;
    if (batch.left_out.empty() && (is_large || is_one_)) return Pass(batch.bytes);
    auto left_out = batch.left_out.begin();
    for (uint32_t i = 0; i < batch.index->entries.size(); ++i) {
      if (left_out != batch.left_out.end() && *left_out == i) {
        ++left_out;
        continue;
      }
      AddOne(batch.index->EnvelopeAt(*batch.bytes, i));
    }
  }
  std::vector<consensus::SharedBytes> Finish() && {
    Close();
    return std::move(done_);
  }

 private:
  void AddOne(absl::string_view envelope) {
    const bool is_full = merged_.count() == limits_.block_transactions_max ||
                         merged_.BytesWith(envelope.size()) > limits_.block_bytes_max;
    if (is_full) Close();
    merged_.Add(envelope);
  }
  void Pass(const consensus::SharedBytes& whole) {
    Close();
    done_.push_back(whole);
  }
  void Close() {
    if (merged_.count() == 0) return;
    done_.push_back(std::exchange(merged_, consensus::PayloadBuilder()).Finish());
  }

  const ChainLimits& limits_;
  const bool is_one_;  // there is nothing to merge with
  consensus::PayloadBuilder merged_;
  std::vector<consensus::SharedBytes> done_;
};

}  // namespace

void ForwardQueue::Add(TransactionBatch batch) {
  bytes_ += batch.bytes->size();
  waiting_.push_back(std::move(batch));
}

std::vector<consensus::SharedBytes> ForwardQueue::Take(const Turn& turn) {
  if (waiting_.empty()) return {};
  if (last_ == turn && bytes_ < kBytesWorthAMessage) {
    KILN_MARK("a client's batch waits to be forwarded with others");
    return {};
  }
  last_ = turn;
  bytes_ = 0;
  const std::vector<TransactionBatch> batches = std::exchange(waiting_, {});
  Merger merger(limits_, batches.size() == 1);
  for (const TransactionBatch& batch : batches) merger.Add(batch);
  return std::move(merger).Finish();
}

}  // namespace kiln::node
