// Certificates that are wrong, in each way there is one.
#ifndef KILN_SIM_FORGED_CERTIFICATES_H_
#define KILN_SIM_FORGED_CERTIFICATES_H_

#include <functional>
#include <optional>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/ids.h"
#include "consensus/certificates.h"
#include "consensus/signing.h"
#include "consensus/validator_set.h"
#include "kiln/types.h"
#include "network/frames.h"

namespace kiln::sim {

// What a forger has: certificates that are in order, and its own key.
struct ForgerMaterial {
  ValidatorIndex self;
  const consensus::ValidatorSet* validators = nullptr;
  consensus::Signer* signer = nullptr;
  Hash chain_id;
  consensus::QuorumCertificate qc;                  // of round 2 at least
  consensus::QuorumCertificate older_qc;            // of a lower round
  std::optional<consensus::TimeoutCertificate> tc;  // any
};

struct QcForgery {
  absl::string_view form;
  std::function<consensus::QuorumCertificate(const ForgerMaterial&)> make;
};
struct TcForgery {
  absl::string_view form;
  std::function<consensus::TimeoutCertificate(const ForgerMaterial&)> make;  // REQUIRES: a TC
};
// A message that carries certificates, as bytes that no value of the domain types encodes to.
struct FrameForgery {
  absl::string_view form;
  std::function<network::FramePtr(const ForgerMaterial&)> make;
};

// None of what these make is a certificate, to any validator, though some need all signatures to be
// checked before one can tell. Pure functions of the material.
const std::vector<QcForgery>& QcForgeries();
const std::vector<TcForgery>& TcForgeries();
const std::vector<FrameForgery>& FrameForgeries();

}  // namespace kiln::sim

#endif  // KILN_SIM_FORGED_CERTIFICATES_H_
