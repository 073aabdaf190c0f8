// Replicas of one chain around a hand-driven network, clock and disk, for transcripts and tests.
#ifndef KILN_TESTS_CONSENSUS_REPLICA_CLUSTER_H_
#define KILN_TESTS_CONSENSUS_REPLICA_CLUSTER_H_

#include <cstdint>
#include <deque>
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
#include "tests/consensus/test_world.h"

namespace kiln::consensus {

// A message under way.
struct InFlight {
  uint32_t from = 0;
  uint32_t to = 0;
  Message message;
};

inline const char* KindOf(const Message& message) {
  static constexpr const char* kNames[] = {"proposal", "vote", "timeout", "certificates", "blocks"};
  return kNames[message.index()];
}

// Every replica is production's Replica with real signatures. Effects are performed at once: what
// is durable survives Crash, sends go into flight() in order. Execution is a hash chain over block
// ids and runs when a block commits, unless held. Each effect is written to log() as one line.
// Invariants checked at every step: one vote and one timeout for each round and replica, over
// crashes too; one chain.
class ReplicaCluster {
 public:
  explicit ReplicaCluster(const std::vector<uint64_t>& powers, PacemakerOptions pacemaker = {})
      : world_(powers), pacemaker_(pacemaker), nodes_(powers.size()) {
    names_[world_.genesis_block()->id] = "B0";
    for (uint32_t i = 0; i < nodes_.size(); ++i) {
      nodes_[i].safety = InitialSafetyRecord(world_.genesis_qc());
      nodes_[i].committed = {world_.genesis_block()};
      nodes_[i].roots = {{Height{0}, GenesisState(world_.genesis()).Root()}};
      nodes_[i].blocks[world_.genesis_block()->id] = world_.genesis_block();
    }
  }

  TestWorld& world() { return world_; }
  size_t size() const { return nodes_.size(); }
  std::deque<InFlight>& flight() { return flight_; }
  std::vector<std::string>& log() { return log_; }
  Replica& replica(uint32_t i) { return *nodes_.at(i).replica; }
  bool is_up(uint32_t i) const { return nodes_.at(i).replica != nullptr; }
  uint64_t now_us() const { return now_us_; }
  const std::vector<BlockPtr>& committed(uint32_t i) const { return nodes_.at(i).committed; }
  void set_execution_held(uint32_t i, bool held) { nodes_.at(i).execution_held = held; }
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
    ReplicaOptions options{.self = ValidatorIndex{i},
                           .chain_id = world_.chain_id(),
                           .limits = world_.genesis().limits,
                           .pacemaker = pacemaker_};
    node.replica = std::make_unique<Replica>(options, &world_.validators(), &world_.signer({i}),
                                             &node.source, std::move(recovered), now());
    node.round = node.replica->status().round.value;
    Log(i, absl::StrCat("starts in round ", node.round, " at height ",
                        node.committed.back()->header.height.value));
    Perform(i, node.replica->Start(now()));
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
    nodes_.at(i).source.waiting.push_back(transaction);
    Step(i, TransactionsWaiting{});
  }

  void Connect(uint32_t i, uint32_t peer) { Step(i, PeerConnected{ValidatorIndex{peer}}); }

