#include "consensus/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "crypto/hash.h"
#include "tests/consensus/test_world.h"

namespace kiln::consensus {
namespace {

using ::testing::HasSubstr;

// One kind of encoding: a valid example, and decode-then-encode.
struct Kind {
  std::string name;
  std::string bytes;
  std::function<absl::StatusOr<std::string>(absl::string_view)> again;
};

template <typename T>
Kind KindOf(std::string name, const T& value, absl::StatusOr<T> (*decode)(absl::string_view)) {
  return {std::move(name), Encode(value),
          [decode](absl::string_view bytes) -> absl::StatusOr<std::string> {
            absl::StatusOr<T> decoded = decode(bytes);
            if (!decoded.ok()) return decoded.status();
            return Encode(*decoded);
          }};
}

// Every kind, with its optional parts, from a chain in which round 3 timed out.
class Codec : public testing::Test {
 protected:
  SafetyRecord Record() {
    return {.epoch = {1},
            .last_voted_round = {4},
            .locked_qc_round = {2},
            .last_proposed_round = {3},
            .high_qc = qc_,
            .last_tc = tc_,
            .last_vote = world_.VoteFor(late_, {1}),
            .last_timeout = world_.TimeoutOf({2}, {4}, qc_, tc_)};
  }

  std::vector<Kind> Kinds() {
    std::vector<Kind> kinds;
    kinds.push_back(KindOf("header", late_->header, &DecodeHeader));
    kinds.push_back(KindOf("quorum certificate", qc_, &DecodeQuorumCertificate));
    kinds.push_back(KindOf("timeout certificate", tc_, &DecodeTimeoutCertificate));
    kinds.push_back(KindOf("vote", world_.VoteFor(late_, {1}), &DecodeVote));
    kinds.push_back(KindOf("timeout", world_.TimeoutOf({0}, {4}, qc_, tc_), &DecodeTimeout));
    kinds.push_back(KindOf("timeout without TC", world_.TimeoutOf({0}, {3}, qc_), &DecodeTimeout));
    kinds.push_back(KindOf("certificates", Certificates{qc_, tc_}, &DecodeCertificates));
    kinds.push_back(KindOf("block request", BlockRequest{late_->id, {1}, 64}, &DecodeBlockRequest));
    kinds.push_back(KindOf("standing request", StandingRequest{late_->id}, &DecodeStandingRequest));
    kinds.push_back(
        KindOf("standing", Standing{{1}, {2}, {3}, late_->id, {4}, qc_, tc_, {}}, &DecodeStanding));
    kinds.push_back(KindOf("safety record", Record(), &DecodeSafetyRecord));
    kinds.push_back(KindOf("executed state", GenesisState(world_.genesis()), &DecodeExecutedState));
    kinds.push_back(KindOf("finality proof", world_.ProofOf(chain_, 1, 2), &DecodeFinalityProof));
    AddKindsWithPayload(kinds);
    return kinds;
  }

  void AddKindsWithPayload(std::vector<Kind>& kinds) {
    const ChainLimits& limits = world_.genesis().limits;
    kinds.push_back({"block", EncodeWithoutPayload(*late_),
                     [this, &limits](absl::string_view bytes) -> absl::StatusOr<std::string> {
                       auto block = DecodeBlock(bytes, late_->payload, limits);
                       if (!block.ok()) return block.status();
                       return EncodeWithoutPayload(**block);
                     }});
    kinds.push_back({"payload", *late_->payload,
                     [this, &limits](absl::string_view bytes) -> absl::StatusOr<std::string> {
                       auto payload = std::make_shared<const std::string>(bytes);
                       auto block = DecodeBlock(EncodeWithoutPayload(*late_), payload, limits);
                       if (!block.ok()) return block.status();
                       return *(*block)->payload;
                     }});
    kinds.push_back({"proposal", EncodeWithoutPayload(world_.ProposalOf(late_, tc_)),
                     [this, &limits](absl::string_view bytes) -> absl::StatusOr<std::string> {
                       auto proposal = DecodeProposal(bytes, late_->payload, limits);
                       if (!proposal.ok()) return proposal.status();
                       return EncodeWithoutPayload(*proposal);
                     }});
    kinds.push_back({"blocks", Encode(Blocks{{chain_[1], chain_[2], late_}, world_.QcFor(late_)}),
                     [&limits](absl::string_view bytes) -> absl::StatusOr<std::string> {
                       auto blocks = DecodeBlocks(bytes, limits);
                       if (!blocks.ok()) return blocks.status();
                       return Encode(*blocks);
                     }});
  }

