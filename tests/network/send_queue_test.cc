#include "network/send_queue.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/network/peer_test_cluster.h"

namespace kiln::network {
namespace {

TEST(SendQueue, DropsTheOldestWhenFramesAreTooMany) {
  SendQueue queue(2, 1000);
  EXPECT_EQ(queue.Push(TestFrame("1")), 0u);
  EXPECT_EQ(queue.Push(TestFrame("2")), 0u);
  EXPECT_EQ(queue.Push(TestFrame("3")), 1u);
  EXPECT_EQ(queue.Pop()->body, "2");
  EXPECT_EQ(queue.Pop()->body, "3");
  EXPECT_EQ(queue.Pop(), nullptr);
  EXPECT_EQ(queue.bytes(), 0u);
}

TEST(SendQueue, DropsTheOldestUntilTheBytesFit) {
  SendQueue queue(100, 10);
  EXPECT_EQ(queue.Push(TestFrame("4444")), 0u);
  EXPECT_EQ(queue.Push(TestFrame("333")), 0u);
  EXPECT_EQ(queue.Push(TestFrame("22")), 0u);
  EXPECT_EQ(queue.Push(TestFrame("88888888")), 2u);
  EXPECT_EQ(queue.bytes(), 10u);
  EXPECT_EQ(queue.Pop()->body, "22");
}

TEST(SendQueue, KeepsAFrameLargerThanItselfAlone) {
  SendQueue queue(100, 10);
  queue.Push(TestFrame("1"));
  EXPECT_EQ(queue.Push(TestFrame(std::string(50, 'x'))), 1u);
  EXPECT_EQ(queue.frames(), 1u);
  EXPECT_EQ(queue.Push(TestFrame("2")), 1u);
  EXPECT_EQ(queue.Pop()->body, "2");
}

}  // namespace
}  // namespace kiln::network
