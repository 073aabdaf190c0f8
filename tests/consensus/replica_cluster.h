// Replicas of one chain around a hand-driven network, clock and disk, for transcripts and tests.
#ifndef KILN_TESTS_CONSENSUS_REPLICA_CLUSTER_H_
#define KILN_TESTS_CONSENSUS_REPLICA_CLUSTER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "consensus/codec.h"
#include "consensus/replica.h"
#include "crypto/hash.h"
#include "tests/consensus/invariants.h"
#include "tests/consensus/test_world.h"

namespace kiln::consensus {

// A message under way between two replicas.
struct InFlight {
  uint32_t from = 0;
  uint32_t to = 0;
  Message message;
};

inline const char* KindOf(const Message& message) {
  static constexpr const char* kNames[] = {
      "proposal", "vote", "timeout", "certificates", "blocks", "standing request", "standing"};
  return kNames[message.index()];
}

struct ClusterOptions {
  std::vector<uint64_t> powers = {1, 1, 1, 1};
  PacemakerOptions pacemaker;
  // Validators with a second replica that has the same keys, another disk and another view of the
  // world: together the two do what liars do. They come after the others, in this order.
  std::vector<uint32_t> twins;
  Signatures signatures = Signatures::kReal;
  bool log = true;
  uint64_t listen_us = 0;
  // Not where tests or twins sign in the name of the replica under test.
  bool halts_at_unknown_signatures = false;
  // What a broken disk does to the safety record at a restart; the second argument is the record as
  // it was when the replica last committed.
  std::function<void(SafetyRecord*, const SafetyRecord&)> forget;
};

// Every replica is production's Replica. Effects are performed at once: what is durable survives
// Crash, sends go into flight() in order. Execution is a hash chain over block ids and runs when a
// block commits, unless held. Each effect is written to log() as one line; invariants() watches all
// of them. Replicas are counted from 0; without twins a replica's number is its validator's.
class ReplicaCluster {
 public:
  explicit ReplicaCluster(ClusterOptions options)
      : options_(std::move(options)),
        world_(options_.powers, {}, options_.signatures),
        nodes_(options_.powers.size() + options_.twins.size()),
        invariants_(nodes_.size()) {
    names_[world_.genesis_block()->id] = "B0";
    for (uint32_t i = 0; i < nodes_.size(); ++i) {
      const uint32_t validators = static_cast<uint32_t>(options_.powers.size());
      nodes_[i].validator = {i < validators ? i : options_.twins[i - validators]};
      nodes_[i].safety = InitialSafetyRecord(world_.genesis_qc());
      nodes_[i].safety_at_commit = nodes_[i].safety;
      nodes_[i].committed = {world_.genesis_block()};
      nodes_[i].roots = {{Height{0}, GenesisState(world_.genesis()).Root()}};
      nodes_[i].blocks[world_.genesis_block()->id] = world_.genesis_block();
      if (i < validators) continue;
      invariants_.Exempt(i);
      invariants_.Exempt(nodes_[i].validator.value);
    }
  }

  TestWorld& world() { return world_; }
  const Invariants& invariants() const { return invariants_; }
  size_t size() const { return nodes_.size(); }
  std::deque<InFlight>& flight() { return flight_; }
  std::vector<std::string>& log() { return log_; }
  Replica& replica(uint32_t i) { return *nodes_.at(i).replica; }
  bool is_up(uint32_t i) const { return nodes_.at(i).replica != nullptr; }
  ValidatorIndex validator(uint32_t i) const { return nodes_.at(i).validator; }
  uint64_t now_us() const { return now_us_; }
  const std::vector<BlockPtr>& committed(uint32_t i) const { return nodes_.at(i).committed; }
  // Null when the replica's disk never held it.
  BlockPtr Stored(uint32_t i, const Hash& id) const {
    const auto it = nodes_.at(i).blocks.find(id);
    return it == nodes_.at(i).blocks.end() ? nullptr : it->second;
  }
  bool HasCommitted(uint32_t i, const std::string& transaction) const {
    return nodes_.at(i).transactions.contains(transaction);
  }
  void set_execution_held(uint32_t i, bool held) { nodes_.at(i).execution_held = held; }
  // The replica's wall clock is wrong by this much from now on.
  void set_clock_offset_us(uint32_t i, int64_t us) { nodes_.at(i).clock_offset_us = us; }
  // Makes the replica compute other state roots than the rest from now on.
  void set_diverged(uint32_t i) { nodes_.at(i).diverged = true; }
  void Name(const BlockPtr& block, std::string name) { names_[block->id] = std::move(name); }

