// Everything that is no peer and no client of ours, at every port of a chain under load: the nodes
// stay up, nobody who is one notices, and memory and file descriptors come back.
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "node/home.h"
#include "tests/integration/hostile_peers.h"
#include "tests/integration/load.h"
#include "tests/integration/test_cluster.h"

namespace kiln::integration {
namespace {

namespace fs = std::filesystem;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kMemoryIsOurs = false;  // sanitizers keep what was freed
#else
constexpr bool kMemoryIsOurs = true;
#endif
constexpr uint64_t kMemoryGrowthMaxKib = 64 << 10;
constexpr size_t kSilentConnections = 200;  // to each port
constexpr size_t kDescriptorsSlack = 24;    // streams of the load come and go
constexpr int kRandomMessages = 40;
constexpr int kImpostors = 5;
constexpr int kClosedWithinMs = 30000;

uint64_t MemoryKib(pid_t pid) {
  const std::string status = ReadFile(absl::StrCat("/proc/", pid, "/status"));
  const size_t at = status.find("VmRSS:");
  uint64_t kib = 0;
  if (at != std::string::npos) {
    const std::string rest = status.substr(at + 6, 64);
    EXPECT_TRUE(absl::SimpleAtoi(rest.substr(0, rest.find("kB")), &kib)) << rest;
  }
  return kib;
}

size_t OpenDescriptors(pid_t pid) {
  const fs::directory_iterator descriptors(absl::StrCat("/proc/", pid, "/fd"));
  return static_cast<size_t>(std::distance(fs::begin(descriptors), fs::end(descriptors)));
}

// One validator is attacked on all its ports; the others see only what gets through.
class HostileBytes : public testing::Test {
 protected:
  static constexpr size_t kVictim = 1;

  void SetUp() override {
    signal(SIGPIPE, SIG_IGN);
    ASSERT_TRUE(cluster_.StartAllAndWait());
    load_ = std::make_unique<Load>(cluster_.chain(), LoadOptions{.in_flight = 8});
    ASSERT_TRUE(load_->WaitForMore(500));
    Attack();  // once before counting: caches and pools fill at the first
    ASSERT_TRUE(load_->WaitForMore(200));
    memory_kib_ = MemoryKib(cluster_.pid(kVictim));
    descriptors_ = OpenDescriptors(cluster_.pid(kVictim));
    ASSERT_GT(memory_kib_, 0U);
    ASSERT_GT(descriptors_, 0U);
  }

  // The attack, whose size is by the caller's choice the same each time.
  virtual void Attack() = 0;

  void ExpectNobodyNotices() {
    ASSERT_TRUE(load_->WaitForMore(500));
    load_->Stop();
    load_->ExpectNoErrors();
    size_t descriptors = 0;
    EXPECT_TRUE(WaitUntil([&] {
      descriptors = OpenDescriptors(cluster_.pid(kVictim));
      return descriptors <= descriptors_ + kDescriptorsSlack;
    })) << descriptors
        << " file descriptors are open, " << descriptors_ << " were before";
    if (kMemoryIsOurs) {
      EXPECT_LE(MemoryKib(cluster_.pid(kVictim)), memory_kib_ + kMemoryGrowthMaxKib)
          << "KiB of memory, " << memory_kib_ << " before";
    }
    for (size_t i = 0; i < cluster_.size(); ++i) EXPECT_TRUE(cluster_.IsRunning(i));
    ASSERT_TRUE(cluster_.StopAll());
  }

  std::string admin_socket() const { return node::HomePaths(cluster_.home(kVictim)).admin_socket; }
  std::string peer_port() const { return cluster_.peer_address(kVictim); }
  std::string client_port() const { return cluster_.client_address(kVictim); }

