// A batch on its way from a client's stream to the mempool: however malformed, each transaction
// that was counted in is answered exactly once.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "consensus/payload.h"
#include "kiln/v1/client.pb.h"
#include "network/client_service.h"
#include "network/submit_stream.h"
#include "node/submission.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/samples.h"
#include "tests/node/memory_store.h"
#include "tools/kv_application.h"

namespace kiln::fuzz {
namespace {

class CountingSink final : public network::SubmitSink {
 public:
  CountingSink(uint64_t first_sequence, uint32_t count)
      : first_sequence_(first_sequence), answers_(count) {}

  void Deliver(network::SubmitOutcomes outcomes) override {
    Expect(!outcomes.status.ok(), "nothing is committed here");
    for (const auto& entry : outcomes.entries) {
      const uint64_t place = entry.sequence - first_sequence_;
      Expect(place < answers_.size(), "only transactions of the batch are answered");
      Expect(++answers_[place] == 1, "no transaction is answered twice");
    }
  }
  bool AllAnswered() const {
    for (const int answers : answers_) {
      if (answers != 1) return false;
    }
    return true;
  }

 private:
  const uint64_t first_sequence_;
  std::vector<int> answers_;
};

struct Node {
  storage::MemoryStore store{CheapSamples().world.genesis()};
  tools::KvApplication application;
  node::DuplicateWindow window{SampleLimits().duplicate_window_blocks};
};

// True when the mempool was given the batch.
bool Submit(v1::SubmitBatch batch, const std::shared_ptr<CountingSink>& sink) {
  static auto* const node = new Node;
  node::MempoolBudget budget({.transactions = 1000, .bytes = 1 << 20});
  node::PendingReplies replies;
  bool arrived = false;
  const auto enqueue = [&arrived](const node::EngineEvent&, size_t) { return arrived = true; };
  node::Submission submission(
      SampleLimits(), &node->store, &node->application, &node->window, &budget, &replies,
      {.enqueue = enqueue, .deadline_added = [] {}, .now_us = [] { return uint64_t{1}; }});
  submission.Submit(batch.first_sequence(), std::move(*batch.mutable_transactions()),
                    absl::InfiniteFuture(), sink);
  Expect(arrived || budget.used() == node::MempoolCharge{}, "what is refused reserves nothing");
  replies.FailAll(absl::UnavailableError("this validator is stopping"));
  Expect(replies.size() == 0, "nobody waits in the end");
  return arrived;
}

}  // namespace

KILN_FUZZ_TARGET(submit_batch) {
  v1::SubmitBatch batch;
  if (!batch.ParseFromArray(input.data(), static_cast<int>(input.size()))) return false;
  const absl::StatusOr<uint32_t> count =
      consensus::CountBatch(batch.transactions(), SampleLimits());
  if (!count.ok()) {
    ExpectReadable(count.status());
    return false;
  }
  const auto sink = std::make_shared<CountingSink>(batch.first_sequence(), *count);
  const bool arrived = Submit(std::move(batch), sink);
  Expect(sink->AllAnswered(), "each transaction that was counted is answered");
  return arrived;
}

}  // namespace kiln::fuzz
