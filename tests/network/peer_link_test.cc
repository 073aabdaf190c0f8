#include "network/peer_link.h"

#include <grpcpp/support/byte_buffer.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/network/peer_test_cluster.h"

namespace kiln::network {
namespace {

constexpr ValidatorIndex kSelf{1};
constexpr uint64_t kSecond = 1'000'000;

// A stream that goes nowhere: the test says what came of reads and writes.
class FakeStream : public PeerStream {
 public:
  explicit FakeStream(uint8_t key) : key_(key) {}

  void Read() override {
    EXPECT_FALSE(reading_) << "one read at a time";
    EXPECT_FALSE(closed_);
    reading_ = true;
  }
  void Write(grpc::ByteBuffer bytes) override {
    EXPECT_FALSE(writing_) << "one write at a time";
    EXPECT_FALSE(closed_);
    writing_ = true;
    written_.push_back(std::move(bytes));
  }
  void Abort() override {
    EXPECT_TRUE(closed_);
    ++aborts_;
  }
  void Close(const std::optional<absl::Status>& why) override {
    EXPECT_FALSE(closed_) << "closed twice";
    closed_ = true;
    why_ = why;
  }
  absl::StatusOr<PeerIdentity> Identity() const override {
    return PeerIdentity{TestNodeKey(key_).public_key(), TestChainId()};
  }

  void Receive(PeerLink* link, const grpc::ByteBuffer& bytes) {
    reading_ = false;
    link->OnRead(this, true, bytes);
  }
  void FinishWrite(PeerLink* link) {
    writing_ = false;
    link->OnWritten(this, true);
  }
  // It stays under way in the link's eyes.
  void FailWrite(PeerLink* link) { link->OnWritten(this, false); }
  // All writes that follow from each other.
  void FinishWrites(PeerLink* link) {
    while (writing_) FinishWrite(link);
  }
  // Bodies of the frames written, hellos left out.
  std::vector<std::string> Bodies() const {
    std::vector<std::string> bodies;
    for (const grpc::ByteBuffer& wire : written_) {
      absl::StatusOr<Frame> frame = DecodeWireFrame(wire, 1 << 20);
      if (frame.ok()) bodies.push_back(frame->body);
    }
    return bodies;
  }

  int aborts() const { return aborts_; }
  bool closed() const { return closed_; }
  bool writing() const { return writing_; }
  size_t writes() const { return written_.size(); }
  const std::optional<absl::Status>& why() const { return why_; }

 private:
  const uint8_t key_;
  bool reading_ = false;
  bool writing_ = false;
  bool closed_ = false;
  int aborts_ = 0;
  std::optional<absl::Status> why_;
  std::vector<grpc::ByteBuffer> written_;
};

class FixedRandom : public Random {
 public:
  uint64_t Below(uint64_t bound) override { return bound - 1; }
};

class PeerLinkTest : public testing::Test {
 protected:
  PeerLinkTest() : validators_(TestValidators(4)), key_(TestNodeKey(1)) {
    options_.node_key = &key_;
    options_.chain_id = TestChainId();
    options_.self = kSelf;
    options_.validators = &validators_;
    options_.peer_addresses = {"a:1", "", "c:1", "d:1"};
    options_.send_queue_frames_max = 4;
    options_.send_queue_bytes_max = 8000;
    options_.random = &random_;
  }

  std::unique_ptr<PeerLink> LinkTo(uint32_t peer) {
    return std::make_unique<PeerLink>(PeerLinkContext{&options_, &handler_, 1 << 20},
                                      ValidatorIndex{peer});
  }
  static Hello HelloOf(uint8_t peer) {
    return {kProtocolVersion, TestChainId(), TestNodeKey(peer).public_key(), ValidatorIndex{peer}};
  }
  // A called stream that has been accepted, its hello written.
  std::unique_ptr<FakeStream> Accepted(PeerLink* link, uint8_t peer) {
    auto stream = std::make_unique<FakeStream>(peer);
    EXPECT_TRUE(link->Add(stream.get(), false, 0).ok());
    stream->Receive(link, EncodeWireHello(HelloOf(peer)));
    stream->FinishWrites(link);
    return stream;
  }

