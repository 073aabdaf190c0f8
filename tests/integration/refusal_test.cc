// What a node refuses to start with, or to go on with: one line, and nothing is damaged.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "node/home.h"
#include "tests/integration/load.h"
#include "tests/integration/small_disk.h"
#include "tests/integration/test_cluster.h"

namespace kiln::integration {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

// Lines of a node's output that are not of its log: those for the operator at the terminal.
std::vector<std::string> LinesForTheOperator(const std::string& output) {
  std::vector<std::string> lines;
  for (const absl::string_view line : absl::StrSplit(output, '\n', absl::SkipEmpty())) {
    if (absl::StartsWith(line, "kiln")) lines.emplace_back(line);
  }
  return lines;
}

// The one line with which the node refuses to start.
std::string Refusal(TestCluster& cluster, size_t i) {
  cluster.Start(i);
  EXPECT_EQ(cluster.WaitForEnd(i), 1);
  const std::string output = cluster.LogSinceStart(i);
  const std::vector<std::string> lines = LinesForTheOperator(output);
  EXPECT_EQ(lines.size(), 1U) << output;
  EXPECT_TRUE(!lines.empty() && absl::EndsWith(output, lines.back() + "\n")) << output;
  return lines.empty() ? "" : lines.back();
}

// Listens on an address of this machine for as long as it lives.
class Squatter {
 public:
  explicit Squatter(const std::string& address)
      : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
    EXPECT_EQ(listen(fd_, 1), 0);
  }
  ~Squatter() { close(fd_); }
  Squatter(const Squatter&) = delete;
  Squatter& operator=(const Squatter&) = delete;

 private:
  const int fd_;
};

std::string PortOf(const std::string& address) {
  return address.substr(address.rfind(':') + 1);
}

TEST(Start, RefusesATakenPort) {
  TestCluster cluster(1);
  for (const std::string& address : {cluster.peer_address(0), cluster.client_address(0)}) {
    const Squatter squatter(address);
    EXPECT_THAT(Refusal(cluster, 0), HasSubstr(PortOf(address)));
  }
  ASSERT_TRUE(cluster.StartAllAndWait());
}

TEST(Start, RefusesAKeyFileThatOthersMayRead) {
  TestCluster cluster(1);
  const std::string key = node::HomePaths(cluster.home(0)).consensus_key;
  ASSERT_EQ(chmod(key.c_str(), 0644), 0);
  EXPECT_THAT(Refusal(cluster, 0), AllOf(HasSubstr(key), HasSubstr("chmod")));
  ASSERT_EQ(chmod(key.c_str(), 0600), 0);
  ASSERT_TRUE(cluster.StartAllAndWait());
}

TEST(Start, RefusesTheDataOfAnotherChain) {
  TestCluster cluster(1);
  TestCluster other(1);
  ASSERT_TRUE(cluster.StartAllAndWait());
  ASSERT_TRUE(cluster.StopAll());
  fs::rename(cluster.home(0) + "/data", other.home(0) + "/data");
  EXPECT_THAT(Refusal(other, 0), HasSubstr("chain"));
}

TEST(Start, RefusesTheGenesisOfAnotherChain) {
  TestCluster cluster(1);
  TestCluster other(1);
  fs::copy_file(other.home(0) + "/genesis.json", cluster.home(0) + "/genesis.json",
                fs::copy_options::overwrite_existing);
  EXPECT_THAT(Refusal(cluster, 0), HasSubstr("genesis"));
}

TEST(Start, RefusesASecondHomeWithTheSameKey) {
  TestCluster cluster(2);
  ASSERT_TRUE(cluster.StartAllAndWait());
  cluster.Kill(1);
  fs::remove_all(cluster.home(1) + "/keys");
  fs::copy(cluster.home(0) + "/keys", cluster.home(1) + "/keys", fs::copy_options::recursive);
  // Its list of peers has the owner of the keys in it now, which would be refused before.
  const std::string config = node::HomePaths(cluster.home(1)).config;
  const std::string text = ReadFile(config);
  fs::resize_file(config, text.find("\n[[peers]]") + 1);
  EXPECT_THAT(Refusal(cluster, 1), HasSubstr("key"));
  // One home is as little for two processes.
  const CommandResult second = RunCommand({BuiltProgram("kiln"), "node", "--home", cluster.home(0)},
                                          cluster.dir() + "/second.log");
  EXPECT_EQ(second.status, 1);
  EXPECT_TRUE(cluster.IsRunning(0));
}

