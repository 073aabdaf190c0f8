// Makes a scenario's faults happen, all but the lies.
#ifndef KILN_SIM_FAULT_DRIVER_H_
#define KILN_SIM_FAULT_DRIVER_H_

#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "sim/event_queue.h"
#include "sim/network_model.h"
#include "sim/scenario.h"
#include "sim/sim_disk.h"
#include "sim/sim_random.h"
#include "sim/sim_replica.h"

namespace kiln::sim {

// Whether the protocol cannot hold whoever is befallen to its rules any more: liars, and disks that
// forget what they had promised to keep.
bool BreaksTrust(const Fault& fault);

// Whether some replica is to lose its whole folder by one of the two, and to find an old safety
// record by the other: a record alone in an empty folder is what no operator's doing leaves, and
// is rightly refused.
bool LeaveRecordAlone(const Fault& a, const Fault& b);

// What faults act upon.
class FaultHost {
 public:
  virtual ~FaultHost() = default;
  virtual EventQueue& queue() = 0;
  virtual NetworkModel& network() = 0;
  virtual uint32_t replicas() const = 0;
  virtual SimReplica& replica(uint32_t number) = 0;
  virtual void StartReplica(uint32_t number) = 0;
  virtual void CrashReplica(uint32_t number, CrashKind kind) = 0;
  // All others see the streams of one that crashed end.
  virtual void EndStreams(uint32_t number) = 0;
  virtual void CountFault(const Fault& fault) = 0;
  virtual void OnFault(const Fault& fault, bool began) = 0;
  // Some streams that a network fault has broken are made anew.
  virtual void Reconnect() = 0;
};

// Schedules begin and end of every fault. After Heal nothing happens any more. Not thread-safe.
class FaultDriver {
 public:
  // `scenario` and `host` outlive it.
  FaultDriver(const Scenario& scenario, FaultHost* host, SimRandom random);

  void Schedule();
  // Ends everything that was begun; the host starts whoever is down.
  void Heal();

  // An effect of the replica is about to happen. False when the process ended instead.
  bool OnEffect(uint32_t number);
  // A replica stopped itself: its operator starts it again, when its disk has room.
  void OnStopped(uint32_t number);
  // A liar's own wish: crash, and start with a safety record that is older (B3).
  void Forget(uint32_t number, uint64_t records);

 private:
  // Safety records remembered for those that are going to forget.
  static constexpr size_t kRememberedMax = 64;
  static constexpr uint64_t kRememberEveryUs = 100'000;
  static constexpr uint64_t kOperatorUs = 300'000;
  static constexpr int kOperatorPatience = 5;

  void Begin(const Fault& fault);
  void End(const Fault& fault);
  bool BeginOnNetwork(const Fault& fault);
  bool BeginOnClocks(const Fault& fault);
  bool BeginCrash(const Fault& fault);
  void BeginOnDisks(const Fault& fault);
  void CrashAndStart(const Fault& fault, uint32_t number, CrashKind kind);
  void CrashAgain(const Fault* fault, uint32_t number, uint64_t until_us);
  void LosePower(const Fault& fault);
  void StartLater(uint32_t number, uint64_t after_us);
  void Decay(const Fault& fault, uint32_t number);
  // What a disk forgets, between processes.
  void Lose(const Fault& fault, uint32_t number);
  void StopLying(uint32_t number);
  void TakeCopies(const Fault& fault);
  void Remember(uint32_t number);
  CrashKind AnyCrash();
  std::vector<uint32_t> NodesOf(const Fault& fault) const;
  uint64_t now_us() const { return host_->queue().now_us(); }
  // At a time from now, unless all faults have ended by then.
  void After(uint64_t us, EventQueue::Action action);

  const Scenario& scenario_;
  FaultHost* const host_;
  SimRandom random_;
  bool healed_ = false;
  std::vector<uint64_t> effects_left_;  // by replica; 0: nobody counts
  std::vector<const Fault*> counting_;  // by replica: the fault that counts
  std::vector<bool> disk_full_;         // by replica
  std::vector<bool> disk_lies_;         // by replica
  std::vector<int> patience_;           // by replica: how often it may stop itself yet
  std::map<const Fault*, std::map<uint32_t, DiskImage>> copies_;
  std::map<uint32_t, std::deque<DiskImage>> remembered_;
};

}  // namespace kiln::sim

#endif  // KILN_SIM_FAULT_DRIVER_H_
