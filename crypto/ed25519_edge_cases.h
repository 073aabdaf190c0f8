// Ed25519's edge cases: signatures on which libraries that all follow RFC 8032 disagree.
#ifndef KILN_CRYPTO_ED25519_EDGE_CASES_H_
#define KILN_CRYPTO_ED25519_EDGE_CASES_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace kiln::crypto {

// Keys and signatures in hexadecimal, the message as it is.
struct Ed25519EdgeCase {
  absl::string_view name;
  absl::string_view key;
  absl::string_view message;
  absl::string_view signature;
  bool accepted;  // as libsodium 1.0.18 decides; every validator must decide the same
};

absl::Span<const Ed25519EdgeCase> Ed25519EdgeCases();

// The 8 canonical and 6 non-canonical encodings of the 8 points of small order, in hexadecimal.
absl::Span<const absl::string_view> SmallOrderEncodings();

}  // namespace kiln::crypto

#endif  // KILN_CRYPTO_ED25519_EDGE_CASES_H_
