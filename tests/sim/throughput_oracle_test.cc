#include "sim/throughput_oracle.h"

#include "tests/sim/oracle_fixture.h"

namespace kiln::sim {
namespace {

// Rounds of 10 ms; timers that cost 250 ms in each cycle of four rounds, of up to 20 ms, with
// one bad leader.
class Throughput : public OracleTest {
 protected:
  Throughput() {
    scenario_.transactions_per_s = 1000;
    scenario_.round_timeout_min_ms = 100;
    scenario_.chaos_ms = 20'000;
    scenario_.faults = {
        {.row = "N2", .kind = "mute", .at_ms = 4000, .for_ms = 16'000, .nodes = {3}}};
  }

  void CommitUntil(uint64_t until_us, uint64_t every_us) {
    for (; now_us_ < until_us; now_us_ += every_us) {
      ++height_;
      for (uint32_t i = 0; i < 3; ++i) Oracle().OnCommitted(i, now_us_, Height{height_});
    }
  }
  // The scenario must be complete before the first use.
  ThroughputOracle& Oracle() {
    if (!observed_.has_value()) oracle_.emplace(&observed_.emplace(Context()));
    return *oracle_;
  }
  uint64_t height_ = 0;
  uint64_t now_us_ = 0;

 private:
  std::optional<Observed> observed_;
  std::optional<ThroughputOracle> oracle_;
};

TEST_F(Throughput, AllowsABadLeaderItsShareAndItsTimers) {
  CommitUntil(4'000'000, 10'000);
  CommitUntil(20'000'000, 330'000 / 3);
  Oracle().OnEnd(now_us_);
  EXPECT_EQ(violations_, none_);
}

TEST_F(Throughput, RefusesABadLeaderThatCostsMore) {
  CommitUntil(4'000'000, 10'000);
  CommitUntil(20'000'000, 330'000 / 2);
  Oracle().OnEnd(now_us_);
  EXPECT_EQ(violations_, std::set<std::string>({"L5"}));
}

TEST_F(Throughput, JudgesNoShareWhereMoreThanOneThingIsWrong) {
  scenario_.faults.push_back({.row = "N1", .kind = "loss", .nodes = {0}, .amount = 0.3});
  CommitUntil(4'000'000, 10'000);
  CommitUntil(20'000'000, 1'000'000);
  Oracle().OnEnd(now_us_);
  EXPECT_EQ(violations_, none_);
}

class CatchingUp : public Throughput {
 protected:
  CatchingUp() {
    scenario_.faults = {
        {.row = "K2", .kind = "crash", .at_ms = 4000, .for_ms = 10'000, .nodes = {3}}};
    CommitUntil(4'000'000, 10'000);
    CommitUntil(14'000'000, 50'000);
  }
};

// One bad leader leaves them nine blocks a second.
TEST_F(CatchingUp, MayCostTheOthersTheTurnsOfTheOneAndAFifth) {
  CommitUntil(18'000'000, 130'000);
  Oracle().OnCommitted(3, now_us_, Height{height_});
  CommitUntil(20'000'000, 1'000'000);
  Oracle().OnEnd(now_us_);
  EXPECT_EQ(violations_, none_);
}

TEST_F(CatchingUp, MayNotCostTheOthersMore) {
  CommitUntil(18'000'000, 150'000);
  Oracle().OnCommitted(3, now_us_, Height{height_});
  CommitUntil(20'000'000, 10'000);
  Oracle().OnEnd(now_us_);
  EXPECT_EQ(violations_, std::set<std::string>({"L4"}));
}

}  // namespace
}  // namespace kiln::sim
