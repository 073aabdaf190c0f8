// What a quorum signed. Plain data: nothing here is verified; see verifier.h.
#ifndef KILN_CONSENSUS_CERTIFICATES_H_
#define KILN_CONSENSUS_CERTIFICATES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "crypto/ed25519.h"
#include "kiln/types.h"

namespace kiln::consensus {

// Rounds and heights stay this far from overflow in every sum; the verifier refuses higher ones.
inline constexpr Round kRoundMax{(uint64_t{1} << 63) - 1};
inline constexpr Height kHeightMax{(uint64_t{1} << 63) - 1};

// A set of validators: bit i of byte i / 8 (least significant first) is validator i. Canonical
// length is (set size + 7) / 8 bytes, padding bits zero.
class SignerBitmap {
 public:
  SignerBitmap() = default;
  explicit SignerBitmap(size_t validator_count) : bytes_((validator_count + 7) / 8, '\0') {}
  static SignerBitmap FromBytes(std::string bytes);

  void Add(ValidatorIndex index);
  bool Contains(ValidatorIndex index) const;
  size_t Count() const;
  // In ascending order.
  std::vector<ValidatorIndex> Members() const;
  // Whether the length fits a set of this size and no padding bit is set.
  bool IsCanonicalFor(size_t validator_count) const;
  const std::string& bytes() const { return bytes_; }

  friend bool operator==(const SignerBitmap&, const SignerBitmap&) = default;

 private:
  std::string bytes_;
};

// Quorum certificate: a quorum voted for one block in one round (HotStuff, PODC'19, section 4.2).
// The genesis certificate has round 0, no signers, and is accepted by equality alone.
struct QuorumCertificate {
  Epoch epoch;
  Round round;
  Hash block_id;
  SignerBitmap signers;
  std::vector<crypto::Signature> signatures;  // in bitmap order

  friend bool operator==(const QuorumCertificate&, const QuorumCertificate&) = default;
};

// Timeout certificate: a quorum gave up on one round, each telling the round of its highest QC
// (Jolteon, section 3; DiemBFT v4). high_qc is the highest of those.
struct TimeoutCertificate {
  Epoch epoch;
  Round round;
  SignerBitmap signers;
  std::vector<Round> high_qc_rounds;          // in bitmap order
  std::vector<crypto::Signature> signatures;  // in bitmap order
  QuorumCertificate high_qc;

  friend bool operator==(const TimeoutCertificate&, const TimeoutCertificate&) = default;
};

// The round of whoever holds these as its highest: the one after the higher of the two.
Round RoundAfter(const QuorumCertificate& high_qc, const std::optional<TimeoutCertificate>& tc);

}  // namespace kiln::consensus

#endif  // KILN_CONSENSUS_CERTIFICATES_H_
