// The audit itself: it must find what it is there to find.
#include "tests/integration/vote_audit.h"

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "tests/integration/test_cluster.h"

namespace kiln::integration {
namespace {

const std::string kBlockA(64, 'a');
const std::string kBlockB(64, 'b');

std::string WriteLog(const TestDir& dir, const std::string& name, const std::string& text) {
  const std::string path = dir.path() + "/" + name;
  std::ofstream(path) << text;
  return path;
}

TEST(VoteAudit, TakesTheSameVoteTwiceAndCountsItOnce) {
  const TestDir dir;
  VoteAudit votes;
  votes.ReadLog(WriteLog(dir, "first", "2 1 7 " + kBlockA + "\n2 1 9 " + kBlockB + "\n"));
  votes.ReadLog(WriteLog(dir, "second", "2 1 7 " + kBlockA + "\n"));
  votes.ExpectOneVotePerRound();
  EXPECT_EQ(votes.CountBy(2), 2U);
  EXPECT_EQ(votes.CountBy(1), 0U);
  EXPECT_EQ(votes.HighestBy(2), VoteAudit::EpochRound(1, 9));
}

TEST(VoteAudit, FindsTwoVotesOfOneAuthorInOneRoundAcrossLogs) {
  const TestDir dir;
  VoteAudit votes;
  votes.ReadLog(WriteLog(dir, "first", "2 1 7 " + kBlockA + "\n"));
  votes.ReadLog(WriteLog(dir, "second", "2 1 7 " + kBlockB + "\n"));
  EXPECT_NONFATAL_FAILURE(votes.ExpectOneVotePerRound(), "validator-2 voted in round 7");
}

TEST(VoteAudit, CountsOneAuthorsVotesInASpanOfRounds) {
  const TestDir dir;
  VoteAudit votes;
  votes.ReadLog(WriteLog(dir, "votes",
                         "2 1 7 " + kBlockA + "\n2 1 9 " + kBlockB + "\n1 1 8 " + kBlockA + "\n"));
  EXPECT_EQ(votes.CountBy(2, {1, 6}, {1, 9}), 2U);
  EXPECT_EQ(votes.CountBy(2, {1, 7}, {1, 8}), 0U);
  EXPECT_EQ(votes.CountBy(1, {1, 7}, {1, 8}), 1U);
}

TEST(VoteAudit, CountsLinesThatAreCutShort) {
  const TestDir dir;
  VoteAudit votes;
  votes.ReadLog(WriteLog(dir, "cut", "2 1 7 " + kBlockA + "\n2 1 8 aa2 1 9 " + kBlockA + "\n2 1"));
  EXPECT_EQ(votes.CountBy(2), 1U);
  EXPECT_EQ(votes.torn_lines(), 2U);
}

}  // namespace
}  // namespace kiln::integration
