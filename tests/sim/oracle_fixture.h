// A chain by hand, and oracles that watch it.
#ifndef KILN_TESTS_SIM_ORACLE_FIXTURE_H_
#define KILN_TESTS_SIM_ORACLE_FIXTURE_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "consensus/safety_rules.h"
#include "sim/durable_view.h"
#include "sim/observed.h"
#include "tests/consensus/test_world.h"

namespace kiln::sim {

// Holds what a test puts there.
class HandMadeDisk final : public DurableView {
 public:
  std::optional<consensus::SafetyRecord> safety;
  std::set<Hash> blocks;
  uint64_t committed = 0;
  bool sync_failed = false;

  absl::StatusOr<const consensus::SafetyRecord*> Safety(uint64_t) const override {
    if (!safety.has_value()) return absl::NotFoundError("no record");
    return &*safety;
  }
  absl::StatusOr<Height> CommittedHeight(uint64_t) const override { return Height{committed}; }
  bool HasBlock(Height, const Hash& id, uint64_t) const override { return blocks.contains(id); }
  bool HasPayload(Height, const Hash& id, uint64_t) const override { return blocks.contains(id); }
  bool SyncFailed() const override { return sync_failed; }
};

// Four validators of equal power; violations_ has the ids of what was violated.
class OracleTest : public testing::Test {
 protected:
  ObserverContext Context(std::vector<bool> is_honest = {true, true, true, true}) {
    return {.scenario = &scenario_,
            .genesis = &world_.genesis(),
            .validators = &world_.validators(),
            .leaders = &world_.leaders(),
            .signatures = &world_.signatures(),
            .validator_of = {{0}, {1}, {2}, {3}},
            .is_honest = std::move(is_honest),
            .violated = [this](absl::string_view id, const std::string&) {
              violations_.insert(std::string(id));
            }};
  }
  consensus::SafetyRecord FreshRecord() const {
    return consensus::InitialSafetyRecord(world_.genesis_qc());
  }
  // The record after a vote for `block`.
  consensus::SafetyRecord Voted(consensus::SafetyRecord record, const consensus::BlockPtr& block,
                                ValidatorIndex author) {
    record.last_vote = world_.VoteFor(block, author);
    record.last_voted_round = block->header.round;
    record.locked_qc_round = std::max(record.locked_qc_round, block->justify.round);
    if (block->justify.round > record.high_qc.round) record.high_qc = block->justify;
    return record;
  }
  consensus::SafetyRecord TimedOut(consensus::SafetyRecord record,
                                   const consensus::Timeout& timeout) {
    record.last_timeout = timeout;
    record.last_voted_round = timeout.round;
    return record;
  }

  consensus::TestWorld world_{{1, 1, 1, 1}, {}, consensus::Signatures::kCheap};
  Scenario scenario_;
  std::set<std::string> violations_;
  const std::set<std::string> none_;
};

}  // namespace kiln::sim

#endif  // KILN_TESTS_SIM_ORACLE_FIXTURE_H_
