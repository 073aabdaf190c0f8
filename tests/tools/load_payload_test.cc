#include "tools/load_payload.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "tools/kv_application.h"

namespace kiln::tools {
namespace {

TEST(LoadPayload, HasTheSizeAskedForAndIsAPut) {
  for (const size_t bytes : {kLoadPayloadBytesMin, size_t{128}, size_t{65536}}) {
    const LoadPayload payload(7, bytes);
    for (const uint64_t sequence : {uint64_t{0}, uint64_t{4095}, uint64_t{123'456'789'012}}) {
      const std::string made = payload.Make(sequence).payload;
      EXPECT_EQ(made.size(), bytes);
      const auto operation = DecodeKvOperation(made);
      ASSERT_TRUE(operation.ok()) << operation.status();
      EXPECT_TRUE(operation->is_put);
    }
  }
}

TEST(LoadPayload, IsMadeAgainFromItsSequenceNumber) {
  EXPECT_EQ(LoadPayload(7, 128).Make(5).payload, LoadPayload(7, 128).Make(5).payload);
}

TEST(LoadPayload, NeverRepeats) {
  const LoadPayload payload(7, kLoadPayloadBytesMin);
  std::set<std::string> seen;
  for (uint64_t i = 0; i < 10'000; ++i) {
    EXPECT_TRUE(seen.insert(payload.Make(i).payload).second) << i;
    EXPECT_TRUE(seen.insert(payload.Make(i + kLoadKeys).payload).second) << i;
  }
  EXPECT_NE(LoadPayload(8, 128).Make(5).payload, LoadPayload(7, 128).Make(5).payload);
}

}  // namespace
}  // namespace kiln::tools