TEST(Start, RefusesADiskWithoutRoom) {
  TestCluster cluster(1, {{"disk_free_bytes_min", "1000000000000000"}});
  EXPECT_THAT(Refusal(cluster, 0), AllOf(HasSubstr("disk"), HasSubstr("disk_free_bytes_min")));
}

// With its disk full a validator signs nothing, and the others go on; with room again it follows.
TEST(FullDisk, StopsOneValidatorsVotesUntilThereIsRoom) {
  TestCluster cluster(4, {{"disk_free_bytes_min", "67108864"}, {"round_timeout_min_ms", "100"}});
  const std::unique_ptr<SmallDisk> disk = SmallDisk::Mount(cluster.home(3) + "/data");
  if (disk == nullptr) GTEST_SKIP() << "only root can mount a small disk";
  ASSERT_TRUE(cluster.StartAllAndWait());
  Load load(cluster.Only(0), {.clients = 2});
  ASSERT_TRUE(load.WaitForMore(200));

  disk->SetFreeBytes(0);
  absl::StatusOr<NodeStatus> status;
  ASSERT_TRUE(WaitUntil([&] {
    status = cluster.Status(3);
    return status.ok() && absl::StrContains(status->not_ready_reason, "nothing is signed");
  }));
  EXPECT_FALSE(fs::exists(cluster.home(3) + "/data/reserve"));
  const uint64_t votes = cluster.Status(3)->votes_signed;
  ASSERT_TRUE(load.WaitForMore(200));  // which takes more rounds than one turn of leaders
  ASSERT_TRUE(cluster.IsRunning(3));
  status = cluster.Status(3);
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(status->votes_signed, votes);
  EXPECT_THAT(Put(cluster.Only(3), "refused", absl::Seconds(5)).status().message(),
              HasSubstr("disk"));

  disk->MakeRoom();
  ASSERT_TRUE(cluster.WaitUntilReady(3));
  EXPECT_TRUE(fs::exists(cluster.home(3) + "/data/reserve"));
  ASSERT_TRUE(cluster.WaitUntilCaughtUp(3));
  ASSERT_TRUE(WaitUntil([&] {
    status = cluster.Status(3);
    return status.ok() && status->votes_signed > votes;
  }));
  load.Stop();
  load.ExpectNoErrors();
  ASSERT_TRUE(cluster.StopAll());
  cluster.ExpectEqualLedgers();
  cluster.ExpectAllHold(load.acknowledged_ids());
}

