#include "tools/open_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/network/client_test_server.h"
#include "tests/network/fake_chain.h"

namespace kiln::tools {
namespace {

using ::testing::HasSubstr;

// A loop against a server over a chain that does as the test says.
class OpenLoopTest : public testing::Test {
 protected:
  LoadResult Run(const Schedule& schedule, absl::Duration duration) {
    network::ClientTestServer server(&chain_);
    ClientOptions options{.genesis = chain_.genesis(), .endpoints = {server.address()}};
    const LoadClock clock;
    LoadRecorder recorder;
    auto loop = OpenLoop::Connect(options, &payload_, &clock, &recorder, schedule);
    KILN_CHECK_OK(loop.status());
    (*loop)->Run(duration);
    LoadResult result;
    recorder.MoveTo(&result);
    return result;
  }

  network::FakeChain chain_;
  const LoadPayload payload_{/*run=*/1, /*bytes=*/64};
};

TEST_F(OpenLoopTest, AccountsForEveryTransactionThatWasDue) {
  const Schedule schedule{.first = 1, .stride = 4, .rate = 4000};
  const LoadResult result = Run(schedule, absl::Milliseconds(300));
  EXPECT_EQ(result.errors, 0u) << result.first_error;
  EXPECT_EQ(result.refused, 0u);
  EXPECT_EQ(result.committed.size() + result.held_back, schedule.CountBefore(300'000));
  std::set<uint64_t> sequences;
  for (const Sample& sample : result.committed) {
    EXPECT_EQ(sample.sequence % 4, 1u);
    EXPECT_EQ(sample.sent_us, schedule.DueUs((sample.sequence - 1) / 4));
    EXPECT_GE(sample.done_us, sample.sent_us);
    EXPECT_TRUE(sequences.insert(sample.sequence).second) << "sent twice";
  }
  EXPECT_EQ(chain_.transactions(), result.committed.size());
}

TEST_F(OpenLoopTest, CountsWhatIsRefusedAsTooMuchAndDoesNotSendItAgain) {
  chain_.RefuseSubmissions(absl::ResourceExhaustedError("the mempool is full"));
  const LoadResult result = Run({.rate = 1000}, absl::Milliseconds(300));
  EXPECT_GT(result.refused + result.held_back, 0u);
  EXPECT_EQ(result.refused + result.held_back, 300u);
  EXPECT_EQ(result.errors, 0u);
  EXPECT_TRUE(result.committed.empty());
}

TEST_F(OpenLoopTest, CountsOtherRefusalsAsErrors) {
  chain_.RefuseSubmissions(absl::InvalidArgumentError("not a put"));
  const LoadResult result = Run({.rate = 1000}, absl::Milliseconds(300));
  EXPECT_EQ(result.errors + result.held_back, 300u);
  EXPECT_EQ(result.refused, 0u);
  EXPECT_THAT(result.first_error, HasSubstr("not a put"));
}

TEST_F(OpenLoopTest, BelievesNoReceiptThatDoesNotHold) {
  chain_.tamper_outcomes = [](network::SubmitOutcomes* outcomes) {
    for (auto& entry : outcomes->entries) entry.index += 1;
  };
  const LoadResult result = Run({.rate = 1000}, absl::Milliseconds(300));
  EXPECT_TRUE(result.committed.empty());
  EXPECT_EQ(result.errors + result.held_back, 300u);
}

TEST_F(OpenLoopTest, SaysThatNobodyListens) {
  const ClientOptions options{.genesis = chain_.genesis(), .endpoints = {"127.0.0.1:1"}};
  const LoadClock clock;
  LoadRecorder recorder;
  auto loop = OpenLoop::Connect(options, &payload_, &clock, &recorder, {.rate = 1000});
  ASSERT_TRUE(loop.ok()) << loop.status();
  (*loop)->Run(absl::Milliseconds(300));
  LoadResult result;
  recorder.MoveTo(&result);
  EXPECT_TRUE(result.committed.empty());
  EXPECT_EQ(result.errors + result.held_back, 300u);
}

}  // namespace
}  // namespace kiln::tools
