#include "node/pending_replies.h"

#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "consensus/receipt.h"
#include "crypto/merkle.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/vote_log.h"
#include "tests/node/memory_store.h"
#include "tests/node/test_blocks.h"

namespace kiln::node {
namespace {

using network::SubmitOutcomes;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Keeps what is delivered. Thread-safe.
class KeepingSink : public network::SubmitSink {
 public:
  void Deliver(SubmitOutcomes outcomes) override {
    absl::MutexLock lock(&mutex_);
    delivered_.push_back(std::move(outcomes));
  }
  std::vector<SubmitOutcomes> Take() {
    absl::MutexLock lock(&mutex_);
    return std::exchange(delivered_, {});
  }

 private:
  absl::Mutex mutex_;
  std::vector<SubmitOutcomes> delivered_ ABSL_GUARDED_BY(mutex_);
};

std::vector<uint64_t> SequencesOf(const SubmitOutcomes& outcomes) {
  std::vector<uint64_t> sequences;
  for (const auto& entry : outcomes.entries) sequences.push_back(entry.sequence);
  return sequences;
}

// Replies with the transaction itself.
class EchoApplication : public Application {
 public:
  absl::StatusOr<Effects> Execute(const Block& block, State&) override {
    Effects effects;
    for (const absl::string_view t : block.transactions) effects.replies.push_back(Reply::Ok(t));
    return effects;
  }
  absl::StatusOr<std::string> Query(const StateView&, absl::string_view) const override {
    return absl::UnimplementedError("no queries");
  }
};

class PendingRepliesTest : public ::testing::Test {
 protected:
  PendingReplies::Ticket Add(const std::vector<TestTransaction>& transactions,
                             uint64_t first_sequence,
                             absl::Time deadline = absl::InfiniteFuture()) {
    return pending_.Add(BatchOf(transactions).index, first_sequence,
                        {transactions.empty() ? 0 : transactions[0].last_height}, sink_, deadline);
  }
  // Commits, executes and resolves one block.
  consensus::BlockPtr Run(const std::vector<TestTransaction>& transactions) {
    const consensus::BlockPtr block = chain_.Commit(transactions);
    const absl::StatusOr<ExecutedBlock> executed = executor_.Execute(block);
    EXPECT_TRUE(executed.ok()) << executed.status();
    pending_.Resolve(
        *executed,
        [&]() -> absl::StatusOr<consensus::SharedBytes> {
          ++finality_reads_;
          auto finality = store_.FinalityAt(block->header.height);
          if (!finality.ok()) return finality.status();
          return std::make_shared<const std::string>(*std::move(finality));
        },
        Finder());
    return block;
  }
  std::function<std::vector<absl::StatusOr<ReceiptParts>>(absl::Span<const Hash>)> Finder() {
    return [this](absl::Span<const Hash> ids) { return FindRecentReceipts(store_, window_, ids); };
  }

