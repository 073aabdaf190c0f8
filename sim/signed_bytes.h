// What consensus signatures cover, written down a second time from docs/protocol.md, "Encodings",
// for those who check from outside what the product signs.
#ifndef KILN_SIM_SIGNED_BYTES_H_
#define KILN_SIM_SIGNED_BYTES_H_

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "kiln/types.h"

namespace kiln::sim {

inline std::string LittleEndian(uint64_t value) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(value >> (8 * i)));
  return bytes;
}

// u8 domain length, domain, chain id, u64 epoch, u64 round, what was signed.
inline std::string SignedBytes(absl::string_view domain, const Hash& chain, uint64_t epoch,
                               uint64_t round, absl::string_view what) {
  const char length = static_cast<char>(domain.size());
  return absl::StrCat(absl::string_view(&length, 1), domain, chain.view(), LittleEndian(epoch),
                      LittleEndian(round), what);
}

inline std::string SignedVote(const Hash& chain, uint64_t epoch, uint64_t round, const Hash& id) {
  return SignedBytes("kiln/v1/vote", chain, epoch, round, id.view());
}

inline std::string SignedProposal(const Hash& chain, uint64_t epoch, uint64_t round,
                                  const Hash& id) {
  return SignedBytes("kiln/v1/proposal", chain, epoch, round, id.view());
}

inline std::string SignedTimeout(const Hash& chain, uint64_t epoch, uint64_t round,
                                 uint64_t qc_round) {
  return SignedBytes("kiln/v1/timeout", chain, epoch, round, LittleEndian(qc_round));
}

}  // namespace kiln::sim

#endif  // KILN_SIM_SIGNED_BYTES_H_
