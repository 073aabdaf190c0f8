#include "consensus/finality.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "consensus/codec.h"
#include "crypto/encoding.h"

namespace kiln::consensus {
namespace {

absl::Status CheckHeaders(const FinalityProof& proof) {
  const std::vector<Header>& headers = proof.headers;
  for (size_t i = 1; i < headers.size(); ++i) {
    if (headers[i].parent_id != HashOf(headers[i - 1])) {
      return absl::InvalidArgumentError(
          absl::StrCat("finality proof: header ", i, " is not a child of the one before it"));
    }
  }
  const Header& tip = headers.back();
  const Header& parent = headers[headers.size() - 2];
  if (tip.round <= parent.round || tip.round.value - parent.round.value != 1) {
    return absl::InvalidArgumentError(absl::StrCat("finality proof: the last rounds are ",
                                                   parent.round.value, " and ", tip.round.value,
                                                   ", not consecutive"));
  }
  if (proof.certificate.block_id != HashOf(tip) || proof.certificate.round != tip.round) {
    return absl::InvalidArgumentError("finality proof: the certificate is not for the last header");
  }
  return absl::OkStatus();
}

}  // namespace

std::string Encode(const FinalityProof& proof) {
  crypto::Encoder encoder;
  encoder.U16(static_cast<uint16_t>(proof.headers.size()));
  for (const Header& header : proof.headers) encoder.Raw(Encode(header));
  encoder.Raw(Encode(proof.certificate));
  return std::move(encoder).Take();
}

absl::StatusOr<FinalityProof> DecodeFinalityProof(absl::string_view bytes) {
  crypto::Decoder decoder("finality proof", bytes);
  const size_t count = decoder.U16();
  if (count < 2 || count > kFinalityHeadersMax) {
    decoder.Fail(absl::StrCat(count, " headers, allowed are 2 to ", kFinalityHeadersMax));
  }
  FinalityProof proof;
  for (size_t i = 0; i < count && decoder.ok(); ++i) {
    const absl::string_view header_bytes = decoder.Raw(kHeaderBytes);
    KILN_RETURN_IF_ERROR(decoder.status());
    KILN_ASSIGN_OR_RETURN(const Header header, DecodeHeader(header_bytes));
    proof.headers.push_back(header);
  }
  KILN_RETURN_IF_ERROR(decoder.status());
  KILN_ASSIGN_OR_RETURN(proof.certificate,
                        DecodeQuorumCertificate(decoder.Raw(decoder.remaining())));
  return proof;
}

absl::StatusOr<Header> VerifyFinality(absl::string_view proof, MessageVerifier& verifier) {
  KILN_ASSIGN_OR_RETURN(const FinalityProof decoded, DecodeFinalityProof(proof));
  KILN_RETURN_IF_ERROR(CheckHeaders(decoded));
  KILN_RETURN_IF_ERROR(
      Annotate(verifier.VerifyQuorumCertificate(decoded.certificate), "finality proof"));
  return decoded.headers.front();
}

}  // namespace kiln::consensus
