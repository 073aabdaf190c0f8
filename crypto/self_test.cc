#include <algorithm>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "crypto/ed25519.h"
#include "crypto/ed25519_edge_cases.h"
#include "crypto/hash.h"
#include "crypto/sodium_init.h"

namespace kiln::crypto {
namespace {

constexpr absl::string_view kRemedy =
    "; this libsodium must not be used by a validator, install the distribution's own";

template <size_t N>
std::array<uint8_t, N> FromHex(absl::string_view hex) {
  const std::string bytes = absl::HexStringToBytes(hex);
  std::array<uint8_t, N> value{};
  std::copy_n(bytes.begin(), std::min(N, bytes.size()), value.begin());
  return value;
}

absl::Status CheckEdgeCases() {
  for (const Ed25519EdgeCase& edge : Ed25519EdgeCases()) {
    const bool accepted = Verify(FromHex<32>(edge.key), edge.message, FromHex<64>(edge.signature));
    if (accepted == edge.accepted) continue;
    return absl::InternalError(absl::StrCat("self test: Ed25519 ", accepted ? "accepts" : "refuses",
                                            " the edge case \"", edge.name, "\"", kRemedy));
  }
  return absl::OkStatus();
}

// RFC 8032, section 7.1, test 1.
absl::Status CheckSigning() {
  const SecretKey key = SecretKey::FromSeed(
      FromHex<32>("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"));
  const Signature expected = FromHex<64>(
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33b"
      "acc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b");
  if (key.Sign("") == expected) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("self test: Ed25519 signs wrongly", kRemedy));
}

absl::Status CheckHashing() {
  const Hash hash = HashBytes(kDomainBlock, "");
  if (hash.ToHex() == "96ed2b6b83cc631c69d9ff3b8cc2ca7a373e52d0f7170cc010d91dc2a86fce60") {
    return absl::OkStatus();
  }
  return absl::InternalError(absl::StrCat("self test: SHA-256 hashes wrongly", kRemedy));
}

}  // namespace

absl::Status SelfTest() {
  InitSodium();
  KILN_RETURN_IF_ERROR(CheckHashing());
  KILN_RETURN_IF_ERROR(CheckSigning());
  return CheckEdgeCases();
}

}  // namespace kiln::crypto
