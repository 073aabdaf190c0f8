#include "sim/certificates_oracle.h"

#include <algorithm>
#include <set>
#include <variant>

#include "absl/strings/str_cat.h"
#include "consensus/block.h"
#include "sim/signed_bytes.h"

namespace kiln::sim {
namespace {

template <typename Certificates, typename Certificate>
bool Knows(const Certificates& by_round, const Certificate& certificate) {
  const auto known = by_round.find(certificate.round.value);
  return known != by_round.end() &&
         std::count(known->second.begin(), known->second.end(), certificate) > 0;
}

}  // namespace

CertificatesOracle::CertificatesOracle(Observed* observed, EvidenceOracle* evidence)
    : observed_(observed),
      evidence_(evidence),
      genesis_certificate_(consensus::GenesisCertificate(observed->genesis())) {}

void CertificatesOracle::OnSent(uint32_t replica, const consensus::Message& message) {
  if (const auto* proposal = std::get_if<consensus::Proposal>(&message)) {
    Take(replica, proposal->block);
    if (proposal->tc.has_value()) Take(replica, *proposal->tc);
  } else if (const auto* timeout = std::get_if<consensus::Timeout>(&message)) {
    Take(replica, timeout->high_qc);
    if (timeout->last_tc.has_value()) Take(replica, *timeout->last_tc);
  } else if (const auto* certificates = std::get_if<consensus::Certificates>(&message)) {
    Take(replica, certificates->high_qc);
    if (certificates->last_tc.has_value()) Take(replica, *certificates->last_tc);
  } else if (const auto* blocks = std::get_if<consensus::Blocks>(&message)) {
    for (const consensus::BlockPtr& block : blocks->blocks) Take(replica, block);
    if (blocks->tip_qc.has_value()) Take(replica, *blocks->tip_qc);
  }
}

template <typename Certificate>
void CertificatesOracle::Take(uint32_t replica, const Certificate& certificate) {
  const std::string wrong = Judge(certificate);
  if (wrong.empty() || !observed_->IsHonest(replica)) return;
  observed_->Violated(
      "S5", replica,
      absl::StrCat("sends a wrong certificate of round ", certificate.round.value, ": ", wrong));
}

void CertificatesOracle::Take(uint32_t replica, const consensus::BlockPtr& block) {
  if (block->header.height.value == 0) return;
  Take(replica, block->justify);
  const bool is_parents = block->justify.block_id == block->header.parent_id &&
                          block->justify.round == block->header.parent_round;
  if (is_parents || !observed_->IsHonest(replica)) return;
  observed_->Violated("S5", replica,
                      absl::StrCat("sends a block whose QC is not its parent's: ",
                                   Describe(block->header.round, block->id)));
}

std::string CertificatesOracle::Judge(const consensus::QuorumCertificate& qc) {
  if (qc == genesis_certificate_) return "";
  if (Knows(qcs_, qc)) return "";
  std::string wrong = Recompute(qc);
  if (!wrong.empty()) return wrong;
  qcs_[qc.round.value].push_back(qc);
  CheckUnique(qc);
  if (evidence_ != nullptr) evidence_->OnCertificate(qc);
  Forget(qc.round.value);
  return "";
}

std::string CertificatesOracle::Judge(const consensus::TimeoutCertificate& tc) {
  if (Knows(tcs_, tc)) return "";
  std::string wrong = Recompute(tc);
  if (!wrong.empty()) return wrong;
  tcs_[tc.round.value].push_back(tc);
  if (evidence_ != nullptr) evidence_->OnCertificate(tc);
  Forget(tc.round.value);
  return "";
}

std::string CertificatesOracle::Recompute(const consensus::QuorumCertificate& qc) const {
  if (qc.epoch.value != 1) return "no such epoch";
  if (qc.round.value == 0) return "round 0 has the genesis certificate alone";
  const std::string vote =
      SignedVote(observed_->chain_id(), qc.epoch.value, qc.round.value, qc.block_id);
  return CheckSigners(qc.signers, qc.signatures, [&](size_t) { return vote; });
}

std::string CertificatesOracle::Recompute(const consensus::TimeoutCertificate& tc) {
  if (tc.epoch.value != 1) return "no such epoch";
  if (tc.high_qc_rounds.size() != tc.signatures.size()) return "as many QC rounds as signers";
  uint64_t highest = 0;
  for (const Round& reported : tc.high_qc_rounds) highest = std::max(highest, reported.value);
  if (highest >= tc.round.value) return "reports a QC of its own round or above";
  if (tc.high_qc.round.value != highest) return "does not carry the highest QC that it reports";
  const std::string inner = Judge(tc.high_qc);
  if (!inner.empty()) return absl::StrCat("its QC: ", inner);
  return CheckSigners(tc.signers, tc.signatures, [&](size_t place) {
    return SignedTimeout(observed_->chain_id(), tc.epoch.value, tc.round.value,
                         tc.high_qc_rounds[place].value);
  });
}

std::string CertificatesOracle::CheckSigners(
    const consensus::SignerBitmap& signers, const std::vector<crypto::Signature>& signatures,
    const std::function<std::string(size_t place)>& signed_bytes) const {
  const std::vector<GenesisValidator>& validators = observed_->genesis().validators;
  const std::string& bits = signers.bytes();
  std::set<uint32_t> members;
  for (uint32_t i = 0; i < bits.size() * 8; ++i) {
    if ((static_cast<unsigned char>(bits[i / 8]) >> (i % 8) & 1) != 0) members.insert(i);
  }
  if (bits.size() != (validators.size() + 7) / 8) return "its bitmap has the wrong length";
  if (!members.empty() && *members.rbegin() >= validators.size()) return "a signer is no validator";
  if (members.size() != signatures.size()) return "as many signatures as signers";
  if (!observed_->IsQuorum(members)) return "its signers are no quorum";
  size_t place = 0;
  for (const uint32_t member : members) {
    const bool holds = observed_->context().signatures->Verify(
        validators[member].consensus_key, signed_bytes(place), signatures[place]);
    if (!holds) return absl::StrCat("the signature of validator ", member, " is wrong");
    ++place;
  }
  return "";
}

void CertificatesOracle::CheckUnique(const consensus::QuorumCertificate& qc) {
  const auto [first, is_new] =
      certified_.try_emplace({qc.epoch.value, qc.round.value}, qc.block_id);
  if (is_new || first->second == qc.block_id) return;
  observed_->Violated("S4", absl::StrCat("two blocks are certified in round ", qc.round.value, ": ",
                                         first->second.Short(), " and ", qc.block_id.Short()));
}

void CertificatesOracle::Forget(uint64_t round) {
  if (round < forgot_at_ + kRoundsKept) return;
  forgot_at_ = round;
  const auto is_old = [&](const auto& entry) { return entry.first + kRoundsKept < round; };
  absl::erase_if(qcs_, is_old);
  absl::erase_if(tcs_, is_old);
}

}  // namespace kiln::sim