  void Start(uint32_t i) {
    Node& node = nodes_.at(i);
    KILN_CHECK(node.replica == nullptr);
    RecoveredReplica recovered;
    recovered.safety = node.safety;
    recovered.committed = node.committed.back();
    FillRecovered(node, &recovered);
    if (options_.forget && node.started) {
      options_.forget(&recovered.safety, node.safety_at_commit);
    }
    node.started = true;
    const ReplicaOptions options{
        .self = node.validator,
        .chain_id = world_.chain_id(),
        .limits = world_.genesis().limits,
        .pacemaker = options_.pacemaker,
        .listen_us = options_.listen_us,
        .halts_at_unknown_signatures = options_.halts_at_unknown_signatures};
    node.replica = std::make_unique<Replica>(options, &world_.validators(), &world_.leaders(),
                                             &world_.signer(node.validator), &node.source,
                                             std::move(recovered), NowAt(i));
    node.round = node.replica->status().round;
    invariants_.OnRound(i, node.round);
    Log(i, absl::StrCat("starts in round ", node.round.value, " at height ",
                        node.committed.back()->header.height.value));
    Perform(i, node.replica->Start(NowAt(i)));
  }

  // What is in memory is lost, with what is under way to it.
  void Crash(uint32_t i) {
    nodes_.at(i).replica.reset();
    nodes_.at(i).source.waiting.clear();
    std::erase_if(flight_, [i](const InFlight& message) { return message.to == i; });
    Log(i, "crashes");
  }

  // For every replica that is up, as after forwarding.
  void Submit(const std::string& transaction) {
    for (uint32_t i = 0; i < nodes_.size(); ++i) {
      if (is_up(i)) SubmitTo(i, transaction);
    }
  }
  void SubmitTo(uint32_t i, const std::string& transaction) {
    if (HasCommitted(i, transaction)) return;
    nodes_.at(i).source.waiting.push_back(transaction);
    Step(i, TransactionsWaiting{});
  }

  void Disconnect(uint32_t i, uint32_t peer) {
    Step(i, PeerDisconnected{nodes_.at(peer).validator});
  }
  void HoldBlocks(uint32_t i, bool are_held) { Step(i, BlocksHeld{are_held}); }
  void Connect(uint32_t i, uint32_t peer) { Step(i, PeerConnected{nodes_.at(peer).validator}); }

  // Verifies and delivers one message that is no longer in flight().
  void Deliver(const InFlight& message) {
    if (!is_up(message.to)) return;
    absl::StatusOr<VerifiedMessage> verified =
        world_.verifier().Verify(nodes_.at(message.from).validator, message.message);
    if (verified.ok()) return Step(message.to, *std::move(verified));
    Log(message.to, absl::StrCat("drops ", KindOf(message.message), " of ", message.from, ": ",
                                 verified.status().message()));
  }

  // All that is in flight and all that follows from it, in order.
  void DeliverAll(const std::set<std::pair<uint32_t, uint32_t>>& blocked = {},
                  const std::set<std::string>& dropped_kinds = {}) {
    for (int i = 0; !flight_.empty(); ++i) {
      KILN_CHECK_LT(i, 100000) << "the network never falls silent";
      const InFlight message = std::move(flight_.front());
      flight_.pop_front();
      if (blocked.contains({message.from, message.to})) continue;
      if (dropped_kinds.contains(KindOf(message.message))) continue;
      Deliver(message);
    }
  }

  // Moves time, firing deadlines in order; nothing is delivered meanwhile.
  void Advance(uint64_t us) {
    const uint64_t end = now_us_ + us;
    for (int i = 0; NextDeadline() <= end; ++i) {
      KILN_CHECK_LT(i, 100000) << "a replica's deadline never passes";
      FireNext();
    }
    now_us_ = end;
  }

