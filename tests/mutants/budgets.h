// Where each fault of our own has to be noticed, and within how many seeds.
#ifndef KILN_TESTS_MUTANTS_BUDGETS_H_
#define KILN_TESTS_MUTANTS_BUDGETS_H_

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"

namespace kiln::mutants {

// Seeds 1 to `seeds` of one profile, or of "scenario NAME": a file of tests/scenarios.
struct Budget {
  absl::string_view profile;
  uint64_t seeds = 0;
};

struct MutantBudget {
  absl::string_view mutant;     // as in KILN_MUTANT(...)
  std::vector<Budget> budgets;  // in turn
};

// For mutants that Budgets() does not name: the cheapest profile first.
inline const std::vector<Budget>& DefaultBudgets() {
  static const auto& budgets =
      *new std::vector<Budget>{{"byzzfuzz", 500}, {"twins", 500}, {"swarm", 500}, {"crash", 300}};
  return budgets;
}

// Those whose profile is known, so that the tool need not look in the others first.
inline const std::vector<MutantBudget>& Budgets() {
  static const std::vector<Budget> kCrash = {{"crash", 500}, {"swarm", 500}};
  static const std::vector<Budget> kSwarm = {{"swarm", 500}, {"crash", 300}};
  static const std::vector<Budget> kLongAbsent = {{"scenario long_absent", 20}};
  static const std::vector<Budget> kLiesToThoseBehind = {{"scenario lies_to_those_behind", 20}};
  static const std::vector<Budget> kLateVotes = {{"scenario votes_of_before_come_late", 50}};
  static const std::vector<Budget> kRecovery = {{"scenario recovery_with_a_liar", 50}};
  static const std::vector<Budget> kTailForks = {{"scenario tail_forks_after_timeouts", 50}};
  static const std::vector<Budget> kWrongContents = {{"scenario wrong_contents", 50}};
  static const auto& budgets = *new std::vector<MutantBudget>{
      {"a commit is not indexed by height", kCrash},
      {"a commit is written without its certificate", kCrash},
      {"a failed sync is tried again", kCrash},
      {"a missing safety record starts afresh", kCrash},
      {"a replay skips a block", kCrash},
      {"a restart forgets executed transactions", {{"scenario repeats_after_a_restart", 50}}},
      {"a vote leaves early within its certificate",
       {{"scenario own_vote_within_a_certificate", 30}}},
      {"a TC's QC may be lower than reported", {{"scenario tc_beside_an_older_qc", 20}}},
      {"a silent peer keeps its range", {{"scenario ranges_from_several", 5}}},
      {"accept a QC below what the TC reports", kTailForks},
      {"an answer that is cut has no certificate", kLongAbsent},
      {"answers have no limit", kLongAbsent},
      {"blocks are asked for at one pace", {{"scenario slow_catch_up", 10}}},
      {"blocks are asked of one signer alone", kLongAbsent},
      {"blocks may come under another block's QC", kLiesToThoseBehind},
      {"blocks that nobody asked for are believed", kLiesToThoseBehind},
      {"blocks are not written", kCrash},
      {"execution is told before the commit is durable", kCrash},
      {"missing blocks are not fetched", kCrash},
      {"payloads are not written", kCrash},
      {"chunks of a snapshot are not checked", {{"scenario wrong_snapshot_chunks", 30}}},
      {"a snapshot's root need not be certified", {{"scenario wrong_snapshot_chunks", 30}}},
      {"pruning takes what a start needs", {{"scenario old_blocks_are_pruned", 20}}},
      {"blocks are deleted before the lowest height is durable",
       {{"scenario power_fails_while_old_blocks_go", 50}}},
      {"proposals are forgotten at a restart", kCrash},
      {"replies differ from process to process", kCrash},
      {"send before persisting", kCrash},
      {"state is written without its height", kCrash},
      {"the committed head is not written", kCrash},
      {"the last write of a block is lost", kCrash},
      {"the ledger is not synced", kCrash},
      {"the lock is forgotten at a restart", kCrash},
      {"the safety record is not written", kCrash},
      {"the safety record's checksums are not checked", {{"scenario silent_rot", 50}}},
      {"the state starts anew at a restart", kCrash},
      {"timeouts are forgotten at a restart", kCrash},
      {"votes are forgotten at a restart", kCrash},
      {"a client gets another's reply", kSwarm},
      {"a client hears that another's envelope expired", kWrongContents},
      {"duplicates are executed again", kSwarm},
      {"executed heights may be anything", {{"scenario leader_withholds_qc", 50}}},
      {"expired transactions are executed", kWrongContents},
      {"one duplicate of a block is seen", kSwarm},
      {"one validator is a blocking share", {{"scenario timeouts_in_advance", 20}}},
      {"quorum off by one", kSwarm},
      {"the duplicate window is half as long", kWrongContents},
      {"time may be far ahead", kWrongContents},
      {"time may run backwards", kWrongContents},
      {"a recovered validator abstains in one round less", kLateVotes},
      {"a recovered validator gives up on rounds of before", kRecovery},
      {"a signature of before the loss is a stranger's", kLateVotes},
      {"one validator can vouch for a lost record", kRecovery},
      {"where a validator stands need not be proved", kRecovery},
      {"timers never fall back", {{"scenario one_leader_costs_its_share", 5}}},
      {"a vote goes to the next leader alone", {{"scenario one_leader_costs_its_share", 5}}},
      {"vote twice in a round", {{"scenario equivocating_leader", 20}}},
      {"vote without a justification", kTailForks},
  };
  return budgets;
}

}  // namespace kiln::mutants

#endif  // KILN_TESTS_MUTANTS_BUDGETS_H_
