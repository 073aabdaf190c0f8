#include "node/standing_query.h"

#include <utility>
#include <variant>

#include "base/status_macros.h"

namespace kiln::node {

StandingQuery::StandingQuery(const Genesis& genesis, ValidatorIndex self,
                             const consensus::ValidatorSet* validators,
                             const consensus::LeaderElection* leaders,
                             const consensus::SignatureVerifier* signatures, const Hash& nonce,
                             const consensus::SafetyRecord& known, Send send)
    : limits_(genesis.limits),
      self_(self),
      send_(std::move(send)),
      verifier_(genesis, validators, leaders, Epoch{1}, signatures),
      recovery_(self, validators, nonce, known),
      answers_(validators->size()) {}

void StandingQuery::Connected(ValidatorIndex peer) {
  if (peer == self_ || recovery_.HasAnswerOf(peer)) return;
  send_(peer, network::EncodeFrame(consensus::Message(recovery_.request())));
}

void StandingQuery::AskAgain() {
  for (uint32_t i = 0; i < answers_.size(); ++i) Connected({i});
}

void StandingQuery::Handle(ValidatorIndex from, network::Frame frame) {
  if (frame.kind != network::FrameKind::kStanding || recovery_.HasAnswerOf(from)) return;
  StandingAnswer answer;
  answer.counts = Judge(from, std::move(frame), &answer.round);
  answers_.at(from.value) = std::move(answer);
}

absl::Status StandingQuery::Judge(ValidatorIndex from, network::Frame frame, Round* round) {
  KILN_ASSIGN_OR_RETURN(network::PeerMessage message,
                        network::DecodeFrame(std::move(frame), limits_));
  KILN_ASSIGN_OR_RETURN(const consensus::VerifiedMessage verified,
                        verifier_.Verify(from, std::get<consensus::Message>(std::move(message))));
  *round = std::get<consensus::Standing>(verified.message()).round();
  return recovery_.Add(verified);
}

}  // namespace kiln::node
