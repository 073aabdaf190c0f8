// Peers and strangers that must be refused: each with its reason, none with harm.
#include <arpa/inet.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/support/channel_arguments.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <random>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "kiln/v1/peer.grpc.pb.h"
#include "network/peer_transport.h"
#include "tests/network/crafted_certificate.h"
#include "tests/network/peer_test_cluster.h"
#include "tests/network/tls_probe.h"

namespace kiln::network {
namespace {

constexpr ValidatorIndex kV0{0};
constexpr ValidatorIndex kV1{1};

// Lines of the log, whoever wrote them.
class LogLines {
 public:
  LogLines() {
    absl::MutexLock lock(&mutex_);
    lines_.clear();
    SetLogSink(&LogLines::Append);
  }
  ~LogLines() { SetLogSink(nullptr); }
  static bool AwaitLineWith(absl::string_view part) {
    return Eventually([part] {
      absl::MutexLock lock(&mutex_);
      return std::any_of(lines_.begin(), lines_.end(),
                         [part](const std::string& line) { return absl::StrContains(line, part); });
    });
  }

 private:
  static void Append(absl::string_view line) {
    absl::MutexLock lock(&mutex_);
    lines_.emplace_back(line);
  }
  static inline absl::Mutex mutex_{absl::kConstInit};
  static inline std::vector<std::string> lines_ ABSL_GUARDED_BY(mutex_);
};

// A caller with a key, that says what the test wants.
class RawPeer {
 public:
  RawPeer(const crypto::SecretKey& key, const std::string& address, Hash chain_id = TestChainId()) {
    auto identity = TlsIdentity::Create(&key, chain_id);
    KILN_CHECK_OK(identity.status());
    identity_ = *std::move(identity);
    Call(identity_->MutualChannelCredentials({}, {}), address);
  }
  RawPeer(const std::shared_ptr<grpc::ChannelCredentials>& credentials,
          const std::string& address) {
    Call(credentials, address);
  }

  static v1::Frame HelloOf(uint8_t index) {
    v1::Frame frame;
    v1::Hello* hello = frame.mutable_hello();
    const Hash chain_id = TestChainId();
    const crypto::PublicKey key = TestNodeKey(index).public_key();
    hello->set_protocol_version(kProtocolVersion);
    hello->set_chain_id(chain_id.bytes.data(), chain_id.bytes.size());
    hello->set_node_key(key.data(), key.size());
    hello->set_validator_index(index);
    return frame;
  }

  bool Write(const v1::Frame& frame) { return stream_->Write(frame); }
  bool Read(v1::Frame* frame) { return stream_->Read(frame); }
  // Says hello and hears the other's.
  bool Greet(uint8_t index) {
    v1::Frame answer;
    return Write(HelloOf(index)) && Read(&answer) && answer.has_hello();
  }
  // Reads to the end.
  grpc::Status End() {
    v1::Frame frame;
    while (stream_->Read(&frame)) {
    }
    return stream_->Finish();
  }
  void Cancel() { context_.TryCancel(); }

 private:
  void Call(const std::shared_ptr<grpc::ChannelCredentials>& credentials,
            const std::string& address) {
    grpc::ChannelArguments arguments;
    arguments.SetMaxSendMessageSize(-1);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    stub_ = v1::Peer::NewStub(grpc::CreateCustomChannel(address, credentials, arguments));
    context_.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    stream_ = stub_->Exchange(&context_);
  }

  std::unique_ptr<TlsIdentity> identity_;
  std::unique_ptr<v1::Peer::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::Frame, v1::Frame>> stream_;
};

int ConnectTo(const std::string& address) {
  int port = 0;
  KILN_CHECK(absl::SimpleAtoi(address.substr(address.rfind(':') + 1), &port));
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(port));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  KILN_CHECK_EQ(connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  return fd;
}

// One transport, validator 1, whom validator 0 would call: the test plays validator 0.
class PeerRefusalTest : public testing::Test {
 protected:
  PeerRefusalTest() : cluster_(3) { KILN_CHECK_OK(cluster_.Start(1)); }

  const std::string& address() const { return cluster_.address(1); }
  // That the transport still takes in who is right.
  void ExpectAlive() {
    RawPeer peer(cluster_.key(0), address());
    EXPECT_TRUE(peer.Greet(0));
    v1::Frame frame;
    frame.set_kind(2);
    frame.set_body("alive");
    const size_t before = cluster_.handler(1).CountFrom(kV0);
    EXPECT_TRUE(peer.Write(frame));
    EXPECT_TRUE(cluster_.handler(1).AwaitFrames(kV0, before + 1));
    peer.Cancel();
  }
  // What the call of somebody with this hello comes to.
  grpc::Status EndOf(const crypto::SecretKey& key, const v1::Frame& hello,
                     Hash chain_id = TestChainId()) {
    RawPeer peer(key, address(), chain_id);
    peer.Write(hello);
    return peer.End();
  }

