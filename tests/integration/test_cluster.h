// A chain of real `kiln node` processes in a temporary folder.
#ifndef KILN_TESTS_INTEGRATION_TEST_CLUSTER_H_
#define KILN_TESTS_INTEGRATION_TEST_CLUSTER_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kiln/client.h"
#include "tests/integration/test_process.h"

namespace kiln::integration {

// A temporary folder. Removed at the end, unless the test has failed: then it says where it is.
class TestDir {
 public:
  TestDir();
  ~TestDir();
  TestDir(const TestDir&) = delete;
  TestDir& operator=(const TestDir&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Chance of one test. The seed is new each time unless KILN_TEST_SEED is set; a failure prints it.
class TestRandom {
 public:
  TestRandom();
  ~TestRandom();
  TestRandom(const TestRandom&) = delete;
  TestRandom& operator=(const TestRandom&) = delete;

  uint64_t Below(uint64_t bound) { return engine_() % bound; }
  std::string Bytes(size_t count);
  // Waits for a random time below `max`: the moment of a fault, never the time something needs.
  void Pause(absl::Duration max);

 private:
  const uint64_t seed_;
  std::mt19937_64 engine_;
};

// A range of ports below those that Linux and `kiln testnet` choose from, which no other test
// cluster on this machine has for as long as this object lives.
class PortRange {
 public:
  static constexpr uint16_t kPorts = 100;
  PortRange();
  ~PortRange();
  PortRange(const PortRange&) = delete;
  PortRange& operator=(const PortRange&) = delete;

  uint16_t first() const { return first_; }

 private:
  int claim_ = -1;  // listens on the last port of the range
  uint16_t first_ = 0;
};

// Used by the test's main thread only; readers of chain() are anybody. Methods that return false
// have said why with ADD_FAILURE. Exit statuses are as TestProcess gives them.
class TestCluster {
 public:
  using Settings = std::map<std::string, std::string>;  // of kiln.toml: key and value as written
  explicit TestCluster(size_t validators = 4, const Settings& settings = {},
                       const ChainLimits& limits = {});
  ~TestCluster();
  TestCluster(const TestCluster&) = delete;
  TestCluster& operator=(const TestCluster&) = delete;

  size_t size() const { return homes_.size(); }
  const std::string& dir() const { return dir_.path(); }
  const std::string& home(size_t i) const { return homes_[i]; }
  std::string log_file(size_t i) const;
  // The part of the log since the node was started last.
  std::string LogSinceStart(size_t i) const;
  const ClientOptions& chain() const { return chain_; }
  ClientOptions Only(size_t i) const;
  ClientOptions AllFrom(size_t i) const;  // asks validator i first
  std::string peer_address(size_t i) const { return peer_addresses_[i]; }
  std::string client_address(size_t i) const { return chain_.endpoints[i]; }
  pid_t pid(size_t i) const { return processes_[i]->pid(); }

  // In force from the node's next start on.
  void Set(size_t i, const std::string& key, const std::string& value);
  // "kiln" unless told otherwise; another program is given --home alone.
  void SetProgram(size_t i, const std::string& name) { programs_[i] = name; }

  void Start(size_t i);
  void StartAll();
  [[nodiscard]] bool StartAllAndWait();
  bool IsRunning(size_t i);
  void Kill(size_t i);  // SIGKILL
  void Signal(size_t i, int signal_number) const { processes_[i]->Signal(signal_number); }
  [[nodiscard]] int Terminate(size_t i);  // SIGTERM
  [[nodiscard]] int WaitForEnd(size_t i, absl::Duration patience = kPatience);
  // SIGTERM to all that run, at once; all must end with status 0.
  [[nodiscard]] bool StopAll();

  absl::StatusOr<NodeStatus> Status(size_t i) const;
  uint64_t Height(size_t i) const;  // executed; 0 when it does not answer
  uint64_t HighestHeight() const;
  [[nodiscard]] bool WaitUntilReady(size_t i);
  [[nodiscard]] bool WaitForHeight(size_t i, uint64_t height);
  // Until it has executed what the others have executed now.
  [[nodiscard]] bool WaitUntilCaughtUp(size_t i) { return WaitForHeight(i, HighestHeight()); }

  // REQUIRES: all are stopped. `kiln ledger verify` finds all ledgers whole, equal, and with a
  // safety record that fits.
  void ExpectEqualLedgers();
  // REQUIRES: all are stopped. Every ledger has every one of these transactions.
  void ExpectAllHold(const std::vector<Hash>& transaction_ids);

 private:
  TestDir dir_;
  PortRange ports_;
  std::vector<std::string> homes_;
  std::vector<std::string> peer_addresses_;
  ClientOptions chain_;
  std::vector<std::string> programs_;
  std::vector<std::unique_ptr<TestProcess>> processes_;
  std::vector<size_t> log_starts_;  // size of each log when its node was started last
};

// Writes `key` once through a client of its own; answered when committed.
absl::StatusOr<Receipt> Put(const ClientOptions& chain, absl::string_view key,
                            absl::Duration timeout = kPatience);

}  // namespace kiln::integration

#endif  // KILN_TESTS_INTEGRATION_TEST_CLUSTER_H_
