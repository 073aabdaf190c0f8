#include "base/recent_hashes.h"

#include "gtest/gtest.h"

namespace kiln {
namespace {

TEST(RecentHashes, ForgetsTheOldestFirst) {
  const auto hash = [](size_t i) {
    Hash value;
    value.bytes[0] = static_cast<uint8_t>(i);
    value.bytes[1] = static_cast<uint8_t>(i >> 8);
    return value;
  };
  constexpr size_t kMax = 300;
  RecentHashes known(kMax);
  for (size_t i = 0; i < kMax; ++i) known.Remember(hash(i));
  known.Remember(hash(0));  // known: no change
  EXPECT_TRUE(known.Contains(hash(0)));
  known.Remember(hash(kMax));
  EXPECT_FALSE(known.Contains(hash(0)));
  EXPECT_TRUE(known.Contains(hash(1)));
  EXPECT_TRUE(known.Contains(hash(kMax)));
}

}  // namespace
}  // namespace kiln
