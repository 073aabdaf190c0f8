#include "base/stage_profile.h"

#include <set>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kiln {
namespace {

TEST(StageProfile, GivesEveryCounterANameOfItsOwn) {
  std::set<std::string> names;
  for (size_t i = 0; i < kStageCount; ++i) {
    names.emplace(NameOf(static_cast<Stage>(i)));
    EXPECT_FALSE(ItemsOf(static_cast<Stage>(i)).empty());
  }
  EXPECT_EQ(names.size(), kStageCount);
  names.clear();
  for (size_t i = 0; i < kLegCount; ++i) names.emplace(NameOf(static_cast<Leg>(i)));
  EXPECT_EQ(names.size(), kLegCount);
  names.clear();
  for (size_t i = 0; i < kDepthCount; ++i) names.emplace(NameOf(static_cast<Depth>(i)));
  EXPECT_EQ(names.size(), kDepthCount);
}

TEST(StageProfile, CountsCallsAndItemsOfEachStage) {
  StageProfile profile;
  {
    StageTimer timer(&profile, Stage::kDecode, 100);
    timer.AddItems(11);
    timer.Next(Stage::kVerify, 1);
  }
  StageTimer(&profile, Stage::kVerify, 2).End();
  ProfileSnapshot snapshot = profile.Read();
  EXPECT_EQ(snapshot[Stage::kDecode].calls, 1u);
  EXPECT_EQ(snapshot[Stage::kDecode].items, 111u);
  EXPECT_EQ(snapshot[Stage::kVerify].calls, 2u);
  EXPECT_EQ(snapshot[Stage::kVerify].items, 3u);
  EXPECT_EQ(snapshot[Stage::kStep].calls, 0u);
}

TEST(StageProfile, CountsACallOnceHoweverOftenItIsEnded) {
  StageProfile profile;
  {
    StageTimer timer(&profile, Stage::kStep);
    timer.End();
    timer.End();
    timer.Next(Stage::kPersist);
  }
  ProfileSnapshot snapshot = profile.Read();
  EXPECT_EQ(snapshot[Stage::kStep].calls, 1u);
  EXPECT_EQ(snapshot[Stage::kPersist].calls, 0u);
}

// Work that takes CPU and the same wall time, but for what the machine does meanwhile.
uint64_t Spin() {
  volatile uint64_t sum = 0;
  for (int i = 0; i < 100'000; ++i) sum = sum + static_cast<uint64_t>(i);
  return sum;
}

TEST(StageProfile, MeasuresWallAndCpuTimeOfEveryLongStage) {
  StageProfile profile;
  for (int i = 0; i < 3; ++i) {
    const StageTimer timer(&profile, Stage::kExecute);
    Spin();
  }
  ProfileSnapshot snapshot = profile.Read();
  EXPECT_GT(snapshot[Stage::kExecute].cpu_ns, 0u);
  EXPECT_GT(snapshot[Stage::kExecute].wall_ns, 0u);
  EXPECT_GE(snapshot.process_cpu_ns, snapshot[Stage::kExecute].cpu_ns);
}

// Whose CPU time is read for some calls only stands for the others too.
TEST(StageProfile, EstimatesTheCpuTimeOfShortStages) {
  StageProfile profile;
  std::thread([&profile] {
    for (uint64_t i = 0; i < StageTimer::kCpuMeasuredEvery; ++i) {
      const StageTimer timer(&profile, Stage::kVerify);
      if (i == 0) Spin();  // a new thread measures its first call
    }
  }).join();
  ProfileSnapshot snapshot = profile.Read();
  ProfileSnapshot once;
  {
    StageProfile one;
    std::thread([&one] {
      const StageTimer timer(&one, Stage::kVerify);
      Spin();
    }).join();
    once = one.Read();
  }
  EXPECT_EQ(snapshot[Stage::kVerify].cpu_ns % StageTimer::kCpuMeasuredEvery, 0u);
  EXPECT_GT(snapshot[Stage::kVerify].cpu_ns, 0u);
  EXPECT_GT(once[Stage::kVerify].cpu_ns, 0u);
}

TEST(StageProfile, LosesNothingWhenThreadsCountTogether) {
  StageProfile profile;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&profile] {
      for (int j = 0; j < 1000; ++j) StageTimer(&profile, Stage::kVerify, 2).End();
    });
  }
  for (std::thread& thread : threads) thread.join();
  ProfileSnapshot snapshot = profile.Read();
  EXPECT_EQ(snapshot[Stage::kVerify].calls, 4000u);
  EXPECT_EQ(snapshot[Stage::kVerify].items, 8000u);
}

TEST(StageProfile, DoesNothingWithoutAProfile) {
  StageTimer timer(nullptr, Stage::kStep, 1);
  timer.AddItems(1);
  timer.Next(Stage::kPersist);
  timer.End();
}

TEST(StageProfile, FollowsABlockThroughAllItsLegsOnce) {
  StageProfile profile;
  for (int i = 0; i < 2; ++i) {
    profile.BlockSeen({7});
    profile.BlockDurable({7});
    profile.BlockCommitted({7});
    profile.BlockStarted({7});
    profile.BlockAnswered({7});
  }
  ProfileSnapshot snapshot = profile.Read();
  for (const Leg leg : {Leg::kBlockToDurable, Leg::kDurableToCommit, Leg::kCommitToExecution,
                        Leg::kExecutionToAnswer}) {
    EXPECT_EQ(snapshot[leg].count, 1u) << NameOf(leg);
  }
  EXPECT_EQ(snapshot[Leg::kBatchToAnswer].count, 0u);
}

TEST(StageProfile, LeavesOutBlocksThatItDoesNotFollow) {
  StageProfile profile;
  profile.BlockDurable({7});  // empty, or before the process started
  profile.BlockSeen({8});
  profile.BlockCommitted({8});   // not durable yet
  profile.BlockSeen({8 + 256});  // takes its place
  profile.BlockDurable({8});
  ProfileSnapshot snapshot = profile.Read();
  EXPECT_EQ(snapshot[Leg::kBlockToDurable].count, 0u);
  EXPECT_EQ(snapshot[Leg::kDurableToCommit].count, 0u);
}

TEST(StageProfile, KeepsSumAndHighestOfLengths) {
  StageProfile profile;
  for (const uint64_t length : {3u, 9u, 0u}) profile.AddDepth(Depth::kInbox, length);
  ProfileSnapshot snapshot = profile.Read();
  EXPECT_EQ(snapshot[Depth::kInbox].samples, 3u);
  EXPECT_EQ(snapshot[Depth::kInbox].sum, 12u);
  EXPECT_EQ(snapshot[Depth::kInbox].highest, 9u);
}

}  // namespace
}  // namespace kiln