  TestWorld world_;
  const std::vector<BlockPtr> chain_ = world_.Chain(2);
  const QuorumCertificate qc_ = world_.QcFor(chain_[2]);
  const TimeoutCertificate tc_ = world_.TcFor({3}, qc_);
  const BlockPtr late_ = world_.Child(chain_[2], {4}, {.transactions = {"one", "two"}});
};

TEST_F(Codec, ReadsWhatItWrote) {
  for (const Kind& kind : Kinds()) {
    const absl::StatusOr<std::string> again = kind.again(kind.bytes);
    ASSERT_TRUE(again.ok()) << kind.name << ": " << again.status();
    EXPECT_EQ(*again, kind.bytes) << kind.name;
  }
}

// One encoding for each value: whatever else decodes is another value, which encodes to those
// bytes.
TEST_F(Codec, RefusesOrReproducesEveryMutationOfOneByte) {
  for (const Kind& kind : Kinds()) {
    for (size_t i = 0; i < kind.bytes.size(); ++i) {
      for (const int flip : {0x01, 0x80, 0xFF}) {
        std::string mutated = kind.bytes;
        mutated[i] = static_cast<char>(mutated[i] ^ flip);
        const absl::StatusOr<std::string> again = kind.again(mutated);
        if (!again.ok()) continue;
        EXPECT_EQ(*again, mutated) << kind.name << ", byte " << i;
      }
    }
  }
}

TEST_F(Codec, RefusesEveryTruncationAndAnythingAppended) {
  for (const Kind& kind : Kinds()) {
    for (size_t length = 0; length < kind.bytes.size(); ++length) {
      EXPECT_FALSE(kind.again(absl::string_view(kind.bytes).substr(0, length)).ok())
          << kind.name << " of " << length << " bytes";
    }
    EXPECT_FALSE(kind.again(kind.bytes + '\0').ok()) << kind.name;
  }
}

// What is hashed into a block id must not survive any change: neither header, QC nor payload.
TEST_F(Codec, RefusesABlockOfWhichAnyByteButTheHeadersChanged) {
  const ChainLimits& limits = world_.genesis().limits;
  const std::string bytes = EncodeWithoutPayload(*late_);
  for (size_t i = kHeaderBytes; i < bytes.size(); ++i) {
    std::string mutated = bytes;
    mutated[i] = static_cast<char>(mutated[i] ^ 1);
    EXPECT_FALSE(DecodeBlock(mutated, late_->payload, limits).ok()) << "byte " << i;
  }
  for (size_t i = 0; i < kHeaderBytes; ++i) {
    std::string mutated = bytes;
    mutated[i] = static_cast<char>(mutated[i] ^ 1);
    const absl::StatusOr<BlockPtr> block = DecodeBlock(mutated, late_->payload, limits);
    if (!block.ok()) continue;
    EXPECT_NE((*block)->id, late_->id) << "byte " << i;
  }
  for (size_t i = 0; i < late_->payload->size(); ++i) {
    std::string mutated = *late_->payload;
    mutated[i] = static_cast<char>(mutated[i] ^ 1);
    EXPECT_FALSE(DecodeBlock(bytes, std::make_shared<const std::string>(mutated), limits).ok())
        << "payload byte " << i;
  }
}

TEST_F(Codec, GivesADecodedBlockItsInvariant) {
  const absl::StatusOr<BlockPtr> block =
      DecodeBlock(EncodeWithoutPayload(*late_), late_->payload, world_.genesis().limits);
  ASSERT_TRUE(block.ok()) << block.status();
  EXPECT_EQ((*block)->id, late_->id);
  EXPECT_EQ((*block)->header, late_->header);
  EXPECT_EQ((*block)->justify, late_->justify);
  EXPECT_EQ((*block)->index->entries.size(), 2U);
}

TEST_F(Codec, NamesWhatABlockLacks) {
  const ChainLimits& limits = world_.genesis().limits;
  Block other = *late_;
  other.justify.signatures[0][0] ^= 1;
  EXPECT_THAT(DecodeBlock(EncodeWithoutPayload(other), late_->payload, limits).status().message(),
              HasSubstr("block: justify hash is not that of the certificate"));
  EXPECT_THAT(DecodeBlock(EncodeWithoutPayload(*late_), EmptyPayload(), limits).status().message(),
              HasSubstr("block: payload root is not that of the payload"));
  EXPECT_THAT(DecodeBlock(EncodeWithoutPayload(*late_), late_->payload,
                          {.block_bytes_max = late_->payload->size() - 1})
                  .status()
                  .message(),
              HasSubstr("block: payload: bytes: "));
}

TEST_F(Codec, RefusesACertificateWhoseListsDoNotFitItsSigners) {
  QuorumCertificate qc = qc_;
  qc.signatures.pop_back();
  EXPECT_THAT(DecodeQuorumCertificate(Encode(qc)).status().message(),
              HasSubstr("quorum certificate: signatures: 2 for 3 signers"));
  TimeoutCertificate tc = tc_;
  tc.high_qc_rounds.push_back({2});
  EXPECT_THAT(DecodeTimeoutCertificate(Encode(tc)).status().message(),
              HasSubstr("timeout certificate: high QC rounds: 4 for 3 signers"));
}

TEST_F(Codec, RefusesABitmapForMoreValidatorsThanASetMayHave) {
  QuorumCertificate qc = qc_;
  qc.signers = SignerBitmap(kValidatorsMax);
  qc.signatures.clear();
  EXPECT_TRUE(DecodeQuorumCertificate(Encode(qc)).ok());
  qc.signers = SignerBitmap(kValidatorsMax + 8);
  EXPECT_FALSE(DecodeQuorumCertificate(Encode(qc)).ok());
}

TEST_F(Codec, BoundsWhatMayBeAskedForAndAnswered) {
  EXPECT_FALSE(DecodeBlockRequest(Encode(BlockRequest{late_->id, {0}, 0})).ok());
  EXPECT_TRUE(DecodeBlockRequest(Encode(BlockRequest{late_->id, {0}, kBlocksPerAnswerMax})).ok());
  EXPECT_THAT(DecodeBlockRequest(Encode(BlockRequest{late_->id, {0}, kBlocksPerAnswerMax + 1}))
                  .status()
                  .message(),
              HasSubstr("count is 65, allowed are 1 to 64"));
  const ChainLimits& limits = world_.genesis().limits;
  Blocks blocks{std::vector<BlockPtr>(kBlocksPerAnswerMax, chain_[1]), std::nullopt};
  EXPECT_TRUE(DecodeBlocks(Encode(blocks), limits).ok());
  blocks.blocks.push_back(chain_[1]);
  EXPECT_THAT(DecodeBlocks(Encode(blocks), limits).status().message(),
              HasSubstr("65 of them, allowed are 1 to 64"));
  EXPECT_FALSE(DecodeBlocks(Encode(Blocks{}), limits).ok());
}

TEST_F(Codec, CallsADamagedSafetyRecordDataLoss) {
  const std::string bytes = Encode(Record());
  EXPECT_TRUE(DecodeSafetyRecord(bytes).ok());
  EXPECT_EQ(*DecodeSafetyRecord(bytes), Record());
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    EXPECT_TRUE(absl::IsDataLoss(DecodeSafetyRecord(damaged).status())) << "byte " << i;
  }
  EXPECT_TRUE(absl::IsDataLoss(DecodeSafetyRecord("").status()));
  std::string foreign = "not a record";
  foreign += std::string(crypto::HashBytes(crypto::kDomainChecksum, foreign).view());
  EXPECT_TRUE(absl::IsDataLoss(DecodeSafetyRecord(foreign).status()))
      << "checksum alone is not enough";
}

TEST_F(Codec, CallsASafetyRecordThatContradictsItselfDataLoss) {
  const auto refusal = [this](const std::function<void(SafetyRecord&)>& change) {
    SafetyRecord record = Record();
    change(record);
    const absl::Status status = DecodeSafetyRecord(Encode(record)).status();
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    return std::string(status.message());
  };
  EXPECT_THAT(refusal([](SafetyRecord& r) { r.last_voted_round = {3}; }),
              HasSubstr("last voted round is 3, but a vote for round 4 was signed"));
  EXPECT_THAT(refusal([](SafetyRecord& r) {
                r.last_vote.reset();
                r.last_voted_round = {3};
              }),
              HasSubstr("last voted round is 3, but a timeout for round 4 was signed"));
  EXPECT_THAT(refusal([](SafetyRecord& r) { r.locked_qc_round = {3}; }),
              HasSubstr("locked round is 3, but the highest QC has round 2"));
}

}  // namespace
}  // namespace kiln::consensus
