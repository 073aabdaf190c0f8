// A cluster for the tests of an application: real validators, simulated time, network and disks.
#ifndef KILN_TESTING_SIMULATED_CLUSTER_H_
#define KILN_TESTING_SIMULATED_CLUSTER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "kiln/application.h"
#include "kiln/genesis.h"
#include "kiln/types.h"

namespace kiln::testing {

// All durations are of simulated time. Values out of range end the process: they are mistakes of
// the test.
struct SimulatedClusterOptions {
  uint32_t validators = 4;       // 1 to 128, all of power 1
  std::vector<uint64_t> powers;  // unless empty: one for each validator, in place of `validators`
  uint64_t seed = 1;             // of every delay and every other chance
  ChainLimits limits;

  absl::Duration round_timeout_min = absl::Milliseconds(500);
  absl::Duration round_timeout_max = absl::Seconds(4);
  absl::Duration heartbeat_interval = absl::Seconds(2);
  absl::Duration delay_min = absl::Milliseconds(1);   // of a message
  absl::Duration delay_mean = absl::Milliseconds(5);  // the minimum included
  absl::Duration sync_time = absl::Microseconds(500);
  absl::Duration execute_time = absl::Microseconds(200);

  // How long SubmitAndWait and Query wait.
  absl::Duration patience = absl::Seconds(30);
};

// What CheckDeterminism does besides executing the cluster's history.
struct DeterminismOptions {
  uint32_t runs = 6;             // at least 2
  uint32_t random_blocks = 200;  // of a few transactions each, executed after the history
  // Real time between the first run and the others: whoever reads a clock is caught when it changes
  // in this time. The default is enough for clocks that are read by the microsecond.
  absl::Duration apart = absl::Milliseconds(2);
};

// Runs one application on every validator of a cluster, in the calling thread, while the test
// decides what goes wrong.
//
//   TEST(Kv, SurvivesASilentLeaderAndATornLog) {
//     SimulatedCluster cluster({.validators = 4, .seed = 7}, [] { return std::make_unique<Kv>();
//     }); EXPECT_OK(cluster.SubmitAndWait("color=blue")); cluster.Silence(cluster.leader());
//     cluster.TearLastWrite(cluster.follower(0)).Restart();
//     EXPECT_OK(cluster.SubmitAndWait("color=green"));
//     cluster.Heal();
//     EXPECT_OK(cluster.RunUntilAgreement(absl::Seconds(5)));
//     EXPECT_THAT(cluster.Query("color", kiln::Read::kLinearizable), IsOkAndHolds("green"));
//     EXPECT_OK(cluster.CheckDeterminism());
//   }
//
// Real is what a validator does between its sockets and its disk: consensus, mempool, execution,
// recovery, with the code that production runs, and the application. Simulated are time, network,
// disks, and signatures (a keyed hash, quick to make). There are no threads, no sockets, no files
// and no gRPC. Validators are numbered from 0, in the order of the genesis.
//
// Time passes only within SubmitAndWait, Query, RunFor and RunUntilAgreement, and it is never the
// wall clock: a minute of it takes as long as the machine needs. What happens follows from the
// options, the calls and the application: the same test fails in the same way each time, if the
// application is deterministic, which CheckDeterminism checks.
//
// Failures are statuses whose message has the seed, what did not hold, and a chart of the last
// messages. A validator that stopped itself (the application failed, or states differ) stays down
// until it is restarted, and makes RunUntilAgreement fail.
//
// Not thread-safe. While one exists, Kiln's log lines are not written.
class SimulatedCluster {
 public:
  // Makes the application of one validator, each time that its process starts.
  using MakeApplication = std::function<std::unique_ptr<Application>()>;

  // A validator whose process has ended. Valid as long as the cluster.
  class Ended {
   public:
    // As SimulatedCluster::Restart.
    void Restart() const { cluster_->Restart(validator_); }
    uint32_t validator() const { return validator_; }

   private:
    friend class SimulatedCluster;
    Ended(SimulatedCluster* cluster, uint32_t validator)
        : cluster_(cluster), validator_(validator) {}

    SimulatedCluster* cluster_;
    uint32_t validator_;
  };

  // All validators are up.
  SimulatedCluster(SimulatedClusterOptions options, MakeApplication make_application);
  ~SimulatedCluster();
  SimulatedCluster(const SimulatedCluster&) = delete;
  SimulatedCluster& operator=(const SimulatedCluster&) = delete;

  // --- Clients

