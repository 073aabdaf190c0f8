#include "sim/liar.h"

#include <algorithm>
#include <utility>

#include "absl/container/btree_map.h"
#include "base/check.h"
#include "sim/liar_base.h"
#include "sim/liar_families.h"

namespace kiln::sim {
namespace {

LiarMaker MakerOf(const std::string& kind) {
  static const auto& makers = *new absl::btree_map<std::string, LiarMaker>{
      {"equivocate", &MakeEquivocator},
      {"two_justifications", &MakeTwoJustifier},
      {"double_vote", &MakeDoubleVoter},
      {"vote_and_timeout", &MakeVoteAndTimeouter},
      {"amnesia", &MakeAmnesiac},
      {"withhold_proposal", &MakeProposalWithholder},
      {"withhold_qc", &MakeQcWithholder},
      {"late_reveal", &MakeLateRevealer},
      {"forge_certificates", &MakeCertificateForger},
      {"replay", &MakeReplayer},
      {"wrong_proposals", &MakeWrongProposer},
      {"wrong_contents", &MakeContentsLiar},
      {"sync_attack", &MakeSyncAttacker},
      {"false_standing", &MakeStandingLiar},
      {"spoofed_votes", &MakeVoteSpoofer},
      {"scattered_timeouts", &MakeTimeoutScatterer},
      {"wrong_epoch", &MakeEpochLiar},
      {"slow_drip", &MakeSlowDripper},
      {"odd_signatures", &MakeOddSigner},
      {"mutate", &MakeMutator},
  };
  const auto maker = makers.find(kind);
  KILN_CHECK(maker != makers.end()) << "no such lie: " << kind;
  return maker->second;
}

// The first of the chain hears and speaks first.
class ChainedLiar final : public Liar {
 public:
  explicit ChainedLiar(std::vector<std::unique_ptr<Liar>> links) : links_(std::move(links)) {}

  void OnSend(ValidatorIndex to, const network::PeerMessage& message) override {
    links_.front()->OnSend(to, message);
  }
  bool OnReceive(ValidatorIndex from, const network::PeerMessage& message) override {
    bool passes = true;
    for (const std::unique_ptr<Liar>& link : links_) {
      passes = link->OnReceive(from, message) && passes;
    }
    return passes;
  }

 private:
  const std::vector<std::unique_ptr<Liar>> links_;
};

}  // namespace

std::unique_ptr<Liar> MakeLiar(const Fault& fault, LiarContext context) {
  KILN_CHECK_EQ(fault.row.substr(0, 1), "B");
  Say say = [send = context.send](ValidatorIndex to, const network::PeerMessage& message) {
    send(to, EncodePeerMessage(message));
  };
  return MakerOf(fault.kind)(fault, std::move(context), std::move(say));
}

std::unique_ptr<Liar> MakeLiar(const std::vector<Fault>& faults, LiarContext context) {
  KILN_CHECK(!faults.empty());
  std::vector<std::unique_ptr<Liar>> links;
  for (size_t i = faults.size(); i-- > 0;) {
    LiarContext own = context;
    own.random = context.random.Fork();
    if (links.empty()) {
      links.push_back(MakeLiar(faults[i], std::move(own)));
      continue;
    }
    Say say = [next = links.back().get()](ValidatorIndex to, const network::PeerMessage& message) {
      next->OnSend(to, message);
    };
    links.push_back(MakerOf(faults[i].kind)(faults[i], std::move(own), std::move(say)));
  }
  std::reverse(links.begin(), links.end());
  return std::make_unique<ChainedLiar>(std::move(links));
}

}  // namespace kiln::sim