  // Verifies and delivers one message that is no longer in flight().
  void Deliver(const InFlight& message) {
    if (!is_up(message.to)) return;
    absl::StatusOr<VerifiedMessage> verified =
        world_.verifier().Verify(ValidatorIndex{message.from}, message.message);
    if (!verified.ok())
      return Log(message.to, absl::StrCat("drops ", KindOf(message.message), " of ", message.from,
                                          ": ", verified.status().message()));
    Step(message.to, *std::move(verified));
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
    while (true) {
      uint32_t next = 0;
      uint64_t earliest = UINT64_MAX;
      for (uint32_t i = 0; i < nodes_.size(); ++i) {
        if (is_up(i) && replica(i).NextDeadline() < earliest) {
          earliest = replica(i).NextDeadline();
          next = i;
        }
      }
      if (earliest > end) break;
      now_us_ = std::max(now_us_, earliest);
      Step(next, Tick{});
    }
    now_us_ = end;
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
    std::unique_ptr<Replica> replica;
    Source source;
    // Durable.
    SafetyRecord safety;
    std::map<Hash, BlockPtr> blocks;
    std::vector<BlockPtr> committed;
    std::map<Height, Hash> roots;
    // What was ever sent, for the invariants.
    std::map<Round, Hash> votes;
    std::map<Round, std::string> timeouts;
    uint64_t round = 0;
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

  Now now() const { return {now_us_, 1'700'000'000'000'000 + now_us_}; }

  void Step(uint32_t i, const Event& event) {
    Node& node = nodes_.at(i);
    Perform(i, node.replica->Step(event, now()));
    if (node.replica == nullptr) return;
    const uint64_t round = node.replica->status().round.value;
    if (round != std::exchange(node.round, round)) Log(i, absl::StrCat("enters round ", round));
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
    for (const BlockPtr& block : effects.durable.blocks) {
      NameBlock(*block);
      node.blocks[block->id] = block;
    }
    if (effects.durable.safety.has_value()) {
      // Written and read back: what the record loses in encoding would show.
      auto read = DecodeSafetyRecord(Encode(*effects.durable.safety));
      KILN_CHECK_OK(read.status());
      KILN_CHECK(read->last_voted_round >= node.safety.last_voted_round);
      KILN_CHECK(read->locked_qc_round >= node.safety.locked_qc_round);
      KILN_CHECK(read->high_qc.round >= node.safety.high_qc.round);
      node.safety = *std::move(read);
    }
    for (const Commit& commit : effects.durable.commits) Keep(i, commit);
    for (Outbound& outbound : effects.send) Send(i, std::move(outbound));
    for (const Fetch& fetch : effects.fetch) Answer(i, fetch);
    if (!node.execution_held) Execute(i);
  }

  void Keep(uint32_t i, const Commit& commit) {
    Node& node = nodes_.at(i);
    for (const BlockPtr& block : commit.blocks) {
      KILN_CHECK(block->header.parent_id == node.committed.back()->id);
      node.committed.push_back(block);
      const size_t height = block->header.height.value;
      for (const Node& other : nodes_) {
        KILN_CHECK(other.committed.size() <= height || other.committed[height]->id == block->id)
            << "two blocks at height " << height;
      }
      for (const std::string& transaction : TransactionsOf(*block)) {
        std::erase(node.source.waiting, transaction);
      }
      Log(i, absl::StrCat("commits ", NameOf(block->id), " at height ", height,
                          block->has_transactions() ? " with transactions" : ""));
    }
  }

  void Execute(uint32_t i) {
    Node& node = nodes_.at(i);
    while (node.replica != nullptr &&
           node.roots.rbegin()->first.value + 1 < node.committed.size()) {
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
    Node& node = nodes_.at(i);
    if (const auto* vote = std::get_if<Vote>(&outbound.message)) {
      const auto [it, first] = node.votes.emplace(vote->round, vote->block_id);
      KILN_CHECK(first || it->second == vote->block_id) << "two votes in one round";
      KILN_CHECK(node.safety.last_voted_round >= vote->round) << "vote sent before it was durable";
    }
    if (const auto* timeout = std::get_if<Timeout>(&outbound.message)) {
      const auto [it, first] = node.timeouts.emplace(timeout->round, Encode(*timeout));
      KILN_CHECK(first || it->second == Encode(*timeout)) << "two timeouts for one round";
      KILN_CHECK(node.safety.last_voted_round >= timeout->round) << "timeout sent before durable";
    }
    const std::string to = outbound.to.has_value() ? absl::StrCat(outbound.to->value) : "all";
    Log(i, absl::StrCat("sends ", Describe(outbound.message), " to ", to));
    for (uint32_t peer = 0; peer < nodes_.size(); ++peer) {
      if (peer == i || (outbound.to.has_value() && outbound.to->value != peer)) continue;
      flight_.push_back({i, peer, outbound.message});
    }
  }

  // The asked replica's disk answers, up or not: requests are the node's business, not the
  // replica's.
  void Answer(uint32_t i, const Fetch& fetch) {
    Log(i, absl::StrCat("fetches ", NameOf(fetch.request.block_id), " from ", fetch.from.value));
    const Node& peer = nodes_.at(fetch.from.value);
    if (peer.replica == nullptr || !peer.blocks.contains(fetch.request.block_id)) return;
    Blocks answer;
    for (BlockPtr block = peer.blocks.at(fetch.request.block_id);
         block->header.height > fetch.request.above_height;
         block = peer.blocks.at(block->header.parent_id)) {
      answer.blocks.insert(answer.blocks.begin(), block);
    }
    if (answer.blocks.size() > answer_blocks_max_) {
      answer.tip_qc = answer.blocks[answer_blocks_max_]->justify;
      answer.blocks.resize(answer_blocks_max_);
    }
    if (!answer.blocks.empty()) flight_.push_back({fetch.from.value, i, std::move(answer)});
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

  void Log(uint32_t i, absl::string_view line) { log_.push_back(absl::StrCat(i, ": ", line)); }

  TestWorld world_;
  const PacemakerOptions pacemaker_;
  std::vector<Node> nodes_;
  std::deque<InFlight> flight_;
  std::map<Hash, std::string> names_;
  std::vector<std::string> log_;
  uint64_t now_us_ = 0;
  size_t answer_blocks_max_ = 3;
};

}  // namespace kiln::consensus

#endif  // KILN_TESTS_CONSENSUS_REPLICA_CLUSTER_H_
