// kiln::Client against honest, lying, silent, busy and dead validators.
#include "kiln/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "tests/network/client_test_server.h"

namespace kiln::network {
namespace {

using ::testing::HasSubstr;

constexpr absl::Duration kLong = absl::Seconds(60);

std::unique_ptr<Client> Connect(const Genesis& genesis, std::vector<std::string> endpoints,
                                absl::Duration attempt_timeout = kLong) {
  auto client = Client::Connect(
      {.genesis = genesis, .endpoints = std::move(endpoints), .attempt_timeout = attempt_timeout});
  KILN_CHECK_OK(client.status());
  return *std::move(client);
}

std::vector<Transaction> Transactions(size_t count) {
  std::vector<Transaction> transactions;
  for (size_t i = 0; i < count; ++i) {
    transactions.push_back({.payload = absl::StrCat("payload-", i), .key = absl::StrCat(i)});
  }
  return transactions;
}

// What SubmitMany said of each transaction.
struct Answers {
  explicit Answers(size_t count) : counts(count, 0), answers(count, absl::UnknownError("none")) {}

  absl::AnyInvocable<void(size_t, absl::StatusOr<Receipt>)> Collector() {
    return [this](size_t i, absl::StatusOr<Receipt> answer) {
      ++counts.at(i);
      answers.at(i) = std::move(answer);
    };
  }
  bool EachAnsweredOnce() const {
    return std::all_of(counts.begin(), counts.end(), [](int count) { return count == 1; });
  }
  void ExpectAllVerify(const Genesis& genesis, const std::vector<Transaction>& transactions,
                       size_t step = 1) const {
    EXPECT_TRUE(EachAnsweredOnce());
    for (size_t i = 0; i < answers.size(); i += step) {
      ASSERT_TRUE(answers[i].ok()) << i << " " << answers[i].status();
      ASSERT_TRUE(VerifyReceipt(genesis, transactions[i], *answers[i]).ok()) << i;
    }
  }

  std::vector<int> counts;
  std::vector<absl::StatusOr<Receipt>> answers;
};

TEST(Client, GetsAReceiptThatAnybodyCanVerify) {
  FakeChain chain;
  ClientTestServer server(&chain);
  const auto client = Connect(chain.genesis(), {server.address()});
  const Transaction transaction{.payload = "color=blue", .key = "once"};
  const auto receipt = client->Submit(transaction, kLong);
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  EXPECT_EQ(receipt->reply, Reply::Ok("done"));
  EXPECT_TRUE(VerifyReceipt(chain.genesis(), transaction, *receipt).ok());
  EXPECT_EQ(client->last_fault(), "");
}

TEST(Client, WorksInPlaintextOnLoopbackOnly) {
  FakeChain chain;
  ClientTestServer server(&chain, {.tls = false});
  const auto client =
      Client::Connect({.genesis = chain.genesis(), .endpoints = {server.address()}, .tls = false});
  ASSERT_TRUE(client.ok());
  EXPECT_TRUE((*client)->Submit({.payload = "x"}, kLong).ok());
  const auto refused =
      Client::Connect({.genesis = chain.genesis(), .endpoints = {"192.0.2.1:80"}, .tls = false});
  EXPECT_TRUE(absl::IsInvalidArgument(refused.status()));
}

TEST(Client, RefusesOptionsThatCannotWork) {
  const Genesis genesis = consensus::TestGenesis({1});
  EXPECT_TRUE(absl::IsInvalidArgument(Client::Connect({.genesis = genesis}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Client::Connect({.endpoints = {"127.0.0.1:1"}}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Client::Connect({.genesis = genesis,
                                                       .endpoints = {"127.0.0.1:1"},
                                                       .attempt_timeout = absl::ZeroDuration()})
                                          .status()));
}

TEST(Client, ReadsQueriesBlocksTransactionsAndStatus) {
  FakeChain chain;
  chain.CommitOne("one");
  ClientTestServer server(&chain);
  const auto client = Connect(chain.genesis(), {server.address()});
  const auto answer = client->Query("color", Read::kLinearizable, kLong);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->value, "linear color");

  const auto block = client->GetBlock(1);
  ASSERT_TRUE(block.ok()) << block.status();
  EXPECT_EQ(block->height, 1u);
  EXPECT_EQ(block->transactions, std::vector<std::string>{"one"});
  EXPECT_EQ(block->transaction_ids, std::vector<Hash>{TransactionId({.payload = "one"})});
  EXPECT_FALSE(block->proposer.empty());
  EXPECT_TRUE(absl::IsNotFound(client->GetBlock(99).status()));
  const auto first = client->GetBlock(0);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->id, block->parent_id);

  const auto found = client->GetTransaction(TransactionId({.payload = "one"}));
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->transaction.payload, "one");
  EXPECT_EQ(found->receipt.height, 1u);
  EXPECT_TRUE(absl::IsNotFound(client->GetTransaction(Hash{}).status()));