  const consensus::ValidatorSet validators_;
  const crypto::SecretKey key_;
  FixedRandom random_;
  PeerTransportOptions options_;
  RecordingHandler handler_;
};

TEST_F(PeerLinkTest, SaysHelloFirstWhenItCalls) {
  auto link = LinkTo(2);
  FakeStream stream(2);
  ASSERT_TRUE(link->Add(&stream, true, 0).ok());
  EXPECT_EQ(stream.writes(), 1u);
  stream.FinishWrite(link.get());
  EXPECT_FALSE(link->status().connected);
  stream.Receive(link.get(), EncodeWireHello(HelloOf(2)));
  EXPECT_TRUE(link->status().connected);
  EXPECT_EQ(stream.writes(), 1u);
  link->Stop();
}

TEST_F(PeerLinkTest, AnswersWithItsHelloOnlyWhenItHasAccepted) {
  auto link = LinkTo(0);
  FakeStream stream(0);
  ASSERT_TRUE(link->Add(&stream, false, 0).ok());
  EXPECT_EQ(stream.writes(), 0u);
  stream.Receive(link.get(), EncodeWireHello(HelloOf(0)));
  EXPECT_EQ(stream.writes(), 1u);
  EXPECT_TRUE(link->status().connected);
  link->Stop();
}

TEST_F(PeerLinkTest, RefusesAHelloThatIsWrongInAnyField) {
  Hello version = HelloOf(0);
  version.protocol_version = 9;
  Hello chain = HelloOf(0);
  chain.chain_id = TestChainId(7);
  Hello key = HelloOf(0);
  key.node_key = TestNodeKey(3).public_key();
  Hello index = HelloOf(0);
  index.index = ValidatorIndex{3};
  const std::pair<Hello, std::string> cases[] = {
      {version, absl::StrCat("protocol version 9, expected ", kProtocolVersion)},
      {chain, "another chain"},
      {key, "not the one that TLS proved"},
      {index, "speaks as validator 3"}};
  for (const auto& [hello, cause] : cases) {
    auto link = LinkTo(0);
    FakeStream stream(0);
    ASSERT_TRUE(link->Add(&stream, false, 0).ok());
    stream.Receive(link.get(), EncodeWireHello(hello));
    ASSERT_TRUE(stream.closed());
    link->OnDone(&stream, absl::OkStatus(), 0);
    EXPECT_NE(link->status().last_error.find(cause), std::string::npos)
        << link->status().last_error;
    EXPECT_FALSE(link->status().connected);
  }
}

TEST_F(PeerLinkTest, RefusesAHelloUnderACertificateOfAnotherValidator) {
  auto link = LinkTo(0);
  FakeStream stream(3);
  ASSERT_TRUE(link->Add(&stream, false, 0).ok());
  stream.Receive(link.get(), EncodeWireHello(HelloOf(0)));
  EXPECT_TRUE(stream.closed());
}

TEST_F(PeerLinkTest, RefusesAFrameBeforeTheHelloAndAHelloAfterIt) {
  auto link = LinkTo(0);
  FakeStream early(0);
  ASSERT_TRUE(link->Add(&early, false, 0).ok());
  early.Receive(link.get(), EncodeWireFrame(TestFrame("x")));
  EXPECT_TRUE(early.closed());
  auto late = Accepted(link.get(), 0);
  late->Receive(link.get(), EncodeWireHello(HelloOf(0)));
  EXPECT_TRUE(late->closed());
  EXPECT_EQ(handler_.CountFrom({0}), 0u);
}

TEST_F(PeerLinkTest, LetsANewerConnectionReplaceTheOlder) {
  auto link = LinkTo(0);
  auto older = Accepted(link.get(), 0);
  auto newer = Accepted(link.get(), 0);
  EXPECT_TRUE(older->closed());
  ASSERT_TRUE(older->why().has_value());
  EXPECT_EQ(older->why()->message(), "replaced by a newer connection");
  EXPECT_FALSE(newer->closed());
  link->Send(TestFrame("for the newer"));
  EXPECT_EQ(newer->Bodies(), std::vector<std::string>{"for the newer"});
  // What the older one still has to say is not heard.
  older->Receive(link.get(), EncodeWireFrame(TestFrame("late")));
  EXPECT_EQ(handler_.CountFrom({0}), 0u);
  link->OnDone(older.get(), absl::OkStatus(), 0);
  EXPECT_TRUE(link->status().connected);
  link->Stop();
}

TEST_F(PeerLinkTest, DropsTheOldestFramesOfASlowReaderAndCountsThem) {
  auto link = LinkTo(0);
  auto stream = Accepted(link.get(), 0);
  for (int i = 0; i < 100; ++i) link->Send(TestFrame(absl::StrCat(i)));
  EXPECT_EQ(link->status().frames_dropped, 95u);  // 1 being written, 4 in the queue
  stream->FinishWrites(link.get());
  EXPECT_EQ(stream->Bodies(), (std::vector<std::string>{"0", "96", "97", "98", "99"}));
  EXPECT_EQ(link->status().frames_sent, 5u);
  link->Stop();
}

TEST_F(PeerLinkTest, KeepsTheNewestFramesForAPeerThatIsNotYetConnected) {
  auto link = LinkTo(0);
  for (int i = 0; i < 10; ++i) link->Send(TestFrame(absl::StrCat(i)));
  auto stream = Accepted(link.get(), 0);
  EXPECT_EQ(stream->Bodies(), (std::vector<std::string>{"6", "7", "8", "9"}));
  EXPECT_EQ(link->status().frames_dropped, 6u);
  link->Stop();
}

TEST_F(PeerLinkTest, KeepsLessForAPeerThatIsNotConnectedThanForOneThatIs) {
  auto link = LinkTo(0);
  for (int i = 0; i < 4; ++i) link->Send(TestFrame(std::string(400, 'x')));
  EXPECT_EQ(link->status().frames_dropped, 2u);  // an eighth of 8000 bytes
}

TEST_F(PeerLinkTest, ForgetsWhatWasQueuedForAConnectionThatEnded) {
  auto link = LinkTo(0);
  auto stream = Accepted(link.get(), 0);
  for (int i = 0; i < 3; ++i) link->Send(TestFrame(absl::StrCat("old ", i)));
  link->OnRead(stream.get(), false, {});
  EXPECT_TRUE(stream->closed());
  link->Send(TestFrame("new"));
  stream->FailWrite(link.get());
  link->OnDone(stream.get(), absl::OkStatus(), 0);
  auto next = Accepted(link.get(), 0);
  EXPECT_EQ(next->Bodies(), std::vector<std::string>{"new"});
  link->Stop();
}

TEST_F(PeerLinkTest, ReadsOnAfterAFailedWriteUntilThePeersEnd) {
  auto link = LinkTo(0);
  auto stream = Accepted(link.get(), 0);
  link->Send(TestFrame("lost"));
  stream->FailWrite(link.get());
  link->Send(TestFrame("not written"));
  EXPECT_FALSE(stream->closed());
  stream->Receive(link.get(), EncodeWireFrame(TestFrame("said before the end")));
  EXPECT_EQ(handler_.CountFrom({0}), 1u);
  link->OnRead(stream.get(), false, {});
  EXPECT_TRUE(stream->closed());
  EXPECT_EQ(link->status().frames_sent, 0u);
  link->Stop();
}

TEST_F(PeerLinkTest, CountsFramesThatTheHandlerHasNoRoomFor) {
  auto link = LinkTo(0);
  auto stream = Accepted(link.get(), 0);
  handler_.SetAccepting(false);
  stream->Receive(link.get(), EncodeWireFrame(TestFrame("x")));
  EXPECT_EQ(link->status().frames_dropped, 1u);
  EXPECT_TRUE(link->status().connected);
  link->Stop();
}

TEST_F(PeerLinkTest, EndsStreamsWithoutAHelloInTime) {
  auto link = LinkTo(0);
  FakeStream silent(0);
  ASSERT_TRUE(link->Add(&silent, false, 3 * kSecond).ok());
  auto live = Accepted(link.get(), 0);
  EXPECT_EQ(link->NextDue(), 8 * kSecond);
  link->ExpireStreams(8 * kSecond - 1);
  EXPECT_FALSE(silent.closed());
  link->ExpireStreams(8 * kSecond);
  EXPECT_TRUE(silent.closed());
  EXPECT_FALSE(live->closed());
  link->OnDone(&silent, absl::OkStatus(), 8 * kSecond);
  EXPECT_EQ(link->status().last_error, "no hello in time");
  link->Stop();
}

TEST_F(PeerLinkTest, AbortsOnceWhatDoesNotEndInTimeAfterItWasClosed) {
  auto link = LinkTo(0);
  auto stream = Accepted(link.get(), 0);
  EXPECT_EQ(link->NextDue(), UINT64_MAX);
  stream->Receive(link.get(), EncodeWireHello(HelloOf(0)));
  ASSERT_TRUE(stream->closed());
  EXPECT_EQ(link->NextDue(), 0u);
  link->ExpireStreams(5 * kSecond);
  EXPECT_EQ(link->NextDue(), 6 * kSecond);
  link->ExpireStreams(6 * kSecond - 1);
  EXPECT_EQ(stream->aborts(), 0);
  link->ExpireStreams(6 * kSecond);
  link->ExpireStreams(7 * kSecond);
  EXPECT_EQ(stream->aborts(), 1);
  link->OnDone(stream.get(), absl::OkStatus(), 7 * kSecond);
  EXPECT_EQ(link->NextDue(), UINT64_MAX);
}

TEST_F(PeerLinkTest, TakesOnOnlyAFewStreamsWithoutAHello) {
  auto link = LinkTo(0);
  std::vector<std::unique_ptr<FakeStream>> streams;
  for (size_t i = 0; i < PeerLink::kUnacceptedStreamsMax; ++i) {
    streams.push_back(std::make_unique<FakeStream>(0));
    ASSERT_TRUE(link->Add(streams.back().get(), false, 0).ok());
  }
  FakeStream another(0);
  EXPECT_EQ(link->Add(&another, false, 0).code(), absl::StatusCode::kResourceExhausted);
  link->Stop();
  for (const auto& stream : streams) EXPECT_TRUE(stream->closed());
}

TEST_F(PeerLinkTest, CallsOnlyPeersWithAHigherIndexAndAKnownAddress) {
  options_.peer_addresses[3].clear();
  EXPECT_FALSE(LinkTo(0)->TakeDueDial(kSecond));
  EXPECT_TRUE(LinkTo(2)->TakeDueDial(kSecond));
  EXPECT_FALSE(LinkTo(3)->TakeDueDial(kSecond));
}

TEST_F(PeerLinkTest, CallsAgainAfterDelaysThatDoubleUpToABound) {
  options_.reconnect_delay_min = absl::Milliseconds(100);
  options_.reconnect_delay_max = absl::Milliseconds(400);
  auto link = LinkTo(2);
  uint64_t now_us = kSecond;
  for (const uint64_t delay_ms : {100, 200, 400, 400}) {
    ASSERT_TRUE(link->TakeDueDial(now_us));
    EXPECT_FALSE(link->TakeDueDial(now_us)) << "one call at a time";
    FakeStream stream(2);
    ASSERT_TRUE(link->Add(&stream, true, now_us).ok());
    link->OnRead(&stream, false, {});
    link->OnDone(&stream, absl::UnavailableError("connection refused"), now_us);
    EXPECT_EQ(link->NextDue(), now_us + delay_ms * 1000);  // the test's chance gives the longest
    EXPECT_FALSE(link->TakeDueDial(now_us + delay_ms * 500 - 1));
    now_us = link->NextDue();
  }
  EXPECT_EQ(link->status().last_error, "connection refused");
}

TEST_F(PeerLinkTest, StartsFromTheShortestDelayAfterAConnection) {
  auto link = LinkTo(2);
  for (int i = 0; i < 5; ++i) {
    const uint64_t now_us = link->NextDue();
    ASSERT_TRUE(link->TakeDueDial(now_us));
    FakeStream stream(2);
    ASSERT_TRUE(link->Add(&stream, true, now_us).ok());
    stream.FinishWrites(link.get());
    if (i == 4) stream.Receive(link.get(), EncodeWireHello(HelloOf(2)));
    link->OnRead(&stream, false, {});
    link->OnDone(&stream, absl::UnavailableError("gone"), now_us);
    if (i == 4) {
      EXPECT_EQ(link->NextDue(), now_us + 100'000);
    }
  }
}

TEST_F(PeerLinkTest, TakesNothingOnAfterStop) {
  auto link = LinkTo(2);
  link->Stop();
  FakeStream stream(2);
  EXPECT_EQ(link->Add(&stream, true, 0).code(), absl::StatusCode::kUnavailable);
  EXPECT_FALSE(link->TakeDueDial(kSecond));
  link->Send(TestFrame("x"));
  EXPECT_EQ(link->NextDue(), UINT64_MAX);
}

}  // namespace
}  // namespace kiln::network
