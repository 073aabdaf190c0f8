#include "tests/integration/test_cluster.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/check.h"
#include "node/home.h"
#include "tools/chain_target.h"
#include "tools/kv_application.h"
#include "tools/ledger_check.h"

namespace kiln::integration {
namespace {

namespace fs = std::filesystem;

constexpr uint16_t kLowestPort = 11000;
constexpr uint16_t kHighestPort = 19900;
constexpr absl::Duration kStatusTimeout = absl::Seconds(2);

uint64_t ChooseSeed() {
  uint64_t seed = 0;
  const char* const wanted = std::getenv("KILN_TEST_SEED");
  if (wanted != nullptr && absl::SimpleAtoi(wanted, &seed)) return seed;
  return std::random_device()();
}

// A socket that listens on the port, or -1 when somebody else does.
int Listen(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  KILN_CHECK_GE(fd, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      listen(fd, 1) == 0) {
    return fd;
  }
  close(fd);
  return -1;
}

bool AreOthersFree(uint16_t first) {
  for (uint16_t port = first; port < first + PortRange::kPorts - 1; ++port) {
    const int fd = Listen(port);
    if (fd < 0) return false;
    close(fd);
  }
  return true;
}

}  // namespace

TestDir::TestDir() {
  std::string pattern = fs::temp_directory_path().string() + "/kiln-test-XXXXXX";
  KILN_CHECK(mkdtemp(pattern.data()) != nullptr) << pattern;
  path_ = pattern;
}

TestDir::~TestDir() {
  if (testing::Test::HasFailure()) {
    std::cerr << "Homes and logs are kept in " << path_ << std::endl;
    return;
  }
  std::error_code ignored;  // a leftover temporary folder is nothing to fail for
  fs::remove_all(path_, ignored);
}

TestRandom::TestRandom() : seed_(ChooseSeed()), engine_(seed_) {}

TestRandom::~TestRandom() {
  if (testing::Test::HasFailure()) {
    std::cerr << "To repeat the choices of this run: KILN_TEST_SEED=" << seed_ << std::endl;
  }
}

std::string TestRandom::Bytes(size_t count) {
  std::string bytes(count, '\0');
  for (char& c : bytes) c = static_cast<char>(engine_());
  return bytes;
}

void TestRandom::Pause(absl::Duration max) {
  absl::SleepFor(absl::Microseconds(Below(static_cast<uint64_t>(absl::ToInt64Microseconds(max)))));
}

PortRange::PortRange() {
  std::random_device random;
  const auto ranges = static_cast<uint16_t>((kHighestPort - kLowestPort) / kPorts);
  const auto offset = static_cast<uint16_t>(random() % ranges);
  for (uint16_t i = 0; i < ranges && claim_ < 0; ++i) {
    first_ = static_cast<uint16_t>(kLowestPort + (offset + i) % ranges * kPorts);
    claim_ = Listen(static_cast<uint16_t>(first_ + kPorts - 1));
    if (claim_ >= 0 && !AreOthersFree(first_)) {
      close(claim_);
      claim_ = -1;
    }
  }
  KILN_CHECK_GE(claim_, 0) << "no free ports";
}

PortRange::~PortRange() {
  close(claim_);
}

TestCluster::TestCluster(size_t validators, const Settings& settings, const ChainLimits& limits) {
  KILN_CHECK_LT(validators * node::kPortsPerValidator, PortRange::kPorts);
  node::TestnetRequest request;
  request.output = dir() + "/net";
  request.powers.assign(validators, 1);
  request.base_port = ports_.first();
  request.time_us = static_cast<uint64_t>(absl::ToUnixMicros(absl::Now()));
  request.limits = limits;
  absl::StatusOr<node::Testnet> testnet = node::WriteTestnet(request);
  KILN_CHECK_OK(testnet.status());
  homes_ = testnet->homes;
  peer_addresses_ = testnet->peer_addresses;
  absl::StatusOr<ClientOptions> chain = ClientOptions::FromTestnet(request.output);
  KILN_CHECK_OK(chain.status());
  chain_ = *std::move(chain);
  programs_.assign(validators, "kiln");
  processes_.resize(validators);
  log_starts_.assign(validators, 0);
  for (size_t i = 0; i < validators; ++i) {
    for (const auto& [key, value] : settings) Set(i, key, value);
  }
}

TestCluster::~TestCluster() {
  for (std::unique_ptr<TestProcess>& process : processes_) process.reset();
}

std::string TestCluster::log_file(size_t i) const {
  return absl::StrCat(dir(), "/validator-", i, ".log");
}

std::string TestCluster::LogSinceStart(size_t i) const {
  return ReadFile(log_file(i)).substr(log_starts_[i]);
}

ClientOptions TestCluster::Only(size_t i) const {
  return tools::OnlyAt(chain_, i);
}

ClientOptions TestCluster::AllFrom(size_t i) const {
  return tools::StartingAt(chain_, i);
}

void TestCluster::Set(size_t i, const std::string& key, const std::string& value) {
  const std::string path = node::HomePaths(homes_[i]).config;
  std::ifstream old(path);
  std::string text = absl::StrCat(key, " = ", value, "\n");
  for (std::string line; std::getline(old, line);) {
    if (line.rfind(key + " =", 0) != 0) absl::StrAppend(&text, line, "\n");
  }
  old.close();
  std::ofstream(path) << text;
}

void TestCluster::Start(size_t i) {
  KILN_CHECK(!IsRunning(i));
  log_starts_[i] = ReadFile(log_file(i)).size();
  std::vector<std::string> arguments = {BuiltProgram(programs_[i])};
  if (programs_[i] == "kiln") arguments.push_back("node");
  arguments.insert(arguments.end(), {"--home", homes_[i], "--debuggable"});
  processes_[i] = TestProcess::Start(arguments, log_file(i));
}

void TestCluster::StartAll() {
  for (size_t i = 0; i < size(); ++i) Start(i);
}

bool TestCluster::StartAllAndWait() {
  StartAll();
  for (size_t i = 0; i < size(); ++i) {
    if (!WaitUntilReady(i)) return false;
  }
  return true;
}

bool TestCluster::IsRunning(size_t i) {
  return processes_[i] != nullptr && processes_[i]->IsRunning();
}

void TestCluster::Kill(size_t i) {
  processes_[i]->Kill();
}

int TestCluster::Terminate(size_t i) {
  Signal(i, SIGTERM);
  return WaitForEnd(i);
}

int TestCluster::WaitForEnd(size_t i, absl::Duration patience) {
  return processes_[i]->WaitForEnd(patience);
}

bool TestCluster::StopAll() {
  std::vector<size_t> running;
  for (size_t i = 0; i < size(); ++i) {
    if (!IsRunning(i)) continue;
    Signal(i, SIGTERM);
    running.push_back(i);
  }
  bool all_good = true;
  for (const size_t i : running) {
    const int status = WaitForEnd(i);
    if (status == 0) continue;
    all_good = false;
    ADD_FAILURE() << "validator-" << i << " ended with status " << status << " after SIGTERM";
  }
  return all_good;
}

absl::StatusOr<NodeStatus> TestCluster::Status(size_t i) const {
  ClientOptions options = Only(i);
  options.attempt_timeout = kStatusTimeout;
  absl::StatusOr<std::unique_ptr<Client>> client = Client::Connect(std::move(options));
  if (!client.ok()) return client.status();
  return (*client)->GetStatus();
}

uint64_t TestCluster::Height(size_t i) const {
  const absl::StatusOr<NodeStatus> status = Status(i);
  return status.ok() ? status->executed_height : 0;
}

uint64_t TestCluster::HighestHeight() const {
  uint64_t highest = 0;
  for (size_t i = 0; i < size(); ++i) {
    if (processes_[i] != nullptr && processes_[i]->IsRunning()) {
      highest = std::max(highest, Height(i));
    }
  }
  return highest;
}

bool TestCluster::WaitUntilReady(size_t i) {
  absl::StatusOr<NodeStatus> status;
  const bool is_ready = WaitUntil([&] {
    status = Status(i);
    return !IsRunning(i) || (status.ok() && status->ready);
  });
  if (is_ready && IsRunning(i)) return true;
  ADD_FAILURE() << "validator-" << i << " is not ready: "
                << (!IsRunning(i) ? "it has ended, see its log"
                    : status.ok() ? status->not_ready_reason
                                  : std::string(status.status().message()));
  return false;
}

bool TestCluster::WaitForHeight(size_t i, uint64_t height) {
  uint64_t reached = 0;
  const bool has_ended = !WaitUntil([&] {
    reached = Height(i);
    return reached >= height || !IsRunning(i);
  });
  if (!has_ended && reached >= height) return true;
  ADD_FAILURE() << "validator-" << i << " is at height " << reached << " instead of " << height
                << (IsRunning(i) ? "" : ": it has ended, see its log");
  return false;
}

void TestCluster::ExpectEqualLedgers() {
  std::vector<std::string> arguments = {
      BuiltProgram("kiln"), "ledger", "verify", "--json", "--home", homes_[0]};
  if (size() > 1) arguments.push_back("--against");
  for (size_t i = 1; i < size(); ++i) arguments.push_back(homes_[i]);
  const CommandResult result = RunCommand(arguments, dir() + "/verify.log");
  EXPECT_EQ(result.status, 0) << result.output;
  const nlohmann::json json = nlohmann::json::parse(result.output, nullptr, false);
  ASSERT_TRUE(json.is_object()) << result.output;
  EXPECT_EQ(json.value("good", false), true) << json.value("verdict", "");
  EXPECT_EQ(json["ledgers"].size(), size());
}

void TestCluster::ExpectAllHold(const std::vector<Hash>& transaction_ids) {
  tools::LostCount lost(transaction_ids);
  for (size_t i = 0; i < size(); ++i) {
    const absl::Status checked =
        tools::CheckStoredLedger(homes_[i], {.first = 1, .last = UINT64_MAX}, &lost);
    EXPECT_TRUE(checked.ok()) << homes_[i] << ": " << checked;
  }
  EXPECT_EQ(lost.lost(), 0U) << "of " << transaction_ids.size() << " acknowledged";
}

absl::StatusOr<Receipt> Put(const ClientOptions& chain, absl::string_view key,
                            absl::Duration timeout) {
  absl::StatusOr<std::unique_ptr<Client>> client = Client::Connect(chain);
  if (!client.ok()) return client.status();
  return (*client)->Submit({tools::EncodeKvPut(key, "value"), /*key=*/""}, timeout);
}

}  // namespace kiln::integration
