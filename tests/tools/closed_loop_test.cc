#include "tools/closed_loop.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "tools/load_recorder.h"

namespace kiln::tools {
namespace {

// Commits everything at once, or refuses everything.
class FakeClient : public Client {
 public:
  absl::Status refusal;

  absl::StatusOr<Receipt> Submit(Transaction /*transaction*/, absl::Duration /*timeout*/) override {
    return absl::UnimplementedError("not part of this test");
  }

  absl::Status SubmitMany(std::vector<Transaction> transactions, size_t in_flight_max,
                          absl::Duration /*timeout*/,
                          absl::AnyInvocable<void(size_t, absl::StatusOr<Receipt>)> done) override {
    EXPECT_GT(in_flight_max, 0u);
    if (!refusal.ok()) return refusal;
    {
      const absl::MutexLock lock(&mutex_);
      for (const Transaction& transaction : transactions) payloads_.insert(transaction.payload);
    }
    Receipt receipt;
    receipt.height = 1;
    for (size_t i = 0; i < transactions.size(); ++i) done(i, receipt);
    return absl::OkStatus();
  }

  absl::StatusOr<Answer> Query(absl::string_view /*query*/, Read /*level*/,
                               absl::Duration /*timeout*/) override {
    return absl::UnimplementedError("not part of this test");
  }
  absl::StatusOr<BlockInfo> GetBlock(uint64_t /*height*/) override {
    return absl::UnimplementedError("not part of this test");
  }
  absl::StatusOr<TransactionInfo> GetTransaction(const Hash& /*id*/) override {
    return absl::UnimplementedError("not part of this test");
  }
  absl::StatusOr<NodeStatus> GetStatus(size_t /*endpoint_index*/) override {
    return absl::UnimplementedError("not part of this test");
  }
  std::string last_fault() const override { return ""; }

  std::multiset<std::string> payloads() const {
    const absl::MutexLock lock(&mutex_);
    return payloads_;
  }

 private:
  mutable absl::Mutex mutex_;
  std::multiset<std::string> payloads_;
};

LoadResult Take(LoadRecorder* recorder) {
  LoadResult result;
  recorder->MoveTo(&result);
  return result;
}

TEST(ClosedLoop, SendsItsShareOfTheSequenceWithoutGaps) {
  FakeClient client;
  const LoadPayload payload(1, 64);
  const LoadClock clock;
  LoadRecorder recorder;
  ClosedLoop loop(&client, &payload, &clock, &recorder, {2, 4, 10});
  loop.Run(absl::Milliseconds(5));
  const LoadResult result = Take(&recorder);
  ASSERT_FALSE(result.committed.empty());
  EXPECT_EQ(result.errors, 0u);
  EXPECT_EQ(client.payloads().size(), result.committed.size());
  for (size_t i = 0; i < result.committed.size(); ++i) {
    EXPECT_EQ(result.committed[i].sequence, 2 + 4 * i);
    EXPECT_LE(result.committed[i].sent_us, result.committed[i].done_us);
  }
}

TEST(ClosedLoop, GivesUpOnAChainThatAnswersNothing) {
  FakeClient client;
  client.refusal = absl::UnavailableError("no validator answers");
  const LoadPayload payload(1, 64);
  const LoadClock clock;
  LoadRecorder recorder;
  ClosedLoop loop(&client, &payload, &clock, &recorder, {0, 1, 10});
  loop.Run(absl::Hours(1));
  const LoadResult result = Take(&recorder);
  EXPECT_TRUE(result.committed.empty());
  EXPECT_GT(result.errors, 0u);
  EXPECT_EQ(result.first_error, "no validator answers");
}

}  // namespace
}  // namespace kiln::tools
