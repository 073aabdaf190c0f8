// The one canonical byte format of everything that Kiln hashes, signs, stores or sends:
// little-endian integers, fixed arrays as they are, variable bytes with a 32-bit length in front.
// Each value has exactly one encoding; a decoder refuses every other one.
#ifndef KILN_CRYPTO_ENCODING_H_
#define KILN_CRYPTO_ENCODING_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "kiln/types.h"

namespace kiln::crypto {

// Most encodings are short: they are written in place, and only what does not fit there goes to a
// string. Not thread-safe.
class Encoder {
 public:
  Encoder& U8(uint8_t value) { return Integer(value); }
  Encoder& U16(uint16_t value) { return Integer(value); }
  Encoder& U32(uint32_t value) { return Integer(value); }
  Encoder& U64(uint64_t value) { return Integer(value); }
  Encoder& Raw(absl::string_view bytes) {  // no length: the reader knows it
    return Append(bytes.data(), bytes.size());
  }
  Encoder& Bytes(absl::string_view bytes);  // u32 length, then the bytes
  Encoder& Digest(const Hash& hash) { return Raw(hash.view()); }
  template <size_t N>
  Encoder& Array(const std::array<uint8_t, N>& bytes) {
    return Append(reinterpret_cast<const char*>(bytes.data()), N);
  }

  // Room for this many bytes in all.
  void Reserve(size_t bytes);
  // Valid until the next change.
  absl::string_view view() const {
    return is_long_ ? absl::string_view(long_) : absl::string_view(short_.data(), short_size_);
  }
  std::string Take() && { return is_long_ ? std::move(long_) : std::string(view()); }

 private:
  static constexpr size_t kShortMax = 384;

  template <typename T>
  Encoder& Integer(T value) {
    std::array<char, sizeof(T)> bytes;
    for (size_t i = 0; i < sizeof(T); ++i) {
      bytes[i] = static_cast<char>(static_cast<uint64_t>(value) >> (8 * i) & 0xFF);
    }
    return Append(bytes.data(), bytes.size());
  }
  Encoder& Append(const char* bytes, size_t size) {
    if (is_long_ || size > kShortMax - short_size_) return AppendLong(bytes, size);
    if (size > 0) std::memcpy(short_.data() + short_size_, bytes, size);
    short_size_ += size;
    return *this;
  }
  Encoder& AppendLong(const char* bytes, size_t size);

  // All bytes are in one of the two.
  bool is_long_ = false;
  size_t short_size_ = 0;
  std::array<char, kShortMax> short_;
  std::string long_;
};

// Reads what Encoder wrote. The first thing that does not fit is remembered and everything after it
// reads as zero or empty: read all fields, then ask status() or Finish(). Views point into the
// input.
class Decoder {
 public:
  // `what` names the thing being decoded in errors: "vote: 3 bytes missing".
  Decoder(absl::string_view what, absl::string_view input) : what_(what), rest_(input) {}

  uint8_t U8() { return Integer<uint8_t>(); }
  uint16_t U16() { return Integer<uint16_t>(); }
  uint32_t U32() { return Integer<uint32_t>(); }
  uint64_t U64() { return Integer<uint64_t>(); }
  bool Bool();  // 0 or 1; anything else is an error
  absl::string_view Raw(size_t bytes) {
    if (bytes > rest_.size()) {
      FailBeyondEnd(bytes);
      return {};
    }
    const absl::string_view read = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return read;
  }
  absl::string_view Bytes(size_t bytes_max);  // an error when the length is above the bound
  Hash Digest();
  template <size_t N>
  std::array<uint8_t, N> Array() {
    std::array<uint8_t, N> value{};
    const absl::string_view read = Raw(N);
    if (!read.empty()) std::memcpy(value.data(), read.data(), N);
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
  template <typename T>
  T Integer() {
    uint64_t value = 0;
    const absl::string_view read = Raw(sizeof(T));  // empty on failure, which reads as zero
    for (size_t i = 0; i < read.size(); ++i) {
      value |= static_cast<uint64_t>(static_cast<uint8_t>(read[i])) << (8 * i);
    }
    return static_cast<T>(value);
  }
  void FailBeyondEnd(size_t bytes);

  absl::string_view what_;
  absl::string_view rest_;
  absl::Status status_;
};

}  // namespace kiln::crypto

#endif  // KILN_CRYPTO_ENCODING_H_