  // Of the replicas that are up; UINT64_MAX when there is none.
  uint64_t NextDeadline() const {
    uint64_t earliest = UINT64_MAX;
    for (const Node& node : nodes_) {
      if (node.replica != nullptr) earliest = std::min(earliest, node.replica->NextDeadline());
    }
    return earliest;
  }
  // Moves time to the next deadline. REQUIRES: there is one.
  void FireNext() {
    const uint64_t deadline = NextDeadline();
    KILN_CHECK_LT(deadline, UINT64_MAX);
    now_us_ = std::max(now_us_, deadline);
    for (uint32_t i = 0; i < nodes_.size(); ++i) {
      if (is_up(i) && replica(i).NextDeadline() == deadline) return Step(i, Tick{});
    }
  }

  void ReleaseExecution(uint32_t i) {
    set_execution_held(i, false);
    Execute(i);
  }

  std::string NameOf(const Hash& id) {
    const auto it = names_.find(id);
    return it == names_.end() ? id.Short() : it->second;
  }

 private:
  // Gives every waiting transaction to the next block, in order of arrival.
  struct Source final : PayloadSource {
    bool HasTransactions() const override { return !waiting.empty(); }
    void Committed(const BlockPtr& block) override {
      for (const std::string& transaction : TransactionsOf(*block)) {
        std::erase(waiting, transaction);
      }
    }
    Payload Build(Height, absl::Span<const BlockPtr> ancestors) override {
      std::set<std::string> taken;
      for (const BlockPtr& block : ancestors) {
        for (const std::string& transaction : TransactionsOf(*block)) taken.insert(transaction);
      }
      std::vector<std::string> fresh;
      for (const std::string& transaction : waiting) {
        if (!taken.contains(transaction)) fresh.push_back(transaction);
      }
      const SharedBytes bytes = PayloadOf(fresh);
      auto index = IndexPayload(*bytes, ChainLimits{});
      KILN_CHECK_OK(index.status());
      return {bytes, *std::move(index)};
    }
    std::vector<std::string> waiting;
  };

  struct Node {
    ValidatorIndex validator;
    std::unique_ptr<Replica> replica;
    Source source;
    // Durable.
    SafetyRecord safety;
    std::map<Hash, BlockPtr> blocks;
    std::vector<BlockPtr> committed;
    std::map<Height, Hash> roots;
    // What tests ask about.
    std::set<std::string> transactions;
    SafetyRecord safety_at_commit;
    Round round;
    int64_t clock_offset_us = 0;
    bool started = false;
    bool execution_held = false;
    bool diverged = false;
  };

  static std::vector<std::string> TransactionsOf(const Block& block) {
    std::vector<std::string> transactions;
    for (size_t i = 0; i < block.index->entries.size(); ++i) {
      const auto envelope =
          DecodeEnvelope(block.index->EnvelopeAt(*block.payload, i), ChainLimits{});
      KILN_CHECK_OK(envelope.status());
      transactions.emplace_back(envelope->payload);
    }
    return transactions;
  }

  Now NowAt(uint32_t i) const {
    const int64_t wall_us = 1'700'000'000'000'000 + static_cast<int64_t>(now_us_);
    return {now_us_, static_cast<uint64_t>(wall_us + nodes_.at(i).clock_offset_us)};
  }

  void Step(uint32_t i, const Event& event) {
    Node& node = nodes_.at(i);
    const uint64_t votes_before = node.replica->status().votes_signed;
    Effects effects = node.replica->Step(event, NowAt(i));
    KILN_CHECK_LE(node.replica->status().votes_signed, votes_before + 2) << "a step without end";
    Perform(i, std::move(effects));
    const Round round = node.replica->status().round;
    invariants_.OnRound(i, round);
    if (round != std::exchange(node.round, round)) {
      Log(i, absl::StrCat("enters round ", round.value));
    }
  }