  const auto status = client->GetStatus();
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(status->validator_name, "v0");
  EXPECT_EQ(status->peers.size(), 1u);
  EXPECT_TRUE(absl::IsInvalidArgument(client->GetStatus(1).status()));
}

TEST(Client, RefusesTheStatusOfAnotherChain) {
  FakeChain chain;
  chain.tamper_status = [](NodeStatus* status) { status->chain_id.bytes[0] ^= 1; };
  ClientTestServer server(&chain);
  const auto client = Connect(chain.genesis(), {server.address()});
  EXPECT_TRUE(absl::IsFailedPrecondition(client->GetStatus().status()));
}

class IgnoringSink : public SubmitSink {
 public:
  void Deliver(SubmitOutcomes) override {}
};

// A way to lie about submissions, and what the client must hold against it.
struct Lie {
  const char* name;
  std::function<void(FakeChain*)> arm;
  const char* fault;
};

void PrintTo(const Lie& lie, std::ostream* out) {
  *out << lie.name;
}

std::vector<Lie> Lies() {
  const auto tamper = [](std::function<void(SubmitOutcomes*)> change) {
    return [change](FakeChain* chain) { chain->tamper_outcomes = change; };
  };
  return {
      {"WrongInclusion", tamper([](SubmitOutcomes* o) { o->entries[0].inclusion.back() ^= 1; }),
       "inclusion proof"},
      {"NoInclusion", tamper([](SubmitOutcomes* o) { o->entries[0].inclusion.clear(); }),
       "inclusion proof"},
      {"OtherLastHeight", tamper([](SubmitOutcomes* o) { o->entries[0].inclusion[0] ^= 1; }),
       "inclusion proof"},
      {"TooFewSigners",
       [](FakeChain* chain) {
         chain->signers = {{0}, {1}};
       },
       "quorum"},
      {"OtherBlocksProof",
       [](FakeChain* chain) {
         auto earlier = std::make_shared<SubmitOutcomes>();
         chain->tamper_outcomes = [earlier](SubmitOutcomes* o) { *earlier = *o; };
         chain->Submit(0, BatchOf({"earlier"}), absl::InfiniteFuture(),
                       std::make_shared<IgnoringSink>());
         chain->tamper_outcomes = [earlier](SubmitOutcomes* o) { o->finality = earlier->finality; };
       },
       "another block"},
      {"NoFinality", tamper([](SubmitOutcomes* o) { o->finality = nullptr; }), "finality proof"},
      {"OtherIndex", tamper([](SubmitOutcomes* o) { o->entries[0].index += 1; }), "index"},
      {"OtherHeight", tamper([](SubmitOutcomes* o) { o->height.value += 1; }), "height"},
      {"OtherBlockId", tamper([](SubmitOutcomes* o) { o->block_id.bytes[3] ^= 1; }), "block"},
  };
}

class LyingValidator : public testing::TestWithParam<Lie> {
 protected:
  LyingValidator() { GetParam().arm(&lying_chain_); }

