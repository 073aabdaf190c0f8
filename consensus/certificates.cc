#include "consensus/certificates.h"

#include <algorithm>
#include <utility>

#include "absl/numeric/bits.h"
#include "base/check.h"

namespace kiln::consensus {

SignerBitmap SignerBitmap::FromBytes(std::string bytes) {
  SignerBitmap bitmap;
  bitmap.bytes_ = std::move(bytes);
  return bitmap;
}

void SignerBitmap::Add(ValidatorIndex index) {
  KILN_CHECK_LT(index.value / 8, bytes_.size()) << "signer " << index << " is outside the bitmap";
  const auto byte = static_cast<uint8_t>(bytes_[index.value / 8]);
  bytes_[index.value / 8] = static_cast<char>(byte | (1U << (index.value % 8)));
}

bool SignerBitmap::Contains(ValidatorIndex index) const {
  if (index.value / 8 >= bytes_.size()) return false;
  const auto byte = static_cast<uint8_t>(bytes_[index.value / 8]);
  return ((byte >> (index.value % 8)) & 1U) != 0;
}

size_t SignerBitmap::Count() const {
  size_t count = 0;
  for (const char byte : bytes_) {
    count += static_cast<size_t>(absl::popcount(static_cast<uint8_t>(byte)));
  }
  return count;
}

std::vector<ValidatorIndex> SignerBitmap::Members() const {
  std::vector<ValidatorIndex> members;
  members.reserve(Count());
  for (uint32_t i = 0; i < bytes_.size() * 8; ++i) {
    if (Contains({i})) members.push_back({i});
  }
  return members;
}

bool SignerBitmap::IsCanonicalFor(size_t validator_count) const {
  if (bytes_.size() != (validator_count + 7) / 8) return false;
  const size_t used_bits = validator_count % 8;
  if (used_bits == 0) return true;
  return (static_cast<uint8_t>(bytes_.back()) >> used_bits) == 0;
}

Round RoundAfter(const QuorumCertificate& high_qc, const std::optional<TimeoutCertificate>& tc) {
  const Round highest = tc.has_value() ? std::max(high_qc.round, tc->round) : high_qc.round;
  return Round{highest.value + 1};
}

}  // namespace kiln::consensus