  void Perform(uint32_t i, Effects effects) {
    Node& node = nodes_.at(i);
    for (const Refusal& refusal : effects.refusals) {
      Log(i, absl::StrCat("refuses ", refusal.from.value, ": ", Named(refusal.cause)));
    }
    if (effects.halt.has_value()) {
      Log(i, absl::StrCat("HALTS at height ", effects.halt->height.value, ": ",
                          Named(effects.halt->cause)));
      return;
    }
    for (const BlockPtr& block : effects.durable.blocks) NameBlock(*block);
    for (Outbound& outbound : effects.send_early) Send(i, std::move(outbound));
    for (const BlockPtr& block : effects.durable.blocks) node.blocks[block->id] = block;
    const bool commits = !effects.durable.commits.empty();
    if (effects.durable.safety.has_value()) {
      // Written and read back: what the record loses in encoding would show.
      auto read = DecodeSafetyRecord(Encode(*effects.durable.safety));
      if (!read.ok()) return invariants_.OnUnreadable(i, read.status());
      invariants_.OnDurable(i, *read);
      node.safety = *std::move(read);
      if (commits) node.safety_at_commit = node.safety;
    }
    for (const Commit& commit : effects.durable.commits) Keep(i, commit);
    for (Outbound& outbound : effects.send) Send(i, std::move(outbound));
    for (const Fetch& fetch : effects.fetch) Answer(i, fetch);
    if (!node.execution_held) Execute(i);
  }

  void Keep(uint32_t i, const Commit& commit) {
    Node& node = nodes_.at(i);
    for (const BlockPtr& block : commit.blocks) {
      invariants_.OnCommitted(i, *block);
      node.committed.push_back(block);
      for (const std::string& transaction : TransactionsOf(*block)) {
        node.transactions.insert(transaction);
      }
      Log(i, absl::StrCat("commits ", NameOf(block->id), " at height ", block->header.height.value,
                          block->has_transactions() ? " with transactions" : ""));
    }
  }

  void Execute(uint32_t i) {
    Node& node = nodes_.at(i);
    while (is_up(i) && node.roots.rbegin()->first.value + 1 < node.committed.size()) {
      const Height height{node.roots.rbegin()->first.value + 1};
      const BlockPtr& block = node.committed[height.value];
      crypto::Hasher hasher(crypto::kDomainApplicationRoot);
      hasher.Update(node.roots.rbegin()->second.view()).Update(block->id.view());
      if (node.diverged) hasher.Update("other");
      const Hash root = hasher.Finish();
      node.roots.emplace(height, root);
      Step(i, BlockExecuted{height, root});
    }
  }

  void Send(uint32_t i, Outbound outbound) {
    invariants_.OnSent(i, outbound.message);
    if (options_.log) {
      const std::string to = outbound.to.has_value() ? absl::StrCat(outbound.to->value) : "all";
      Log(i, absl::StrCat("sends ", Describe(outbound.message), " to ", to));
    }
    for (uint32_t peer = 0; peer < nodes_.size(); ++peer) {
      const ValidatorIndex to = nodes_[peer].validator;
      if (to == nodes_[i].validator || (outbound.to.has_value() && outbound.to != to)) continue;
      flight_.push_back({i, peer, outbound.message});
    }
  }

  // From the asked replica's disk: requests are the node's business, not the replica's.
  void Answer(uint32_t i, const Fetch& fetch) {
    Log(i, absl::StrCat("fetches ", NameOf(fetch.request.block_id), " above height ",
                        fetch.request.above_height.value, " from ", fetch.from.value));
    for (uint32_t peer = 0; peer < nodes_.size(); ++peer) {
      if (nodes_[peer].validator != fetch.from || !is_up(peer)) continue;
      if (!nodes_[peer].blocks.contains(fetch.request.block_id)) continue;
      flight_.push_back({peer, i, AnswerOf(nodes_[peer], fetch.request)});
      return;
    }
  }

  static Blocks AnswerOf(const Node& peer, const BlockRequest& request) {
    std::deque<BlockPtr> chain;
    for (BlockPtr block = peer.blocks.at(request.block_id);
         block->header.height > request.above_height;
         block = peer.blocks.at(block->header.parent_id)) {
      chain.push_front(block);
    }
    if (chain.empty()) chain.push_back(peer.blocks.at(request.block_id));
    Blocks answer;
    for (const BlockPtr& block : chain) {
      if (answer.blocks.size() == std::min<size_t>(request.count, kAnswerBlocksMax)) {
        answer.tip_qc = block->justify;
        break;
      }
      answer.blocks.push_back(block);
    }
    return answer;
  }