  FakeChain lying_chain_;
  FakeChain honest_chain_;
  ClientTestServer liar_{&lying_chain_, {.validator = 0}};
  ClientTestServer honest_{&honest_chain_, {.validator = 1}};
  const std::unique_ptr<Client> client_ =
      Connect(honest_chain_.genesis(), {liar_.address(), honest_.address()});
};

TEST_P(LyingValidator, IsLeftForTheNextOneBySubmit) {
  const Transaction transaction{.payload = "x"};
  const auto receipt = client_->Submit(transaction, kLong);
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  EXPECT_TRUE(VerifyReceipt(honest_chain_.genesis(), transaction, *receipt).ok());
  EXPECT_EQ(honest_chain_.transactions(), 1u);
  EXPECT_THAT(client_->last_fault(), HasSubstr(liar_.address()));
  EXPECT_THAT(client_->last_fault(), HasSubstr(GetParam().fault));
}

TEST_P(LyingValidator, IsLeftForTheNextOneBySubmitMany) {
  const std::vector<Transaction> transactions = Transactions(50);
  Answers answers(50);
  ASSERT_TRUE(client_->SubmitMany(transactions, 10, kLong, answers.Collector()).ok());
  answers.ExpectAllVerify(honest_chain_.genesis(), transactions);
  EXPECT_THAT(client_->last_fault(), HasSubstr(liar_.address()));
  EXPECT_THAT(client_->last_fault(), HasSubstr(GetParam().fault));
}

INSTANTIATE_TEST_SUITE_P(Client, LyingValidator, testing::ValuesIn(Lies()),
                         [](const testing::TestParamInfo<Lie>& lie) { return lie.param.name; });

TEST(Client, LeavesAValidatorThatProvesSomethingOfAnotherChain) {
  FakeChain other({1, 1, 1, 1}, {.block_transactions_max = 1000});
  FakeChain chain;
  ClientTestServer liar(&other, {.validator = 0, .genesis = &chain.genesis()});
  ClientTestServer honest(&chain, {.validator = 1});
  const auto client = Connect(chain.genesis(), {liar.address(), honest.address()});
  const Transaction transaction{.payload = "x"};
  const auto receipt = client->Submit(transaction, kLong);
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  EXPECT_TRUE(VerifyReceipt(chain.genesis(), transaction, *receipt).ok());
  EXPECT_THAT(client->last_fault(), HasSubstr(liar.address()));
}

TEST(Client, LeavesAServerThatIsNoValidator) {
  FakeChain stranger_chain;
  FakeChain chain;
  ClientTestServer stranger(&stranger_chain, {.validator = 9});
  ClientTestServer honest(&chain, {.validator = 1});
  const auto client = Connect(chain.genesis(), {stranger.address(), honest.address()});
  ASSERT_TRUE(client->Submit({.payload = "x"}, kLong).ok());
  EXPECT_EQ(stranger_chain.submissions(), 0u);
  EXPECT_THAT(client->last_fault(), HasSubstr(stranger.address()));
}

TEST(Client, LeavesAValidatorThatShowsABlockThatIsNotFinal) {
  const std::vector<std::pair<const char*, std::function<void(FakeChain*)>>> lies = {
      {"quorum",
       [](FakeChain* chain) {
         chain->signers = {{0}, {1}};
       }},
      {"finality proof",
       [](FakeChain* chain) {
         chain->tamper_block = [](CommittedBlockView* view) { view->finality.clear(); };
       }},
  };
  for (const auto& [fault, arm] : lies) {
    FakeChain lying_chain;
    FakeChain chain;
    lying_chain.CommitOne("one");
    chain.CommitOne("one");
    arm(&lying_chain);
    ClientTestServer liar(&lying_chain, {.validator = 0});
    ClientTestServer honest(&chain, {.validator = 1});
    const auto client = Connect(chain.genesis(), {liar.address(), honest.address()});
    const auto block = client->GetBlock(1);
    ASSERT_TRUE(block.ok()) << block.status();
    EXPECT_THAT(client->last_fault(), HasSubstr(fault));
  }
}

TEST(Client, LeavesAValidatorThatShowsAnotherBlock) {
  FakeChain lying_chain;
  FakeChain chain;
  for (FakeChain* each : {&lying_chain, &chain}) {
    each->CommitOne("one");
    each->CommitOne("two");
  }
  CommittedBlockView third = *lying_chain.GetBlock(3);
  lying_chain.tamper_block = [third](CommittedBlockView* view) { *view = third; };
  ClientTestServer liar(&lying_chain, {.validator = 0});
  ClientTestServer honest(&chain, {.validator = 1});
  const auto client = Connect(chain.genesis(), {liar.address(), honest.address()});
  const auto block = client->GetBlock(1);
  ASSERT_TRUE(block.ok()) << block.status();
  EXPECT_EQ(block->transactions, std::vector<std::string>{"one"});
  EXPECT_THAT(client->last_fault(), HasSubstr("block 3 instead of 1"));
}

TEST(Client, LeavesAValidatorThatShowsAnotherTransactionOrProof) {
  const Hash id = TransactionId({.payload = "one"});
  const std::vector<std::pair<const char*, std::function<void(TransactionView*)>>> lies = {
      {"another transaction", [](TransactionView* view) { view->envelope.back() ^= 1; }},
      {"inclusion", [](TransactionView* view) { view->receipt.proof.inclusion.back() ^= 1; }},
      {"height", [](TransactionView* view) { view->receipt.height += 1; }},
  };
  for (const auto& [fault, lie] : lies) {
    FakeChain lying_chain;
    FakeChain chain;
    for (FakeChain* each : {&lying_chain, &chain}) {
      each->Submit(0, BatchOf({"one", "two"}), absl::InfiniteFuture(),
                   std::make_shared<IgnoringSink>());
    }
    lying_chain.tamper_transaction = lie;
    ClientTestServer liar(&lying_chain, {.validator = 0});
    ClientTestServer honest(&chain, {.validator = 1});
    const auto client = Connect(chain.genesis(), {liar.address(), honest.address()});
    const auto found = client->GetTransaction(id);
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(found->transaction.payload, "one");
    EXPECT_THAT(client->last_fault(), HasSubstr(fault));
  }
}

TEST(Client, AsksTheNextValidatorWhenOneIsSilent) {
  FakeChain silent_chain;
  silent_chain.Hold();
  FakeChain chain;
  ClientTestServer silent(&silent_chain, {.validator = 0});
  ClientTestServer honest(&chain, {.validator = 1});
  const auto client =
      Connect(chain.genesis(), {silent.address(), honest.address()}, absl::Seconds(1));
  EXPECT_TRUE(client->Submit({.payload = "x"}, kLong).ok());
  EXPECT_THAT(client->last_fault(), HasSubstr(silent.address()));
  silent_chain.Release();
}

TEST(Client, AsksTheNextValidatorWhenOneIsNotThere) {
  FakeChain chain;
  std::string gone;
  {
    ClientTestServer server(&chain);
    gone = server.address();
  }
  ClientTestServer honest(&chain, {.validator = 1});
  const auto client = Connect(chain.genesis(), {gone, honest.address()});
  EXPECT_TRUE(client->Submit({.payload = "x"}, kLong).ok());
  EXPECT_THAT(client->last_fault(), HasSubstr(gone));
  const std::vector<Transaction> transactions = Transactions(20);
  Answers answers(20);
  const auto fresh = Connect(chain.genesis(), {gone, honest.address()});
  ASSERT_TRUE(fresh->SubmitMany(transactions, 5, kLong, answers.Collector()).ok());
  answers.ExpectAllVerify(chain.genesis(), transactions);
}

TEST(Client, AsksTheNextValidatorWhenOneIsFull) {
  FakeChain full_chain;
  full_chain.RefuseSubmissions(absl::ResourceExhaustedError("mempool is full"));
  FakeChain chain;
  ClientTestServer full(&full_chain, {.validator = 0});
  ClientTestServer honest(&chain, {.validator = 1});
  const auto client = Connect(chain.genesis(), {full.address(), honest.address()});
  EXPECT_TRUE(client->Submit({.payload = "x"}, kLong).ok());
  const auto fresh = Connect(chain.genesis(), {full.address(), honest.address()});
  const std::vector<Transaction> transactions = Transactions(20);
  Answers answers(20);
  ASSERT_TRUE(fresh->SubmitMany(transactions, 5, kLong, answers.Collector()).ok());
  answers.ExpectAllVerify(chain.genesis(), transactions);
  EXPECT_THAT(fresh->last_fault(), HasSubstr("mempool is full"));
}

TEST(Client, SaysThatTheOutcomeIsUnknownWhenTheTimeIsOver) {
  FakeChain chain;
  chain.Hold();
  ClientTestServer server(&chain);
  const auto client = Connect(chain.genesis(), {server.address()});
  const auto receipt = client->Submit({.payload = "x"}, absl::Seconds(1));
  EXPECT_TRUE(absl::IsDeadlineExceeded(receipt.status())) << receipt.status();
  Answers answers(3);
  EXPECT_TRUE(absl::IsDeadlineExceeded(
      client->SubmitMany(Transactions(3), 10, absl::Seconds(1), answers.Collector())));
  EXPECT_TRUE(answers.EachAnsweredOnce());
  for (const auto& answer : answers.answers) {
    EXPECT_TRUE(absl::IsDeadlineExceeded(answer.status())) << answer.status();
  }
  chain.Release();
}

TEST(Client, BelievesARefusalOfOneThirdAndNotOfOneLiar) {
  FakeChain refusing_chain;
  refusing_chain.RefuseSubmissions(absl::InvalidArgumentError("not to my taste"));
  FakeChain chain;
  ClientTestServer refusing(&refusing_chain, {.validator = 0});
  ClientTestServer honest(&chain, {.validator = 1});
  const std::vector<std::string> one_of_four = {refusing.address(), honest.address(),
                                                honest.address(), honest.address()};
  const std::vector<std::string> two_of_four = {refusing.address(), refusing.address(),
                                                honest.address(), honest.address()};
  const std::vector<Transaction> transactions = Transactions(20);
  {
    EXPECT_TRUE(Connect(chain.genesis(), one_of_four)->Submit({.payload = "x"}, kLong).ok());
    Answers answers(20);
    ASSERT_TRUE(Connect(chain.genesis(), one_of_four)
                    ->SubmitMany(transactions, 5, kLong, answers.Collector())
                    .ok());
    answers.ExpectAllVerify(chain.genesis(), transactions);
  }
  const auto refused = Connect(chain.genesis(), two_of_four)->Submit({.payload = "y"}, kLong);
  EXPECT_TRUE(absl::IsInvalidArgument(refused.status()));
  EXPECT_EQ(refused.status().message(), "not to my taste");
  Answers answers(20);
  ASSERT_TRUE(Connect(chain.genesis(), two_of_four)
                  ->SubmitMany(transactions, 5, kLong, answers.Collector())
                  .ok());
  EXPECT_TRUE(answers.EachAnsweredOnce());
  for (const auto& answer : answers.answers) {
    EXPECT_TRUE(absl::IsInvalidArgument(answer.status())) << answer.status();
  }
}

TEST(Client, SubmitsAgainWhatWasSetAside) {
  FakeChain chain;
  auto left = std::make_shared<std::atomic<int>>(1);
  chain.tamper_outcomes = [left](SubmitOutcomes* outcomes) {
    if (left->fetch_sub(1) > 0) outcomes->entries[0].reply = {.code = Reply::kDuplicate};
  };
  ClientTestServer server(&chain);
  const auto client = Connect(chain.genesis(), {server.address()});
  const auto receipt = client->Submit({.payload = "x"}, kLong);
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  EXPECT_EQ(receipt->reply, Reply::Ok("done"));
  *left = 1;
  const std::vector<Transaction> transactions = Transactions(20);
  Answers answers(20);
  ASSERT_TRUE(client->SubmitMany(transactions, 20, kLong, answers.Collector()).ok());
  answers.ExpectAllVerify(chain.genesis(), transactions);
}

TEST(Client, DoesNotSubmitForEverWhatIsAlwaysSetAside) {
  FakeChain chain;
  chain.tamper_outcomes = [](SubmitOutcomes* outcomes) {
    for (auto& entry : outcomes->entries) entry.reply = {.code = Reply::kExpired};
  };
  ClientTestServer server(&chain);
  const auto client = Connect(chain.genesis(), {server.address()});
  Answers answers(3);
  ASSERT_TRUE(client->SubmitMany(Transactions(3), 3, kLong, answers.Collector()).ok());
  for (const auto& answer : answers.answers) EXPECT_TRUE(absl::IsUnavailable(answer.status()));
}

TEST(SubmitMany, AnswersTenThousandWithinTheWindow) {
  FakeChain chain;
  std::atomic<size_t> largest = 0;
  chain.tamper_outcomes = [&largest](SubmitOutcomes* outcomes) {
    largest = std::max(largest.load(), outcomes->entries.size());
  };
  ClientTestServer server(&chain);
  const auto client = Connect(chain.genesis(), {server.address()});
  const std::vector<Transaction> transactions = Transactions(10000);
  Answers answers(10000);
  ASSERT_TRUE(client->SubmitMany(transactions, 700, kLong, answers.Collector()).ok());
  answers.ExpectAllVerify(chain.genesis(), transactions, 97);
  EXPECT_EQ(chain.transactions(), 10000u);
  EXPECT_LE(largest, 700u);
  EXPECT_EQ(client->last_fault(), "");
}

TEST(SubmitMany, RefusesTheImpossibleAndSubmitsTheRest) {
  FakeChain chain({1, 1, 1, 1}, {.transaction_bytes_max = 100});
  ClientTestServer server(&chain);
  const auto client = Connect(chain.genesis(), {server.address()});
  std::vector<Transaction> transactions = Transactions(4);
  transactions[1].payload.clear();
  transactions[2].payload.assign(101, 'x');
  Answers answers(4);
  ASSERT_TRUE(client->SubmitMany(transactions, 10, kLong, answers.Collector()).ok());
  EXPECT_TRUE(answers.EachAnsweredOnce());
  EXPECT_TRUE(answers.answers[0].ok());
  EXPECT_EQ(answers.answers[1].status().message(), "payload: empty");
  EXPECT_TRUE(absl::IsInvalidArgument(answers.answers[2].status()));
  EXPECT_TRUE(answers.answers[3].ok());
  EXPECT_TRUE(
      absl::IsInvalidArgument(client->SubmitMany(Transactions(1), 0, kLong, answers.Collector())));
}

TEST(SubmitMany, GoesOnElsewhereWhenItsStreamBreaks) {
  FakeChain first_chain;
  FakeChain second_chain;
  ClientTestServer first(&first_chain, {.validator = 0});
  ClientTestServer second(&second_chain, {.validator = 1});
  const auto client = Connect(first_chain.genesis(), {first.address(), second.address()});
  first_chain.Hold();
  std::thread breaker([&] {
    first_chain.AwaitHeld(1);
    first.server().Stop(absl::ZeroDuration());
  });
  const std::vector<Transaction> transactions = Transactions(100);
  Answers answers(100);
  ASSERT_TRUE(client->SubmitMany(transactions, 40, kLong, answers.Collector()).ok());
  breaker.join();
  answers.ExpectAllVerify(first_chain.genesis(), transactions);
  EXPECT_EQ(second_chain.transactions(), 100u);
  first_chain.Release();
}

TEST(SubmitMany, GoesOnElsewhereWhenAValidatorFallsSilent) {
  FakeChain silent_chain;
  silent_chain.Hold();
  FakeChain chain;
  ClientTestServer silent(&silent_chain, {.validator = 0});
  ClientTestServer honest(&chain, {.validator = 1});
  const auto client =
      Connect(chain.genesis(), {silent.address(), honest.address()}, absl::Seconds(1));
  const std::vector<Transaction> transactions = Transactions(100);
  Answers answers(100);
  ASSERT_TRUE(client->SubmitMany(transactions, 40, kLong, answers.Collector()).ok());
  answers.ExpectAllVerify(chain.genesis(), transactions);
  EXPECT_THAT(client->last_fault(), HasSubstr("silent for 1s"));
  silent_chain.Release();
}

TEST(SubmitMany, LeavesAValidatorThatAnswersWhatWasNotAsked) {
  const std::vector<std::function<void(SubmitOutcomes*)>> lies = {
      [](SubmitOutcomes* o) { o->entries[0].sequence = 1000000; },
      [](SubmitOutcomes* o) { o->entries.back().sequence = o->entries[0].sequence; },
  };
  for (const auto& lie : lies) {
    FakeChain lying_chain;
    lying_chain.tamper_outcomes = lie;
    FakeChain chain;
    ClientTestServer liar(&lying_chain, {.validator = 0});
    ClientTestServer honest(&chain, {.validator = 1});
    const auto client = Connect(chain.genesis(), {liar.address(), honest.address()});
    const std::vector<Transaction> transactions = Transactions(50);
    Answers answers(50);
    ASSERT_TRUE(client->SubmitMany(transactions, 10, kLong, answers.Collector()).ok());
    answers.ExpectAllVerify(chain.genesis(), transactions);
    EXPECT_THAT(client->last_fault(), HasSubstr("not in flight"));
  }
}

TEST(SubmitMany, AnswersNothingWhenThereIsNothing) {
  FakeChain chain;
  ClientTestServer server(&chain);
  const auto client = Connect(chain.genesis(), {server.address()});
  Answers answers(0);
  EXPECT_TRUE(client->SubmitMany({}, 10, kLong, answers.Collector()).ok());
}

}  // namespace
}  // namespace kiln::network
