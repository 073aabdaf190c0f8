#include "kiln/genesis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/consensus/test_world.h"

namespace kiln::consensus {
namespace {

using ::testing::HasSubstr;

std::string RefusalAfter(const std::function<void(Genesis&)>& change) {
  Genesis genesis = TestGenesis({1, 1, 1, 1});
  change(genesis);
  const absl::Status status = genesis.Validate();
  EXPECT_TRUE(status.ok() || absl::IsInvalidArgument(status)) << status;
  return std::string(status.message());
}

TEST(Genesis, AcceptsItsDefaultLimits) {
  EXPECT_TRUE(TestGenesis({1, 1, 1, 1}).Validate().ok());
  EXPECT_TRUE(TestGenesis({1}).Validate().ok());
}

struct LimitCase {
  const char* field;
  uint64_t ChainLimits::*member;
  uint64_t min;
  uint64_t max;
};

TEST(Genesis, ChecksBothEndsOfEveryLimitAndNamesTheField) {
  const LimitCase cases[] = {
      {"limits.block_bytes_max", &ChainLimits::block_bytes_max, 64 << 10, 8 << 20},
      {"limits.transaction_bytes_max", &ChainLimits::transaction_bytes_max, 1, 512 << 10},
      {"limits.block_transactions_max", &ChainLimits::block_transactions_max, 1, 65536},
      {"limits.duplicate_window_blocks", &ChainLimits::duplicate_window_blocks, 16, 65536},
      {"limits.execution_lag_max", &ChainLimits::execution_lag_max, 4, 64},
      {"limits.clock_skew_max_ms", &ChainLimits::clock_skew_max_ms, 100, 60000},
      {"limits.snapshot_interval_blocks", &ChainLimits::snapshot_interval_blocks, 16, 1'000'000},
  };
  for (const LimitCase& c : cases) {
    const auto with = [&c](uint64_t value) {
      return RefusalAfter([&c, value](Genesis& genesis) {
        // Small enough for the smallest block.
        if (c.member == &ChainLimits::block_bytes_max) genesis.limits.transaction_bytes_max = 1;
        genesis.limits.*c.member = value;
      });
    };
    EXPECT_EQ(with(c.min), "") << c.field;
    EXPECT_EQ(with(c.max), "") << c.field;
    const std::string range = absl::StrCat("outside the allowed range ", c.min, " to ", c.max);
    EXPECT_THAT(with(c.min - 1), testing::AllOf(HasSubstr(c.field), HasSubstr(range)));
    EXPECT_THAT(with(c.max + 1), testing::AllOf(HasSubstr(c.field), HasSubstr(range)));
    EXPECT_THAT(with(UINT64_MAX), HasSubstr(c.field));
  }
}

TEST(Genesis, KeepsTwoTransactionsOfTheLargestSizePossibleInABlock) {
  EXPECT_THAT(RefusalAfter([](Genesis& genesis) {
                genesis.limits.transaction_bytes_max = genesis.limits.block_bytes_max / 2 + 1;
              }),
              HasSubstr("limits.transaction_bytes_max: 524289 is outside the allowed range"));
}

TEST(Genesis, RefusesBadNamesAndTimes) {
  EXPECT_THAT(RefusalAfter([](Genesis& genesis) { genesis.chain_name = ""; }),
              HasSubstr("chain_name: length: 0 is outside the allowed range 1 to 64"));
  EXPECT_THAT(RefusalAfter([](Genesis& genesis) { genesis.chain_name = std::string(65, 'x'); }),
              HasSubstr("chain_name: length: 65"));
  EXPECT_THAT(RefusalAfter([](Genesis& genesis) { genesis.chain_name = "a\x1b[2J"; }),
              HasSubstr("printable ASCII"));
  EXPECT_THAT(RefusalAfter([](Genesis& genesis) { genesis.time_us = UINT64_MAX; }),
              HasSubstr("time_us: 18446744073709551615 is outside the allowed range"));
}

TEST(Genesis, RefusesWhatNoValidatorSetMayBe) {
  EXPECT_THAT(RefusalAfter([](Genesis& genesis) { genesis.validators.clear(); }),
              HasSubstr("validators: 0 of them"));
  EXPECT_THAT(RefusalAfter([](Genesis& genesis) { genesis.validators[2].power = 0; }),
              HasSubstr("validators[2]: power is 0"));
  EXPECT_THAT(RefusalAfter([](Genesis& genesis) {
                genesis.validators[3].consensus_key = genesis.validators[1].consensus_key;
              }),
              HasSubstr("validators[3]: consensus key is used twice"));
  EXPECT_THAT(RefusalAfter([](Genesis& genesis) { genesis.validators[3].power = UINT64_MAX; }),
              HasSubstr("validators[3]: power 18446744073709551615 takes the total above"));
}

TEST(Genesis, GivesEveryDifferenceAnotherChainId) {
  const Genesis base = TestGenesis({1, 1, 1, 1});
  const std::vector<std::function<void(Genesis&)>> changes = {
      [](Genesis& g) { g.chain_name += "x"; },
      [](Genesis& g) { ++g.time_us; },
      [](Genesis& g) { g.validators.pop_back(); },
      [](Genesis& g) { std::swap(g.validators[0], g.validators[1]); },
      [](Genesis& g) { g.validators[0].name = "w"; },
      [](Genesis& g) { ++g.validators[0].consensus_key[0]; },
      [](Genesis& g) { ++g.validators[0].node_key[0]; },
      [](Genesis& g) { ++g.validators[0].power; },
      [](Genesis& g) { ++g.limits.block_bytes_max; },
      [](Genesis& g) { ++g.limits.transaction_bytes_max; },
      [](Genesis& g) { ++g.limits.block_transactions_max; },
      [](Genesis& g) { ++g.limits.duplicate_window_blocks; },
      [](Genesis& g) { ++g.limits.execution_lag_max; },
      [](Genesis& g) { ++g.limits.clock_skew_max_ms; },
      [](Genesis& g) { ++g.limits.snapshot_interval_blocks; },
  };
  EXPECT_EQ(base.ChainId(), TestGenesis({1, 1, 1, 1}).ChainId());
  for (size_t i = 0; i < changes.size(); ++i) {
    Genesis other = base;
    changes[i](other);
    EXPECT_NE(other.ChainId(), base.ChainId()) << "change " << i;
  }
}

TEST(GenesisBlock, IsWhatEveryValidatorStartsFrom) {
  const Genesis genesis = TestGenesis({1, 1, 1, 1});
  const BlockPtr block = GenesisBlock(genesis);
  EXPECT_EQ(block->header.chain_id, genesis.ChainId());
  EXPECT_EQ(block->header.height, Height{0});
  EXPECT_EQ(block->header.round, Round{0});
  EXPECT_EQ(block->header.epoch, Epoch{1});
  EXPECT_EQ(block->header.time_us, genesis.time_us);
  EXPECT_EQ(block->header.state_root, GenesisState(genesis).Root());
  EXPECT_FALSE(block->has_transactions());
  EXPECT_EQ(block->id, HashOf(block->header));
  EXPECT_EQ(GenesisCertificate(genesis).block_id, block->id);
  EXPECT_EQ(GenesisCertificate(genesis).signers.Count(), 0U);
}

}  // namespace
}  // namespace kiln::consensus
