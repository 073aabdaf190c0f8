#include "consensus/payload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/encoding.h"
#include "crypto/merkle.h"
#include "kiln/client.h"
#include "tests/consensus/test_world.h"

namespace kiln::consensus {
namespace {

using ::testing::HasSubstr;

std::string EnvelopeBytes(const Envelope& envelope) {
  std::string bytes;
  AppendEnvelope(envelope, &bytes);
  return bytes;
}

std::string IndexRefusal(absl::string_view payload, const ChainLimits& limits = {}) {
  const auto index = IndexPayload(payload, limits);
  EXPECT_TRUE(index.ok() || absl::IsInvalidArgument(index.status())) << index.status();
  return std::string(index.status().message());
}

std::string EnvelopeRefusal(absl::string_view bytes, const ChainLimits& limits = {}) {
  return std::string(DecodeEnvelope(bytes, limits).status().message());
}

TEST(Envelope, ReadsWhatWasWritten) {
  const std::string bytes =
      EnvelopeBytes({.last_height = 0x0102030405060708, .key = "k", .payload = "pay"});
  EXPECT_EQ(bytes, std::string("\x08\x07\x06\x05\x04\x03\x02\x01\x01kpay"));
  const absl::StatusOr<Envelope> envelope = DecodeEnvelope(bytes, {});
  ASSERT_TRUE(envelope.ok()) << envelope.status();
  EXPECT_EQ(envelope->last_height, 0x0102030405060708U);
  EXPECT_EQ(envelope->key, "k");
  EXPECT_EQ(envelope->payload, "pay");
}

TEST(Envelope, AcceptsLimitsAndRefusesOneMore) {
  const ChainLimits limits = {.transaction_bytes_max = 10};
  EXPECT_EQ(EnvelopeRefusal(EnvelopeBytes({.payload = "0123456789"}), limits), "");
  EXPECT_THAT(EnvelopeRefusal(EnvelopeBytes({.payload = "0123456789a"}), limits),
              HasSubstr("bytes of payload: 11, the limit is 10"));
  EXPECT_EQ(EnvelopeRefusal(EnvelopeBytes({.key = std::string(64, 'k'), .payload = "p"})), "");
  const std::string long_key = std::string(8, '\0') + "\x41" + std::string(66, 'k');
  EXPECT_THAT(EnvelopeRefusal(long_key), HasSubstr("bytes of key: 65, the limit is 64"));
}

TEST(Envelope, MayBeEmptyOnlyAsABarrierWithAKey) {
  EXPECT_EQ(EnvelopeRefusal(EnvelopeBytes({.key = "barrier"})), "");
  EXPECT_THAT(EnvelopeRefusal(EnvelopeBytes({})), HasSubstr("neither payload nor key"));
}

TEST(Envelope, IsRefusedWhenItEndsEarly) {
  const std::string bytes = EnvelopeBytes({.last_height = 7, .key = "key"});
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(DecodeEnvelope(absl::string_view(bytes).substr(0, length), {}).ok()) << length;
  }
}

TEST(EnvelopeId, CoversKeyAndPayloadButNotTheLastHeight) {
  const Hash id = EnvelopeId({.last_height = 1, .key = "ab", .payload = "c"});
  EXPECT_EQ(EnvelopeId({.last_height = 2, .key = "ab", .payload = "c"}), id);
  EXPECT_NE(EnvelopeId({.last_height = 1, .key = "a", .payload = "bc"}), id);
  EXPECT_NE(EnvelopeId({.last_height = 1, .key = "", .payload = "abc"}), id);
  EXPECT_EQ(TransactionId({.payload = "c", .key = "ab"}), id);
}

TEST(LeafOf, CoversIdAndLastHeight) {
  const Hash id = TransactionId({.payload = "one"});
  EXPECT_EQ(LeafOf(id, 0x4142),
            crypto::MerkleLeaf(absl::StrCat(
                id.view(), absl::string_view("\x42\x41\0\0\0\0\0\0", sizeof(uint64_t)))));
  EXPECT_NE(LeafOf(id, 1), LeafOf(id, 2));
  EXPECT_NE(LeafOf(id, 1), LeafOf(TransactionId({.payload = "two"}), 1));
}

TEST(Payload, IsIndexedInOnePassWithIdsAndLeaves) {
  const SharedBytes payload = PayloadOf({"one", "two", "three"}, 9);
  const auto index = IndexPayload(*payload, {});
  ASSERT_TRUE(index.ok()) << index.status();
  ASSERT_EQ((*index)->entries.size(), 3U);
  std::vector<Hash> leaves;
  for (size_t i = 0; i < 3; ++i) {
    const std::string text = std::vector<std::string>{"one", "two", "three"}[i];
    const std::string envelope = EnvelopeBytes({.last_height = 9, .payload = text});
    EXPECT_EQ((*index)->EnvelopeAt(*payload, i), envelope);
    EXPECT_EQ((*index)->entries[i].id, TransactionId({.payload = text}));
    EXPECT_EQ((*index)->entries[i].last_height, 9U);
    leaves.push_back(LeafOf(TransactionId({.payload = text}), 9));
    EXPECT_EQ((*index)->entries[i].leaf, leaves.back());
  }
  EXPECT_EQ((*index)->root, crypto::MerkleRoot(leaves));
}

TEST(Payload, MayBeEmpty) {
  EXPECT_EQ(*EmptyPayload(), std::string(4, '\0'));
  const auto index = IndexPayload(*EmptyPayload(), {});
  ASSERT_TRUE(index.ok()) << index.status();
  EXPECT_TRUE((*index)->entries.empty());
  EXPECT_EQ((*index)->root, EmptyPayloadIndex()->root);
}

TEST(Payload, BuilderKnowsItsSize) {
  PayloadBuilder builder;
  EXPECT_EQ(builder.bytes(), kPayloadHeaderBytes);
  const std::string envelope = EnvelopeBytes({.payload = "p"});
  const size_t with = builder.BytesWith(envelope.size());
  builder.Add(envelope);
  EXPECT_EQ(builder.bytes(), with);
  EXPECT_EQ(builder.count(), 1U);
  EXPECT_EQ(std::move(builder).Finish()->size(), with);
}

TEST(Payload, AcceptsACountAtTheLimitAndRefusesOneMore) {
  const ChainLimits limits = {.block_transactions_max = 2};
  EXPECT_EQ(IndexRefusal(*PayloadOf({"a", "b"}), limits), "");
  EXPECT_THAT(IndexRefusal(*PayloadOf({"a", "b", "c"}), limits),
              HasSubstr("transactions: 3, the limit is 2"));
}

TEST(Payload, AcceptsBytesAtTheLimitAndRefusesOneMore) {
  const SharedBytes payload = PayloadOf({"a", "b"});
  EXPECT_EQ(IndexRefusal(*payload, {.block_bytes_max = payload->size()}), "");
  EXPECT_THAT(IndexRefusal(*payload, {.block_bytes_max = payload->size() - 1}),
              HasSubstr(absl::StrCat("bytes: ", payload->size(), ", the limit is ")));
}

TEST(Payload, RefusesACountThatItsBytesCannotHoldBeforeReserving) {
  std::string payload = *PayloadOf({"a"});
  payload[0] = '\xFF';
  EXPECT_THAT(IndexRefusal(payload), HasSubstr("255 transactions do not fit into"));
}

TEST(Payload, NamesTheEntryThatIsMalformed) {
  PayloadBuilder builder;
  builder.Add(Envelope{.payload = "fine"});
  builder.Add(Envelope{});
  EXPECT_THAT(IndexRefusal(*std::move(builder).Finish()),
              HasSubstr("payload: entry 1: transaction: neither payload nor key"));
}

TEST(Payload, RefusesTrailingBytesAndEveryTruncation) {
  const std::string payload = *PayloadOf({"one", "two"});
  EXPECT_NE(IndexRefusal(payload + '\0'), "");
  for (size_t length = 0; length < payload.size(); ++length) {
    EXPECT_NE(IndexRefusal(absl::string_view(payload).substr(0, length)), "") << length;
  }
}

TEST(Batch, IsCountedOnlyWithinTheLimits) {
  const ChainLimits limits{.block_bytes_max = 1000, .block_transactions_max = 3};
  EXPECT_EQ(*CountBatch(*PayloadOf({"a", "b", "c"}), limits), 3U);
  EXPECT_EQ(CountBatch(*PayloadOf({"a", "b", "c", "d"}), limits).status().message(),
            "batch: 4 transactions, allowed are 1 to 3");
  EXPECT_EQ(CountBatch(std::string(1001, '\1'), limits).status().message(),
            "batch: 1001 bytes, the limit is 1000");
  EXPECT_EQ(
      CountBatch(std::string("\2\0\0\0", 4) + std::string(25, 'x'), limits).status().message(),
      "batch: 2 transactions cannot be in 29 bytes");
  EXPECT_FALSE(CountBatch(std::string("\1\0\0", 3), limits).ok());
}

TEST(Batch, ClaimsAtLeastOneOutcomeAndNoMoreThanABlockOrItsBytesHold) {
  const ChainLimits limits{.block_transactions_max = 30};
  EXPECT_EQ(ClaimedCount("", limits), 1U);
  EXPECT_EQ(ClaimedCount(std::string(4, '\0'), limits), 1U);
  EXPECT_EQ(ClaimedCount(std::string(4, '\xff'), limits), 4U);
  EXPECT_EQ(ClaimedCount(std::string(100, '\xff'), limits), 30U);
  EXPECT_EQ(ClaimedCount(*PayloadOf({"a", "b", "c"}), limits), 3U);
}

TEST(Batch, IsStampedUpToTheFirstThingOutOfPlace) {
  std::string batch = *PayloadOf({"a", "bc", "d"}, 0);
  StampLastHeight({77}, &batch);
  EXPECT_EQ(batch, *PayloadOf({"a", "bc", "d"}, 77));

  std::string cut = PayloadOf({"a", "bc"}, 0)->substr(0, PayloadOf({"a"}, 0)->size() + 9);
  const std::string rest = cut.substr(PayloadOf({"a"}, 0)->size());
  StampLastHeight({77}, &cut);
  EXPECT_EQ(cut.substr(4), PayloadOf({"a"}, 77)->substr(4) + rest);
}

}  // namespace
}  // namespace kiln::consensus