  TestRandom random_;
  TestCluster cluster_;
  std::unique_ptr<Load> load_;
  uint64_t memory_kib_ = 0;
  size_t descriptors_ = 0;
};

class ForeignBytes : public HostileBytes {
 protected:
  void Attack() override {
    std::vector<RawConnection> connections;
    for (const std::string& address : {peer_port(), client_port(), admin_socket()}) {
      for (const std::string& greeting : ForeignGreetings()) {
        connections.push_back(RawConnection::To(address));
        ASSERT_TRUE(connections.back().is_connected()) << address;
        connections.back().Send(greeting);
      }
      for (int i = 0; i < kRandomMessages; ++i) {
        connections.push_back(RawConnection::To(address));
        connections.back().Send(random_.Bytes(1 + random_.Below(64 << 10)));
      }
    }
  }
};

TEST_F(ForeignBytes, OnEveryPortDisturbNobody) {
  for (int i = 0; i < 4; ++i) Attack();
  ExpectNobodyNotices();
}

class SilentConnections : public HostileBytes {
 protected:
  void Attack() override {
    std::vector<RawConnection> connections;
    for (const std::string& address : {peer_port(), client_port(), admin_socket()}) {
      for (size_t i = 0; i < kSilentConnections; ++i) {
        connections.push_back(RawConnection::To(address));
        ASSERT_TRUE(connections.back().is_connected()) << address;
      }
    }
    // Those that wait for a TLS handshake are closed by the server; nobody has to come for that.
    for (size_t i = 0; i < 2 * kSilentConnections; ++i) {
      ASSERT_TRUE(connections[i].AwaitClosed(kClosedWithinMs)) << "connection " << i;
    }
  }
};

TEST_F(SilentConnections, ByTheHundredAreClosedAndDisturbNobody) {
  Attack();
  ExpectNobodyNotices();
}

class Impostors : public HostileBytes {
 protected:
  void Attack() override {
    const Hash chain_id = cluster_.chain().genesis.ChainId();
    const crypto::SecretKey stranger = crypto::SecretKey::Generate();
    const absl::Time now = absl::Now();
    const network::IdentityCertificate unsound[] = {
        PlainSelfSignedCertificate(),
        network::MakeIdentityCertificate(stranger, chain_id, now - absl::Hours(48)),
    };
    const network::IdentityCertificate sound =
        network::MakeIdentityCertificate(stranger, chain_id, now);
    for (int i = 0; i < kImpostors; ++i) {
      for (const network::IdentityCertificate& certificate : unsound) {
        ExpectRefusedByTls(&certificate);
      }
      ExpectRefusedByTls(nullptr);
      // A sound identity is heard, so that it can be told why it is refused.
      EXPECT_TRUE(GreetOverTls(peer_port(), &sound).connected);
    }
  }

  void ExpectRefusedByTls(const network::IdentityCertificate* certificate) {
    const TlsOutcome outcome = GreetOverTls(peer_port(), certificate);
    EXPECT_TRUE(outcome.connected);
    EXPECT_FALSE(outcome.answered);
    // Clients need no certificate: what they show is not looked at.
    EXPECT_TRUE(GreetOverTls(client_port(), certificate).answered);
  }
};

TEST_F(Impostors, AtThePeerPortAreRefusedAndDisturbNobody) {
  for (int i = 0; i < 3; ++i) Attack();
  ExpectNobodyNotices();
}

// A real node whose genesis has the victim in it, but is another.
class ForeignNode : public HostileBytes {
 protected:
  void Attack() override {}

  // Makes the home of `other_` believe in a chain of its own with the victim as its second
  // validator.
  void AimAtVictim() {
    Genesis genesis = cluster_.chain().genesis;
    const absl::StatusOr<node::HomeKeys> keys = node::ReadHomeKeys(other_.home(0));
    ASSERT_TRUE(keys.ok()) << keys.status();
    genesis.chain_name = "another";
    genesis.validators[0].consensus_key = keys->consensus_key;
    genesis.validators[0].node_key = keys->node_key;
    const node::HomePaths paths(other_.home(0));
    std::ofstream(paths.genesis) << genesis.ToJson();
    std::ofstream(paths.config, std::ios::app)
        << "\n[[peers]]\nname = \"" << genesis.validators[kVictim].name << "\"\naddress = \""
        << peer_port() << "\"\n";
  }

  void ExpectRefusedInBothLogs(absl::string_view cause) {
    ASSERT_NO_FATAL_FAILURE(AimAtVictim());
    other_.Start(0);
    for (const std::string& log : {cluster_.log_file(kVictim), other_.log_file(0)}) {
      EXPECT_TRUE(WaitUntil([&] { return absl::StrContains(ReadFile(log), cause); })) << log;
    }
    EXPECT_TRUE(other_.IsRunning(0));
    EXPECT_EQ(other_.Terminate(0), 0);
    ExpectNobodyNotices();
  }

  TestCluster other_{1};
};

TEST_F(ForeignNode, OfAStrangerIsRefusedWithTheReasonInBothLogs) {
  ExpectRefusedInBothLogs("the node key is not a validator's of this chain");
}

TEST_F(ForeignNode, WithAMembersKeyOnAnotherChainIsRefusedWithTheReasonInBothLogs) {
  fs::copy_file(cluster_.home(0) + "/keys/node.key", other_.home(0) + "/keys/node.key",
                fs::copy_options::overwrite_existing);
  ExpectRefusedInBothLogs("another chain");
}

}  // namespace
}  // namespace kiln::integration
