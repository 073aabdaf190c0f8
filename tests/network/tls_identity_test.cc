#include "network/tls_identity.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>

#include "kiln/v1/peer.grpc.pb.h"
#include "tests/network/crafted_certificate.h"
#include "tests/network/peer_test_cluster.h"
#include "tests/network/tls_probe.h"

namespace kiln::network {
namespace {

std::string CauseOf(const std::string& pem, absl::Time now = WallNow()) {
  const auto identity = CheckIdentityCertificate(pem, now);
  if (identity.ok()) return "";
  EXPECT_EQ(identity.status().code(), absl::StatusCode::kUnauthenticated);
  return std::string(identity.status().message());
}

std::string CauseOfCrafted(const CraftedOptions& options) {
  return CauseOf(CraftCertificate(TestNodeKey(1), TestChainId(), options).certificate_pem);
}

TEST(IdentityCertificate, ProvesTheNodeKeyAndTheChain) {
  const auto made = MakeIdentityCertificate(TestNodeKey(1), TestChainId(2), WallNow());
  const auto identity = CheckIdentityCertificate(made.certificate_pem, WallNow());
  ASSERT_TRUE(identity.ok()) << identity.status();
  EXPECT_EQ(identity->node_key, TestNodeKey(1).public_key());
  EXPECT_EQ(identity->chain_id, TestChainId(2));
}

TEST(IdentityCertificate, HasAFreshKeyEachTime) {
  const auto first = MakeIdentityCertificate(TestNodeKey(1), TestChainId(), WallNow());
  const auto second = MakeIdentityCertificate(TestNodeKey(1), TestChainId(), WallNow());
  EXPECT_NE(first.private_key_pem, second.private_key_pem);
}

TEST(IdentityCertificate, IsValidForADayGiveOrTakeTheClockSkew) {
  const absl::Time now = WallNow();
  const std::string pem =
      MakeIdentityCertificate(TestNodeKey(1), TestChainId(), now).certificate_pem;
  const absl::Time from = now - kCertificateClockSkewMax;
  const absl::Time until = from + kCertificateLifetime;
  const absl::Duration second = absl::Seconds(2);
  EXPECT_EQ(CauseOf(pem, from - kCertificateClockSkewMax + second), "");
  EXPECT_NE(CauseOf(pem, from - kCertificateClockSkewMax - second).find("not valid yet"),
            std::string::npos);
  EXPECT_EQ(CauseOf(pem, until + kCertificateClockSkewMax - second), "");
  EXPECT_NE(CauseOf(pem, until + kCertificateClockSkewMax + second).find("expired"),
            std::string::npos);
}

TEST(IdentityCertificate, IsAcceptedWhenItIsCraftedWithoutAFault) {
  EXPECT_EQ(CauseOfCrafted({}), "");
}

TEST(IdentityCertificate, IsRefusedForEachFaultByName) {
  EXPECT_EQ(CauseOfCrafted({.extensions = 0}),
            "certificate: without the extension that names a node key");
  EXPECT_EQ(CauseOfCrafted({.extensions = 2}),
            "certificate: with more than one extension that names a node key");
  EXPECT_EQ(CauseOfCrafted({.short_extension = true}),
            "certificate: with a malformed extension for the node key");
  const std::string unsigned_by_node = "certificate: not signed by the node key that it names";
  EXPECT_EQ(CauseOfCrafted({.sign_other_key = true}), unsigned_by_node);
  EXPECT_EQ(CauseOfCrafted({.sign_other_chain = true}), unsigned_by_node);
  EXPECT_EQ(CauseOfCrafted({.sign_by_other_node = true}), unsigned_by_node);
  EXPECT_EQ(CauseOfCrafted({.certificate_signed_by_other_key = true}),
            "certificate: not signed by its own key");
  EXPECT_EQ(CauseOfCrafted({.curve = "P-384"}), "certificate: not a P-256 key");
}

TEST(IdentityCertificate, IsRefusedWhenThereIsNotExactlyOne) {
  const auto made = MakeIdentityCertificate(TestNodeKey(1), TestChainId(), WallNow());
  EXPECT_EQ(CauseOf(""), "certificate: none was presented");
  EXPECT_EQ(CauseOf(made.certificate_pem + made.certificate_pem),
            "certificate: not exactly one was presented");
  EXPECT_EQ(CauseOf(made.private_key_pem), "certificate: not an X.509 certificate");
  EXPECT_EQ(CauseOf("no PEM"), "certificate: not exactly one was presented");
  EXPECT_EQ(CauseOf(made.certificate_pem + std::string(kCertificatePemBytesMax, ' ')),
            "certificate: too large");
}

TEST(IdentityCertificate, NeverCrashesOnMutatedBytes) {
  std::mt19937_64 chance(3);  // the same in every run
  const std::string pem =
      MakeIdentityCertificate(TestNodeKey(1), TestChainId(), WallNow()).certificate_pem;
  size_t refused = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string mutated = pem;
    mutated[chance() % mutated.size()] = static_cast<char>("ABCabc019+/=\n -"[chance() % 15]);
    if (!CheckIdentityCertificate(mutated, WallNow()).ok()) ++refused;
  }
  EXPECT_GT(refused, 2000u);
}

// A server with a service, on a port of its own.
class TlsServer {
 public:
  explicit TlsServer(const std::shared_ptr<grpc::ServerCredentials>& credentials) {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", credentials, &port);
    builder.RegisterCallbackGenericService(&service_);
    server_ = builder.BuildAndStart();
    address_ = absl::StrCat("127.0.0.1:", port);
  }
  ~TlsServer() { server_->Shutdown(std::chrono::system_clock::now()); }
  const std::string& address() const { return address_; }

