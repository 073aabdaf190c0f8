#include "storage/chain_file.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "consensus/codec.h"
#include "crypto/encoding.h"

namespace kiln::storage {
namespace {

constexpr absl::string_view kMagic = "kilnchn1";

}  // namespace

std::string EncodeWholeBlock(const consensus::Block& block) {
  crypto::Encoder body;
  body.Bytes(consensus::EncodeWithoutPayload(block)).Bytes(*block.payload);
  return std::move(body).Take();
}

absl::StatusOr<consensus::BlockPtr> DecodeWholeBlock(absl::string_view bytes,
                                                     const ChainLimits& limits) {
  crypto::Decoder decoder("block", bytes);
  const absl::string_view without_payload = decoder.Bytes(kWithoutPayloadBytesMax);
  const absl::string_view payload = decoder.Bytes(limits.block_bytes_max);
  KILN_RETURN_IF_ERROR(decoder.Finish());
  return consensus::DecodeBlock(without_payload, std::make_shared<const std::string>(payload),
                                limits);
}

// --- Writing

absl::Status ChainFileWriter::Begin(const ChainFileHeader& header) {
  KILN_RETURN_IF_ERROR(file_.Begin(kMagic));
  crypto::Encoder body;
  body.Digest(header.chain_id).U64(header.first.value).U64(header.last.value);
  return file_.Add(body.view());
}

absl::Status ChainFileWriter::Add(const consensus::Block& block) {
  return file_.Add(EncodeWholeBlock(block));
}

absl::Status ChainFileWriter::End(const CommitRecord& commit) {
  return file_.Add(EncodeCommitRecord(commit.child, commit.certificate));
}

// --- Reading

absl::StatusOr<ChainFileHeader> ChainFileReader::Begin() {
  if (!file_.Begin(kMagic)) {
    return absl::InvalidArgumentError("it is not a file that `kiln ledger export` wrote");
  }
  KILN_ASSIGN_OR_RETURN(const std::string body, file_.Next(WholeBlockBytesMax(limits_)));
  crypto::Decoder decoder("header", body);
  ChainFileHeader header;
  header.chain_id = decoder.Digest();
  header.first = Height{decoder.U64()};
  header.last = Height{decoder.U64()};
  if (header.first.value == 0 || header.last < header.first) decoder.Fail("no range of heights");
  KILN_RETURN_IF_ERROR(file_.AtFrame(decoder.Finish()));
  return header;
}

absl::StatusOr<consensus::BlockPtr> ChainFileReader::Next() {
  KILN_ASSIGN_OR_RETURN(const std::string body, file_.Next(WholeBlockBytesMax(limits_)));
  absl::StatusOr<consensus::BlockPtr> block = DecodeWholeBlock(body, limits_);
  if (!block.ok()) return file_.AtFrame(block.status());
  return block;
}

absl::StatusOr<CommitRecord> ChainFileReader::End() {
  KILN_ASSIGN_OR_RETURN(const std::string body, file_.Next(WholeBlockBytesMax(limits_)));
  absl::StatusOr<CommitRecord> commit = DecodeCommitRecord(body);
  if (!commit.ok()) return file_.AtFrame(commit.status());
  KILN_RETURN_IF_ERROR(file_.End());
  return commit;
}

}  // namespace kiln::storage
