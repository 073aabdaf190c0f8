#include "sim/send_line.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace kiln::sim {
namespace {

constexpr uint64_t kFrameBytes = 1000;  // on the line
constexpr uint64_t kRate = 1;           // so that each takes a second

network::FramePtr FrameOf(std::string body) {
  body.resize(kFrameBytes - SendLine::kFrameOverheadBytes, '.');
  return std::make_shared<network::Frame>(
      network::Frame{.kind = network::FrameKind::kVote, .body = std::move(body)});
}

// A line to three receivers, and what has left it: "2 s: x to 1".
class SendLineTest : public testing::Test {
 protected:
  SendLineTest()
      : line_(&events_, 3, kRate, [this](uint32_t to, const network::FramePtr& frame) {
          left_.push_back(absl::StrCat(static_cast<double>(events_.now_us()) / 1e6,
                                       " s: ", frame->body.substr(0, 1), " to ", to));
        }) {}

  void RunFor(uint64_t us) { events_.RunUntil(events_.now_us() + us); }

  EventQueue events_;
  std::vector<std::string> left_;
  SendLine line_;
};

using Left = std::vector<std::string>;

TEST_F(SendLineTest, CarriesOneFrameAfterTheOther) {
  line_.Send(1, FrameOf("a"));
  line_.Send(1, FrameOf("b"));
  EXPECT_TRUE(left_.empty());
  EXPECT_EQ(line_.free_at_us(), 2'000'000U);
  RunFor(5'000'000);
  EXPECT_EQ(left_, (Left{"1 s: a to 1", "2 s: b to 1"}));
  EXPECT_TRUE(line_.is_free());
}

TEST_F(SendLineTest, ServesReceiversInTurn) {
  for (const char* body : {"a", "b", "c"}) line_.Send(0, FrameOf(body));
  line_.Send(2, FrameOf("x"));
  RunFor(5'000'000);
  EXPECT_EQ(left_, (Left{"1 s: a to 0", "2 s: x to 2", "3 s: b to 0", "4 s: c to 0"}));
}

TEST_F(SendLineTest, ALongFrameDoesNotHoldUpOtherReceivers) {
  auto longer = std::make_shared<network::Frame>(*FrameOf("a"));
  longer->body.resize(longer->body.size() + 2 * SendLine::kSliceBytes, '.');
  line_.Send(0, longer);
  line_.Send(2, FrameOf("x"));
  RunFor(20'000'000);
  EXPECT_EQ(left_, (Left{"5.16 s: x to 2", "10.192 s: a to 0"}));
}

TEST_F(SendLineTest, ANewRateIsForWhatWaitsToo) {
  for (const char* body : {"a", "b"}) line_.Send(1, FrameOf(body));
  RunFor(500'000);
  line_.SetRate(2);
  EXPECT_EQ(line_.free_at_us(), 1'250'000U);
  RunFor(5'000'000);
  EXPECT_EQ(left_, (Left{"0.75 s: a to 1", "1.25 s: b to 1"}));
}

TEST_F(SendLineTest, ASlowerRateHoldsUpTheFrameBeingCarried) {
  line_.SetRate(10);
  line_.Send(1, FrameOf("a"));
  RunFor(50'000);
  line_.SetRate(1);
  RunFor(5'000'000);
  EXPECT_EQ(left_, (Left{"0.55 s: a to 1"}));
}

TEST_F(SendLineTest, WithoutALimitLetsAllGoAtOnce) {
  for (const char* body : {"a", "b"}) line_.Send(1, FrameOf(body));
  line_.SetRate(0);
  RunFor(0);
  EXPECT_EQ(left_, (Left{"0 s: a to 1", "0 s: b to 1"}));
  line_.Send(2, FrameOf("c"));
  EXPECT_EQ(left_.back(), "0 s: c to 2");
}

TEST_F(SendLineTest, TheOldestMakeRoomInAFullQueue) {
  line_.Send(1, FrameOf("a"));  // on the line, not in the queue
  for (size_t i = 0; i < network::kSendQueueFramesMax; ++i) {
    EXPECT_EQ(line_.Send(1, FrameOf(i == 0 ? "b" : "c")), 0U);
  }
  EXPECT_EQ(line_.Send(1, FrameOf("d")), 1U) << "as a validator's queue does";
  EXPECT_EQ(line_.Send(2, FrameOf("x")), 0U) << "each receiver has a queue of its own";
  line_.SetRate(0);
  RunFor(0);
  EXPECT_EQ(left_.size(), network::kSendQueueFramesMax + 2);
  EXPECT_EQ(left_[1], "0 s: x to 2");
  EXPECT_EQ(left_[2], "0 s: c to 1") << "b was the oldest";
  EXPECT_EQ(left_.back(), "0 s: d to 1");
}

TEST_F(SendLineTest, LosesWhatWaitsForAConnectionThatEnds) {
  for (const char* body : {"a", "b"}) line_.Send(1, FrameOf(body));
  line_.Send(2, FrameOf("x"));
  RunFor(500'000);
  line_.Disconnect(1);
  RunFor(5'000'000);
  EXPECT_EQ(left_, (Left{"1.5 s: x to 2"})) << "the line is free for others at once";
}

TEST_F(SendLineTest, LosesEverythingWithItsProcess) {
  for (const char* body : {"a", "b"}) line_.Send(1, FrameOf(body));
  line_.DisconnectAll();
  EXPECT_TRUE(line_.is_free());
  line_.Send(2, FrameOf("c"));
  RunFor(5'000'000);
  EXPECT_EQ(left_, (Left{"1 s: c to 2"}));
}

}  // namespace
}  // namespace kiln::sim
