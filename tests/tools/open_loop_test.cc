#include "tools/open_loop.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tools/closed_loop.h"
#include "tools/load_recorder.h"

namespace kiln::tools {
namespace {

// Commits everything at once, or refuses everything.
class FakeClient : public Client {
 public:
  absl::Status refusal;
  // Answers nothing before this time of the clock.
  const LoadClock* clock = nullptr;
  uint64_t busy_until_us = 0;

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
    if (clock != nullptr) {
      for (uint64_t now_us = clock->Read(); now_us < busy_until_us; now_us = clock->Read()) {
        absl::SleepFor(absl::Microseconds(static_cast<int64_t>(busy_until_us - now_us)));
      }
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

TEST(Schedule, SpreadsTransactionsEvenlyOverTheStreams) {
  const Schedule second = {/*first=*/1, /*stride=*/4, /*rate=*/1000};
  EXPECT_EQ(second.DueUs(0), 1000u);
  EXPECT_EQ(second.DueUs(1), 5000u);
  EXPECT_EQ(second.CountBefore(1000), 0u);
  EXPECT_EQ(second.CountBefore(1001), 1u);
  EXPECT_EQ(second.CountBefore(1'000'000), 250u);
}

TEST(Schedule, CountsWhatIsDueLikeSomebodyWhoCounts) {
  constexpr uint64_t kSeed = 7;
  std::mt19937_64 random(kSeed);
  for (size_t round = 0; round < 100; ++round) {
    const Schedule schedule = {random() % 4, 1 + random() % 4,
                               0.5 + static_cast<double>(random() % 9000)};
    const uint64_t end_us = random() % 300'000;
    uint64_t count = 0;
    while (schedule.DueUs(count) < end_us) ++count;
    EXPECT_EQ(schedule.CountBefore(end_us), count) << "seed " << kSeed << " round " << round;
  }
}

TEST(OpenLoop, SendsEachDueTransactionOnceOrSaysThatItDidNot) {
  FakeClient client;
  const LoadPayload payload(1, 64);
  const LoadClock clock;
  LoadRecorder recorder;
  const Schedule schedule = {1, 4, 8000};
  OpenLoop loop(&client, &payload, &clock, &recorder, schedule);
  loop.Run(absl::Milliseconds(50));
  const LoadResult result = Take(&recorder);
  const uint64_t due = schedule.CountBefore(50'000);
  EXPECT_EQ(result.committed.size() + result.errors, due);
  EXPECT_EQ(client.payloads().size(), result.committed.size());
  for (const Sample& sample : result.committed) {
    EXPECT_EQ(sample.sequence % 4, 1u);
    EXPECT_EQ(sample.sent_us, schedule.DueUs((sample.sequence - 1) / 4));
    EXPECT_GE(sample.done_us, sample.sent_us);
    EXPECT_EQ(client.payloads().count(payload.Make(sample.sequence).payload), 1u);
  }
}

// All workers wait for answers while more becomes due, until the end is past.
TEST(OpenLoop, SendsWhatIsDueALittleLate) {
  FakeClient client;
  const LoadPayload payload(1, 64);
  const LoadClock clock;
  LoadRecorder recorder;
  const Schedule schedule = {0, 1, 8000};
  client.clock = &clock;
  client.busy_until_us = 60'000;
  OpenLoop loop(&client, &payload, &clock, &recorder, schedule);
  loop.Run(absl::Milliseconds(50));
  const LoadResult result = Take(&recorder);
  EXPECT_EQ(result.errors, 0u) << result.first_error;
  EXPECT_EQ(result.committed.size(), schedule.CountBefore(50'000));
}

TEST(OpenLoop, CountsRefusedTransactionsAsErrors) {
  FakeClient client;
  client.refusal = absl::ResourceExhaustedError("the mempool is full");
  const LoadPayload payload(1, 64);
  const LoadClock clock;
  LoadRecorder recorder;
  OpenLoop loop(&client, &payload, &clock, &recorder, {0, 1, 1000});
  loop.Run(absl::Milliseconds(20));
  const LoadResult result = Take(&recorder);
  EXPECT_EQ(result.errors, 20u);
  EXPECT_TRUE(result.committed.empty());
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