 private:
  grpc::CallbackGenericService service_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

std::unique_ptr<TlsIdentity> IdentityOf(const crypto::SecretKey& key) {
  auto identity = TlsIdentity::Create(&key, TestChainId(), absl::Seconds(1));
  KILN_CHECK_OK(identity.status());
  return *std::move(identity);
}

TEST(TlsIdentity, ServesClientsThatHaveNoCertificate) {
  const crypto::SecretKey key = TestNodeKey(1);
  const auto identity = IdentityOf(key);
  const TlsServer server(identity->ServerCredentials());
  const ProbeResult probe = ProbeTls(server.address());
  EXPECT_TRUE(probe.answered);
  EXPECT_EQ(probe.version, TLS1_3_VERSION);
  const auto proved = CheckIdentityCertificate(probe.server_certificate, WallNow());
  ASSERT_TRUE(proved.ok()) << proved.status();
  EXPECT_EQ(proved->node_key, key.public_key());
}

TEST(TlsIdentity, TakesOnlyForwardSecretAuthenticatedSuites) {
  const crypto::SecretKey key = TestNodeKey(1);
  const auto identity = IdentityOf(key);
  const TlsServer server(identity->ServerCredentials());
  ProbeOptions options{.version_max = TLS1_2_VERSION};
  for (const char* good : {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"}) {
    options.ciphers = good;
    const ProbeResult probe = ProbeTls(server.address(), options);
    EXPECT_TRUE(probe.answered) << good;
    EXPECT_EQ(probe.cipher, good);
  }
  for (const char* bad : {"ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES128-SHA256",
                          "ECDHE-RSA-AES128-GCM-SHA256", "AES128-SHA"}) {
    options.ciphers = bad;
    EXPECT_FALSE(ProbeTls(server.address(), options).shaken_hands) << bad;
  }
}

TEST(TlsIdentity, RefusesVersionsBelowOnePointTwo) {
  const crypto::SecretKey key = TestNodeKey(1);
  const auto identity = IdentityOf(key);
  const TlsServer server(identity->ServerCredentials());
  const ProbeOptions options{
      .version_min = TLS1_VERSION, .version_max = TLS1_1_VERSION, .ciphers = "ALL:@SECLEVEL=0"};
  EXPECT_FALSE(ProbeTls(server.address(), options).shaken_hands);
}

TEST(TlsIdentity, PresentsANewCertificateAfterRotation) {
  const crypto::SecretKey key = TestNodeKey(1);
  const auto identity = IdentityOf(key);
  const TlsServer server(identity->ServerCredentials());
  const std::string first = ProbeTls(server.address()).server_certificate;
  ASSERT_FALSE(first.empty());
  EXPECT_EQ(ProbeTls(server.address()).server_certificate, first);
  identity->Rotate();
  std::string second;
  EXPECT_TRUE(Eventually([&] {
    second = ProbeTls(server.address()).server_certificate;
    return !second.empty() && second != first;
  }));
  EXPECT_EQ(CauseOf(second), "");
}

TEST(TlsIdentity, RefusesEachBadClientCertificateAndSaysWhy) {
  const crypto::SecretKey key = TestNodeKey(1);
  const auto identity = IdentityOf(key);
  absl::Mutex mutex;
  std::string cause;
  const TlsServer server(identity->MutualServerCredentials({}, [&](const absl::Status& why) {
    absl::MutexLock lock(&mutex);
    cause = std::string(why.message());
  }));
  const std::pair<CraftedOptions, std::string> cases[] = {
      {{.extensions = 0}, "without the extension"},
      {{.extensions = 2}, "more than one extension"},
      {{.sign_by_other_node = true}, "not signed by the node key"},
      {{.not_before = WallNow() - absl::Hours(2), .not_after = WallNow() - absl::Hours(1)},
       "expired"},
      {{.not_before = WallNow() + absl::Hours(1), .not_after = WallNow() + absl::Hours(2)},
       "not valid yet"}};
  for (const auto& [options, expected] : cases) {
    const auto crafted = CraftCertificate(TestNodeKey(2), TestChainId(), options);
    EXPECT_FALSE(ProbeTls(server.address(), {.certificate = &crafted}).answered) << expected;
    absl::MutexLock lock(&mutex);
    EXPECT_NE(cause.find(expected), std::string::npos) << cause;
  }
  EXPECT_FALSE(ProbeTls(server.address()).answered) << "no certificate";
  const auto good = CraftCertificate(TestNodeKey(2), TestChainId(), {});
  EXPECT_TRUE(ProbeTls(server.address(), {.certificate = &good}).answered);
}

// What a client that checks the server's identity makes of it.
std::string CauseAtClient(const std::shared_ptr<grpc::ChannelCredentials>& credentials,
                          const std::string& address) {
  const auto stub = v1::Peer::NewStub(grpc::CreateChannel(address, credentials));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  const auto stream = stub->Exchange(&context);
  v1::Frame frame;
  EXPECT_FALSE(stream->Read(&frame));
  return stream->Finish().error_message();
}

TEST(TlsIdentity, LetsAClientTalkOnlyToTheNodesThatItExpects) {
  const crypto::SecretKey key = TestNodeKey(1);
  const auto identity = IdentityOf(key);
  const TlsServer server(identity->ServerCredentials());
  std::string refused;
  const auto note = [&refused](const absl::Status& why) { refused = std::string(why.message()); };

  // The right one: the call gets as far as the service, which has no such method.
  CauseAtClient(ClientChannelCredentials({TestNodeKey(2).public_key(), key.public_key()},
                                         TestChainId(), note),
                server.address());
  EXPECT_EQ(refused, "");
  CauseAtClient(ClientChannelCredentials({TestNodeKey(2).public_key()}, TestChainId(), note),
                server.address());
  EXPECT_NE(refused.find("not an expected validator's"), std::string::npos) << refused;
  CauseAtClient(ClientChannelCredentials({key.public_key()}, TestChainId(9), note),
                server.address());
  EXPECT_NE(refused.find("another chain"), std::string::npos) << refused;
}

}  // namespace
}  // namespace kiln::network
