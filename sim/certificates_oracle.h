// S4, S5 and S11: certificates.
#ifndef KILN_SIM_CERTIFICATES_ORACLE_H_
#define KILN_SIM_CERTIFICATES_ORACLE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "base/ids.h"
#include "consensus/certificates.h"
#include "consensus/messages.h"
#include "kiln/types.h"
#include "sim/evidence_oracle.h"
#include "sim/observed.h"

namespace kiln::sim {

// Judges every certificate inside every message:
//   S5  "Every QC/TC an honest node acts on has distinct signers of that epoch with power >= Q, all
//       over the same (chain, domain, epoch, round, block)": here, all that honest replicas send.
//   S4  "At most one block has a valid QC per (epoch, round)": of all that anybody sends.
//   S11 "No certificate for epoch e contains a key outside set e", with S5: there is one epoch.
// Each distinct certificate is verified once. Hands the valid ones to the evidence. Not
// thread-safe.
class CertificatesOracle {
 public:
  // `evidence` may be null.
  CertificatesOracle(Observed* observed, EvidenceOracle* evidence);

  void OnSent(uint32_t replica, const consensus::Message& message);

  // Empty when it is valid, else what is wrong with it.
  std::string Judge(const consensus::QuorumCertificate& qc);
  std::string Judge(const consensus::TimeoutCertificate& tc);

 private:
  // Verified certificates this many rounds below the newest are verified again when they come.
  static constexpr uint64_t kRoundsKept = 512;

  template <typename Certificate>
  void Take(uint32_t replica, const Certificate& certificate);
  void Take(uint32_t replica, const consensus::BlockPtr& block);
  std::string Recompute(const consensus::QuorumCertificate& qc) const;
  std::string Recompute(const consensus::TimeoutCertificate& tc);
  // `signed_bytes` gives what the signer at a place in the certificate must have signed.
  std::string CheckSigners(const consensus::SignerBitmap& signers,
                           const std::vector<crypto::Signature>& signatures,
                           const std::function<std::string(size_t place)>& signed_bytes) const;
  void CheckUnique(const consensus::QuorumCertificate& qc);
  void Forget(uint64_t round);

  Observed* const observed_;
  EvidenceOracle* const evidence_;
  const consensus::QuorumCertificate genesis_certificate_;
  // Those that are valid.
  absl::flat_hash_map<uint64_t, std::vector<consensus::QuorumCertificate>> qcs_;
  absl::flat_hash_map<uint64_t, std::vector<consensus::TimeoutCertificate>> tcs_;
  // The block with a QC, by epoch and round; for ever.
  absl::flat_hash_map<std::pair<uint64_t, uint64_t>, Hash> certified_;
  uint64_t forgot_at_ = 0;
};

}  // namespace kiln::sim

#endif  // KILN_SIM_CERTIFICATES_ORACLE_H_