  const Genesis genesis_ = SmallGenesis();
  storage::MemoryStore store_{genesis_};
  EchoApplication application_;
  TestChain chain_{genesis_, &store_};
  DuplicateWindow window_{16};
  Snapshots snapshots_{genesis_.limits, &store_, /*kept=*/2};
  Executor executor_{genesis_.limits, &store_, &application_, &window_, &snapshots_};
  int finality_reads_ = 0;
  PendingReplies pending_;
  std::shared_ptr<KeepingSink> sink_ = std::make_shared<KeepingSink>();
};

TEST_F(PendingRepliesTest, AnswersABlockWithOneDeliveryAndProofs) {
  Add({{"a"}, {"b"}, {"c"}}, 100);
  const consensus::BlockPtr block = Run({{"x"}, {"c"}, {"a"}});
  const std::vector<SubmitOutcomes> delivered = sink_->Take();
  ASSERT_THAT(delivered, SizeIs(1));
  EXPECT_TRUE(delivered[0].status.ok());
  EXPECT_EQ(delivered[0].height.value, 1u);
  EXPECT_EQ(delivered[0].block_id, block->id);
  EXPECT_EQ(*delivered[0].finality, *store_.FinalityAt({1}));
  EXPECT_THAT(SequencesOf(delivered[0]), ElementsAre(102, 100));
  EXPECT_EQ(delivered[0].entries[0].index, 1u);
  EXPECT_EQ(delivered[0].entries[1].index, 2u);
  EXPECT_EQ(delivered[0].entries[1].reply, Reply::Ok("a"));
  const crypto::MerkleTree tree(LeavesOf(*block->index));
  EXPECT_EQ(delivered[0].entries[1].inclusion, consensus::ProveInclusion(*block, tree, 2));
  EXPECT_EQ(pending_.size(), 1u);
}

TEST_F(PendingRepliesTest, ReadsNoFinalityWhenNobodyWaits) {
  Run({{"a"}});
  Add({{"b"}}, 1);
  Run({{"c"}});
  EXPECT_EQ(finality_reads_, 0);
  EXPECT_THAT(sink_->Take(), IsEmpty());
}

TEST_F(PendingRepliesTest, AnswersEverybodyWhoWaitsForAnId) {
  const auto other = std::make_shared<KeepingSink>();
  Add({{"a"}, {"a"}}, 1);
  pending_.Add(BatchOf({{"a"}}).index, 7, {10}, other, absl::InfiniteFuture());
  Run({{"a"}});
  const std::vector<SubmitOutcomes> delivered = sink_->Take();
  ASSERT_THAT(delivered, SizeIs(1));
  EXPECT_THAT(SequencesOf(delivered[0]), ElementsAre(1, 2));
  const std::vector<SubmitOutcomes> delivered_to_other = other->Take();
  ASSERT_THAT(delivered_to_other, SizeIs(1));
  EXPECT_THAT(SequencesOf(delivered_to_other[0]), ElementsAre(7));
  EXPECT_EQ(pending_.size(), 0u);
}

TEST_F(PendingRepliesTest, GivesADuplicateTheReceiptOfItsExecution) {
  const consensus::BlockPtr first = Run({{"z"}, {"a"}});
  Add({{"a"}, {"b"}}, 1);
  Run({{"b"}, {"a"}});
  const std::vector<SubmitOutcomes> delivered = sink_->Take();
  ASSERT_THAT(delivered, SizeIs(2));
  EXPECT_EQ(delivered[0].height.value, 2u);
  EXPECT_THAT(SequencesOf(delivered[0]), ElementsAre(2));
  EXPECT_EQ(delivered[1].height.value, 1u);
  EXPECT_EQ(delivered[1].block_id, first->id);
  ASSERT_THAT(SequencesOf(delivered[1]), ElementsAre(1));
  EXPECT_EQ(delivered[1].entries[0].index, 1u);
  EXPECT_EQ(delivered[1].entries[0].reply, Reply::Ok("a"));
}

TEST_F(PendingRepliesTest, AnswersWhatWasExecutedBeforeTheClientCame) {
  Run({{"a"}, {"b"}});
  Run({{"c"}});
  const std::vector<TestTransaction> transactions = {{"c"}, {"new"}, {"a"}, {"b"}};
  const PendingReplies::Ticket ticket = Add(transactions, 1);
  const std::vector<uint32_t> known = window_.FindExecuted(*BatchOf(transactions).index);
  EXPECT_THAT(known, ElementsAre(0, 2, 3));
  pending_.AnswerExecuted(ticket, known, Finder());
  const std::vector<SubmitOutcomes> delivered = sink_->Take();
  ASSERT_THAT(delivered, SizeIs(2));
  EXPECT_THAT(SequencesOf(delivered[0]), ElementsAre(1));
  EXPECT_THAT(SequencesOf(delivered[1]), ElementsAre(3, 4));
  pending_.AnswerExecuted(ticket, known, Finder());
  EXPECT_THAT(sink_->Take(), IsEmpty()) << "each is answered once";
  EXPECT_EQ(pending_.size(), 1u);
}

TEST_F(PendingRepliesTest, SaysThatTheOutcomeIsUnknownWhenTheReceiptIsNotFound) {
  const PendingReplies::Ticket ticket = Add({{"a"}}, 1);
  pending_.AnswerExecuted(ticket, {0}, Finder());
  const std::vector<SubmitOutcomes> delivered = sink_->Take();
  ASSERT_THAT(delivered, SizeIs(1));
  EXPECT_EQ(delivered[0].status.code(), absl::StatusCode::kUnavailable);
}

TEST_F(PendingRepliesTest, WaitsOnWhenSomebodyElsesEnvelopeExpired) {
  Add({{"a", 10}}, 1);
  Run({{"a", 0}});
  EXPECT_THAT(sink_->Take(), IsEmpty());
  Run({{"a", 10}});
  const std::vector<SubmitOutcomes> delivered = sink_->Take();
  ASSERT_THAT(delivered, SizeIs(1));
  EXPECT_EQ(delivered[0].entries[0].reply, Reply::Ok("a"));
}

TEST_F(PendingRepliesTest, TellsTheClientThatItsOwnEnvelopeExpired) {
  Run({});
  Run({});
  Add({{"a", 2}}, 1);
  Run({{"a", 2}});
  const std::vector<SubmitOutcomes> delivered = sink_->Take();
  ASSERT_THAT(delivered, SizeIs(1));
  EXPECT_EQ(delivered[0].entries[0].reply.code, Reply::kExpired);
}

TEST_F(PendingRepliesTest, RefusesASubmissionOrSomeOfIt) {
  const PendingReplies::Ticket ticket = Add({{"a"}, {"b"}, {"c"}}, 10);
  Add({{"a"}}, 20);
  pending_.Refuse(ticket, {1}, absl::InvalidArgumentError("bad"));
  std::vector<SubmitOutcomes> delivered = sink_->Take();
  ASSERT_THAT(delivered, SizeIs(1));
  EXPECT_EQ(delivered[0].status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(SequencesOf(delivered[0]), ElementsAre(11));
  pending_.Refuse(ticket, {}, absl::ResourceExhaustedError("full"));
  delivered = sink_->Take();
  ASSERT_THAT(delivered, SizeIs(1));
  EXPECT_EQ(delivered[0].status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(SequencesOf(delivered[0]), ElementsAre(10, 12));
  pending_.Refuse(ticket, {}, absl::InternalError("again"));
  EXPECT_THAT(sink_->Take(), IsEmpty());
  EXPECT_EQ(pending_.size(), 1u) << "the other submission of the same id waits on";
}

TEST_F(PendingRepliesTest, RefusesEverybodyWhoWaitsForAnId) {
  Add({{"a"}, {"b"}}, 1);
  Add({{"a"}}, 9);
  pending_.RefuseIds({TestTransaction{"a"}.id(), TestTransaction{"unknown"}.id()},
                     absl::UnavailableError("expired"));
  const std::vector<SubmitOutcomes> delivered = sink_->Take();
  ASSERT_THAT(delivered, SizeIs(1));
  EXPECT_THAT(SequencesOf(delivered[0]), ElementsAre(1, 9));
}

TEST_F(PendingRepliesTest, ExpiresInOrderOfDeadlines) {
  const absl::Time start = absl::UnixEpoch();
  Add({{"late"}}, 1, start + absl::Seconds(9));
  Add({{"soon"}, {"done"}}, 2, start + absl::Seconds(5));
  Run({{"done"}});
  sink_->Take();
  EXPECT_EQ(pending_.next_deadline(), start + absl::Seconds(5));
  pending_.Expire(start + absl::Seconds(4));
  EXPECT_THAT(sink_->Take(), IsEmpty());
  pending_.Expire(start + absl::Seconds(5));
  const std::vector<SubmitOutcomes> delivered = sink_->Take();
  ASSERT_THAT(delivered, SizeIs(1));
  EXPECT_EQ(delivered[0].status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(SequencesOf(delivered[0]), ElementsAre(2));
  EXPECT_EQ(pending_.next_deadline(), start + absl::Seconds(9));
}

TEST_F(PendingRepliesTest, FailsAllAndEverybodyWhoComesLater) {
  Add({{"a"}, {"b"}}, 1);
  pending_.FailAll(absl::CancelledError("stopping"));
  std::vector<SubmitOutcomes> delivered = sink_->Take();
  ASSERT_THAT(delivered, SizeIs(1));
  EXPECT_THAT(SequencesOf(delivered[0]), ElementsAre(1, 2));
  EXPECT_EQ(Add({{"c"}}, 3), 0u);
  delivered = sink_->Take();
  ASSERT_THAT(delivered, SizeIs(1));
  EXPECT_EQ(delivered[0].status.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(pending_.size(), 0u);
  EXPECT_EQ(pending_.next_deadline(), absl::InfiniteFuture());
}

TEST_F(PendingRepliesTest, AnswersEachSequenceOnceWithManyThreads) {
  constexpr uint64_t kThreads = 4;
  constexpr uint64_t kSubmissions = 200;
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([this, t] {
      for (uint64_t i = 0; i < kSubmissions; ++i) {
        const uint64_t first = (t * kSubmissions + i) * 2;
        const PendingReplies::Ticket ticket =
            Add({{absl::StrCat(i % 50), 16}, {absl::StrCat("only ", first), 16}}, first,
                absl::UnixEpoch() + absl::Seconds(i));
        if (i % 3 == 0) pending_.Refuse(ticket, {1}, absl::InternalError("refused"));
        if (i % 7 == 0) pending_.Expire(absl::UnixEpoch() + absl::Seconds(i / 2));
      }
    });
  }
  std::vector<TestTransaction> block;
  for (int i = 0; i < 50; ++i) block.push_back({absl::StrCat(i), 16});
  for (int i = 0; i < 10; ++i) Run(block);
  for (std::thread& thread : threads) thread.join();
  pending_.FailAll(absl::CancelledError("stopping"));

  std::vector<int> answers(kThreads * kSubmissions * 2);
  for (const SubmitOutcomes& outcomes : sink_->Take()) {
    for (const uint64_t sequence : SequencesOf(outcomes)) ++answers[sequence];
  }
  EXPECT_THAT(answers, ::testing::Each(1));
}

TEST_F(PendingRepliesTest, FindsReceiptsOfSeveralBlocksInTheOrderAsked) {
  Run({{"a"}, {"b"}});
  Run({{"c"}});
  const std::vector<Hash> ids = {TestTransaction{"c"}.id(), TestTransaction{"none"}.id(),
                                 TestTransaction{"b"}.id()};
  const auto receipts = FindRecentReceipts(store_, window_, ids);
  ASSERT_THAT(receipts, SizeIs(3));
  EXPECT_EQ(receipts[0]->height.value, 2u);
  EXPECT_EQ(receipts[1].status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(receipts[2]->height.value, 1u);
  EXPECT_EQ(receipts[2]->index, 1u);
  const Receipt receipt = ToReceipt(*receipts[2]);
  EXPECT_EQ(receipt.reply, Reply::Ok("b"));
  EXPECT_EQ(receipt.proof.finality, *store_.FinalityAt({1}));
  const absl::StatusOr<ReceiptParts> alone = FindReceipt(store_, ids[2]);
  ASSERT_TRUE(alone.ok()) << alone.status();
  EXPECT_EQ(alone->height.value, 1u);
  EXPECT_EQ(alone->inclusion, receipts[2]->inclusion);
  EXPECT_EQ(FindReceipt(store_, ids[1]).status().code(), absl::StatusCode::kNotFound);
}

TEST(VoteLog, AppendsOneLineForEachVoteAcrossOpenings) {
  const std::string path = absl::StrCat(::testing::TempDir(), "/vote_log_test.", getpid());
  const consensus::Vote vote = {.epoch = {1}, .round = {7}, .block_id = {}, .author = {3}};
  for (int i = 0; i < 2; ++i) {
    const auto log = VoteLog::Open(path);
    ASSERT_TRUE(log.ok()) << log.status();
    ASSERT_TRUE((*log)->Append({vote, vote}).ok());
    ASSERT_TRUE((*log)->Append({}).ok());
  }
  std::stringstream content;
  content << std::ifstream(path).rdbuf();
  std::remove(path.c_str());
  const std::string line = absl::StrCat("3 1 7 ", std::string(64, '0'), "\n");
  EXPECT_EQ(content.str(), absl::StrCat(line, line, line, line));
}

TEST(VoteLog, NamesThePathItCannotOpen) {
  const auto log = VoteLog::Open("/nonexistent/votes");
  EXPECT_THAT(std::string(log.status().message()), ::testing::HasSubstr("/nonexistent/votes"));
}

}  // namespace
}  // namespace kiln::node
