// Chains that run for long, and states that are larger than one chunk of a snapshot.
#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/log.h"
#include "gtest/gtest.h"
#include "network/client_service.h"
#include "node/one_receipt.h"
#include "sim/sim_application.h"
#include "sim/sim_cluster.h"
#include "storage/snapshot_stream.h"

namespace kiln::sim {
namespace {

constexpr uint64_t kSecondUs = 1'000'000;
constexpr uint32_t kNewcomer = 3;

// Four replicas that keep few blocks and few snapshots, under a load of puts to a fixed number of
// keys, so that the state stays as large as it is.
class Growth : public testing::Test, public ClusterHost {
 protected:
  Growth() {
    SetLogLevel(LogLevel::kError);
    scenario_.name = "growth";
    scenario_.duplicate_window_blocks = 16;
    scenario_.snapshot_interval_blocks = 16;
    scenario_.retention_blocks = 20;
    cluster_ = std::make_unique<SimCluster>(
        scenario_, MakeSimGenesis(scenario_), [] { return std::make_unique<SimApplication>(); },
        this, nullptr);
  }
  ~Growth() override {
    cluster_->End();
    SetLogLevel(LogLevel::kInfo);
  }

  void OnStopped(SimReplica& replica, const absl::Status& why) override {
    ADD_FAILURE() << "replica " << replica.number() << " stopped: " << why;
  }
  void OnStarted(SimReplica& replica, const absl::Status& why) override {
    EXPECT_TRUE(why.ok()) << "replica " << replica.number() << ": " << why;
  }
  void OnSnapshotFetched(SimReplica& replica) override { fetched_.push_back(replica.number()); }
  bool LetsGo(SimReplica& replica, ValidatorIndex to, const network::FramePtr& frame) override {
    const bool is_chunk = frame->kind == network::FrameKind::kSnapshotChunk;
    return !is_chunk || on_chunk_sent_ == nullptr || on_chunk_sent_(replica, to, frame);
  }
  bool LetsIn(SimReplica& replica, ValidatorIndex, const network::FramePtr& frame) override {
    if (frame->kind == network::FrameKind::kSnapshotChunk) {
      ++chunks_received_;
      if (on_chunk_ != nullptr) on_chunk_(replica);
    }
    return true;
  }

