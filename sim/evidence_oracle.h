// S12: what signatures prove against their makers.
#ifndef KILN_SIM_EVIDENCE_ORACLE_H_
#define KILN_SIM_EVIDENCE_ORACLE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "base/ids.h"
#include "consensus/certificates.h"
#include "consensus/messages.h"
#include "kiln/types.h"
#include "sim/observed.h"

namespace kiln::sim {

// "In every run no honest key appears in evidence." Collects what honest validators' keys signed,
// from everything that anybody sends, certificates included, and holds it against four rules: one
// vote a round; one proposal a round; one timeout a round; and no timeout reports a lower QC than
// the author's votes up to that round had locked, which is how amnesia shows. Statements that
// others make in an honest validator's name count only when the signature is right. Not
// thread-safe.
class EvidenceOracle {
 public:
  explicit EvidenceOracle(Observed* observed);

  // Everything that leaves anybody. Certificates inside are not looked at: see below.
  void OnSent(uint32_t replica, const consensus::Message& message);
  // REQUIRES: the certificate was verified, signatures included.
  void OnCertificate(const consensus::QuorumCertificate& qc);
  void OnCertificate(const consensus::TimeoutCertificate& tc);
  // It lost its record, and abstains up to this round: its lock of before does not bind it later.
  void OnRecovered(ValidatorIndex validator, Round abstains_up_to);

 private:
  // Statements this many rounds below an author's newest are forgotten.
  static constexpr uint64_t kRoundsKept = 512;

  struct Statements {
    std::optional<Hash> vote;
    std::optional<Hash> proposal;
    std::optional<uint64_t> reported;     // the QC round in the timeout
    std::optional<uint64_t> vote_locked;  // the QC round of the block voted for
  };
  using History = std::map<uint64_t, Statements>;  // by round

  void Voted(ValidatorIndex author, Round round, const Hash& id);
  void Proposed(ValidatorIndex author, Round round, const Hash& id);
  void TimedOut(ValidatorIndex author, Round round, Round qc_round);
  // Null when it is too old or not the author of an honest key.
  Statements* At(ValidatorIndex author, Round round);
  // Whether the timeout at `said` reports less than votes up to its round had locked.
  void CheckAmnesia(ValidatorIndex author, History::const_iterator said);
  void Guilty(ValidatorIndex author, absl::string_view what, Round round);
  // Whether it is to be believed that `author` said so: what an honest replica says itself is.
  bool IsAuthentic(uint32_t sender, ValidatorIndex author,
                   absl::FunctionRef<std::string()> signed_bytes,
                   const crypto::Signature& signature) const;

  Observed* const observed_;
  std::vector<History> histories_;      // by validator
  std::vector<Round> recovered_up_to_;  // by validator; 0 when it never recovered
};

}  // namespace kiln::sim

#endif  // KILN_SIM_EVIDENCE_ORACLE_H_
