// Replicas in worlds of bad luck and two-faced validators. Every run follows from its seed:
//   KILN_SEED=17 consensus_test --gtest_filter=*RandomCluster*   runs that one alone
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "gtest/gtest.h"
#include "tests/consensus/replica_cluster.h"

namespace kiln::consensus {
namespace {

constexpr size_t kInFlightMax = 600;
constexpr PacemakerOptions kPacemaker{
    .round_timeout_min_us = 100'000, .round_timeout_max_us = 1'000'000, .heartbeat_us = 500'000};

// One cluster, one seed. First anything may happen; then the network heals.
class RandomWorld {
 public:
  RandomWorld(uint32_t seed, ClusterOptions options)
      : random_(seed), cluster_(WithFastTests(std::move(options))) {
    for (uint32_t i = 0; i < cluster_.size(); ++i) cluster_.Start(i);
  }

  // Replicas below this number and the others never hear each other.
  void Split(uint32_t first_of_the_others) { split_ = first_of_the_others; }

  ReplicaCluster& cluster() { return cluster_; }
  uint64_t HighestCommit() const {
    size_t highest = 0;
    for (uint32_t i = 0; i < cluster_.size(); ++i) {
      highest = std::max(highest, cluster_.committed(i).size() - 1);
    }
    return highest;
  }
  const std::string& violation() const { return cluster_.invariants().violation(); }

  // False as soon as an invariant is violated.
  bool Misbehave(int steps) {
    loss_percent_ = Below(30);
    for (int step = 0; step < steps && violation().empty(); ++step) {
      OneThing();
      while (cluster_.flight().size() > kInFlightMax) cluster_.flight().pop_front();
    }
    return violation().empty();
  }

  // From now on everybody is up, clocks are right, and every message arrives in order. Runs until
  // every honest replica has committed a transaction submitted now; returns how many rounds that
  // took, or `rounds_max` + 1.
  uint64_t RoundsUntilCommit(uint64_t rounds_max) {
    for (uint32_t i = 0; i < cluster_.size(); ++i) {
      if (!cluster_.is_up(i)) cluster_.Start(i);
      cluster_.set_clock_offset_us(i, 0);
      cluster_.ReleaseExecution(i);
    }
    cluster_.Submit("after healing");
    const uint64_t first = HighestRound();
    while (violation().empty() && HighestRound() <= first + rounds_max) {
      if (AllCommitted("after healing")) return HighestRound() - first;
      if (cluster_.flight().empty()) {
        cluster_.FireNext();
      } else {
        const InFlight message = std::move(cluster_.flight().front());
        cluster_.flight().pop_front();
        cluster_.Deliver(message);
      }
    }
    return rounds_max + 1;
  }

 private:
  static ClusterOptions WithFastTests(ClusterOptions options) {
    options.pacemaker = kPacemaker;
    options.signatures = Signatures::kCheap;
    options.log = false;
    options.halts_at_unknown_signatures = options.twins.empty() && !options.forget;
    return options;
  }

  uint64_t Below(uint64_t bound) { return random_() % bound; }
  uint32_t AnyReplica() { return static_cast<uint32_t>(Below(cluster_.size())); }