  PeerTestCluster cluster_;
};

TEST_F(PeerRefusalTest, TakesInAValidatorThatSaysHello) {
  ExpectAlive();
}

TEST_F(PeerRefusalTest, RefusesAKeyThatIsNoValidators) {
  const LogLines log;
  const crypto::SecretKey stranger = TestNodeKey(77);
  const grpc::Status status = EndOf(stranger, RawPeer::HelloOf(0));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(status.error_message(), "the node key is not a validator's of this chain");
  EXPECT_TRUE(LogLines::AwaitLineWith("not a validator's of this chain"));
  ExpectAlive();
}

TEST_F(PeerRefusalTest, RefusesItsOwnKey) {
  const grpc::Status status = EndOf(cluster_.key(1), RawPeer::HelloOf(1));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
}

TEST_F(PeerRefusalTest, RefusesACallInTheWrongDirection) {
  const grpc::Status status = EndOf(cluster_.key(2), RawPeer::HelloOf(2));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(status.error_message(), "the validator with the lower index calls");
  EXPECT_EQ(cluster_.StatusOf(1, 2).last_error, status.error_message());
}

TEST_F(PeerRefusalTest, RefusesWhoSpeaksAsSomebodyElse) {
  v1::Frame other_index = RawPeer::HelloOf(0);
  other_index.mutable_hello()->set_validator_index(2);
  v1::Frame other_key = RawPeer::HelloOf(2);
  other_key.mutable_hello()->set_validator_index(0);
  for (const v1::Frame& hello : {other_index, other_key}) {
    const grpc::Status status = EndOf(cluster_.key(0), hello);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
    EXPECT_TRUE(cluster_.AwaitError(1, 0, status.error_message()));
  }
  ExpectAlive();
}

TEST_F(PeerRefusalTest, RefusesAnotherChainInTheHelloAndInTheCertificate) {
  v1::Frame hello = RawPeer::HelloOf(0);
  hello.mutable_hello()->set_chain_id(std::string(32, 'x'));
  EXPECT_EQ(EndOf(cluster_.key(0), hello).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  const grpc::Status status = EndOf(cluster_.key(0), RawPeer::HelloOf(0), TestChainId(9));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_TRUE(absl::StrContains(status.error_message(), "another chain"));
}

TEST_F(PeerRefusalTest, RefusesTheFirstFrameThatIsNoHello) {
  v1::Frame frame;
  frame.set_kind(2);
  EXPECT_EQ(EndOf(cluster_.key(0), frame).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(EndOf(cluster_.key(0), v1::Frame()).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  ExpectAlive();
}

TEST_F(PeerRefusalTest, RefusesUnknownKindsUnknownFieldsAndASecondHello) {
  v1::Frame unknown_kind;
  unknown_kind.set_kind(99);
  v1::Frame unknown_field;
  unknown_field.set_kind(2);
  unknown_field.GetReflection()->MutableUnknownFields(&unknown_field)->AddLengthDelimited(9, "x");
  for (const v1::Frame& bad : {unknown_kind, unknown_field, RawPeer::HelloOf(0)}) {
    RawPeer peer(cluster_.key(0), address());
    ASSERT_TRUE(peer.Greet(0));
    peer.Write(bad);
    EXPECT_EQ(peer.End().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  }
  EXPECT_EQ(cluster_.handler(1).CountFrom(kV0), 0u);
  ExpectAlive();
}

TEST_F(PeerRefusalTest, RefusesAMessageAboveTheLimitAndLives) {
  RawPeer peer(cluster_.key(0), address());
  ASSERT_TRUE(peer.Greet(0));
  v1::Frame large;
  large.set_kind(5);
  large.set_body(std::string(FrameBytesMax(cluster_.Options(1).limits) + 100, 'x'));
  peer.Write(large);
  EXPECT_FALSE(peer.End().ok());
  EXPECT_TRUE(cluster_.handler(1).AwaitConnected(kV0, false));
  EXPECT_EQ(cluster_.handler(1).CountFrom(kV0), 0u);
  ExpectAlive();
}

TEST_F(PeerRefusalTest, LetsASecondCallOfTheSamePeerReplaceTheFirst) {
  RawPeer first(cluster_.key(0), address());
  ASSERT_TRUE(first.Greet(0));
  RawPeer second(cluster_.key(0), address());
  ASSERT_TRUE(second.Greet(0));
  const grpc::Status status = first.End();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ABORTED);
  EXPECT_EQ(status.error_message(), "replaced by a newer connection");
  cluster_.transport(1).Send(kV0, TestFrame("to the second"));
  v1::Frame frame;
  ASSERT_TRUE(second.Read(&frame));
  EXPECT_EQ(frame.body(), "to the second");
  second.Cancel();
}

TEST_F(PeerRefusalTest, DoesNotGrowWhileAPeerDoesNotRead) {
  cluster_.Stop(1);
  PeerTransportOptions options = cluster_.Options(1);
  options.send_queue_frames_max = 8;
  ASSERT_TRUE(cluster_.Start(1, options).ok());
  RawPeer peer(cluster_.key(0), address());
  ASSERT_TRUE(peer.Greet(0));
  const FramePtr frame = TestFrame(std::string(100000, 'x'), FrameKind::kBlocks);
  // Whatever the windows hold, what does not fit is dropped.
  ASSERT_TRUE(Eventually([&] {
    for (int i = 0; i < 100; ++i) cluster_.transport(1).Send(kV0, frame);
    return cluster_.StatusOf(1, 0).frames_dropped > 5000;
  }));
  EXPECT_LT(frame.use_count(), 64) << "8 queued, and what gRPC's windows hold";
  cluster_.transport(1).Stop();  // does not wait for the peer to read
  EXPECT_FALSE(peer.End().ok());
}

TEST_F(PeerRefusalTest, EndsACallThatNeverSaysHello) {
  cluster_.Stop(1);
  PeerTransportOptions options = cluster_.Options(1);
  options.hello_timeout = absl::Milliseconds(50);
  ASSERT_TRUE(cluster_.Start(1, options).ok());
  RawPeer silent(cluster_.key(0), address());
  const grpc::Status status = silent.End();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(status.error_message(), "no hello in time");
}

TEST_F(PeerRefusalTest, RefusesCallersWithoutOrWithABadCertificateBeforeTheyCanCall) {
  const LogLines log;
  EXPECT_FALSE(ProbeTls(address()).answered) << "no certificate";
  const auto expired = CraftCertificate(
      cluster_.key(0), TestChainId(),
      {.not_before = WallNow() - absl::Hours(2), .not_after = WallNow() - absl::Hours(1)});
  EXPECT_FALSE(ProbeTls(address(), {.certificate = &expired}).answered);
  EXPECT_TRUE(LogLines::AwaitLineWith("certificate: expired"));
  const auto bare = CraftCertificate(cluster_.key(0), TestChainId(), {.extensions = 0});
  EXPECT_FALSE(ProbeTls(address(), {.certificate = &bare}).answered);
  EXPECT_TRUE(LogLines::AwaitLineWith("certificate: without the extension"));
  RawPeer plaintext(grpc::InsecureChannelCredentials(), address());
  EXPECT_EQ(plaintext.End().error_code(), grpc::StatusCode::UNAVAILABLE);
  ExpectAlive();
}

TEST_F(PeerRefusalTest, SurvivesRandomBytesAndHalfHandshakes) {
  std::mt19937_64 chance(4);  // the same in every run
  for (int i = 0; i < 50; ++i) {
    const int fd = ConnectTo(address());
    std::string bytes(chance() % 2000 + 1, '\0');
    for (char& byte : bytes) byte = static_cast<char>(chance());
    if (i % 2 == 0) bytes.replace(0, 3, "\x16\x03\x01");  // looks like TLS
    send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (i % 3 == 0) {  // reset instead of an orderly end
      const linger abort{1, 0};
      setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
    }
    close(fd);
  }
  ExpectAlive();
}

TEST(PeerVersions, AreComparedAndTheReasonIsKnownAtBothEnds) {
  PeerTestCluster cluster(2);
  ASSERT_TRUE(cluster.Start(1).ok());
  PeerTransportOptions options = cluster.Options(0);
  options.protocol_version = kProtocolVersion + 1;
  ASSERT_TRUE(cluster.Start(0, options).ok());
  const std::string why =
      absl::StrCat("protocol version ", kProtocolVersion + 1, ", expected ", kProtocolVersion);
  EXPECT_TRUE(cluster.AwaitError(0, 1, why));
  EXPECT_TRUE(cluster.AwaitError(1, 0, why));
  EXPECT_FALSE(cluster.StatusOf(0, 1).connected);
}

TEST(PeerChains, AreComparedAndTheReasonIsKnownAtBothEnds) {
  PeerTestCluster cluster(2);
  ASSERT_TRUE(cluster.Start(1).ok());
  PeerTransportOptions options = cluster.Options(0);
  options.chain_id = TestChainId(2);
  ASSERT_TRUE(cluster.Start(0, options).ok());
  EXPECT_TRUE(cluster.AwaitError(0, 1, "another chain: 02020202, expected 01010101"));
  EXPECT_TRUE(cluster.AwaitError(1, 0, "another chain: 02020202, expected 01010101"));
}

TEST(PeerIdentities, AreCheckedByTheCaller) {
  PeerTestCluster cluster(3);
  ASSERT_TRUE(cluster.Start(2).ok());
  cluster.SetAddress(1, cluster.address(2));  // somebody else answers there now
  ASSERT_TRUE(cluster.Start(0).ok());
  EXPECT_TRUE(cluster.AwaitError(0, 1, "another node key answers at this address"));
  EXPECT_TRUE(cluster.handler(0).AwaitConnected(ValidatorIndex{2}));
  EXPECT_FALSE(cluster.StatusOf(0, 1).connected);
}

}  // namespace
}  // namespace kiln::network
