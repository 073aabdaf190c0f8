#include "crypto/encoding.h"

#include <cstring>
#include <limits>

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace kiln::crypto {

void Encoder::Reserve(size_t bytes) {
  if (bytes <= kShortMax) return;
  long_.reserve(bytes);
  AppendLong("", 0);
}

// What was short becomes long.
Encoder& Encoder::AppendLong(const char* bytes, size_t size) {
  if (!is_long_) {
    long_.append(short_.data(), short_size_);
    is_long_ = true;
  }
  long_.append(bytes, size);
  return *this;
}

Encoder& Encoder::Bytes(absl::string_view bytes) {
  KILN_CHECK(bytes.size() <= std::numeric_limits<uint32_t>::max());
  return U32(static_cast<uint32_t>(bytes.size())).Raw(bytes);
}

bool Decoder::Bool() {
  const uint8_t value = U8();
  if (value > 1) Fail(absl::StrCat("a flag is ", value, ", neither 0 nor 1"));
  return value == 1;
}

// After a failure nothing is left to read, and the first one stays.
void Decoder::FailBeyondEnd(size_t bytes) {
  if (ok()) Fail(absl::StrCat(bytes - rest_.size(), " bytes missing"));
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
  const absl::string_view read = Raw(hash.bytes.size());
  if (!read.empty()) std::memcpy(hash.bytes.data(), read.data(), read.size());
  return hash;
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
