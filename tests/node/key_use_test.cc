#include "node/key_use.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/consensus/test_world.h"
#include "tests/node/temp_dir.h"

namespace kiln::node {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class KeyUseTest : public testing::Test {
 protected:
  absl::Status Check() { return CheckKeyUse(key_, chain_, data_); }

  TempDir dir_;
  const std::string key_ = dir_.path() + "/consensus.key";
  const std::string data_ = dir_.path() + "/data";
  const Hash chain_ = consensus::TestGenesis({1}).ChainId();
};

TEST_F(KeyUseTest, LetsAKeyThatWasNeverUsedStartANewLedger) {
  EXPECT_TRUE(Check().ok());
}

TEST_F(KeyUseTest, RefusesANewLedgerForAKeyThatWasUsed) {
  ASSERT_TRUE(NoteKeyUse(key_, chain_).ok());
  ASSERT_TRUE(NoteKeyUse(key_, chain_).ok()) << "and noting it again changes nothing";
  EXPECT_THAT(Check().message(), AllOf(HasSubstr(data_), HasSubstr("kiln recover")));
  std::filesystem::create_directory(data_);
  EXPECT_TRUE(absl::IsFailedPrecondition(Check())) << "an empty folder is no ledger";
}

TEST_F(KeyUseTest, MindsAUseOnAnotherChainAsLittleAsAUseWithTheLedgerThere) {
  ASSERT_TRUE(NoteKeyUse(key_, consensus::TestGenesis({2}).ChainId()).ok());
  EXPECT_TRUE(Check().ok());
  ASSERT_TRUE(NoteKeyUse(key_, chain_).ok());
  std::filesystem::create_directory(data_);
  std::ofstream(data_ + "/CURRENT") << "MANIFEST-000001\n";
  EXPECT_TRUE(Check().ok());
}

TEST_F(KeyUseTest, SaysSoWhenItCannotBeNoted) {
  EXPECT_FALSE(NoteKeyUse(dir_.path() + "/missing/consensus.key", chain_).ok());
}

}  // namespace
}  // namespace kiln::node
