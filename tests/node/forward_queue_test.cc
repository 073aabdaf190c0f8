#include "node/forward_queue.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "consensus/payload.h"

namespace kiln::node {
namespace {

using Turn = ForwardQueue::Turn;

TransactionBatch ForwardOf(const std::vector<std::string>& payloads, const ChainLimits& limits) {
  consensus::PayloadBuilder builder;
  for (const std::string& payload : payloads) {
    builder.Add(consensus::Envelope{.last_height = 9, .payload = payload});
  }
  TransactionBatch batch;
  batch.bytes = std::move(builder).Finish();
  auto index = consensus::IndexBatch(*batch.bytes, limits);
  KILN_CHECK(index.ok()) << index.status();
  batch.index = *std::move(index);
  return batch;
}

// What is in each message, in order.
std::vector<std::vector<std::string>> PayloadsInside(
    const std::vector<consensus::SharedBytes>& batches, const ChainLimits& limits) {
  std::vector<std::vector<std::string>> all;
  for (const consensus::SharedBytes& bytes : batches) {
    const auto index = consensus::IndexBatch(*bytes, limits);
    KILN_CHECK(index.ok()) << index.status();
    all.emplace_back();
    for (size_t i = 0; i < (*index)->entries.size(); ++i) {
      const auto envelope = consensus::DecodeEnvelope((*index)->EnvelopeAt(*bytes, i), limits);
      KILN_CHECK(envelope.ok()) << envelope.status();
      EXPECT_EQ(envelope->last_height, 9u);
      all.back().emplace_back(envelope->payload);
    }
  }
  return all;
}

using Messages = std::vector<std::vector<std::string>>;

TEST(ForwardQueue, ForwardsTheFirstBatchOfATurnAtOnceAndAsItIs) {
  const ChainLimits limits;
  ForwardQueue queue(limits);
  const TransactionBatch batch = ForwardOf({"a", "b"}, limits);
  queue.Add(batch);
  const std::vector<consensus::SharedBytes> sent = queue.Take({Round{1}, 0});
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0], batch.bytes) << "copied";
  EXPECT_TRUE(queue.Take({Round{2}, 1}).empty()) << "sent twice";
}

TEST(ForwardQueue, GathersWhatComesLaterInTheTurnUntilTheNext) {
  const ChainLimits limits;
  ForwardQueue queue(limits);
  const Turn turn = {Round{5}, 3};
  queue.Add(ForwardOf({"a"}, limits));
  EXPECT_EQ(queue.Take(turn).size(), 1u);
  queue.Add(ForwardOf({"b", "c"}, limits));
  EXPECT_TRUE(queue.Take(turn).empty());
  queue.Add(ForwardOf({"d"}, limits));
  EXPECT_TRUE(queue.Take(turn).empty());
  EXPECT_EQ(PayloadsInside(queue.Take({Round{6}, 4}), limits), (Messages{{"b", "c", "d"}}));
}

TEST(ForwardQueue, BeginsATurnWithAVoteAndWithARound) {
  const ChainLimits limits;
  ForwardQueue queue(limits);
  for (const Turn& turn : {Turn{Round{5}, 3}, Turn{Round{5}, 4}, Turn{Round{6}, 4}}) {
    queue.Add(ForwardOf({"a"}, limits));
    EXPECT_EQ(queue.Take(turn).size(), 1u);
    queue.Add(ForwardOf({"b"}, limits));
    EXPECT_TRUE(queue.Take(turn).empty());
  }
}

TEST(ForwardQueue, ForwardsMuchInTheMiddleOfATurn) {
  const ChainLimits limits;
  ForwardQueue queue(limits);
  const Turn turn = {Round{5}, 3};
  queue.Add(ForwardOf({"a"}, limits));
  EXPECT_EQ(queue.Take(turn).size(), 1u);
  queue.Add(ForwardOf({"b"}, limits));
  const TransactionBatch large =
      ForwardOf({std::string(ForwardQueue::kBytesWorthAMessage, 'x')}, limits);
  queue.Add(large);
  const std::vector<consensus::SharedBytes> sent = queue.Take(turn);
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[1], large.bytes) << "copied";
}

TEST(ForwardQueue, LeavesOutWhatWasLeftOut) {
  const ChainLimits limits;
  ForwardQueue queue(limits);
  TransactionBatch batch = ForwardOf({"a", "b", "c"}, limits);
  batch.left_out = {0, 2};
  queue.Add(batch);
  EXPECT_EQ(PayloadsInside(queue.Take({Round{1}, 0}), limits), (Messages{{"b"}}));
}

TEST(ForwardQueue, KeepsEachMessageWithinTheLimitsOfTheChain) {
  ChainLimits limits;
  limits.block_transactions_max = 3;
  ForwardQueue queue(limits);
  queue.Add(ForwardOf({"a", "b"}, limits));
  queue.Add(ForwardOf({"c", "d"}, limits));
  EXPECT_EQ(PayloadsInside(queue.Take({Round{1}, 0}), limits), (Messages{{"a", "b", "c"}, {"d"}}));

  limits.block_transactions_max = 100;
  limits.block_bytes_max = ForwardOf({"a", "b"}, limits).bytes->size();
  ForwardQueue small(limits);
  for (const char* payload : {"a", "b", "c"}) small.Add(ForwardOf({payload}, limits));
  EXPECT_EQ(PayloadsInside(small.Take({Round{1}, 0}), limits), (Messages{{"a", "b"}, {"c"}}));
}

}  // namespace
}  // namespace kiln::node
