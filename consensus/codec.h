// Canonical bytes of headers, certificates, blocks, messages and the safety record: the same for
// hashing, signing, storing and sending. Decoders take hostile bytes: every length is bounded
// before anything is reserved, every value has one encoding, and errors name the field.
#ifndef KILN_CONSENSUS_CODEC_H_
#define KILN_CONSENSUS_CODEC_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "consensus/block.h"
#include "consensus/certificates.h"
#include "consensus/messages.h"
#include "consensus/safety_record.h"
#include "kiln/genesis.h"

namespace kiln::consensus {

// Every header's encoding measures this much: 5 hashes, 6 numbers, proposer, flag.
inline constexpr size_t kHeaderBytes = 5 * Hash::kBytes + 6 * sizeof(uint64_t) + 4 + 1;

std::string Encode(const Header& header);
std::string Encode(const QuorumCertificate& qc);
std::string Encode(const TimeoutCertificate& tc);
std::string Encode(const Vote& vote);
std::string Encode(const Timeout& timeout);
std::string Encode(const Certificates& certificates);
std::string Encode(const BlockRequest& request);
std::string Encode(const StandingRequest& request);
std::string Encode(const Standing& standing);
std::string Encode(const SafetyRecord& record);  // with checksum
// Everything of a block but its payload, which travels and is stored beside it as it is.
std::string EncodeWithoutPayload(const Block& block);
// Likewise for a proposal: block without payload, TC, signature.
std::string EncodeWithoutPayload(const Proposal& proposal);
// With payloads inside.
std::string Encode(const Blocks& blocks);

Hash HashOf(const Header& header);         // the block id
Hash HashOf(const QuorumCertificate& qc);  // header.justify_hash
Hash HashOf(const TimeoutCertificate& tc);
Hash HashWithoutSignature(const Standing& standing);  // what its signature covers

absl::StatusOr<Header> DecodeHeader(absl::string_view bytes);
absl::StatusOr<QuorumCertificate> DecodeQuorumCertificate(absl::string_view bytes);
absl::StatusOr<TimeoutCertificate> DecodeTimeoutCertificate(absl::string_view bytes);
absl::StatusOr<Vote> DecodeVote(absl::string_view bytes);
absl::StatusOr<Timeout> DecodeTimeout(absl::string_view bytes);
absl::StatusOr<Certificates> DecodeCertificates(absl::string_view bytes);
absl::StatusOr<BlockRequest> DecodeBlockRequest(absl::string_view bytes);
absl::StatusOr<StandingRequest> DecodeStandingRequest(absl::string_view bytes);
absl::StatusOr<Standing> DecodeStanding(absl::string_view bytes);
// DataLoss when the checksum or the content is wrong.
absl::StatusOr<SafetyRecord> DecodeSafetyRecord(absl::string_view bytes);

// These index the payload and check that id, justify_hash and payload_root are what they claim: the
// result satisfies Block's invariant.
absl::StatusOr<BlockPtr> DecodeBlock(absl::string_view bytes_without_payload, SharedBytes payload,
                                     const ChainLimits& limits);
absl::StatusOr<Proposal> DecodeProposal(absl::string_view bytes_without_payload,
                                        SharedBytes payload, const ChainLimits& limits);
absl::StatusOr<Blocks> DecodeBlocks(absl::string_view bytes, const ChainLimits& limits);

}  // namespace kiln::consensus

#endif  // KILN_CONSENSUS_CODEC_H_
