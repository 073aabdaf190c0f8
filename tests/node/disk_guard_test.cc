#include "node/disk_guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/node/temp_dir.h"

namespace kiln::node {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr uint64_t kMinimum = 4 << 20;
constexpr uint64_t kReserve = kMinimum / 4;

// A real folder on a disk whose room the test decides.
class DiskGuardTest : public testing::Test {
 protected:
  bool HoldsReserve() const { return fs::exists(file_); }

  TempDir dir_;
  const std::string file_ = dir_.path() + "/reserve";
  uint64_t free_ = 2 * kMinimum;  // as the file system says, without the reserve
  DiskGuard guard_{dir_.path(), kMinimum, [this](const std::string&) { return free_; }};
};

TEST_F(DiskGuardTest, HoldsAReserveWhileThereIsRoom) {
  ASSERT_TRUE(guard_.Prepare().ok());
  EXPECT_EQ(fs::file_size(file_), kReserve);
  EXPECT_EQ(guard_.Look(), DiskRoom::kEnough);
  EXPECT_EQ(guard_.free_bytes(), free_ + kReserve);
}

TEST_F(DiskGuardTest, RefusesAStartWithLessThanTheMinimum) {
  free_ = kMinimum - 1;
  const absl::Status refused = guard_.Prepare();
  EXPECT_TRUE(absl::IsResourceExhausted(refused));
  EXPECT_THAT(refused.message(), HasSubstr("disk_free_bytes_min"));
  EXPECT_FALSE(HoldsReserve());
}

TEST_F(DiskGuardTest, SaysLowBelowTheMinimumAndKeepsTheReserve) {
  ASSERT_TRUE(guard_.Prepare().ok());
  free_ = kMinimum - kReserve - 1;
  EXPECT_EQ(guard_.Look(), DiskRoom::kLow);
  EXPECT_TRUE(HoldsReserve());
  free_ = kMinimum - kReserve;
  EXPECT_EQ(guard_.Look(), DiskRoom::kEnough);
}

TEST_F(DiskGuardTest, GivesTheReserveBackBelowHalfOfTheMinimum) {
  ASSERT_TRUE(guard_.Prepare().ok());
  free_ = kMinimum / 2 - kReserve;
  EXPECT_EQ(guard_.Look(), DiskRoom::kLow);
  EXPECT_TRUE(HoldsReserve());
  --free_;
  EXPECT_EQ(guard_.Look(), DiskRoom::kNone);
  EXPECT_FALSE(HoldsReserve());
}

TEST_F(DiskGuardTest, StaysWithoutRoomUntilTheMinimumIsFree) {
  ASSERT_TRUE(guard_.Prepare().ok());
  free_ = 0;
  ASSERT_EQ(guard_.Look(), DiskRoom::kNone);
  free_ = kMinimum - 1;
  EXPECT_EQ(guard_.Look(), DiskRoom::kNone);
  free_ = kMinimum;
  EXPECT_EQ(guard_.Look(), DiskRoom::kEnough);
  EXPECT_TRUE(HoldsReserve());
}

TEST_F(DiskGuardTest, TakesTheReserveOfAnEarlierProcessOver) {
  ASSERT_TRUE(guard_.Prepare().ok());
  DiskGuard next(dir_.path(), kMinimum, [this](const std::string&) { return free_; });
  ASSERT_TRUE(next.Prepare().ok());
  EXPECT_EQ(fs::file_size(file_), kReserve);
}

TEST_F(DiskGuardTest, IsOffWithoutAMinimum) {
  DiskGuard off(dir_.path(), 0, [](const std::string&) { return uint64_t{0}; });
  ASSERT_TRUE(off.Prepare().ok());
  EXPECT_EQ(off.Look(), DiskRoom::kEnough);
  EXPECT_FALSE(HoldsReserve());
}

TEST(DiskFreeBytes, AsksTheFileSystem) {
  const TempDir dir;
  EXPECT_GT(DiskFreeBytes(dir.path()), 0U);
  EXPECT_EQ(DiskFreeBytes(dir.path() + "/missing"), 0U);
}

}  // namespace
}  // namespace kiln::node
