#include "network/client_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "absl/synchronization/notification.h"
#include "tests/network/client_test_server.h"

namespace kiln::network {
namespace {

using ::testing::HasSubstr;

std::string IdBytes(const Hash& id) {
  return std::string(id.view());
}

TEST(ClientService, AnswersSubmitWithAReceiptThatVerifies) {
  FakeChain chain;
  ClientTestServer server(&chain);
  v1::SubmitRequest request;
  request.set_payload("color=blue");
  request.set_key("k1");
  v1::SubmitReply reply;
  const grpc::Status status = server.NewStub()->Submit(NewContext().get(), request, &reply);
  ASSERT_TRUE(status.ok()) << status.error_message();
  Receipt receipt{.height = reply.height(),
                  .index = reply.index(),
                  .reply = {reply.code(), reply.reply()},
                  .proof = {.inclusion = reply.inclusion(), .finality = reply.finality()}};
  std::copy(reply.block_id().begin(), reply.block_id().end(), receipt.proof.block_id.bytes.begin());
  const Transaction transaction{.payload = "color=blue", .key = "k1"};
  EXPECT_TRUE(VerifyReceipt(chain.genesis(), transaction, receipt).ok())
      << VerifyReceipt(chain.genesis(), transaction, receipt);
  EXPECT_EQ(receipt.reply, Reply::Ok("done"));
}

struct RefusedSubmit {
  std::string payload;
  std::string key;
  std::string message;
};

TEST(ClientService, RefusesImpossibleTransactionsByName) {
  FakeChain chain({1}, {.transaction_bytes_max = 100});
  ClientTestServer server(&chain);
  const auto stub = server.NewStub();
  for (const RefusedSubmit& refused :
       {RefusedSubmit{"", "k", "payload: empty"},
        RefusedSubmit{std::string(101, 'x'), "", "payload: 101 bytes, the limit is 100"},
        RefusedSubmit{"x", std::string(65, 'k'), "key: 65 bytes, the limit is 64"}}) {
    v1::SubmitRequest request;
    request.set_payload(refused.payload);
    request.set_key(refused.key);
    v1::SubmitReply reply;
    const grpc::Status status = stub->Submit(NewContext().get(), request, &reply);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(status.error_message(), refused.message);
  }
  EXPECT_EQ(chain.submissions(), 0u);
}

TEST(ClientService, RefusesMessagesAboveTheLimitAndServesOn) {
  FakeChain chain({1}, {.block_bytes_max = 64 << 10, .transaction_bytes_max = 32 << 10});
  ClientTestServer server(&chain);
  const auto stub = server.NewStub();
  v1::SubmitRequest request;
  request.set_payload(std::string((128 << 10) + 1, 'x'));
  v1::SubmitReply reply;
  EXPECT_EQ(stub->Submit(NewContext().get(), request, &reply).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  request.set_payload(std::string(32 << 10, 'x'));
  EXPECT_TRUE(stub->Submit(NewContext().get(), request, &reply).ok());
}

TEST(ClientService, RefusesOversizedMetadataAndServesOn) {
  FakeChain chain;
  ClientTestServer server(&chain);
  const auto stub = server.NewStub();
  const auto context = NewContext();
  context->AddMetadata("filler", std::string(16 << 10, 'x'));
  v1::StatusReply reply;
  EXPECT_EQ(stub->GetStatus(context.get(), {}, &reply).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(server.NewStub()->GetStatus(NewContext().get(), {}, &reply).ok());
}

TEST(ClientService, PassesOnThatTheMempoolIsFull) {
  FakeChain chain;
  chain.RefuseSubmissions(absl::ResourceExhaustedError("mempool: 10 of 10 bytes in use"));
  ClientTestServer server(&chain);
  v1::SubmitRequest request;
  request.set_payload("x");
  v1::SubmitReply reply;
  const grpc::Status status = server.NewStub()->Submit(NewContext().get(), request, &reply);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(status.error_message(), "mempool: 10 of 10 bytes in use");
}

TEST(ClientService, EndsASubmitAtTheDeadlineOfTheCall) {
  FakeChain chain;
  chain.Hold();
  ClientTestServer server(&chain);
  v1::SubmitRequest request;
  request.set_payload("x");
  v1::SubmitReply reply;
  EXPECT_EQ(server.NewStub()
                ->Submit(NewContext(std::chrono::seconds(1)).get(), request, &reply)
                .error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  chain.AwaitHeld(1);
  chain.Release();  // a late outcome goes nowhere
}

TEST(ClientService, CapsTheDeadlineThatAClientMayAskFor) {
  FakeChain chain;
  ClientTestServer server(&chain, {.submit_timeout_max = absl::Seconds(5)});
  v1::SubmitRequest request;
  request.set_payload("x");
  v1::SubmitReply reply;
  const absl::Time before = absl::Now();
  ASSERT_TRUE(
      server.NewStub()->Submit(NewContext(std::chrono::hours(10)).get(), request, &reply).ok());
  EXPECT_GE(chain.last_deadline(), before + absl::Seconds(4));
  EXPECT_LE(chain.last_deadline(), absl::Now() + absl::Seconds(5));
}

TEST(ClientService, AnswersQueriesAtTheLevelAskedFor) {
  FakeChain chain;
  ClientTestServer server(&chain);
  const auto stub = server.NewStub();
  v1::QueryRequest request;
  request.set_query("color");
  v1::QueryReply reply;
  ASSERT_TRUE(stub->Query(NewContext().get(), request, &reply).ok());
  EXPECT_EQ(reply.value(), "local color");
  EXPECT_EQ(reply.height(), 7u);
  request.set_linearizable(true);
  ASSERT_TRUE(stub->Query(NewContext().get(), request, &reply).ok());
  EXPECT_EQ(reply.value(), "linear color");
}

TEST(ClientService, RefusesLongQueriesAndPassesErrorsOn) {
  FakeChain chain;
  ClientTestServer server(&chain);
  const auto stub = server.NewStub();
  v1::QueryRequest request;
  request.set_query(std::string((64 << 10) + 1, 'q'));
  v1::QueryReply reply;
  const grpc::Status status = stub->Query(NewContext().get(), request, &reply);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "query: 65537 bytes, the limit is 65536");
  chain.RefuseSubmissions(absl::NotFoundError("no key color"));
  request.set_query("color");
  EXPECT_EQ(stub->Query(NewContext().get(), request, &reply).error_code(),
            grpc::StatusCode::NOT_FOUND);
}

TEST(ClientService, EndsAQueryAtTheDeadlineOfTheCall) {
  FakeChain chain;
  chain.Hold();
  ClientTestServer server(&chain);
  v1::QueryRequest request;
  v1::QueryReply reply;
  EXPECT_EQ(server.NewStub()
                ->Query(NewContext(std::chrono::seconds(1)).get(), request, &reply)
                .error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  chain.AwaitHeld(1);
  chain.Release();
}

TEST(ClientService, ShowsCommittedBlocksAndNoOthers) {
  FakeChain chain;
  chain.CommitOne("one");
  ClientTestServer server(&chain);
  const auto stub = server.NewStub();
  v1::GetBlockRequest request;
  request.set_height(1);
  v1::BlockReply reply;
  ASSERT_TRUE(stub->GetBlock(NewContext().get(), request, &reply).ok());
  EXPECT_TRUE(consensus::DecodeBlock(reply.block(),
                                     std::make_shared<const std::string>(reply.payload()),
                                     chain.genesis().limits)
                  .ok());
  for (const uint64_t height : {uint64_t{2}, UINT64_MAX}) {
    request.set_height(height);
    EXPECT_EQ(stub->GetBlock(NewContext().get(), request, &reply).error_code(),
              grpc::StatusCode::NOT_FOUND);
  }
}

TEST(ClientService, FindsTransactionsByWholeIdsOnly) {
  FakeChain chain;
  chain.CommitOne("one");
  ClientTestServer server(&chain);
  const auto stub = server.NewStub();
  const Hash id = TransactionId({.payload = "one"});
  v1::GetTransactionRequest request;
  request.set_id(IdBytes(id));
  v1::TransactionReply reply;
  ASSERT_TRUE(stub->GetTransaction(NewContext().get(), request, &reply).ok());
  EXPECT_EQ(reply.receipt().height(), 1u);
  request.set_id(IdBytes(id).substr(1));
  const grpc::Status status = stub->GetTransaction(NewContext().get(), request, &reply);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "id: 31 bytes, must be 32");
  request.set_id(std::string(32, 'x'));
  EXPECT_EQ(stub->GetTransaction(NewContext().get(), request, &reply).error_code(),
            grpc::StatusCode::NOT_FOUND);
}

TEST(ClientService, ReportsItsStatusWhole) {
  FakeChain chain;
  ClientTestServer server(&chain);
  v1::StatusReply reply;
  ASSERT_TRUE(server.NewStub()->GetStatus(NewContext().get(), {}, &reply).ok());
  EXPECT_EQ(reply.chain_name(), "test-chain");
  EXPECT_EQ(reply.validator_name(), "v0");
  EXPECT_EQ(reply.round(), 9u);
  EXPECT_EQ(reply.leader(), "v1");
  EXPECT_EQ(reply.votes_signed(), 3u);
  EXPECT_EQ(reply.head_time_us(), 1234567u);
  EXPECT_TRUE(reply.ready());
  ASSERT_EQ(reply.peers_size(), 1);
  EXPECT_EQ(reply.peers(0).last_error(), "refused");
}

TEST(ClientService, RefusesPlaintextAnywhereButOnLoopback) {
  FakeChain chain;
  for (const char* address : {"0.0.0.0:0", "10.1.2.3:0", "[::]:0", "example.com:0", "127.0.0.1"}) {
    const auto server = ClientServer::Start({.listen_address = address, .tls = false}, &chain);
    EXPECT_TRUE(absl::IsInvalidArgument(server.status())) << address << server.status();
    EXPECT_THAT(std::string(server.status().message()), HasSubstr("loopback"));
  }
}

TEST(ClientService, SaysSoWhenItsPortIsTaken) {
  FakeChain chain;
  ClientTestServer first(&chain);
  const crypto::SecretKey key = consensus::TestKey(1, 'n');
  const auto second =
      ClientServer::Start({.listen_address = first.address(), .node_key = &key}, &chain);
  EXPECT_TRUE(absl::IsUnavailable(second.status())) << second.status();
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(first.address()));
}

TEST(ClientService, StreamsBlocksFromAHeightAndThenAsTheyCome) {
  FakeChain chain;
  chain.CommitOne("one");
  chain.CommitOne("two");  // committed up to height 3
  ClientTestServer server(&chain);
  const auto stub = server.NewStub();
  v1::StreamBlocksRequest request;
  request.set_from_height(2);
  const auto context = NewContext();
  const auto stream = stub->StreamBlocks(context.get(), request);
  v1::BlockReply reply;
  for (uint64_t height = 2; height <= 7; ++height) {
    if (height == 4) {
      chain.AwaitWaiter();
      chain.CommitOne("three");
    }
    if (height == 6) {
      chain.AwaitWaiter();
      chain.CommitOne("four");
    }
    ASSERT_TRUE(stream->Read(&reply));
    const auto block =
        consensus::DecodeBlock(reply.block(), std::make_shared<const std::string>(reply.payload()),
                               chain.genesis().limits);
    ASSERT_TRUE(block.ok());
    EXPECT_EQ((*block)->header.height.value, height);
  }
  context->TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST(ClientService, LeavesOneWaiterWithTheNodeHoweverManyStreamsCameAndWent) {
  FakeChain chain;
  ClientTestServer server(&chain);
  const auto stub = server.NewStub();
  for (int i = 0; i < 100; ++i) {
    const auto context = NewContext();
    const auto stream = stub->StreamBlocks(context.get(), {});
    chain.AwaitWaiter();
    context->TryCancel();
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  EXPECT_EQ(chain.waiter_count(), 1u);
}

TEST(ClientService, EndsBlockStreamsWhenTheNodeStops) {
  FakeChain chain;
  ClientTestServer server(&chain);
  const auto context = NewContext();
  const auto stream = server.NewStub()->StreamBlocks(context.get(), {});
  chain.AwaitWaiter();
  chain.EndWaiting();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST(ClientService, RefusesBlockStreamsFarAheadOfTheChain) {
  FakeChain chain;
  ClientTestServer server(&chain);
  v1::StreamBlocksRequest request;
  request.set_from_height(UINT64_MAX);
  const auto context = NewContext();
  EXPECT_EQ(server.NewStub()->StreamBlocks(context.get(), request)->Finish().error_code(),
            grpc::StatusCode::OUT_OF_RANGE);
}

TEST(ClientService, BoundsTheNumberOfBlockStreams) {
  FakeChain chain;
  ClientTestServer server(&chain);
  const auto stub = server.NewStub();
  const auto other_stub = server.NewStub();
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReader<v1::BlockReply>>> streams;
  v1::StreamBlocksRequest request;
  request.set_from_height(1);
  chain.CommitOne("one");
  for (int i = 0; i < 64; ++i) {
    contexts.push_back(NewContext());
    streams.push_back(
        (i % 2 == 0 ? stub : other_stub)->StreamBlocks(contexts.back().get(), request));
    v1::BlockReply reply;
    ASSERT_TRUE(streams.back()->Read(&reply)) << i;
  }
  const auto context = NewContext();
  const grpc::Status refused = stub->StreamBlocks(context.get(), request)->Finish();
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(refused.error_message(), "too many block streams: the limit is 64");
  for (const auto& open : contexts) open->TryCancel();
  for (const auto& stream : streams) stream->Finish();
}

TEST(ClientService, LetsWaitingCallsEndWhenItStopsAndRefusesNewOnes) {
  FakeChain chain;
  chain.Hold();
  ClientTestServer server(&chain);
  const auto stub = server.NewStub();
  absl::Notification answered;
  v1::SubmitRequest request;
  request.set_payload("x");
  v1::SubmitReply reply;
  const auto context = NewContext();
  grpc::Status status;
  stub->async()->Submit(context.get(), &request, &reply, [&](const grpc::Status& s) {
    status = s;
    answered.Notify();
  });
  chain.AwaitHeld(1);
  std::thread stopper([&] { server.server().Stop(absl::Seconds(60)); });
  chain.Release();
  answered.WaitForNotification();
  stopper.join();
  EXPECT_TRUE(status.ok()) << status.error_message();
  v1::StatusReply unread;
  EXPECT_EQ(stub->GetStatus(NewContext().get(), {}, &unread).error_code(),
            grpc::StatusCode::UNAVAILABLE);
  server.server().Stop(absl::ZeroDuration());  // again
}

TEST(ClientService, CancelsWhatDoesNotEndWhileItStops) {
  FakeChain chain;
  chain.Hold();
  ClientTestServer server(&chain);
  const auto stub = server.NewStub();
  absl::Notification answered;
  v1::SubmitRequest request;
  request.set_payload("x");
  v1::SubmitReply reply;
  const auto context = NewContext();
  grpc::Status status;
  stub->async()->Submit(context.get(), &request, &reply, [&](const grpc::Status& s) {
    status = s;
    answered.Notify();
  });
  chain.AwaitHeld(1);
  server.server().Stop(absl::ZeroDuration());
  answered.WaitForNotification();
  EXPECT_FALSE(status.ok());
  chain.Release();
}

}  // namespace
}  // namespace kiln::network
