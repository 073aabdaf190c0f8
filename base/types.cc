#include "kiln/types.h"

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace kiln {
namespace {

// The value of a lower-case hexadecimal digit, -1 for anything else: a hash has one spelling.
int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::string Hash::ToHex() const {
  return absl::BytesToHexString(view());
}

std::string Hash::Short() const {
  return absl::BytesToHexString(view().substr(0, 4));
}

absl::StatusOr<Hash> Hash::FromHex(absl::string_view hex) {
  if (hex.size() != 2 * kBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("hash: ", hex.size(), " characters instead of ", 2 * kBytes));
  }
  Hash hash;
  for (size_t i = 0; i < kBytes; ++i) {
    const int high = HexDigit(hex[2 * i]);
    const int low = HexDigit(hex[2 * i + 1]);
    if (high < 0 || low < 0) {
      return absl::InvalidArgumentError("hash: not all lower-case hexadecimal digits");
    }
    hash.bytes[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return hash;
}

}  // namespace kiln