  // One put every `every_us`, of a value of so many bytes, to whoever is up.
  void RunFor(uint64_t duration_us, uint64_t every_us, size_t value_bytes) {
    const uint64_t end_us = cluster_->now_us() + duration_us;
    while (cluster_->now_us() < end_us) {
      Put(value_bytes);
      cluster_->queue().RunUntil(std::min(end_us, cluster_->now_us() + every_us));
    }
  }
  void Put(size_t value_bytes) {
    const uint64_t number = ++puts_;
    SimReplica& replica = cluster_->replica(static_cast<uint32_t>(number % 3));
    const std::string payload =
        absl::StrCat("key ", number % kKeys, "=", number, std::string(value_bytes, 'v'));
    replica.Submit(network::BatchOfOne(absl::StrCat("put ", number), payload),
                   cluster_->now_us() + 10 * kSecondUs,
                   std::make_shared<node::OneReceipt>([this](absl::StatusOr<Receipt> receipt) {
                     if (receipt.ok()) ++committed_;
                   }));
  }
  // All that lies on a replica's disk, its snapshots included.
  size_t DiskBytes(uint32_t number) {
    const DiskImage image = cluster_->replica(number).disk().Snapshot();
    size_t bytes = BytesOf(*image);
    for (const auto& [height, checkpoint] : image->checkpoints()) bytes += BytesOf(*checkpoint);
    return bytes;
  }
  static size_t BytesOf(const DiskContent& content) {
    size_t bytes = 0;
    for (size_t i = 0; i < storage::kFamilyCount; ++i) {
      for (const auto& [key, value] : content.family(static_cast<storage::Family>(i))) {
        bytes += key.size() + value.bytes.size();
      }
    }
    return bytes;
  }
  Height ExecutedBy(uint32_t number) {
    return cluster_->replica(number).store()->executed_state().height;
  }
  // A state of several chunks that everybody but the newcomer has, and blocks that nobody has.
  void MakeALargeStateWithoutItsBlocks() {
    for (uint32_t i = 0; i < kNewcomer; ++i) cluster_->Start(i);
    RunFor(20 * kSecondUs, 100'000, kLargeValue);
    ASSERT_GT(cluster_->replica(0).store()->base().lowest(), Height{1});
  }
  void ExpectThatTheNewcomerHasJoined() {
    EXPECT_EQ(fetched_, std::vector<uint32_t>{kNewcomer});
    SimReplica& newcomer = cluster_->replica(kNewcomer);
    ASSERT_TRUE(newcomer.is_up());
    EXPECT_GE(newcomer.store()->base().height(), Height{16});
    EXPECT_GE(ExecutedBy(kNewcomer).value + 2, ExecutedBy(0).value);
    const Height common = std::min(ExecutedBy(0), ExecutedBy(kNewcomer));
    EXPECT_EQ(newcomer.store()->StateAt(common)->state,
              cluster_->replica(0).store()->StateAt(common)->state);
  }

  static constexpr uint64_t kKeys = 20;
  static constexpr size_t kLargeValue = 60'000;
  static constexpr size_t kChunks = kKeys * kLargeValue / storage::kSnapshotChunkBytes;  // at least

  Scenario scenario_;
  std::unique_ptr<SimCluster> cluster_;
  uint64_t puts_ = 0;
  uint64_t committed_ = 0;
  std::vector<uint32_t> fetched_;
  size_t chunks_received_ = 0;
  std::function<void(SimReplica&)> on_chunk_;  // before it is handed in
  // False: it does not leave.
  std::function<bool(SimReplica&, ValidatorIndex, const network::FramePtr&)> on_chunk_sent_;
};

TEST_F(Growth, OfTheDiskEndsWhereRetentionSaysForAnHour) {
  for (uint32_t i = 0; i < cluster_->size(); ++i) cluster_->Start(i);
  constexpr uint64_t kMinuteUs = 60 * kSecondUs;
  RunFor(5 * kMinuteUs, kSecondUs, 100);
  std::vector<size_t> highest(cluster_->size());
  for (int minute = 5; minute < 10; ++minute) {
    RunFor(kMinuteUs, kSecondUs, 100);
    for (uint32_t i = 0; i < cluster_->size(); ++i) {
      highest[i] = std::max(highest[i], DiskBytes(i));
    }
  }
  const Height then = ExecutedBy(0);
  for (int minute = 10; minute < 60; ++minute) {
    RunFor(kMinuteUs, kSecondUs, 100);
    for (uint32_t i = 0; i < cluster_->size(); ++i) {
      EXPECT_LE(DiskBytes(i), highest[i] + highest[i] / 5)
          << "replica " << i << ", minute " << minute;
    }
  }
  EXPECT_GT(ExecutedBy(0).value, 4 * then.value) << "the chain went on";
  EXPECT_GT(committed_, 3500u);
  RecordProperty("blocks", static_cast<int>(ExecutedBy(0).value));
  RecordProperty("bytes", static_cast<int>(DiskBytes(0)));
}

TEST_F(Growth, OfTheStateBeyondOneChunkIsFetchedInSeveral) {
  MakeALargeStateWithoutItsBlocks();
  cluster_->Start(kNewcomer);
  RunFor(10 * kSecondUs, kSecondUs, kLargeValue);
  EXPECT_GE(chunks_received_, kChunks);
  ExpectThatTheNewcomerHasJoined();
}

// A bit of every chunk that one of them serves is turned.
TEST_F(Growth, OfTheStateIsFetchedFromTheOthersWhenOneSendsWrongChunks) {
  MakeALargeStateWithoutItsBlocks();
  size_t forged = 0;
  on_chunk_sent_ = [&](SimReplica& replica, ValidatorIndex to, const network::FramePtr& frame) {
    if (replica.number() != 0) return true;
    std::string bytes = *frame->payload;
    bytes[bytes.size() / 2] ^= 1;
    ++forged;
    cluster_->Transmit(0, to,
                       std::make_shared<const network::Frame>(network::Frame{
                           frame->kind, frame->body, std::make_shared<const std::string>(bytes)}));
    return false;
  };
  cluster_->Start(kNewcomer);
  RunFor(10 * kSecondUs, kSecondUs, kLargeValue);
  EXPECT_GE(forged, 1u);
  EXPECT_LE(forged, 8u) << "who sends a wrong one is asked no more";
  ExpectThatTheNewcomerHasJoined();
}

TEST_F(Growth, OfTheStateGoesOnWithTheChunksThatACrashLeft) {
  MakeALargeStateWithoutItsBlocks();
  size_t staged = 0;
  on_chunk_ = [&](SimReplica& replica) {
    if (chunks_received_ != 3) return;
    cluster_->queue().At(cluster_->now_us() + 1, [&] {
      const auto chunks = const_cast<storage::Store*>(replica.store())->stage()->Chunks();
      KILN_CHECK_OK(chunks.status());
      staged = chunks->size();
      cluster_->Crash(kNewcomer, CrashKind::kProcessOnly);
      chunks_received_ = 0;
      on_chunk_ = nullptr;
    });
  };
  cluster_->Start(kNewcomer);
  RunFor(2 * kSecondUs, kSecondUs, kLargeValue);
  ASSERT_FALSE(cluster_->replica(kNewcomer).is_up());
  ASSERT_GE(staged, 1u);
  const size_t before = chunks_received_;  // those that came to nobody
  cluster_->Start(kNewcomer);
  RunFor(10 * kSecondUs, kSecondUs, kLargeValue);
  EXPECT_GE(chunks_received_ - before, 1u);
  EXPECT_LE(chunks_received_ - before, kChunks + 2 - staged)
      << "what was staged is not asked again";
  ExpectThatTheNewcomerHasJoined();
}

}  // namespace
}  // namespace kiln::sim
