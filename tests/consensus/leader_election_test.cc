#include "consensus/leader_election.h"

#include <gtest/gtest.h>

#include <numeric>
#include <set>

#include "tests/consensus/test_world.h"

namespace kiln::consensus {
namespace {

ValidatorSet SetOf(const std::vector<uint64_t>& powers) {
  absl::StatusOr<ValidatorSet> set = ValidatorSet::FromGenesis(TestGenesis(powers));
  KILN_CHECK_OK(set.status());
  return *std::move(set);
}

// How often each validator leads in `count` rounds from `first` on.
std::vector<uint64_t> Turns(const LeaderElection& election, size_t validators, uint64_t first,
                            uint64_t count) {
  std::vector<uint64_t> turns(validators);
  for (uint64_t i = 0; i < count; ++i) ++turns[election.LeaderOf({first + i}).value];
  return turns;
}

// One and two full cycles, from several starts: the share of turns is the share of power.
void ExpectExactShares(const std::vector<uint64_t>& powers) {
  const LeaderElection election(SetOf(powers));
  const uint64_t total = std::accumulate(powers.begin(), powers.end(), uint64_t{0});
  const uint64_t cycle = election.cycle_length();
  ASSERT_EQ(total % cycle, 0U);
  for (const uint64_t first : {uint64_t{0}, uint64_t{1}, cycle / 2, cycle + 3, uint64_t{1} << 62}) {
    for (const uint64_t cycles : {1, 2}) {
      const std::vector<uint64_t> turns = Turns(election, powers.size(), first, cycles * cycle);
      for (size_t i = 0; i < powers.size(); ++i) {
        EXPECT_EQ(turns[i] * (total / cycle), cycles * powers[i]) << "validator " << i;
      }
    }
  }
}

TEST(LeaderElection, GivesEachValidatorItsShareToTheDigit) {
  ExpectExactShares({1, 1, 1, 1});
  ExpectExactShares({5, 1, 1, 1});
  ExpectExactShares({10, 20, 30});
  ExpectExactShares({1});
  ExpectExactShares({7});
  ExpectExactShares({1, 1});
  ExpectExactShares({97, 89, 83, 79});
  ExpectExactShares({1000, 1, 1, 1});
}

TEST(LeaderElection, ReducesTheCycleByTheCommonDivisor) {
  EXPECT_EQ(LeaderElection(SetOf({10, 20, 30})).cycle_length(), 6U);
  EXPECT_EQ(LeaderElection(SetOf({7})).cycle_length(), 1U);
  EXPECT_EQ(LeaderElection(SetOf({5, 1, 1, 1})).cycle_length(), 8U);
  EXPECT_EQ(LeaderElection(SetOf(std::vector<uint64_t>(4, kTotalPowerMax / 4))).cycle_length(), 4U);
}

TEST(LeaderElection, LetsEqualValidatorsAllLeadInAnyNConsecutiveRounds) {
  for (size_t n = 1; n <= 12; ++n) {
    const LeaderElection election(SetOf(std::vector<uint64_t>(n, 3)));
    for (uint64_t first = 0; first < 2 * n; ++first) {
      std::set<uint32_t> leaders;
      for (uint64_t i = 0; i < n; ++i) leaders.insert(election.LeaderOf({first + i}).value);
      EXPECT_EQ(leaders.size(), n) << n << " validators, from round " << first;
    }
  }
}

TEST(LeaderElection, SpreadsTheTurnsOfAHeavyValidator) {
  const LeaderElection election(SetOf({5, 5, 5, 5, 20}));  // half of the power
  uint64_t in_a_row = 0;
  uint64_t longest = 0;
  for (uint64_t round = 0; round < 4 * election.cycle_length(); ++round) {
    in_a_row = election.LeaderOf({round}).value == 4 ? in_a_row + 1 : 0;
    longest = std::max(longest, in_a_row);
  }
  EXPECT_LE(longest, 2U);
}

// 128-bit arithmetic: with 64 bits round * stride would wrap and shares would drift.
TEST(LeaderElection, KeepsSharesForLargePrimePowers) {
  // Primes next to 2^58: the cycle is their sum and cannot be walked, so it is sampled.
  const std::vector<uint64_t> powers = {288230376151711717, 288230376151711687, 288230376151711681};
  const LeaderElection election(SetOf(powers));
  const uint64_t total = powers[0] + powers[1] + powers[2];
  ASSERT_EQ(election.cycle_length(), total);
  for (const uint64_t first :
       {uint64_t{1}, total - 5000, uint64_t{1} << 62, kRoundMax.value - 30000}) {
    const std::vector<uint64_t> turns = Turns(election, powers.size(), first, 30000);
    // Golden-section steps are evenly spread: within a few turns of 10,000 in any window.
    for (const uint64_t turn : turns) EXPECT_NEAR(static_cast<double>(turn), 10000.0, 10.0);
  }
  for (uint64_t round = 0; round < 1000; ++round) {
    EXPECT_EQ(election.LeaderOf({round}), election.LeaderOf({round + total})) << "one cycle on";
  }
}

TEST(LeaderElection, IsAFunctionOfTheSetAndTheRoundAlone) {
  const ValidatorSet set = SetOf({5, 1, 1, 1});
  const LeaderElection one(set);
  const LeaderElection other(set);
  for (uint64_t round = 0; round < 100; ++round) {
    EXPECT_EQ(one.LeaderOf({round}), other.LeaderOf({round}));
  }
}

// A change here splits running chains.
TEST(LeaderElection, FollowsAGivenScheduleFromRoundOneAndStartsOver) {
  const LeaderElection election = LeaderElection::FromSchedule({{2}, {2}, {0}});
  EXPECT_EQ(election.cycle_length(), 3U);
  for (const uint64_t cycle : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 60}) {
    EXPECT_EQ(election.LeaderOf({3 * cycle + 1}), ValidatorIndex{2});
    EXPECT_EQ(election.LeaderOf({3 * cycle + 2}), ValidatorIndex{2});
    EXPECT_EQ(election.LeaderOf({3 * cycle + 3}), ValidatorIndex{0});
  }
}

TEST(LeaderElection, KeepsItsOrder) {
  const auto order = [](const std::vector<uint64_t>& powers, uint64_t count) {
    const LeaderElection election(SetOf(powers));
    std::string leaders;
    for (uint64_t round = 1; round <= count; ++round) {
      absl::StrAppend(&leaders, election.LeaderOf({round}).value);
    }
    return leaders;
  };
  EXPECT_EQ(order({1, 1, 1, 1}, 8), "32103210");
  EXPECT_EQ(order({5, 1, 1, 1}, 8), "10300200");
  EXPECT_EQ(order({10, 20, 30}, 6), "222110");
}

}  // namespace
}  // namespace kiln::consensus
