#include "tests/fuzz/mend.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "consensus/codec.h"
#include "consensus/payload.h"
#include "crypto/encoding.h"
#include "crypto/hash.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/samples.h"

namespace kiln::fuzz {
namespace {

// Where these stand in an encoded header.
constexpr size_t kParentIdAt = 32 + 3 * 8;
constexpr size_t kJustifyHashAt = kParentIdAt + 32 + 8;
constexpr size_t kPayloadRootAt = kJustifyHashAt + 32;

constexpr size_t kBitmapBytesMax = 128;

void Put(const Hash& hash, size_t at, std::string* bytes) {
  bytes->replace(at, Hash::kBytes, hash.view().data(), Hash::kBytes);
}

// How long the certificate at the front is.
std::optional<size_t> CertificateBytes(absl::string_view bytes) {
  crypto::Decoder decoder("certificate", bytes);
  decoder.Raw(8 + 8 + 32);
  decoder.Bytes(kBitmapBytesMax);
  const size_t signatures = decoder.U16();
  decoder.Raw(signatures * 64);
  if (!decoder.ok()) return std::nullopt;
  return bytes.size() - decoder.remaining();
}

// Where the certificate of the block at `at` ends.
std::optional<size_t> EndOfCertificate(size_t at, const std::string& body) {
  if (body.size() < at + consensus::kHeaderBytes) return std::nullopt;
  const size_t start = at + consensus::kHeaderBytes;
  const std::optional<size_t> bytes = CertificateBytes(absl::string_view(body).substr(start));
  if (!bytes.has_value()) return std::nullopt;
  return start + *bytes;
}

// The block at `at`, whose certificate ends at `end`.
void MendHashes(size_t at, size_t end, absl::string_view payload, std::string* body) {
  const size_t start = at + consensus::kHeaderBytes;
  const absl::string_view justify = absl::string_view(*body).substr(start, end - start);
  Put(crypto::HashBytes(crypto::kDomainQuorumCertificate, justify), at + kJustifyHashAt, body);
  const auto index = consensus::IndexPayload(payload, SampleLimits());
  if (index.ok()) Put((*index)->root, at + kPayloadRootAt, body);
}

}  // namespace

void MendBlock(absl::string_view payload, std::string* body) {
  const std::optional<size_t> end = EndOfCertificate(0, *body);
  if (end.has_value()) MendHashes(0, *end, payload, body);
}

void MendBlocks(std::string* body) {
  Hash parent;
  for (size_t at = 2; at < body->size();) {
    const std::optional<size_t> end = EndOfCertificate(at, *body);
    if (!end.has_value()) return;
    const absl::string_view rest = absl::string_view(*body).substr(*end);
    crypto::Decoder decoder("payload", rest);
    const absl::string_view payload = decoder.Bytes(rest.size());
    if (!decoder.ok()) return;
    const size_t next = body->size() - decoder.remaining();
    MendHashes(at, *end, std::string(payload), body);
    if (at > 2) Put(parent, at + kParentIdAt, body);
    parent = crypto::HashBytes(crypto::kDomainBlock,
                               absl::string_view(*body).substr(at, consensus::kHeaderBytes));
    at = next;
  }
}

void MendFrame(network::Frame* frame) {
  if (frame->kind == network::FrameKind::kProposal) {
    MendBlock(frame->payload == nullptr ? "" : absl::string_view(*frame->payload), &frame->body);
  }
  if (frame->kind == network::FrameKind::kBlocks) MendBlocks(&frame->body);
}

std::string WithChecksum(absl::string_view bytes) {
  const absl::string_view body =
      bytes.substr(0, bytes.size() - std::min(bytes.size(), Hash::kBytes));
  return absl::StrCat(body, crypto::HashBytes(crypto::kDomainChecksum, body).view());
}

network::Frame TakeFrame(absl::string_view input) {
  network::Frame frame;
  frame.kind = static_cast<network::FrameKind>(TakeByte(&input));
  frame.body = std::string(TakePart(&input));
  if (!input.empty()) frame.payload = std::make_shared<const std::string>(input);
  return frame;
}

std::string FrameInput(const network::Frame& frame) {
  std::string input(1, static_cast<char>(frame.kind));
  input += AsPart(frame.body);
  if (frame.payload != nullptr) input += *frame.payload;
  return input;
}

}  // namespace kiln::fuzz
