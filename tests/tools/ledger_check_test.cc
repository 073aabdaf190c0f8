#include "tools/ledger_check.h"

#include <gtest/gtest.h>

#include <vector>

namespace kiln::tools {
namespace {

Hash Id(uint8_t number) {
  Hash id;
  id.bytes.fill(number);
  return id;
}

absl::Status CheckIds(LostCount& lost, const std::vector<uint8_t>& ledger) {
  return lost.CheckLedger([&](LostCount::IdSink visit) {
    for (const uint8_t number : ledger) visit(Id(number));
    return absl::OkStatus();
  });
}

TEST(LostCount, IsZeroWhenEveryLedgerHasEverything) {
  LostCount lost({Id(3), Id(1), Id(2)});
  EXPECT_TRUE(CheckIds(lost, {1, 2, 3, 9}).ok());
  EXPECT_TRUE(CheckIds(lost, {3, 2, 1, 1}).ok());
  EXPECT_EQ(lost.lost(), 0u);
}

TEST(LostCount, CountsWhatIsMissingFromAnyLedgerOnce) {
  LostCount lost({Id(1), Id(2), Id(3), Id(4)});
  EXPECT_TRUE(CheckIds(lost, {1, 2, 3}).ok());
  EXPECT_TRUE(CheckIds(lost, {1, 2}).ok());
  EXPECT_TRUE(CheckIds(lost, {1, 2, 3, 4}).ok());
  EXPECT_EQ(lost.lost(), 2u);
}

TEST(LostCount, CountsWhatAnUnreadableLedgerDidNotShow) {
  LostCount lost({Id(1), Id(2)});
  const absl::Status status = lost.CheckLedger([&](LostCount::IdSink visit) {
    visit(Id(1));
    return absl::DataLossError("damaged");
  });
  EXPECT_EQ(status.message(), "damaged");
  EXPECT_EQ(lost.lost(), 1u);
}

TEST(LostCount, CountsATransactionAcknowledgedTwiceOnce) {
  LostCount lost({Id(1), Id(1)});
  EXPECT_TRUE(CheckIds(lost, {}).ok());
  EXPECT_EQ(lost.lost(), 1u);
}

}  // namespace
}  // namespace kiln::tools