  void FillRecovered(const Node& node, RecoveredReplica* recovered) {
    const Header& head = node.committed.back()->header;
    for (size_t height = node.committed.size() - 1; height > 1; --height) {
      const Header& parent = node.committed[height - 1]->header;
      if (parent.round.value == parent.parent_round.value + 1) {
        recovered->committed_commits_height = Height{height - 2};
        break;
      }
    }
    for (size_t height = head.executed_height.value + 1; height < node.committed.size(); ++height) {
      if (node.committed[height]->has_transactions()) recovered->last_nonempty_height = {height};
    }
    for (const auto& [height, root] : node.roots) {
      if (height >= head.executed_height) recovered->executed_roots.emplace(height, root);
    }
    if (recovered->executed_roots.empty()) recovered->executed_roots.insert(*node.roots.rbegin());
    std::map<Height, std::vector<BlockPtr>> above;
    for (const auto& [id, block] : node.blocks) {
      if (block->header.height > head.height) above[block->header.height].push_back(block);
    }
    for (const auto& [height, blocks] : above) {
      recovered->uncommitted.insert(recovered->uncommitted.end(), blocks.begin(), blocks.end());
    }
  }

  void NameBlock(const Block& block) {
    if (!options_.log || names_.contains(block.id)) return;
    std::string name = absl::StrCat("B", block.header.round.value);
    for (const auto& [id, taken] : names_) {
      if (taken == name && id != block.id) name += "'";
    }
    names_.emplace(block.id, name);
  }

  std::string Describe(const Message& message) {
    if (const auto* proposal = std::get_if<Proposal>(&message)) {
      NameBlock(*proposal->block);
      const Header& header = proposal->block->header;
      return absl::StrCat("proposal ", NameOf(proposal->block->id), " (height ",
                          header.height.value, " on ", NameOf(header.parent_id), ", executed ",
                          header.executed_height.value,
                          proposal->tc ? absl::StrCat(", TC ", proposal->tc->round.value) : "",
                          proposal->block->has_transactions() ? ", transactions" : "", ")");
    }
    if (const auto* vote = std::get_if<Vote>(&message)) {
      return absl::StrCat("vote ", NameOf(vote->block_id));
    }
    if (const auto* timeout = std::get_if<Timeout>(&message)) {
      return absl::StrCat("timeout ", timeout->round.value, " (high QC ",
                          timeout->high_qc.round.value, ")");
    }
    if (const auto* certificates = std::get_if<Certificates>(&message)) {
      return absl::StrCat(
          "certificates (QC ", certificates->high_qc.round.value,
          certificates->last_tc ? absl::StrCat(", TC ", certificates->last_tc->round.value) : "",
          ")");
    }
    if (std::holds_alternative<StandingRequest>(message)) return "standing request";
    if (const auto* standing = std::get_if<Standing>(&message)) {
      return absl::StrCat("standing (round ", standing->round().value, ", signed up to ",
                          standing->last_voted_round.value, ")");
    }
    return "blocks";
  }

  // Short ids in messages become names, so that transcripts do not depend on hashes.
  std::string Named(std::string text) {
    for (const auto& [id, name] : names_) {
      for (size_t at = text.find(id.Short()); at != std::string::npos; at = text.find(id.Short())) {
        text.replace(at, id.Short().size(), name);
      }
    }
    return text;
  }

  void Log(uint32_t i, absl::string_view line) {
    if (options_.log) log_.push_back(absl::StrCat(i, ": ", line));
  }

  static constexpr size_t kAnswerBlocksMax = 3;  // few, so that answers rarely suffice

  const ClusterOptions options_;
  TestWorld world_;
  std::vector<Node> nodes_;
  Invariants invariants_;
  std::deque<InFlight> flight_;
  std::map<Hash, std::string> names_;
  std::vector<std::string> log_;
  uint64_t now_us_ = 0;
};

}  // namespace kiln::consensus

#endif  // KILN_TESTS_CONSENSUS_REPLICA_CLUSTER_H_
