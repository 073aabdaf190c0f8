// Whole nodes with their threads, sockets and disks, in one process: what a sanitizer is to see.
#include "node/validator_node.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/time/clock.h"
#include "kiln/client.h"
#include "kiln/node.h"
#include "node/home.h"
#include "tests/node/temp_dir.h"

namespace kiln::node {
namespace {

using ::testing::HasSubstr;

// Long enough for a loaded machine under a sanitizer; nothing waits for all of it when all is well.
constexpr absl::Duration kPatience = absl::Seconds(60);
constexpr uint64_t kSnapshotInterval = 16;

// Keeps what it was shown; a broken one fails at the transaction "broken".
class BreakableRegister : public Application {
 public:
  explicit BreakableRegister(bool broken) : broken_(broken) {}

  absl::StatusOr<Effects> Execute(const Block& block, State& state) override {
    Effects effects;
    for (const absl::string_view transaction : block.transactions) {
      if (broken_ && transaction == "broken") return absl::InternalError("the register is broken");
      state.Put(transaction, absl::StrCat(block.height));
      effects.replies.push_back(Reply::Ok(transaction));
    }
    return effects;
  }
  absl::StatusOr<std::string> Query(const StateView& state,
                                    absl::string_view query) const override {
    return state.Get(query);
  }

 private:
  const bool broken_;
};

// Four validators. A validator is dialed by those of a lower index, so the last one starts first
// and each is told the ports that the system chose before.
class ValidatorNodeTest : public testing::Test {
 protected:
  ValidatorNodeTest() {
    const absl::StatusOr<Testnet> testnet =
        WriteTestnet({.output = dir_ / "net",
                      .powers = {1, 1, 1, 1},
                      .limits = {.snapshot_interval_blocks = kSnapshotInterval}});
    EXPECT_TRUE(testnet.ok()) << testnet.status();
    homes_ = testnet->homes;
    genesis_ = testnet->genesis;
    nodes_.resize(homes_.size());
    peers_.resize(homes_.size());
  }

  void StartAll() {
    for (size_t i = nodes_.size(); i-- > 0;) Start(i);
  }
  // Validator 0 has a broken application.
  void Start(size_t i) {
    absl::StatusOr<std::unique_ptr<Node>> node =
        Node::Start(Options(i), std::make_unique<BreakableRegister>(i == 0));
    ASSERT_TRUE(node.ok()) << node.status();
    nodes_[i] = *std::move(node);
    peers_[i] = {nodes_[i]->status().validator_name, nodes_[i]->peer_address()};
  }

  // Port 0 for whoever starts for the first time, and the same again afterwards.
  NodeOptions Options(size_t i) const {
    absl::StatusOr<NodeOptions> options = NodeOptions::FromHome(homes_[i]);
    EXPECT_TRUE(options.ok()) << options.status();
    options->peer_listen_address = peers_[i].address.empty() ? "127.0.0.1:0" : peers_[i].address;
    options->client_listen_address = "127.0.0.1:0";
    options->admin_socket.clear();
    options->disk_free_bytes_min = 0;
    options->doppelganger_wait = doppelganger_wait_;
    options->verify_threads = 2;
    options->peers.clear();
    for (size_t other = 0; other < peers_.size(); ++other) {
      if (other != i && !peers_[other].address.empty()) options->peers.push_back(peers_[other]);
    }
    return *std::move(options);
  }

  std::unique_ptr<Client> NewClient(size_t i) const {
    absl::StatusOr<std::unique_ptr<Client>> client =
        Client::Connect({.genesis = genesis_, .endpoints = {nodes_[i]->client_address()}});
    EXPECT_TRUE(client.ok()) << client.status();
    return *std::move(client);
  }

  // What the node says of a transaction, in words.
  std::string Put(size_t i, const std::string& payload) {
    const absl::StatusOr<Receipt> receipt =
        nodes_[i]->SubmitAndWait({.payload = payload}, kPatience);
    return receipt.ok() ? "final" : receipt.status().ToString();
  }

