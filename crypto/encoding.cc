#include "crypto/encoding.h"

#include <array>
#include <cstring>
#include <limits>

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace kiln::crypto {
namespace {

template <typename Integer>
void AppendLittleEndian(Integer value, std::string& out) {
  std::array<char, sizeof(Integer)> bytes;
  for (size_t i = 0; i < sizeof(Integer); ++i) {
    bytes[i] = static_cast<char>(static_cast<uint64_t>(value) >> (8 * i) & 0xFF);
  }
  out.append(bytes.data(), bytes.size());
}

template <typename Integer>
Integer ReadLittleEndian(absl::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    value |= static_cast<uint64_t>(static_cast<uint8_t>(bytes[i])) << (8 * i);
  }
  return static_cast<Integer>(value);
}

}  // namespace

Encoder& Encoder::U8(uint8_t value) {
  AppendLittleEndian(value, out_);
  return *this;
}

Encoder& Encoder::U16(uint16_t value) {
  AppendLittleEndian(value, out_);
  return *this;
}

Encoder& Encoder::U32(uint32_t value) {
  AppendLittleEndian(value, out_);
  return *this;
}

Encoder& Encoder::U64(uint64_t value) {
  AppendLittleEndian(value, out_);
  return *this;
}

Encoder& Encoder::Raw(absl::string_view bytes) {
  out_.append(bytes.data(), bytes.size());
  return *this;
}

Encoder& Encoder::Bytes(absl::string_view bytes) {
  KILN_CHECK(bytes.size() <= std::numeric_limits<uint32_t>::max());
  return U32(static_cast<uint32_t>(bytes.size())).Raw(bytes);
}

// On failure the empty view that Raw returns reads as zero.
uint8_t Decoder::U8() {
  return ReadLittleEndian<uint8_t>(Raw(sizeof(uint8_t)));
}
uint16_t Decoder::U16() {
  return ReadLittleEndian<uint16_t>(Raw(sizeof(uint16_t)));
}
uint32_t Decoder::U32() {
  return ReadLittleEndian<uint32_t>(Raw(sizeof(uint32_t)));
}
uint64_t Decoder::U64() {
  return ReadLittleEndian<uint64_t>(Raw(sizeof(uint64_t)));
}

bool Decoder::Bool() {
  const uint8_t value = U8();
  if (value > 1) Fail(absl::StrCat("a flag is ", value, ", neither 0 nor 1"));
  return value == 1;
}

absl::string_view Decoder::Raw(size_t bytes) {
  if (!ok()) return {};
  if (bytes > rest_.size()) {
    Fail(absl::StrCat(bytes - rest_.size(), " bytes missing"));
    return {};
  }
  const absl::string_view read = rest_.substr(0, bytes);
  rest_.remove_prefix(bytes);
  return read;
}

absl::string_view Decoder::Bytes(size_t bytes_max) {
  const uint32_t length = U32();
  if (length > bytes_max) {
    Fail(absl::StrCat("a field of ", length, " bytes, above the limit of ", bytes_max));
    return {};
  }
  return Raw(length);
}

Hash Decoder::Digest() {
  Hash hash;
  CopyRaw(hash.bytes.data(), hash.bytes.size());
  return hash;
}

void Decoder::CopyRaw(uint8_t* to, size_t bytes) {
  const absl::string_view read = Raw(bytes);
  if (!read.empty()) std::memcpy(to, read.data(), read.size());
}

void Decoder::Fail(absl::string_view why) {
  if (!ok()) return;
  status_ = absl::InvalidArgumentError(absl::StrCat(what_, ": ", why));
  rest_ = {};
}

absl::Status Decoder::Finish() {
  if (ok() && !rest_.empty()) Fail(absl::StrCat(rest_.size(), " bytes left over"));
  return status_;
}

}  // namespace kiln::crypto
