// Hashes as text, status macros, ids, clock and chance: small things, one file.
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/random.h"
#include "base/status_macros.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kiln/types.h"

namespace kiln {
namespace {

Hash Counting() {
  Hash hash;
  for (size_t i = 0; i < Hash::kBytes; ++i) hash.bytes[i] = static_cast<uint8_t>(i * 8 + 7);
  return hash;
}

TEST(HashText, IsSixtyFourLowerCaseDigits) {
  EXPECT_EQ(Counting().ToHex(), "070f171f272f373f474f575f676f777f878f979fa7afb7bfc7cfd7dfe7eff7ff");
  EXPECT_EQ(Counting().Short(), "070f171f");
}

TEST(HashText, ReadsBackWhatItWrote) {
  const absl::StatusOr<Hash> hash = Hash::FromHex(Counting().ToHex());
  ASSERT_TRUE(hash.ok()) << hash.status();
  EXPECT_EQ(*hash, Counting());
}

TEST(HashText, RefusesEveryOtherSpelling) {
  const std::string good = Counting().ToHex();
  std::vector<std::string> bad = {"", good.substr(1), good + "0", " " + good.substr(1)};
  for (const char c : {'A', 'F', 'g', '/', ':', '`', '\0', '\x80'}) {
    bad.push_back(good);
    bad.back()[40] = c;
    bad.push_back(good);
    bad.back()[63] = c;
  }
  for (const std::string& text : bad) {
    EXPECT_EQ(Hash::FromHex(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(HashText, KnowsNone) {
  EXPECT_TRUE(Hash{}.IsZero());
  EXPECT_FALSE(Counting().IsZero());
}

TEST(Annotate, PutsTheContextInFrontAndKeepsTheCode) {
  const absl::Status status = Annotate(absl::NotFoundError("no such key"), "genesis");
  EXPECT_EQ(status, absl::NotFoundError("genesis: no such key"));
  EXPECT_TRUE(Annotate(absl::OkStatus(), "genesis").ok());
}

absl::StatusOr<int> Halve(int value) {
  if (value % 2 != 0) return absl::InvalidArgumentError("odd");
  return value / 2;
}

absl::StatusOr<int> Quarter(int value) {
  KILN_ASSIGN_OR_RETURN(const int half, Halve(value));
  KILN_ASSIGN_OR_RETURN(const int quarter, Halve(half));
  KILN_RETURN_IF_ERROR(absl::OkStatus());
  return quarter;
}

TEST(StatusMacros, GoOnWithTheValueOrReturnTheError) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_EQ(Quarter(6).status(), absl::InvalidArgumentError("odd"));
  EXPECT_EQ(Quarter(5).status(), absl::InvalidArgumentError("odd"));
}

TEST(Ids, CompareByValueAndDoNotMix) {
  EXPECT_LT(Round{1}, Round{2});
  EXPECT_EQ(Height{3}, Height{3});
  static_assert(!std::is_convertible_v<Round, Height>);
}

TEST(SystemClock, NeverGoesBack) {
  uint64_t last = 0;
  for (int i = 0; i < 1000; ++i) {
    const uint64_t now = SystemClock()->Read().monotonic_us;
    ASSERT_GE(now, last);
    last = now;
  }
  EXPECT_GT(SystemClock()->Read().wall_us, 1'600'000'000'000'000u);  // after 2020: microseconds
}

TEST(SystemRandom, StaysBelowItsBound) {
  for (const uint64_t bound :
       {uint64_t{1}, uint64_t{3}, (uint64_t{1} << 63) + 1, std::numeric_limits<uint64_t>::max()}) {
    for (int i = 0; i < 1000; ++i) ASSERT_LT(SystemRandom()->Below(bound), bound);
  }
}

TEST(SystemRandom, ReachesEveryResult) {
  std::vector<int> seen(8);
  for (int i = 0; i < 10000; ++i) ++seen[SystemRandom()->Below(seen.size())];
  EXPECT_THAT(seen, ::testing::Each(::testing::Gt(0)));
}

TEST(SystemRandomDeathTest, StopsOnABoundOfZero) {
  EXPECT_EXIT(SystemRandom()->Below(0), ::testing::ExitedWithCode(70), "bound > 0");
}

}  // namespace
}  // namespace kiln
