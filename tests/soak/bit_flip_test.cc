#include "tests/soak/bit_flip.h"

#include <bit>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "tests/integration/test_cluster.h"
#include "tests/integration/test_process.h"

namespace kiln::soak {
namespace {

namespace fs = std::filesystem;

// What a data folder has, with other files beside it.
class BitFlipTest : public testing::Test {
 protected:
  BitFlipTest() {
    for (const char* name : {"000012.sst", "000013.sst", "000014.blob", "000015.log", "CURRENT",
                             "MANIFEST-000011", "LOG", "LOCK", "OPTIONS-000007"}) {
      Write(name, std::string(100, 'k'));
    }
    Write("000016.log", "");
  }

  void Write(const std::string& name, const std::string& bytes) const {
    std::ofstream(Path(name), std::ios::binary) << bytes;
  }
  std::string Path(const std::string& name) const { return dir_.path() + "/" + name; }

  // The names of the files that are not as they were written, each with one bit turned.
  std::set<std::string> Changed() const {
    std::set<std::string> changed;
    for (const fs::directory_entry& entry : fs::directory_iterator(dir_.path())) {
      int bits = 0;
      for (const char byte : integration::ReadFile(entry.path())) {
        bits += std::popcount(static_cast<unsigned char>(byte ^ 'k'));
      }
      EXPECT_LE(bits, 1) << entry.path();
      if (bits > 0) changed.insert(entry.path().filename());
    }
    return changed;
  }

  const integration::TestDir dir_;
};

TEST_F(BitFlipTest, TurnsOneBitAndTurnsItBack) {
  Chance chance(7);
  const BitFlip flip(dir_.path(), &chance);
  ASSERT_EQ(Changed().size(), 1U);
  EXPECT_TRUE(absl::EndsWith(flip.Describe(), " in " + *Changed().begin())) << flip.Describe();
  EXPECT_TRUE(flip.Repair());
  EXPECT_EQ(Changed(), std::set<std::string>());
}

TEST_F(BitFlipTest, FindsEveryKindOfFileThatIsReadAtAStart) {
  Chance chance(7);
  std::set<std::string> found;
  for (int i = 0; i < 200; ++i) {
    const BitFlip flip(dir_.path(), &chance);
    found.merge(Changed());
    EXPECT_TRUE(flip.Repair());
  }
  EXPECT_EQ(found, (std::set<std::string>{"000012.sst", "000013.sst", "000014.blob", "000015.log",
                                          "CURRENT", "MANIFEST-000011"}));
}

TEST_F(BitFlipTest, IsTheSameForTheSameChanceAndFiles) {
  Chance chance(7);
  const BitFlip first(dir_.path(), &chance);
  EXPECT_TRUE(first.Repair());
  Chance again(7);
  EXPECT_EQ(BitFlip(dir_.path(), &again).Describe(), first.Describe());
}

TEST_F(BitFlipTest, LeavesAFileAloneThatWasWrittenAnew) {
  Chance chance(7);
  const BitFlip flip(dir_.path(), &chance);
  const std::string name = *Changed().begin();
  Write(name, std::string(100, 'k'));
  EXPECT_FALSE(flip.Repair());
  EXPECT_EQ(Changed(), std::set<std::string>());
}

TEST_F(BitFlipTest, LeavesAFileAloneThatIsGone) {
  Chance chance(7);
  const BitFlip flip(dir_.path(), &chance);
  const std::string name = *Changed().begin();
  fs::remove(Path(name));
  EXPECT_FALSE(flip.Repair());
  EXPECT_FALSE(fs::exists(Path(name)));
}

}  // namespace
}  // namespace kiln::soak
