// SubmitStream as the server speaks it, to clients that do as they please.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "network/submit_stream.h"
#include "tests/network/client_test_server.h"

namespace kiln::network {
namespace {

using Stream = grpc::ClientReaderWriter<v1::SubmitBatch, v1::SubmitResults>;

v1::SubmitBatch Batch(uint64_t first_sequence, std::string transactions) {
  v1::SubmitBatch batch;
  batch.set_first_sequence(first_sequence);
  batch.set_transactions(std::move(transactions));
  return batch;
}

std::vector<std::string> Payloads(size_t count, absl::string_view prefix) {
  std::vector<std::string> payloads;
  for (size_t i = 0; i < count; ++i) payloads.push_back(absl::StrCat(prefix, i));
  return payloads;
}

// Reads until the server ends; every sequence number at most once.
std::set<uint64_t> ReadCommitted(Stream& stream) {
  std::set<uint64_t> seen;
  v1::SubmitResults results;
  while (stream.Read(&results)) {
    for (const auto& committed : results.committed()) {
      EXPECT_TRUE(seen.insert(committed.sequence()).second) << committed.sequence();
    }
  }
  return seen;
}

TEST(SubmitStream, AnswersEverySequenceNumberOfTenThousandOnce) {
  FakeChain chain;
  ClientTestServer server(&chain);
  const auto stub = server.NewStub();
  const auto context = NewContext();
  const auto stream = stub->SubmitStream(context.get());
  std::thread writer([&] {
    for (uint64_t first = 0; first < 10000; first += 500) {
      stream->Write(Batch(first, BatchOf(Payloads(500, absl::StrCat("t", first, "-")))));
    }
    stream->WritesDone();
  });
  const std::set<uint64_t> seen = ReadCommitted(*stream);
  writer.join();
  const grpc::Status status = stream->Finish();
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(seen.size(), 10000u);
  EXPECT_EQ(*seen.rbegin(), 9999u);
  EXPECT_EQ(chain.transactions(), 10000u);
}

TEST(SubmitStream, ReportsRefusalsAsRangesWithTheirReason) {
  FakeChain chain;
  chain.RefuseSubmissions(absl::ResourceExhaustedError("mempool is full"));
  ClientTestServer server(&chain);
  const auto stub = server.NewStub();
  const auto context = NewContext();
  const auto stream = stub->SubmitStream(context.get());
  ASSERT_TRUE(stream->Write(Batch(40, BatchOf({"a", "b", "c"}))));
  v1::SubmitResults results;
  ASSERT_TRUE(stream->Read(&results));
  EXPECT_EQ(results.committed_size(), 0);
  ASSERT_EQ(results.refused_size(), 1);
  EXPECT_EQ(results.refused(0).first_sequence(), 40u);
  EXPECT_EQ(results.refused(0).count(), 3u);
  EXPECT_EQ(results.refused(0).status_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(results.refused(0).message(), "mempool is full");
  stream->WritesDone();
  EXPECT_FALSE(stream->Read(&results));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST(SubmitStream, RefusesAMalformedBatchAndGoesOn) {
  FakeChain chain;
  ClientTestServer server(&chain);
  const auto stub = server.NewStub();
  const auto context = NewContext();
  const auto stream = stub->SubmitStream(context.get());
  std::string malformed = BatchOf({"aaaa", "bbbb"});
  malformed.back() = 'x';
  malformed[4] = '\xff';  // the length of the first
  ASSERT_TRUE(stream->Write(Batch(0, malformed)));
  v1::SubmitResults results;
  ASSERT_TRUE(stream->Read(&results));
  ASSERT_EQ(results.refused_size(), 1);
  EXPECT_EQ(results.refused(0).count(), 2u);
  EXPECT_EQ(results.refused(0).status_code(), grpc::StatusCode::INVALID_ARGUMENT);
  ASSERT_TRUE(stream->Write(Batch(2, BatchOf({"good"}))));
  ASSERT_TRUE(stream->Read(&results));
  EXPECT_EQ(results.committed_size(), 1);
  stream->WritesDone();
  EXPECT_FALSE(stream->Read(&results));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST(SubmitStream, EndsWhenABatchCannotEvenBeCounted) {
  FakeChain chain;
  ClientTestServer server(&chain);
  const auto stub = server.NewStub();
  for (const std::string& bytes : {std::string(), std::string("\1\0\0", 3), std::string(4, '\0'),
                                   std::string("\xff\xff\xff\xff", 4) + std::string(100, 'x'),
                                   std::string("\2\0\0\0", 4) + std::string(25, 'x')}) {
    const auto context = NewContext();
    const auto stream = stub->SubmitStream(context.get());
    stream->Write(Batch(0, bytes));
    v1::SubmitResults results;
    EXPECT_FALSE(stream->Read(&results));
    const grpc::Status status = stream->Finish();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_THAT(status.error_message(), testing::StartsWith("batch: "));
  }
  EXPECT_EQ(chain.submissions(), 0u);
}

TEST(SubmitStream, StopsReadingWhileTooManyAreOutstanding) {
  FakeChain chain;
  ClientTestServer server(&chain);
  chain.Hold();
  const auto stub = server.NewStub();
  const auto context = NewContext();
  const auto stream = stub->SubmitStream(context.get());
  constexpr uint64_t kBatch = 8192;
  constexpr uint64_t kBatches = 12;
  std::thread writer([&] {
    for (uint64_t i = 0; i < kBatches; ++i) {
      stream->Write(Batch(i * kBatch, BatchOf(Payloads(kBatch, absl::StrCat("b", i, "-")))));
    }
    stream->WritesDone();
  });
  constexpr size_t kAccepted = kStreamTransactionsMax / kBatch;
  chain.AwaitHeld(kAccepted);
  v1::StatusReply reply;  // the server is alive and has had every chance to read on
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(server.NewStub()->GetStatus(NewContext().get(), {}, &reply).ok());
  }
  EXPECT_EQ(chain.submissions(), kAccepted);
  chain.Release();
  EXPECT_EQ(ReadCommitted(*stream).size(), kBatch * kBatches);
  writer.join();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST(SubmitStream, EndsWhenTheClientDoesNotReadItsResults) {
  FakeChain chain;
  ClientTestServer server(&chain);
  chain.tamper_outcomes = [](SubmitOutcomes* outcomes) {
    for (auto& entry : outcomes->entries) entry.reply.bytes.assign(1 << 20, 'r');
  };
  const auto stub = server.NewStub();
  const auto context = NewContext();
  const auto stream = stub->SubmitStream(context.get());
  stream->Write(Batch(0, BatchOf(Payloads(70, "t"))));
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), testing::HasSubstr("results are not being read"));
}

TEST(SubmitStream, SplitsResultsOfOneBlockIntoMessages) {
  FakeChain chain;
  ClientTestServer server(&chain);
  chain.tamper_outcomes = [](SubmitOutcomes* outcomes) {
    for (auto& entry : outcomes->entries) entry.reply.bytes.assign(100 << 10, 'r');
  };
  const auto stub = server.NewStub();
  const auto context = NewContext();
  const auto stream = stub->SubmitStream(context.get());
  stream->Write(Batch(0, BatchOf(Payloads(10, "t"))));
  stream->WritesDone();
  int messages = 0;
  size_t answers = 0;
  v1::SubmitResults results;
  while (stream->Read(&results)) {
    ++messages;
    answers += static_cast<size_t>(results.committed_size());
    EXPECT_LE(results.committed_size(), 3);
    EXPECT_EQ(results.height(), 1u);
    EXPECT_FALSE(results.finality().empty());
  }
  EXPECT_EQ(messages, 4);
  EXPECT_EQ(answers, 10u);
  EXPECT_TRUE(stream->Finish().ok());
}

TEST(SubmitStream, DropsLateOutcomesOfACancelledCall) {
  FakeChain chain;
  ClientTestServer server(&chain);
  chain.Hold();
  const auto stub = server.NewStub();
  const auto context = NewContext();
  const auto stream = stub->SubmitStream(context.get());
  stream->Write(Batch(0, BatchOf({"a"})));
  chain.AwaitHeld(1);
  context->TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  chain.Release();
  server.server().Stop(absl::ZeroDuration());
}

TEST(SubmitStream, AnswersWhatItAcceptedBeforeItStops) {
  FakeChain chain;
  ClientTestServer server(&chain);
  chain.Hold();
  const auto stub = server.NewStub();
  const auto context = NewContext();
  const auto stream = stub->SubmitStream(context.get());
  stream->Write(Batch(0, BatchOf({"a", "b"})));
  chain.AwaitHeld(1);
  std::thread stopper([&] { server.server().Stop(absl::Seconds(60)); });
  chain.Release();
  EXPECT_EQ(ReadCommitted(*stream).size(), 2u);
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  stopper.join();
}

TEST(SubmitStream, EndsIdleStreamsAtOnceWhenTheServerStops) {
  FakeChain chain;
  ClientTestServer server(&chain);
  const auto stub = server.NewStub();
  const auto context = NewContext();
  const auto stream = stub->SubmitStream(context.get());
  stream->Write(Batch(0, BatchOf({"a"})));
  v1::SubmitResults results;
  ASSERT_TRUE(stream->Read(&results));
  server.server().Stop(absl::InfiniteDuration());  // would wait for ever for a stream that stays
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST(SubmitStream, SurvivesClientsThatComeAndGoWhileItStops) {
  for (int round = 0; round < 20; ++round) {
    FakeChain chain;
    ClientTestServer server(&chain);
    const auto stub = server.NewStub();
    std::vector<std::thread> clients;
    for (int i = 0; i < 4; ++i) {
      clients.emplace_back([&stub, i] {
        for (int n = 0; n < 10; ++n) {
          const auto context = NewContext();
          const auto stream = stub->SubmitStream(context.get());
          stream->Write(Batch(0, BatchOf({absl::StrCat(i, "-", n), "x"})));
          if (n % 2 == 0) context->TryCancel();
          stream->WritesDone();
          ReadCommitted(*stream);
          stream->Finish();
        }
      });
    }
    chain.CommitOne("block");
    server.server().Stop(absl::ZeroDuration());
    for (std::thread& client : clients) client.join();
  }
}

}  // namespace
}  // namespace kiln::network
