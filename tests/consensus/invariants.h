// What must hold of every honest replica at every step, whatever the network, clocks and disks do.
#ifndef KILN_TESTS_CONSENSUS_INVARIANTS_H_
#define KILN_TESTS_CONSENSUS_INVARIANTS_H_

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "consensus/block.h"
#include "consensus/codec.h"
#include "consensus/messages.h"
#include "consensus/safety_record.h"

namespace kiln::consensus {

// Told of all that replicas make durable, send and commit, over their whole lives, restarts
// included; remembers the first thing that no honest replica would do. Agreement, no regress, one
// chain, one vote and one timeout a round, nothing sent that is not durable. Not thread-safe.
class Invariants {
 public:
  explicit Invariants(size_t replicas) : lives_(replicas) {}

  // Nothing is expected of this replica from now on.
  void Exempt(uint32_t i) { lives_.at(i).honest = false; }
  bool IsHonest(uint32_t i) const { return lives_.at(i).honest; }
  // Empty while all is well.
  const std::string& violation() const { return violation_; }

  void OnRound(uint32_t i, Round round) {
    Life& life = lives_.at(i);
    Expect(i, round >= life.round, absl::StrCat("goes back to round ", round.value));
    life.round = std::max(life.round, round);
  }

  void OnDurable(uint32_t i, const SafetyRecord& record) {
    Life& life = lives_.at(i);
    Expect(i, record.last_voted_round >= life.durable.last_voted_round, "lowers its last vote");
    Expect(i, record.locked_qc_round >= life.durable.locked_qc_round, "lowers its lock");
    Expect(i, record.high_qc.round >= life.durable.high_qc.round, "lowers its highest QC");
    Expect(i, record.last_proposed_round >= life.durable.last_proposed_round,
           "lowers its last proposal");
    life.durable = record;
    // Both may be of this step: a replica that gives up, enters the next round and votes there.
    const bool vote_is_later = record.last_vote.has_value() && record.last_timeout.has_value() &&
                               record.last_vote->round > record.last_timeout->round;
    if (vote_is_later) OnSigned(i, *record.last_timeout);
    if (record.last_vote.has_value()) OnSigned(i, *record.last_vote);
    if (record.last_timeout.has_value()) OnSigned(i, *record.last_timeout);
  }

  void OnUnreadable(uint32_t i, const absl::Status& why) {
    Expect(i, false, absl::StrCat("writes a record that nobody can read: ", why.message()));
  }

  void OnSent(uint32_t i, const Message& message) {
    // A record covers what it names, and all that was signed in rounds below its last vote.
    const SafetyRecord& durable = lives_.at(i).durable;
    if (const auto* vote = std::get_if<Vote>(&message)) {
      OnSigned(i, *vote);
      Expect(i, durable.last_vote == *vote || durable.last_voted_round > vote->round,
             "sends a vote that is not durable");
    } else if (const auto* timeout = std::get_if<Timeout>(&message)) {
      OnSigned(i, *timeout);
      Expect(i, durable.last_timeout == *timeout || durable.last_voted_round > timeout->round,
             "sends a timeout that is not durable");
    } else if (const auto* proposal = std::get_if<Proposal>(&message)) {
      const Header& header = proposal->block->header;
      const auto [it, first] = lives_.at(i).proposals.emplace(header.round, proposal->block->id);
      Expect(i, first || it->second == proposal->block->id,
             absl::StrCat("proposes twice in round ", header.round.value));
      Expect(i, durable.last_proposed_round >= header.round, "proposes before that is durable");
      ExpectOwnVoteDurable(i, proposal->block->justify);
    } else if (const auto* certificates = std::get_if<Certificates>(&message)) {
      ExpectOwnVoteDurable(i, certificates->high_qc);
    }
  }

  // REQUIRES: blocks come in the order in which the replica commits them, over its whole life.
  void OnCommitted(uint32_t i, const Block& block) {
    Life& life = lives_.at(i);
    const Header& header = block.header;
    Expect(i, header.height.value == life.height.value + 1, "leaves out a height");
    Expect(i, life.head == Hash() || header.parent_id == life.head, "commits no child of its head");
    life.height = header.height;
    life.head = block.id;
    if (!life.honest) return;
    const auto [it, first] = chain_.emplace(header.height, block.id);
    Expect(i, first || it->second == block.id,
           absl::StrCat("commits another block at height ", header.height.value));
  }

 private:
  // A vote leaves within a certificate, too.
  void ExpectOwnVoteDurable(uint32_t i, const QuorumCertificate& qc) {
    Expect(i, !qc.signers.Contains({i}) || lives_.at(i).durable.last_voted_round >= qc.round,
           "sends a certificate with a vote of its own that is not durable");
  }
  struct Life {
    bool honest = true;
    SafetyRecord durable;
    Round round;
    Height height;
    Hash head;
    std::map<Round, Hash> proposals;
    std::map<Round, Hash> votes;
    std::map<Round, std::string> timeouts;
  };

  void OnSigned(uint32_t i, const Vote& vote) {
    Life& life = lives_.at(i);
    const auto [it, first] = life.votes.emplace(vote.round, vote.block_id);
    if (!first) {
      return Expect(i, it->second == vote.block_id,
                    absl::StrCat("votes twice in round ", vote.round.value));
    }
    Expect(i, life.votes.rbegin()->first == vote.round, "votes below an earlier vote");
    Expect(i, life.timeouts.empty() || life.timeouts.rbegin()->first < vote.round,
           absl::StrCat("votes in round ", vote.round.value, " which it gave up on"));
  }

  void OnSigned(uint32_t i, const Timeout& timeout) {
    Life& life = lives_.at(i);
    const auto [it, first] = life.timeouts.emplace(timeout.round, Encode(timeout));
    if (!first) {
      return Expect(i, it->second == Encode(timeout),
                    absl::StrCat("gives up twice on round ", timeout.round.value));
    }
    Expect(i, life.timeouts.rbegin()->first == timeout.round, "gives up below an earlier timeout");
    Expect(i, life.votes.empty() || life.votes.rbegin()->first <= timeout.round,
           "gives up on a round below a vote");
    Expect(i, timeout.high_qc.round >= life.durable.locked_qc_round, "hides its lock");
  }

  void Expect(uint32_t i, bool holds, const std::string& what) {
    if (holds || !lives_.at(i).honest || !violation_.empty()) return;
    violation_ = absl::StrCat("replica ", i, " ", what);
  }

  std::vector<Life> lives_;
  std::map<Height, Hash> chain_;
  std::string violation_;
};

}  // namespace kiln::consensus

#endif  // KILN_TESTS_CONSENSUS_INVARIANTS_H_