// A snapshot writes out what is in memory: on a disk that is nearly full it waits, and so do the
// blocks after it. No write fails, and the others go on.
TEST(FullDisk, PutsOffASnapshotWhenItIsNearlyFull) {
  constexpr uint64_t kInterval = 16;
  constexpr uint64_t kFreeBytesMin = 256 << 20;  // half of it is more than the test writes
  TestCluster cluster(
      4, {{"disk_free_bytes_min", absl::StrCat(kFreeBytesMin)}, {"round_timeout_min_ms", "100"}},
      {.duplicate_window_blocks = kInterval, .snapshot_interval_blocks = kInterval});
  const std::unique_ptr<SmallDisk> disk = SmallDisk::Mount(cluster.home(3) + "/data");
  if (disk == nullptr) GTEST_SKIP() << "only root can mount a small disk";
  ASSERT_TRUE(cluster.StartAllAndWait());
  Load load(cluster.Only(0), {.clients = 2});
  ASSERT_TRUE(load.WaitForMore(200));

  disk->SetFreeBytes(kFreeBytesMin / 2);
  absl::StatusOr<NodeStatus> status;
  ASSERT_TRUE(WaitUntil([&] {
    status = cluster.Status(3);
    return status.ok() && absl::StrContains(status->not_ready_reason, "disk_free_bytes_min");
  }));
  ASSERT_TRUE(WaitUntil([&] {
    status = cluster.Status(3);
    return status.ok() && status->executed_height % kInterval == 0 &&
           load.highest_height() > status->executed_height + 8 * kInterval;
  }));
  const uint64_t put_off = status->executed_height;
  EXPECT_EQ(put_off % kInterval, 0u);
  ASSERT_TRUE(load.WaitForMore(200));
  status = cluster.Status(3);
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(status->executed_height, put_off);

  disk->MakeRoom();
  ASSERT_TRUE(cluster.WaitUntilReady(3));
  ASSERT_TRUE(cluster.WaitUntilCaughtUp(3));
  load.Stop();
  load.ExpectNoErrors();
  ASSERT_TRUE(cluster.StopAll());
  cluster.ExpectEqualLedgers();
}

TEST(FullDisk, MakesARunningNodeRefuseTransactionsAndLosesNothing) {
  TestCluster cluster(1, {{"disk_free_bytes_min", "33554432"}, {"heartbeat_interval_ms", "500"}});
  const std::unique_ptr<SmallDisk> disk = SmallDisk::Mount(cluster.home(0) + "/data");
  if (disk == nullptr) GTEST_SKIP() << "only root can mount a small disk";
  ASSERT_TRUE(cluster.StartAllAndWait());
  Load load(cluster.chain(), {.clients = 2});
  ASSERT_TRUE(load.WaitForMore(200));
  load.Stop();
  load.ExpectNoErrors();

  // Little room: refused, but alive, readable, and said in the status.
  disk->SetFreeBytes(16 << 20);
  absl::StatusOr<Receipt> receipt;
  ASSERT_TRUE(WaitUntil([&] {
    receipt = Put(cluster.chain(), "with little room", absl::Seconds(5));
    return !receipt.ok();
  }));
  EXPECT_THAT(receipt.status().message(), HasSubstr("disk"));
  const absl::StatusOr<NodeStatus> status = cluster.Status(0);
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_FALSE(status->ready);
  EXPECT_THAT(status->not_ready_reason, HasSubstr("disk"));
  EXPECT_TRUE(cluster.WaitForHeight(0, load.highest_height() + 3)) << "heartbeats go on";

  // Room again: as before.
  disk->MakeRoom();
  ASSERT_TRUE(cluster.WaitUntilReady(0));
  EXPECT_TRUE(Put(cluster.chain(), "with room again", absl::Seconds(5)).ok());

  // No room for a single byte: nothing is written any more, and it can be stopped. A record that
  // was under way may have met the full disk: then it has stopped itself, with advice.
  disk->SetFreeBytes(0);
  ASSERT_TRUE(WaitUntil([&] {
    const absl::StatusOr<NodeStatus> full = cluster.Status(0);
    return !cluster.IsRunning(0) ||
           (full.ok() && absl::StrContains(full->not_ready_reason, "nothing is signed"));
  }));
  const int ended = cluster.IsRunning(0) ? cluster.Terminate(0) : cluster.WaitForEnd(0);
  EXPECT_THAT(ended, testing::AnyOf(0, kFailStopExitStatus));
  if (ended != 0) {
    EXPECT_THAT(cluster.LogSinceStart(0), HasSubstr("What to do"));
  }
  disk->MakeRoom();
  ASSERT_TRUE(cluster.StartAllAndWait());
  EXPECT_TRUE(Put(cluster.chain(), "after a start with room", absl::Seconds(5)).ok());
  ASSERT_TRUE(cluster.StopAll());
  cluster.ExpectEqualLedgers();
  cluster.ExpectAllHold(load.acknowledged_ids());
}

}  // namespace
}  // namespace kiln::integration
