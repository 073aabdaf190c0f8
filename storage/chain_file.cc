#include "storage/chain_file.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "consensus/codec.h"
#include "crypto/encoding.h"
#include "crypto/hash.h"

namespace kiln::storage {
namespace {

constexpr absl::string_view kMagic = "kilnchn1";
constexpr size_t kLengthBytes = 4;
constexpr size_t kChecksumBytes = 8;
constexpr size_t kReadBytes = 16 << 10;  // at once
// A header and a certificate of 1,024 signers are about 66 KiB.
constexpr size_t kWithoutPayloadBytesMax = 1 << 20;

absl::Status Damaged(absl::string_view why) {
  return absl::DataLossError(why);
}

size_t FrameBytesMax(const ChainLimits& limits) {
  return kWithoutPayloadBytesMax + limits.block_bytes_max + 2 * kLengthBytes;
}

}  // namespace

// --- Writing

absl::Status ChainFileWriter::Write(absl::string_view bytes) {
  bytes_ += bytes.size();
  return output_(bytes);
}

absl::Status ChainFileWriter::WriteFrame(absl::string_view body) {
  checksum_ = crypto::ShortHash(checksum_, body);
  crypto::Encoder frame;
  frame.Reserve(kLengthBytes + body.size() + kChecksumBytes);
  frame.Bytes(body).U64(checksum_);
  return Write(frame.view());
}

absl::Status ChainFileWriter::Begin(const ChainFileHeader& header) {
  KILN_RETURN_IF_ERROR(Write(kMagic));
  crypto::Encoder body;
  body.Digest(header.chain_id).U64(header.first.value).U64(header.last.value);
  return WriteFrame(body.view());
}

absl::Status ChainFileWriter::Add(const consensus::Block& block) {
  crypto::Encoder body;
  body.Bytes(consensus::EncodeWithoutPayload(block)).Bytes(*block.payload);
  return WriteFrame(body.view());
}

absl::Status ChainFileWriter::End(const CommitRecord& commit) {
  return WriteFrame(EncodeCommitRecord(commit.child, commit.certificate));
}

// --- Reading

absl::Status ChainFileReader::At(uint64_t offset, const absl::Status& cause) const {
  return Annotate(cause, absl::StrCat("from byte ", offset, " on"));
}

// Piece by piece: a length may promise more than there is.
absl::StatusOr<std::string> ChainFileReader::Read(size_t bytes) {
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

absl::StatusOr<std::string> ChainFileReader::ReadFrame() {
  KILN_ASSIGN_OR_RETURN(const std::string length_bytes, Read(kLengthBytes));
  const size_t length = crypto::Decoder("length", length_bytes).U32();
  if (length > FrameBytesMax(limits_)) {
    return Damaged(absl::StrCat("a frame of ", length, " bytes, allowed are ",
                                FrameBytesMax(limits_), ": it is damaged, copy it again"));
  }
  KILN_ASSIGN_OR_RETURN(std::string body, Read(length));
  KILN_ASSIGN_OR_RETURN(const std::string checksum_bytes, Read(kChecksumBytes));
  checksum_ = crypto::ShortHash(checksum_, body);
  if (crypto::Decoder("checksum", checksum_bytes).U64() == checksum_) return body;
  return Damaged("the checksum does not match: it is damaged, copy it again");
}

absl::StatusOr<ChainFileHeader> ChainFileReader::Begin() {
  const absl::StatusOr<std::string> magic = Read(kMagic.size());
  if (!magic.ok() || *magic != kMagic) {
    return absl::InvalidArgumentError("it is not a file that `kiln ledger export` wrote");
  }
  const uint64_t start = offset_;
  const absl::StatusOr<std::string> body = ReadFrame();
  if (!body.ok()) return At(start, body.status());
  crypto::Decoder decoder("header", *body);
  ChainFileHeader header;
  header.chain_id = decoder.Digest();
  header.first = Height{decoder.U64()};
  header.last = Height{decoder.U64()};
  if (header.first.value == 0 || header.last < header.first) decoder.Fail("no range of heights");
  KILN_RETURN_IF_ERROR(At(start, decoder.Finish()));
  return header;
}

absl::StatusOr<consensus::BlockPtr> ChainFileReader::Next() {
  const uint64_t start = offset_;
  const absl::StatusOr<std::string> body = ReadFrame();
  if (!body.ok()) return At(start, body.status());
  crypto::Decoder decoder("block", *body);
  const absl::string_view without_payload = decoder.Bytes(kWithoutPayloadBytesMax);
  const absl::string_view payload = decoder.Bytes(limits_.block_bytes_max);
  KILN_RETURN_IF_ERROR(At(start, decoder.Finish()));
  absl::StatusOr<consensus::BlockPtr> block = consensus::DecodeBlock(
      without_payload, std::make_shared<const std::string>(payload), limits_);
  if (!block.ok()) return At(start, block.status());
  return block;
}

absl::StatusOr<CommitRecord> ChainFileReader::End() {
  const uint64_t start = offset_;
  const absl::StatusOr<std::string> body = ReadFrame();
  if (!body.ok()) return At(start, body.status());
  absl::StatusOr<CommitRecord> commit = DecodeCommitRecord(*body);
  if (!commit.ok()) return At(start, commit.status());
  if (input_->peek() == std::istream::traits_type::eof()) return commit;
  return At(offset_, Damaged("something follows the end: it is damaged, copy it again"));
}

}  // namespace kiln::storage
