// What all liars share: what they remember, how they sign, how they speak.
#ifndef KILN_SIM_LIAR_BASE_H_
#define KILN_SIM_LIAR_BASE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/functional/any_invocable.h"
#include "base/ids.h"
#include "consensus/block.h"
#include "consensus/certificates.h"
#include "consensus/messages.h"
#include "consensus/payload.h"
#include "kiln/types.h"
#include "network/frames.h"
#include "sim/liar.h"
#include "sim/scenario.h"

namespace kiln::sim {

// How a liar speaks to one validator: to the next liar of a chain, or to the network.
using Say = std::function<void(ValidatorIndex to, const network::PeerMessage& message)>;

// What a validator heard and said itself, of the newest rounds only. Bounded.
class LiarMemory {
 public:
  static constexpr size_t kRoundsMax = 64;

  explicit LiarMemory(const Genesis& genesis);

  void Note(ValidatorIndex from, const network::PeerMessage& message);
  void Note(const consensus::QuorumCertificate& qc);
  void Note(const consensus::TimeoutCertificate& tc);
  void Note(const consensus::BlockPtr& block);

  // The highest, and the highest below `round`, the genesis certificate at worst.
  const consensus::QuorumCertificate& HighestQc() const { return qcs_.rbegin()->second; }
  const consensus::QuorumCertificate& HighestQcBelow(Round round) const;
  std::optional<consensus::TimeoutCertificate> TcOf(Round round) const;
  std::optional<consensus::TimeoutCertificate> HighestTc() const;
  consensus::BlockPtr BlockOf(const Hash& id) const;
  // Oldest first.
  std::vector<consensus::BlockPtr> BlocksOfRound(Round round) const;
  std::vector<consensus::BlockPtr> Blocks() const;
  const absl::btree_map<Round, consensus::QuorumCertificate>& qcs() const { return qcs_; }

  using Votes = absl::btree_map<ValidatorIndex, consensus::Vote>;
  using Timeouts = absl::btree_map<ValidatorIndex, consensus::Timeout>;
  Votes VotesOf(Round round) const;
  Timeouts TimeoutsOf(Round round) const;

 private:
  bool IsPlausible(Round round) const;

  const consensus::BlockPtr genesis_block_;
  const consensus::QuorumCertificate genesis_certificate_;
  absl::btree_map<Round, consensus::QuorumCertificate> qcs_;  // never empty
  absl::btree_map<Round, consensus::TimeoutCertificate> tcs_;
  absl::btree_map<std::pair<Round, Hash>, consensus::BlockPtr> blocks_;
  absl::btree_map<Round, Votes> votes_;
  absl::btree_map<Round, Timeouts> timeouts_;
};

// One lie. A derived class says in Lie what it says instead of a message, and in Hear what it does
// when something comes. Outside the fault's time all passes as it is. When a proposal was replaced
// by another block (Replace), the votes of the replica underneath follow it. Not thread-safe.
class LiarBase : public Liar {
 public:
  LiarBase(Fault fault, LiarContext context, Say say);

  void OnSend(ValidatorIndex to, const network::PeerMessage& message) final;
  bool OnReceive(ValidatorIndex from, const network::PeerMessage& message) final;

 protected:
  virtual void Lie(ValidatorIndex to, const network::PeerMessage& message) = 0;
  virtual bool Hear(ValidatorIndex, const network::PeerMessage&) { return true; }

  // --- Speaking. Counted by those who lie.
  void Tell(ValidatorIndex to, const network::PeerMessage& message) { say_(to, message); }
  // Bytes that no message stands for; passes by the other liars of a chain.
  void TellBytes(ValidatorIndex to, network::FramePtr frame) {
    context_.send(to, std::move(frame));
  }
  void TellAll(const network::PeerMessage& message);
  void Count() { context_.count(fault_.row); }
  // After `delay_us`, unless the liar is gone by then.
  void After(uint64_t delay_us, absl::AnyInvocable<void() &&> action);

  // --- Signing, as itself.
  consensus::Vote SignVote(Round round, const Hash& block_id, Epoch epoch = {1});
  consensus::Timeout SignTimeout(consensus::Timeout timeout);
  consensus::Proposal SignProposal(consensus::BlockPtr block,
                                   std::optional<consensus::TimeoutCertificate> tc);
  consensus::Standing SignStanding(consensus::Standing standing);
  // The proposal with another header over the same payload and certificate.
  consensus::Proposal Alter(const consensus::Proposal& proposal,
                            const std::function<void(consensus::Header&)>& change);
  // A timeout for `round` that is in order, if what is known proves how the round is entered.
  std::optional<consensus::Timeout> MakeTimeout(Round round);
  // Of what was received: certificates that nobody else may have.
  std::optional<consensus::TimeoutCertificate> MakeTc(Round round);
  // Likewise, with a timeout of its own among them, if it can make one.
  std::optional<consensus::TimeoutCertificate> MakeTcAndTakePart(Round round);

  // From now on the replica's votes for `original` are for `other`.
  void Replace(const Hash& original, const Hash& other);

  // Whether this is the first receiver of what is said now to several.
  bool IsFirstReceiver(ValidatorIndex to, const network::PeerMessage& message);

  uint32_t validator_count() const { return static_cast<uint32_t>(context_.validators->size()); }
  ValidatorIndex RandomOther();
  std::vector<ValidatorIndex> Others() const;
  ValidatorIndex LeaderOf(Round round) const { return context_.leaders->LeaderOf(round); }
  const ChainLimits& limits() const { return context_.genesis->limits; }
  bool IsActive() const;

  const Fault fault_;
  LiarContext context_;
  SimRandom& random() { return context_.random; }
  LiarMemory& memory() { return memory_; }
  const Hash& chain_id() const { return chain_id_; }

 private:
  using Key = std::tuple<size_t, uint64_t, Hash>;
  static Key KeyOf(const network::PeerMessage& message);

  const Say say_;
  const Hash chain_id_;
  LiarMemory memory_;
  absl::btree_map<Hash, Hash> replaced_;
  Key last_key_;
  absl::btree_set<ValidatorIndex> last_receivers_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// The consensus message of this type in `message`, or null.
template <typename T>
const T* As(const network::PeerMessage& message) {
  const auto* consensus_message = std::get_if<consensus::Message>(&message);
  return consensus_message == nullptr ? nullptr : std::get_if<T>(consensus_message);
}

// A consensus message as a peer's.
template <typename T>
network::PeerMessage AsPeerMessage(T message) {
  return network::PeerMessage(consensus::Message(std::move(message)));
}

network::FramePtr EncodePeerMessage(const network::PeerMessage& message);

}  // namespace kiln::sim

#endif  // KILN_SIM_LIAR_BASE_H_
