// A validator that was away for more blocks than it is to fetch, though everybody still has them.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/check.h"
#include "tests/integration/snapshot_fixture.h"
#include "tests/integration/vote_audit.h"
#include "tools/offline_home.h"

namespace kiln::integration {
namespace {

constexpr size_t kLate = 3;
constexpr char kVoteLog[] = "votes.log";
// More than a validator has blocks that it voted for and that are not committed there yet.
constexpr uint64_t kUncommittedMax = 16;

class SnapshotCatchUp : public SnapshotFixture {
 protected:
  // Heights that the others had committed, and the late one was seen not to know.
  struct Missed {
    uint64_t above = 0;
    uint64_t up_to = 0;
  };

  SnapshotCatchUp()
      : SnapshotFixture({{"snapshot_catch_up_blocks", "100"},
                         {"snapshots_kept", "3"},  // so that one of them is always certified
                         {"vote_log_file", absl::StrCat("\"", kVoteLog, "\"")},
                         {"round_timeout_min_ms", "80"}}) {}

  // The late one's height when it gave up on blocks the last time.
  uint64_t HeightWhenFetchingBegan() const {
    constexpr absl::string_view kField = "committed_height=";
    uint64_t height = 0;
    for (const absl::string_view line : absl::StrSplit(cluster_.LogSinceStart(kLate), '\n')) {
      if (!absl::StrContains(line, "fetching a snapshot")) continue;
      const std::vector<std::string> parts = absl::StrSplit(line, kField);
      KILN_CHECK_EQ(parts.size(), 2U);
      KILN_CHECK(absl::SimpleAtoi(parts[1], &height)) << line;
    }
    return height;
  }

  // The late one begins to catch up with `begin`, while the others go on under load.
  template <typename Begin>
  Missed CatchUpUnderLoad(Begin begin) {
    Load load(cluster_.Only(0), LoadOptions{.clients = 2, .in_flight = 2});
    EXPECT_TRUE(load.WaitForMore(1));
    uint64_t missed = cluster_.Height(0);
    begin();
    EXPECT_TRUE(WaitUntil([&] {
      const uint64_t height = cluster_.Height(0);  // asked first: the late one is behind it still
      const absl::StatusOr<NodeStatus> late = cluster_.Status(kLate);
      if (!late.ok()) return false;
      const bool is_behind = late->committed_height + kUncommittedMax < height;
      if (is_behind) missed = std::max(missed, height);
      return late->ready && !is_behind;
    })) << "it is not ready";
    load.Stop();
    EXPECT_TRUE(cluster_.WaitUntilCaughtUp(kLate));
    return {.above = HeightWhenFetchingBegan() + kUncommittedMax, .up_to = missed};
  }

  // REQUIRES: all are stopped. A validator that votes for nothing while it lacks blocks cannot have
  // voted in the rounds of these, which the others had left behind before it knew them.
  void ExpectNoVotes(const Missed& missed) {
    ASSERT_LT(missed.above, missed.up_to);
    VoteAudit votes;
    for (size_t i = 0; i < cluster_.size(); ++i) {
      if (i != kLate) votes.ReadLog(cluster_.home(i) + "/" + kVoteLog);
    }
    const auto ledger = tools::OpenStoredLedger(cluster_.home(0));
    ASSERT_TRUE(ledger.ok()) << ledger.status();
    const auto round_of = [&](uint64_t height) {
      const absl::StatusOr<consensus::Header> header = (*ledger)->HeaderAt(Height{height});
      KILN_CHECK_OK(header.status());
      return VoteAudit::EpochRound(header->epoch.value, header->round.value);
    };
    EXPECT_EQ(votes.CountBy(kLate, round_of(missed.above), round_of(missed.up_to)), 0U)
        << "votes for heights above " << missed.above << ", up to " << missed.up_to;
    EXPECT_GT(votes.CountBy(0, round_of(missed.above), round_of(missed.up_to)), 0U);
    EXPECT_GT(votes.HighestBy(kLate), round_of(missed.up_to)) << "it votes again";
  }
};

// Away, and then again without having ended: it stood still, as a machine does that was suspended.
TEST_F(SnapshotCatchUp, TakesASnapshotInsteadOfBlocksAndGoesOnInTheSameProcess) {
  ASSERT_TRUE(cluster_.StartAllAndWait());
  RunTo(cluster_.HighestHeight() + 20);
  ASSERT_EQ(cluster_.Terminate(kLate), 0);
  const uint64_t gone = cluster_.HighestHeight() + 380;
  RunTo(cluster_.HighestHeight() + 500);
  const Missed away = CatchUpUnderLoad([this] { cluster_.Start(kLate); });
  ExpectASnapshotIsTaken(kLate);
  RunTo(cluster_.HighestHeight() + 20);  // with its votes

  cluster_.Signal(kLate, SIGSTOP);
  const uint64_t gone_again = cluster_.HighestHeight() + 380;
  RunTo(cluster_.HighestHeight() + 500);
  const Missed asleep = CatchUpUnderLoad([this] { cluster_.Signal(kLate, SIGCONT); });
  ASSERT_TRUE(cluster_.IsRunning(kLate)) << "the process stays the same";
  RunTo(cluster_.HighestHeight() + 20);

  ASSERT_TRUE(cluster_.StopAll());
  cluster_.ExpectEqualLedgers();
  EXPECT_TRUE(HasBlock(0, gone));
  EXPECT_FALSE(HasBlock(kLate, gone));
  EXPECT_TRUE(HasBlock(0, gone_again));
  EXPECT_FALSE(HasBlock(kLate, gone_again));
  ExpectNoVotes(away);
  ExpectNoVotes(asleep);
}

}  // namespace
}  // namespace kiln::integration
