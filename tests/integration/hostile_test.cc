// Everything that is no peer and no client of ours, at every port of a chain under load: the nodes
// stay up, nobody who is one notices, and memory and file descriptors come back.
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "node/home.h"
#include "node/node_options.h"
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
    const absl::StatusOr<NodeOptions> member = NodeOptions::FromHome(cluster_.home(0));
    ASSERT_TRUE(member.ok()) << member.status();
    const absl::StatusOr<node::NodeKeys> keys = node::LoadNodeKeys(*member);
    ASSERT_TRUE(keys.ok()) << keys.status();
    Hash other_chain = chain_id;
    other_chain.bytes[0] ^= 1;
    const absl::Time now = absl::Now();
    const network::IdentityCertificate certificates[] = {
        PlainSelfSignedCertificate(),
        network::MakeIdentityCertificate(stranger, chain_id, now),
        network::MakeIdentityCertificate(keys->node, other_chain, now),
        network::MakeIdentityCertificate(keys->node, chain_id, now - absl::Hours(48)),
    };
    for (int i = 0; i < kImpostors; ++i) {
      for (const network::IdentityCertificate& certificate : certificates) {
        ExpectRefused(&certificate);
      }
      ExpectRefused(nullptr);
    }
  }

  void ExpectRefused(const network::IdentityCertificate* certificate) {
    const TlsOutcome outcome = GreetOverTls(peer_port(), certificate);
    EXPECT_TRUE(outcome.connected);
    EXPECT_FALSE(outcome.answered);
    // Clients show no certificate: whatever they show is not looked at.
    EXPECT_TRUE(GreetOverTls(client_port(), certificate).connected);
  }
};

TEST_F(Impostors, AtThePeerPortAreRefusedAndDisturbNobody) {
  for (int i = 0; i < 3; ++i) Attack();
  ExpectNobodyNotices();
}

}  // namespace
}  // namespace kiln::integration