  void OneThing() {
    const uint64_t choice = Below(1000);
    if (choice < 900) return DeliverSomething();
    if (choice < 940) return cluster_.Advance(Below(120'000));
    if (choice < 950) return LeaveOutABlock();
    const uint32_t i = AnyReplica();
    if (choice < 953) return Crash(i);
    if (choice < 965) return StartOne();
    if (choice < 970) return Isolate(i);
    if (choice < 973) return cluster_.set_execution_held(i, true);
    if (choice < 985) return cluster_.ReleaseExecution(i);
    if (choice < 988) {
      return cluster_.set_clock_offset_us(i, static_cast<int64_t>(Below(30'000'000)) - 15'000'000);
    }
    if (!cluster_.is_up(i)) return;
    if (choice < 992) return cluster_.Connect(i, AnyReplica());
    cluster_.SubmitTo(i, absl::StrCat("transaction ", ++submitted_));
  }

  void DeliverSomething() {
    std::deque<InFlight>& flight = cluster_.flight();
    if (flight.empty()) return cluster_.Advance(Below(50'000));
    // Mostly old ones: else nothing would ever be in order.
    const size_t window = Below(4) == 0 ? flight.size() : std::min<size_t>(flight.size(), 8);
    const auto it = flight.begin() + static_cast<std::ptrdiff_t>(Below(window));
    const InFlight message = *it;
    if (Below(100) >= 5) flight.erase(it);  // else it will arrive once more
    if ((message.from < split_) != (message.to < split_)) return;
    if (message.from == isolated_ || message.to == isolated_) return;
    if (Below(100) < loss_percent_) return;
    cluster_.Deliver(message);
  }

  void Crash(uint32_t i) {
    if (cluster_.is_up(i)) cluster_.Crash(i);
  }

  void StartOne() {
    for (uint32_t i = 0; i < cluster_.size(); ++i) {
      if (!cluster_.is_up(i)) return cluster_.Start(i);
    }
  }

  // A two-faced leader whose round began with a TC also sends all a block that leaves out its
  // parent: what replicas must refuse when somebody reported the QC for that parent.
  void LeaveOutABlock() {
    for (const InFlight& message : cluster_.flight()) {
      const auto* proposal = std::get_if<Proposal>(&message.message);
      if (proposal == nullptr || !proposal->tc.has_value()) continue;
      if (cluster_.invariants().IsHonest(message.from)) continue;
      const BlockPtr left_out = cluster_.Stored(message.from, proposal->block->header.parent_id);
      const BlockPtr parent = cluster_.Stored(message.from, left_out->header.parent_id);
      if (parent == nullptr) return;
      const Header& honest = proposal->block->header;
      const BlockPtr block =
          cluster_.world().BlockOn(parent, left_out->justify, honest.round,
                                   {.executed_height = parent->header.executed_height,
                                    .state_root = parent->header.state_root,
                                    .time_us = honest.time_us,
                                    .proposer = honest.proposer});
      const Proposal lie = cluster_.world().ProposalOf(block, proposal->tc);
      const uint32_t from = message.from;
      for (uint32_t to = 0; to < cluster_.size(); ++to) {
        if (cluster_.validator(to) != cluster_.validator(from)) {
          cluster_.flight().push_front({from, to, lie});
        }
      }
      return;
    }
  }

  // Two times in three nobody is.
  void Isolate(uint32_t i) { isolated_ = Below(3) == 0 ? i : UINT32_MAX; }

  uint64_t HighestRound() {
    uint64_t highest = 0;
    for (uint32_t i = 0; i < cluster_.size(); ++i) {
      highest = std::max(highest, cluster_.replica(i).status().round.value);
    }
    return highest;
  }

  bool AllCommitted(const std::string& transaction) {
    for (uint32_t i = 0; i < cluster_.size(); ++i) {
      if (cluster_.invariants().IsHonest(i) && !cluster_.HasCommitted(i, transaction)) return false;
    }
    return true;
  }

  std::mt19937 random_;
  ReplicaCluster cluster_;
  uint64_t loss_percent_ = 0;
  uint64_t submitted_ = 0;
  uint32_t isolated_ = UINT32_MAX;
  uint32_t split_ = 0;
};

// Seeds 1 to `count`, or the one that the environment names.
std::vector<uint32_t> Seeds(uint32_t count) {
  uint32_t only = 0;
  const char* named = std::getenv("KILN_SEED");
  if (named != nullptr && absl::SimpleAtoi(named, &only)) return {only};
  std::vector<uint32_t> seeds(count);
  for (uint32_t i = 0; i < count; ++i) seeds[i] = i + 1;
  return seeds;
}

const std::vector<uint64_t>& PowersFor(uint32_t seed) {
  static const auto& powers = *new std::vector<std::vector<uint64_t>>{
      {1, 1, 1, 1}, {1, 1, 1, 1, 1, 1, 1}, {3, 2, 2, 1, 1}, {2, 1, 1, 1, 1}, {1}, {7, 1, 1}};
  return powers[seed % powers.size()];
}

// The shortest run of leaders that commits is two rounds and the collector of the second's votes.
// After healing at most a few rounds pass until all are in one, and two-faced leaders spoil theirs.
constexpr uint64_t kRoundsMax = 16;

TEST(RandomCluster, StaysSafeAndCommitsAgainAfterCrashesLossAndDisorder) {
  uint64_t slowest = 0;
  uint64_t committed_in_disorder = 0;
  for (const uint32_t seed : Seeds(200)) {
    SCOPED_TRACE(absl::StrCat("KILN_SEED=", seed));
    RandomWorld world(seed, {.powers = PowersFor(seed)});
    ASSERT_TRUE(world.Misbehave(1500)) << world.violation();
    committed_in_disorder += world.HighestCommit();
    const uint64_t rounds = world.RoundsUntilCommit(kRoundsMax);
    ASSERT_EQ(world.violation(), "");
    ASSERT_LE(rounds, kRoundsMax);
    slowest = std::max(slowest, rounds);
  }
  EXPECT_GT(committed_in_disorder, 0u) << "nothing was put at risk";
  std::cout << "committed in disorder: " << committed_in_disorder
            << " blocks; after healing within " << slowest << " rounds\n";
}

TEST(RandomCluster, StaysSafeAndCommitsAgainWithLessThanAThirdTwoFaced) {
  uint64_t slowest = 0;
  uint64_t committed_in_disorder = 0;
  for (const uint32_t seed : Seeds(150)) {
    SCOPED_TRACE(absl::StrCat("KILN_SEED=", seed));
    ClusterOptions options{.powers = {1, 1, 1, 1}, .twins = {seed % 4}};
    if (seed % 3 == 0)
      options = {.powers = {1, 1, 1, 1, 1, 1, 1}, .twins = {seed % 7, (seed + 3) % 7}};
    if (seed % 3 == 1) options = {.powers = {3, 3, 3, 2, 1}, .twins = {3, 4}};
    RandomWorld world(seed, options);
    ASSERT_TRUE(world.Misbehave(2000)) << world.violation();
    committed_in_disorder += world.HighestCommit();
    const uint64_t rounds = world.RoundsUntilCommit(kRoundsMax);
    ASSERT_EQ(world.violation(), "");
    ASSERT_LE(rounds, kRoundsMax);
    slowest = std::max(slowest, rounds);
  }
  EXPECT_GT(committed_in_disorder, 0u) << "nothing was put at risk";
  std::cout << "committed in disorder: " << committed_in_disorder
            << " blocks; after healing within " << slowest << " rounds\n";
}

TEST(RandomCluster, DoesTheSameAgainForTheSameSeed) {
  const auto run = [](uint32_t seed) {
    RandomWorld world(seed, {.powers = {1, 1, 1, 1}, .twins = {2}});
    world.Misbehave(2000);
    std::string state;
    for (uint32_t i = 0; i < world.cluster().size(); ++i) {
      absl::StrAppend(&state, world.cluster().committed(i).back()->id.ToHex(), " ");
      if (world.cluster().is_up(i)) {
        absl::StrAppend(&state, Encode(world.cluster().replica(i).safety_record()));
      }
    }
    return state;
  };
  for (uint32_t seed = 1; seed <= 5; ++seed) EXPECT_EQ(run(seed), run(seed)) << "seed " << seed;
}

// --- The rig must be able to fail: each of these worlds breaks what safety rests on.

// The first violation within a number of seeds, or nothing.
std::string FirstViolation(const ClusterOptions& options) {
  for (uint32_t seed = 1; seed <= 200; ++seed) {
    RandomWorld world(seed, options);
    if (!world.Misbehave(2000)) return world.violation();
  }
  return "";
}

void ExpectContains(const std::string& violation, const std::string& words) {
  EXPECT_NE(violation.find(words), std::string::npos)
      << (violation.empty() ? "nothing was found" : violation);
}

TEST(RandomClusterMutants, CatchesAThirdOfTwoFacedValidators) {
  // Validators 1 and 2 tell 0 one story and 3 another.
  RandomWorld world(1, {.powers = {1, 1, 1, 1}, .twins = {1, 2}});
  world.Split(3);
  world.Misbehave(20000);
  ExpectContains(world.violation(), "commits another block at height");
}

TEST(RandomClusterMutants, CatchesForgottenVotes) {
  ExpectContains(FirstViolation({.forget =
                                     [](SafetyRecord* record, const SafetyRecord&) {
                                       record->last_voted_round = {};
                                       record->last_vote.reset();
                                       record->last_timeout.reset();
                                     }}),
                 "replica");
}

TEST(RandomClusterMutants, CatchesAForgottenTimeout) {
  ExpectContains(FirstViolation({.forget =
                                     [](SafetyRecord* record, const SafetyRecord&) {
                                       if (!record->last_timeout.has_value()) return;
                                       record->last_timeout.reset();
                                       record->last_voted_round =
                                           record->last_vote ? record->last_vote->round : Round{};
                                     }}),
                 "replica");
}

TEST(RandomClusterMutants, CatchesAForgottenProposal) {
  ExpectContains(
      FirstViolation({.forget = [](SafetyRecord* record,
                                   const SafetyRecord&) { record->last_proposed_round = {}; }}),
      "propos");
}

TEST(RandomClusterMutants, CatchesAForgottenLock) {
  ExpectContains(FirstViolation({.forget =
                                     [](SafetyRecord* record, const SafetyRecord& at_commit) {
                                       record->locked_qc_round = {};
                                       record->high_qc = at_commit.high_qc;
                                     }}),
                 "lowers its");
}

TEST(RandomClusterMutants, CatchesARecordThatIsRolledBack) {
  ExpectContains(
      FirstViolation({.forget = [](SafetyRecord* record,
                                   const SafetyRecord& at_commit) { *record = at_commit; }}),
      "replica");
}

}  // namespace
}  // namespace kiln::consensus
