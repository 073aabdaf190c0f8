#include "node/trusted_block.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "tests/node/memory_store.h"
#include "tests/storage/ledger_driver.h"

namespace kiln::node {
namespace {

using testing::HasSubstr;

class TrustedBlockTest : public testing::Test {
 protected:
  TrustedBlockTest() {
    for (int i = 0; i < 8; ++i) KILN_CHECK_OK(store_.Persist(driver_.Extend()));
  }
  TrustedBlock At(uint64_t height) { return {.height = height, .id = driver_.at(height)->id}; }
  static TrustedBlock Other(uint64_t height) {
    TrustedBlock other{.height = height};
    other.id.bytes[0] = 1;
    return other;
  }

  consensus::TestWorld world_;
  storage::LedgerDriver driver_{&world_};
  storage::MemoryStore store_{world_.genesis()};
};

TEST_F(TrustedBlockTest, IsAHeightAndAnId) {
  const std::string id = driver_.at(3)->id.ToHex();
  const auto trusted = ParseTrustedBlock(absl::StrCat("3:", id));
  ASSERT_TRUE(trusted.ok()) << trusted.status();
  EXPECT_EQ(trusted->height, 3u);
  EXPECT_EQ(trusted->id, driver_.at(3)->id);
  for (const std::string& wrong :
       {std::string(), id, absl::StrCat("0:", id), absl::StrCat(":", id), absl::StrCat("x:", id),
        absl::StrCat("3:", id, "0"), std::string("3:"), absl::StrCat("-3:", id)}) {
    EXPECT_THAT(std::string(ParseTrustedBlock(wrong).status().message()),
                HasSubstr("must be HEIGHT:ID"))
        << wrong;
  }
}

TEST_F(TrustedBlockTest, IsComparedWithTheLedger) {
  EXPECT_TRUE(CheckTrusted(At(3), store_).ok());
  EXPECT_TRUE(CheckTrusted(Other(100), store_).ok()) << "not there yet";
  const absl::Status refused = CheckTrusted(Other(3), store_);
  EXPECT_TRUE(absl::IsFailedPrecondition(refused));
  EXPECT_THAT(std::string(refused.message()), HasSubstr(driver_.at(3)->id.ToHex()));
}

TEST_F(TrustedBlockTest, IsComparedWithWhatIsCommitted) {
  consensus::Commit commit;
  commit.blocks = {driver_.at(3), driver_.at(4)};
  EXPECT_TRUE(CheckTrusted(At(4), commit).ok());
  EXPECT_TRUE(CheckTrusted(Other(5), commit).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(CheckTrusted(Other(4), commit)));
}

TEST_F(TrustedBlockTest, IsComparedWithASnapshotWhereItsProofReaches) {
  storage::SnapshotProof proof;
  proof.height = {6};
  proof.below = {driver_.at(6)->header, driver_.at(5)->header};
  EXPECT_TRUE(CheckTrusted(At(6), proof, {0}).ok());
  EXPECT_TRUE(CheckTrusted(At(5), proof, {0}).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(CheckTrusted(Other(6), proof, {0})));
  EXPECT_TRUE(CheckTrusted(Other(7), proof, {0}).ok()) << "the blocks after it will be";
  EXPECT_THAT(std::string(CheckTrusted(At(4), proof, {0}).message()),
              HasSubstr("cannot be compared"));
  EXPECT_TRUE(CheckTrusted(At(4), proof, {4}).ok()) << "the own ledger was compared";
}

}  // namespace
}  // namespace kiln::node
