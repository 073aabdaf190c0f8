#include "storage/frame_file.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "crypto/encoding.h"
#include "crypto/hash.h"

namespace kiln::storage {
namespace {

constexpr size_t kLengthBytes = 4;
constexpr size_t kChecksumBytes = 8;
constexpr size_t kReadBytes = 16 << 10;  // at once

absl::Status Damaged(absl::string_view why) {
  return absl::DataLossError(why);
}

}  // namespace

// --- Writing

absl::Status FrameFileWriter::Write(absl::string_view bytes) {
  bytes_ += bytes.size();
  return output_(bytes);
}

absl::Status FrameFileWriter::Add(absl::string_view body) {
  checksum_ = crypto::ShortHash(checksum_, body);
  crypto::Encoder frame;
  frame.Reserve(kLengthBytes + body.size() + kChecksumBytes);
  frame.Bytes(body).U64(checksum_);
  return Write(frame.view());
}

// --- Reading

absl::Status FrameFileReader::AtFrame(const absl::Status& cause) const {
  return Annotate(cause, absl::StrCat("from byte ", frame_at_, " on"));
}

// Piece by piece: a length may promise more than there is.
absl::StatusOr<std::string> FrameFileReader::Read(size_t bytes) {
  std::string read;
  while (read.size() < bytes) {
    const size_t before = read.size();
    const size_t wanted = std::min(bytes - before, kReadBytes);
    read.resize(before + wanted);
    input_->read(read.data() + before, static_cast<std::streamsize>(wanted));
    if (input_->bad()) return absl::UnavailableError("it cannot be read");
    const size_t missing = wanted - static_cast<size_t>(input_->gcount());
    if (missing == 0) continue;
    return Damaged(
        absl::StrCat("it ends at least ", missing, " bytes too early: it was cut, copy it again"));
  }
  offset_ += bytes;
  return read;
}

bool FrameFileReader::Begin(absl::string_view magic) {
  const absl::StatusOr<std::string> read = Read(magic.size());
  return read.ok() && *read == magic;
}

absl::StatusOr<std::string> FrameFileReader::Next(size_t body_bytes_max) {
  frame_at_ = offset_;
  absl::StatusOr<std::string> body = ReadFrame(body_bytes_max);
  if (!body.ok()) return AtFrame(body.status());
  return body;
}

absl::StatusOr<std::string> FrameFileReader::ReadFrame(size_t body_bytes_max) {
  KILN_ASSIGN_OR_RETURN(const std::string length_bytes, Read(kLengthBytes));
  const size_t length = crypto::Decoder("length", length_bytes).U32();
  if (length > body_bytes_max) {
    return Damaged(absl::StrCat("a frame of ", length, " bytes, allowed are ", body_bytes_max,
                                ": it is damaged, copy it again"));
  }
  KILN_ASSIGN_OR_RETURN(std::string body, Read(length));
  KILN_ASSIGN_OR_RETURN(const std::string checksum_bytes, Read(kChecksumBytes));
  checksum_ = crypto::ShortHash(checksum_, body);
  if (crypto::Decoder("checksum", checksum_bytes).U64() == checksum_) return body;
  return Damaged("the checksum does not match: it is damaged, copy it again");
}

absl::Status FrameFileReader::End() {
  if (input_->peek() == std::istream::traits_type::eof()) return absl::OkStatus();
  frame_at_ = offset_;
  return AtFrame(Damaged("something follows the end: it is damaged, copy it again"));
}

}  // namespace kiln::storage