  // Who keeps nobody waiting has listened long enough; one test is about who has not.
  absl::Duration doppelganger_wait_ = absl::ZeroDuration();
  const TempDir dir_;
  Genesis genesis_;
  std::vector<std::string> homes_;
  std::vector<PeerAddress> peers_;
  std::vector<std::unique_ptr<Node>> nodes_;
};

TEST_F(ValidatorNodeTest, AnswersClientsOfAllValidatorsAtOnce) {
  constexpr int kEach = 40;
  StartAll();
  std::atomic<int> final{0};
  std::vector<std::thread> clients;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    clients.emplace_back([this, i, &final] {
      std::vector<Transaction> transactions;
      for (int n = 0; n < kEach; ++n) transactions.push_back({.payload = absl::StrCat(i, "/", n)});
      const absl::Status status = NewClient(i)->SubmitMany(
          std::move(transactions), 16, kPatience,
          [&final](size_t, absl::StatusOr<Receipt> receipt) { final += receipt.ok() ? 1 : 0; });
      EXPECT_TRUE(status.ok()) << status;
    });
  }
  // Questions beside it, from the program's own thread.
  EXPECT_EQ(Put(0, "own"), "final");
  for (const std::unique_ptr<Node>& node : nodes_) {
    EXPECT_FALSE(node->status().validator_name.empty());
    EXPECT_TRUE(node->Query("own", Read::kLinearizable, kPatience).ok());
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(final, kEach * 4);
}

TEST_F(ValidatorNodeTest, ShowsSubscribersEachBlockOnce) {
  StartAll();
  std::vector<uint64_t> heights;  // the execution thread's until the node has stopped
  const Subscription subscription = nodes_[0]->OnCommit(
      [&heights](const Block& block, const CommitProof&) { heights.push_back(block.height); });
  for (int n = 0; n < 5; ++n) EXPECT_EQ(Put(n % 4, absl::StrCat("put", n)), "final");
  nodes_[0]->Stop();
  EXPECT_TRUE(nodes_[0]->Wait().ok());
  ASSERT_FALSE(heights.empty());
  for (size_t i = 1; i < heights.size(); ++i) EXPECT_EQ(heights[i], heights[i - 1] + 1);
}

TEST_F(ValidatorNodeTest, RestartsWhileTheOthersGoOn) {
  StartAll();
  EXPECT_EQ(Put(0, "before"), "final");
  nodes_[1].reset();
  EXPECT_EQ(Put(0, "without"), "final");
  Start(1);
  EXPECT_EQ(Put(1, "after"), "final");
  for (const char* const payload : {"before", "without", "after"}) {
    EXPECT_TRUE(nodes_[1]->Query(payload, Read::kLinearizable, kPatience).ok()) << payload;
  }
}

TEST_F(ValidatorNodeTest, TakesSnapshotsAlsoAfterARestart) {
  StartAll();
  const auto run_to = [this](uint64_t height) {
    for (int n = 0; nodes_[1]->status().executed_height < height; ++n) {
      ASSERT_EQ(Put(1, absl::StrCat(height, "/", n)), "final");
    }
  };
  run_to(3 * kSnapshotInterval);
  nodes_[1].reset();
  Start(1);
  run_to(5 * kSnapshotInterval);
  nodes_[1].reset();
  size_t kept = 0;
  for (const auto& entry : std::filesystem::directory_iterator(homes_[1] + "/data/snapshots")) {
    EXPECT_EQ(std::stoull(entry.path().filename().string()) % kSnapshotInterval, 0U);
    ++kept;
  }
  EXPECT_EQ(kept, NodeOptions().snapshots_kept);
}

TEST_F(ValidatorNodeTest, StopsUnderLoadAndAnswersEverybody) {
  constexpr int kEach = 100;
  StartAll();
  absl::BlockingCounter answered(kEach * 4);
  std::vector<std::thread> clients;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    clients.emplace_back([this, i, &answered] {
      for (int n = 0; n < kEach; ++n) {
        nodes_[i]->Submit({.payload = absl::StrCat(i, "/", n)}, absl::Now() + kPatience,
                          [&answered](absl::StatusOr<Receipt>) { answered.DecrementCount(); });
      }
    });
  }
  for (const std::unique_ptr<Node>& node : nodes_) node->Stop();
  for (const std::unique_ptr<Node>& node : nodes_) EXPECT_TRUE(node->Wait().ok());
  for (std::thread& client : clients) client.join();
  answered.Wait();
}

TEST_F(ValidatorNodeTest, StopsItselfWhenItsApplicationFails) {
  StartAll();
  EXPECT_EQ(Put(0, "whole"), "final");
  EXPECT_THAT(Put(0, "broken"), HasSubstr("CANCELLED"));
  EXPECT_THAT(std::string(nodes_[0]->Wait().message()), HasSubstr("the register is broken"));
  EXPECT_EQ(Put(1, "the others go on"), "final");
}

TEST_F(ValidatorNodeTest, RefusesASecondNodeOfOneKey) {
  Start(3);
  const absl::StatusOr<std::unique_ptr<Node>> second =
      Node::Start(Options(3), std::make_unique<BreakableRegister>(false));
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition) << second.status();
}

TEST_F(ValidatorNodeTest, TakesDownWhatItStartedWhenAnAddressIsTaken) {
  Start(3);
  peers_[2] = {"validator-2", nodes_[3]->peer_address()};
  const absl::StatusOr<std::unique_ptr<Node>> second =
      Node::Start(Options(2), std::make_unique<BreakableRegister>(false));
  EXPECT_FALSE(second.ok());
}

// An operator restores yesterday's backup of a validator that has voted since.
TEST_F(ValidatorNodeTest, StopsWhenItsDataFolderIsOlderThanItsKeysLastUse) {
  StartAll();
  EXPECT_EQ(Put(3, "before"), "final");
  nodes_[3].reset();
  const std::string data_dir = Options(3).data_dir;
  const std::string backup = dir_ / "backup";
  std::filesystem::copy(data_dir, backup, std::filesystem::copy_options::recursive);
  Start(3);
  for (int i = 0; nodes_[3]->status().votes_signed < 8; ++i) {
    ASSERT_EQ(Put(3, absl::StrCat("voted for ", i)), "final");
  }
  nodes_[3].reset();
  std::filesystem::remove_all(data_dir);
  std::filesystem::rename(backup, data_dir);

  doppelganger_wait_ = absl::Seconds(30);  // the others' certificates come long before
  Start(3);
  EXPECT_THAT(std::string(nodes_[3]->Wait().message()),
              HasSubstr("of this validator's key that its safety record"));
  EXPECT_EQ(nodes_[3]->status().votes_signed, 0U);
  EXPECT_EQ(Put(0, "the others go on"), "final");
}

}  // namespace
}  // namespace kiln::node
