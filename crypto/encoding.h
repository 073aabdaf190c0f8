// The one canonical byte format of everything that Kiln hashes, signs, stores or sends:
// little-endian integers, fixed arrays as they are, variable bytes with a 32-bit length in front.
// Each value has exactly one encoding; a decoder refuses every other one.
#ifndef KILN_CRYPTO_ENCODING_H_
#define KILN_CRYPTO_ENCODING_H_

#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "kiln/types.h"

namespace kiln::crypto {

// Appends to a string. Not thread-safe.
class Encoder {
 public:
  Encoder& U8(uint8_t value);
  Encoder& U16(uint16_t value);
  Encoder& U32(uint32_t value);
  Encoder& U64(uint64_t value);
  Encoder& Raw(absl::string_view bytes);    // no length: the reader knows it
  Encoder& Bytes(absl::string_view bytes);  // u32 length, then the bytes
  Encoder& Digest(const Hash& hash) { return Raw(hash.view()); }
  template <size_t N>
  Encoder& Array(const std::array<uint8_t, N>& bytes) {
    return Raw({reinterpret_cast<const char*>(bytes.data()), N});
  }

  void Reserve(size_t bytes) { out_.reserve(bytes); }
  const std::string& view() const { return out_; }
  std::string Take() && { return std::move(out_); }

 private:
  std::string out_;
};

// Reads what Encoder wrote. The first thing that does not fit is remembered and everything after it
// reads as zero or empty: read all fields, then ask status() or Finish(). Views point into the
// input.
class Decoder {
 public:
  // `what` names the thing being decoded in errors: "vote: 3 bytes missing".
  Decoder(absl::string_view what, absl::string_view input) : what_(what), rest_(input) {}

  uint8_t U8();
  uint16_t U16();
  uint32_t U32();
  uint64_t U64();
  bool Bool();  // 0 or 1; anything else is an error
  absl::string_view Raw(size_t bytes);
  absl::string_view Bytes(size_t bytes_max);  // an error when the length is above the bound
  Hash Digest();
  template <size_t N>
  std::array<uint8_t, N> Array() {
    std::array<uint8_t, N> value{};
    CopyRaw(value.data(), N);
    return value;
  }

  // Records an error of the caller's own ("round is zero"), unless there is one already.
  void Fail(absl::string_view why);
  bool ok() const { return status_.ok(); }
  size_t remaining() const { return rest_.size(); }
  const absl::Status& status() const { return status_; }
  // OK only if all was read and nothing is left over.
  absl::Status Finish();

 private:
  void CopyRaw(uint8_t* to, size_t bytes);

  absl::string_view what_;
  absl::string_view rest_;
  absl::Status status_;
};

}  // namespace kiln::crypto

#endif  // KILN_CRYPTO_ENCODING_H_