  // Until it is final and executed, as a careful client does it: whoever is up is asked, one after
  // the other. Each call is a transaction of its own, with a key of its own. The receipt may hold
  // a refusal by Execute. InvalidArgument: Check refused it, with its message and no more |
  // DeadlineExceeded: no receipt in time; the outcome is unknown.
  [[nodiscard]] absl::StatusOr<Receipt> SubmitAndWait(absl::string_view payload);
  // With this key: the same payload under the same key executes at most once.
  [[nodiscard]] absl::StatusOr<Receipt> SubmitAndWait(Transaction transaction);
  // Hands it to one validator that is up, and does not wait. Should a receipt come, it counts as
  // acknowledged.
  void Submit(absl::string_view payload);

  // By a validator that is up; kLocal: by the first one. Errors of the application's Query are
  // returned as they are.
  [[nodiscard]] absl::StatusOr<std::string> Query(absl::string_view query, Read level);
  // By this one. Unavailable: it is down.
  [[nodiscard]] absl::StatusOr<Answer> QueryAt(uint32_t validator, absl::string_view query,
                                               Read level);

  // --- Time

  void RunFor(absl::Duration duration);
  // Until all validators that are up, at least one, have executed the same height with the same
  // state root, and nothing that was acknowledged is above it.
  [[nodiscard]] absl::Status RunUntilAgreement(absl::Duration timeout);
  // Since the start.
  absl::Duration elapsed() const;

  // --- Who is who

  uint32_t size() const;
  // Who leads the highest round that a validator is in, now. It may be down.
  uint32_t leader() const;
  // The others in their order; follower(0) is the first one. REQUIRES: i < size() - 1.
  uint32_t follower(uint32_t i) const;

  // --- What goes wrong. Faults add up, and last until Heal. None of them lets time pass.

  // What it sends is lost; it hears the others.
  void Silence(uint32_t validator);
  // It and the others do not hear each other.
  void Isolate(uint32_t validator) { Partition({validator}); }
  // Those in `group` and the others do not hear each other.
  void Partition(const std::vector<uint32_t>& group);
  // Syncs take this long.
  void SlowDisk(uint32_t validator, absl::Duration sync_time);

  // The process ends; what it wrote is kept.
  Ended Crash(uint32_t validator);
  // The power fails: of what was not synced, the first few writes are kept, or none.
  Ended LosePower(uint32_t validator);
  // The power fails, and nothing is kept that was not synced.
  Ended LoseUnsyncedWrites(uint32_t validator);
  // The power fails in the middle of a write that was not synced, if there is one.
  Ended TearLastWrite(uint32_t validator);
  // The process starts over its disk. Nothing happens when it is up.
  void Restart(uint32_t validator);

  // Network and disks are well again, and whoever is down starts.
  void Heal();

  // --- For assertions

  bool is_up(uint32_t validator) const;
  // Why it stopped itself or refused to start. OK while it has not, and once it has started again.
  absl::Status WhyStopped(uint32_t validator) const;
  // As last seen, while it is down.
  uint64_t committed_height(uint32_t validator) const;
  uint64_t executed_height(uint32_t validator) const;
  // At executed_height. Unavailable: it is down.
  absl::StatusOr<Hash> StateRoot(uint32_t validator) const;
  // All keys and values, a copy. Unavailable: it is down.
  absl::StatusOr<std::map<std::string, std::string>> StateOf(uint32_t validator) const;

  // The last of what was sent and of what became of validators: a line each, a column for each
  // validator.
  std::string Chart(size_t lines_max = 40) const;

  // Whether equal blocks on equal state give equal replies, events and writes. Executes the history
  // of the cluster, then blocks of random byte strings and of damaged transactions of the history,
  // on fresh instances of the application, several times in this process. From run to run the heap
  // is laid out differently and new memory holds other bytes; instances are replaced in the middle,
  // as by a restart; Check and Query are called in between. The first difference is named by
  // height and transaction, with both results. So is a block that Execute does not accept: it must
  // give a defined result for every byte string.
  //
  // It catches what changes within a process: iteration over absl's hash tables or over pointers,
  // state outside of `State`, clocks, random numbers, memory that was never written. It cannot see
  // what changes only between processes, machines or libraries: absl::Hash values themselves,
  // addresses of functions, environment, locale, floating point, the order of a std::unordered_map
  // of values.
  [[nodiscard]] absl::Status CheckDeterminism(const DeterminismOptions& options = {}) const;

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace kiln::testing

#endif  // KILN_TESTING_SIMULATED_CLUSTER_H_
