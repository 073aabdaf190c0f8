#include "sim/forged_certificates.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "consensus/codec.h"
#include "consensus/messages.h"
#include "crypto/encoding.h"

namespace kiln::sim {
namespace {

using consensus::QuorumCertificate;
using consensus::SignerBitmap;
using consensus::TimeoutCertificate;
using Material = ForgerMaterial;

crypto::Signature OwnVote(const Material& material, const Hash& chain_id, Epoch epoch, Round round,
                          const Hash& block_id) {
  return material.signer->Sign(consensus::VoteBytes(chain_id, epoch, round, block_id));
}

Hash OtherHash(Hash hash) {
  hash.bytes[7] ^= 1;
  return hash;
}

// The bits of all validators.
SignerBitmap Everybody(const Material& material) {
  SignerBitmap signers(material.validators->size());
  for (uint32_t i = 0; i < material.validators->size(); ++i) signers.Add({i});
  return signers;
}

// One vote of its own, repeated for everybody.
QuorumCertificate SignedByItself(const Material& material, const Hash& chain_id, Epoch epoch,
                                 Round round, const Hash& block_id) {
  QuorumCertificate qc{.epoch = epoch,
                       .round = round,
                       .block_id = block_id,
                       .signers = Everybody(material),
                       .signatures = {}};
  qc.signatures.assign(material.validators->size(),
                       OwnVote(material, chain_id, epoch, round, block_id));
  return qc;
}

QuorumCertificate WithBitmap(const Material& material,
                             const std::function<void(std::string&)>& change) {
  QuorumCertificate qc = material.qc;
  std::string bytes = qc.signers.bytes();
  change(bytes);
  qc.signers = SignerBitmap::FromBytes(std::move(bytes));
  return qc;
}

// The last signer leaves, and again, until what remains is no quorum.
template <typename Certificate>
SignerBitmap LessThanAQuorum(const Material& material, const Certificate& certificate,
                             size_t* count) {
  std::vector<ValidatorIndex> members = certificate.signers.Members();
  // What another lie of the same validator made of it may name strangers.
  std::erase_if(members,
                [&](ValidatorIndex member) { return !material.validators->Contains(member); });
  uint64_t power = 0;
  for (const ValidatorIndex member : members) power += material.validators->PowerOf(member);
  while (material.validators->IsQuorum(power)) {
    power -= material.validators->PowerOf(members.back());
    members.pop_back();
  }
  SignerBitmap signers(material.validators->size());
  for (const ValidatorIndex member : members) signers.Add(member);
  *count = members.size();
  return signers;
}

QuorumCertificate Changed(const Material& material,
                          const std::function<void(QuorumCertificate&)>& change) {
  QuorumCertificate qc = material.qc;
  change(qc);
  return qc;
}
TimeoutCertificate ChangedTc(const Material& material,
                             const std::function<void(TimeoutCertificate&)>& change) {
  TimeoutCertificate tc = *material.tc;
  change(tc);
  return tc;
}

consensus::Certificates Both(const Material& material) {
  return {.high_qc = material.qc, .last_tc = material.tc};
}

network::FramePtr CertificatesFrame(std::string body) {
  return std::make_shared<const network::Frame>(
      network::Frame{network::FrameKind::kCertificates, std::move(body), nullptr});
}

// A QC's bytes with counts and lists of one's choice.
std::string RawQc(const Material& material, uint32_t bitmap_length, absl::string_view bitmap,
                  uint16_t count, size_t signatures) {
  crypto::Encoder encoder;
  encoder.U64(material.qc.epoch.value).U64(material.qc.round.value).Digest(material.qc.block_id);
  encoder.U32(bitmap_length).Raw(bitmap).U16(count);
  for (size_t i = 0; i < signatures; ++i) encoder.Array(material.qc.signatures.front());
  return std::move(encoder).Take();
}

std::string WithoutTc(std::string qc) {
  qc.push_back('\0');
  return qc;
}

}  // namespace

const std::vector<QcForgery>& QcForgeries() {
  static const auto& forgeries = *new std::vector<QcForgery>{
      {"duplicate signer",
       [](const Material& m) {
         return SignedByItself(m, m.chain_id, m.qc.epoch, m.qc.round, m.qc.block_id);
       }},
      {"for its own block",
       [](const Material& m) {
         return SignedByItself(m, m.chain_id, m.qc.epoch, Round{m.qc.round.value + 1},
                               OtherHash(m.qc.block_id));
       }},
      {"non-member",
       [](const Material& m) {
         QuorumCertificate qc = WithBitmap(m, [](std::string& bytes) { bytes.push_back('\1'); });
         qc.signatures.push_back(qc.signatures.front());
         return qc;
       }},
      {"bitmap too long",
       [](const Material& m) {
         return WithBitmap(m, [](std::string& bytes) { bytes.push_back('\0'); });
       }},
      {"bitmap too short",
       [](const Material& m) {
         QuorumCertificate qc = WithBitmap(m, [](std::string& bytes) { bytes.pop_back(); });
         qc.signatures.resize(qc.signers.Count());
         return qc;
       }},
      {"padding bits",
       [](const Material& m) {
         QuorumCertificate qc = WithBitmap(m, [](std::string& bytes) {
           bytes.back() = static_cast<char>(static_cast<uint8_t>(bytes.back()) | 0x80U);
         });
         qc.signatures.resize(qc.signers.Count(), m.qc.signatures.back());
         if (qc == m.qc) qc.signatures.back()[9] ^= 1;  // bit 7 is a member's
         return qc;
       }},
      {"quorum less one",
       [](const Material& m) {
         return Changed(m, [&m](QuorumCertificate& qc) {
           size_t count = 0;
           qc.signers = LessThanAQuorum(m, m.qc, &count);
           qc.signatures.resize(count);
         });
       }},
      {"no signers",
       [](const Material& m) {
         return Changed(m, [&m](QuorumCertificate& qc) {
           qc.signers = SignerBitmap(m.validators->size());
           qc.signatures.clear();
         });
       }},
      {"like genesis",
       [](const Material& m) {
         return QuorumCertificate{.epoch = {1}, .block_id = m.qc.block_id};
       }},
      {"another block",
       [](const Material& m) {
         return Changed(m, [](QuorumCertificate& qc) { qc.block_id = OtherHash(qc.block_id); });
       }},
      {"another round",
       [](const Material& m) {
         return Changed(m, [](QuorumCertificate& qc) { ++qc.round.value; });
       }},
      {"another chain",
       [](const Material& m) {
         return SignedByItself(m, OtherHash(m.chain_id), m.qc.epoch, m.qc.round, m.qc.block_id);
       }},
      {"another epoch",
       [](const Material& m) {
         return Changed(m, [](QuorumCertificate& qc) { ++qc.epoch.value; });
       }},
      {"an older block's signatures",
       [](const Material& m) {
         return Changed(m, [&m](QuorumCertificate& qc) {
           qc.signers = m.older_qc.signers;
           qc.signatures = m.older_qc.signatures;
         });
       }},
      {"signatures in another order",
       [](const Material& m) {
         return Changed(m, [](QuorumCertificate& qc) {
           std::reverse(qc.signatures.begin(), qc.signatures.end());
           if (qc.signatures.size() == 1) qc.signatures.front()[3] ^= 1;
         });
       }},
      {"one bit",
       [](const Material& m) {
         return Changed(m, [](QuorumCertificate& qc) { qc.signatures.back()[40] ^= 4; });
       }},
      {"a timeout's signature",
       [](const Material& m) {
         return Changed(m, [&m](QuorumCertificate& qc) {
           qc.signatures.back() = m.signer->Sign(
               consensus::TimeoutBytes(m.chain_id, qc.epoch, qc.round, m.older_qc.round));
         });
       }},
      {"round out of range",
       [](const Material& m) {
         return SignedByItself(m, m.chain_id, m.qc.epoch, Round{UINT64_MAX}, m.qc.block_id);
       }},
  };
  return forgeries;
}

const std::vector<TcForgery>& TcForgeries() {
  static const auto& forgeries = *new std::vector<TcForgery>{
      {"reported rounds lowered",
       [](const Material& m) {
         // The highest stays, so that only the signatures can tell; unless all are equal.
         return ChangedTc(m, [](TimeoutCertificate& tc) {
           Round& lowest = *std::min_element(tc.high_qc_rounds.begin(), tc.high_qc_rounds.end());
           lowest.value = lowest.value == 0 ? 1 : lowest.value - 1;
         });
       }},
      {"reported rounds raised",
       [](const Material& m) {
         return ChangedTc(m, [](TimeoutCertificate& tc) { ++tc.high_qc_rounds.front().value; });
       }},
      {"reported round not below its own",
       [](const Material& m) {
         return ChangedTc(m, [](TimeoutCertificate& tc) { tc.high_qc_rounds.back() = tc.round; });
       }},
      {"high QC below the highest reported",
       [](const Material& m) {
         return ChangedTc(m, [&m](TimeoutCertificate& tc) {
           if (m.older_qc.round != tc.high_qc.round) tc.high_qc = m.older_qc;
           if (m.older_qc.round == tc.high_qc.round) tc.high_qc.round.value += 1;
         });
       }},
      {"rounds swapped",
       [](const Material& m) {
         return ChangedTc(m, [](TimeoutCertificate& tc) {
           std::reverse(tc.high_qc_rounds.begin(), tc.high_qc_rounds.end());
           std::reverse(tc.signatures.begin(), tc.signatures.end());
           if (tc.signatures.size() == 1) tc.signatures.front()[3] ^= 1;
         });
       }},
      {"another round",
       [](const Material& m) {
         return ChangedTc(m, [](TimeoutCertificate& tc) { ++tc.round.value; });
       }},
      {"another epoch",
       [](const Material& m) {
         return ChangedTc(m, [](TimeoutCertificate& tc) { tc.epoch = {0}; });
       }},
      {"too few rounds",
       [](const Material& m) {
         return ChangedTc(m, [](TimeoutCertificate& tc) { tc.high_qc_rounds.pop_back(); });
       }},
      {"quorum less one",
       [](const Material& m) {
         return ChangedTc(m, [&m](TimeoutCertificate& tc) {
           size_t count = 0;
           tc.signers = LessThanAQuorum(m, *m.tc, &count);
           tc.signatures.resize(count);
           tc.high_qc_rounds.resize(count);
         });
       }},
      {"duplicate signer",
       [](const Material& m) {
         return ChangedTc(m, [&m](TimeoutCertificate& tc) {
           tc.signers = Everybody(m);
           tc.high_qc_rounds.assign(m.validators->size(), tc.high_qc.round);
           const std::string bytes =
               consensus::TimeoutBytes(m.chain_id, tc.epoch, tc.round, tc.high_qc.round);
           tc.signatures.assign(m.validators->size(), m.signer->Sign(bytes));
         });
       }},
      {"padding bits",
       [](const Material& m) {
         return ChangedTc(m, [](TimeoutCertificate& tc) {
           std::string bytes = tc.signers.bytes();
           bytes.push_back('\1');
           tc.signers = SignerBitmap::FromBytes(std::move(bytes));
           tc.signatures.push_back(tc.signatures.back());
           tc.high_qc_rounds.push_back(tc.high_qc_rounds.back());
         });
       }},
      {"votes for signatures",
       [](const Material& m) {
         return ChangedTc(m, [&m](TimeoutCertificate& tc) {
           tc.signers = m.qc.signers;
           tc.signatures = m.qc.signatures;
           tc.high_qc_rounds.assign(tc.signatures.size(), tc.high_qc.round);
         });
       }},
      {"forged high QC",
       [](const Material& m) {
         return ChangedTc(m, [](TimeoutCertificate& tc) {
           tc.high_qc.block_id = OtherHash(tc.high_qc.block_id);
         });
       }},
  };
  return forgeries;
}

const std::vector<FrameForgery>& FrameForgeries() {
  static const auto& forgeries = *new std::vector<FrameForgery>{
      {"a byte too many",
       [](const Material& m) { return CertificatesFrame(Encode(Both(m)) + std::string(1, '\0')); }},
      {"a byte too few",
       [](const Material& m) {
         std::string bytes = Encode(Both(m));
         bytes.pop_back();
         return CertificatesFrame(std::move(bytes));
       }},
      {"a flag of 2",
       [](const Material& m) { return CertificatesFrame(Encode(m.qc) + std::string(1, '\2')); }},
      {"more signatures than signers",
       [](const Material& m) {
         const std::string& bitmap = m.qc.signers.bytes();
         const size_t count = m.qc.signatures.size() + 1;
         return CertificatesFrame(WithoutTc(RawQc(m, static_cast<uint32_t>(bitmap.size()), bitmap,
                                                  static_cast<uint16_t>(count), count)));
       }},
      {"signer named twice",
       [](const Material& m) {
         SignerBitmap alone(m.validators->size());
         alone.Add(m.self);
         const size_t count = m.qc.signatures.size();
         return CertificatesFrame(
             WithoutTc(RawQc(m, static_cast<uint32_t>(alone.bytes().size()), alone.bytes(),
                             static_cast<uint16_t>(count), count)));
       }},
      {"bitmap longer than the message",
       [](const Material& m) {
         return CertificatesFrame(RawQc(m, UINT32_MAX, m.qc.signers.bytes(), 1, 1));
       }},
      {"bitmap of the largest set and one",
       [](const Material& m) {
         const std::string bitmap(consensus::kValidatorsMax / 8 + 1, '\xFF');
         return CertificatesFrame(RawQc(m, static_cast<uint32_t>(bitmap.size()), bitmap, 0, 0));
       }},
      {"signatures that are not there",
       [](const Material& m) {
         const std::string bitmap(consensus::kValidatorsMax / 8, '\xFF');
         return CertificatesFrame(
             RawQc(m, static_cast<uint32_t>(bitmap.size()), bitmap, consensus::kValidatorsMax, 1));
       }},
      {"with a payload",
       [](const Material& m) {
         return std::make_shared<const network::Frame>(
             network::Frame{network::FrameKind::kCertificates, Encode(Both(m)),
                            std::make_shared<const std::string>(64, 'x')});
       }},
  };
  return forgeries;
}

}  // namespace kiln::sim
