// What is not a client of ours at the client port: it is closed on, and everybody else is served.
#include <arpa/inet.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <random>

#include "absl/synchronization/notification.h"
#include "tests/network/client_test_server.h"

namespace kiln::network {
namespace {

// A TCP connection to this machine.
class RawConnection {
 public:
  explicit RawConnection(int port) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    KILN_CHECK_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }
  ~RawConnection() { close(fd_); }
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  int fd() const { return fd_; }
  void Send(const std::string& bytes) const { send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }
  // Reads what comes until the other end closes; false when it does not within a minute.
  bool AwaitClosed() const {
    char buffer[4096];
    while (true) {
      pollfd ready{.fd = fd_, .events = POLLIN};
      if (poll(&ready, 1, 60000) != 1) return false;
      if (recv(fd_, buffer, sizeof(buffer), 0) <= 0) return true;
    }
  }

 private:
  const int fd_;
};

bool Serves(const ClientTestServer& server) {
  v1::StatusReply reply;
  return server.NewStub()->GetStatus(NewContext().get(), {}, &reply).ok();
}

TEST(ClientPort, ClosesOnRandomBytes) {
  FakeChain chain;
  ClientTestServer server(&chain);
  std::mt19937 random(7);
  for (int i = 0; i < 20; ++i) {
    const RawConnection connection(server.port());
    std::string bytes(1 + random() % 2000, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    bytes[0] = static_cast<char>(0x80 | bytes[0]);  // no TLS record starts like this
    connection.Send(bytes);
    EXPECT_TRUE(connection.AwaitClosed());
  }
  EXPECT_TRUE(Serves(server));
}

TEST(ClientPort, ClosesOnPlaintextHttp) {
  FakeChain chain;
  ClientTestServer server(&chain);
  for (const char* greeting :
       {"GET / HTTP/1.1\r\nHost: kiln\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4"}) {
    const RawConnection connection(server.port());
    connection.Send(greeting);
    EXPECT_TRUE(connection.AwaitClosed());
  }
  EXPECT_TRUE(Serves(server));
}

TEST(ClientPort, ClosesOnGrpcInPlaintext) {
  FakeChain chain;
  ClientTestServer server(&chain);
  const auto stub =
      v1::Kiln::NewStub(grpc::CreateChannel(server.address(), grpc::InsecureChannelCredentials()));
  v1::StatusReply reply;
  EXPECT_EQ(stub->GetStatus(NewContext().get(), {}, &reply).error_code(),
            grpc::StatusCode::UNAVAILABLE);
  EXPECT_TRUE(Serves(server));
}

TEST(ClientPort, ClosesOnTlsWithoutHttp2) {
  FakeChain chain;
  ClientTestServer server(&chain);
  const RawConnection connection(server.port());
  SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
  SSL* const ssl = SSL_new(context);  // offers no application protocol
  SSL_set_fd(ssl, connection.fd());
  if (SSL_connect(ssl) == 1) SSL_write(ssl, "GET / HTTP/1.1\r\n\r\n", 18);
  EXPECT_TRUE(connection.AwaitClosed());
  SSL_free(ssl);
  SSL_CTX_free(context);
  EXPECT_TRUE(Serves(server));
}

TEST(ClientPort, EndsAHandshakeThatNeverEnds) {
  FakeChain chain;
  ClientTestServer server(&chain);
  const RawConnection connection(server.port());
  connection.Send("\x16");  // the first byte of a TLS handshake, and nothing more
  EXPECT_TRUE(connection.AwaitClosed());
  EXPECT_TRUE(Serves(server));
}

TEST(ClientPort, AnswersMalformedMessagesAndServesOn) {
  FakeChain chain;
  ClientTestServer server(&chain);
  const auto channel = server.NewChannel();
  const std::vector<std::string> malformed = {
      std::string("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11),  // length far past the end
      std::string("\x0a", 1), std::string(11, '\xff'), std::string("\x0b", 1)};
  for (const std::string& bytes : malformed) {
    grpc::Slice slice(bytes);
    grpc::ByteBuffer request(&slice, 1);
    grpc::GenericStub generic(channel);
    const auto context = NewContext();
    grpc::ByteBuffer reply;
    absl::Notification done;
    grpc::Status status;
    generic.UnaryCall(context.get(), "/kiln.v1.Kiln/Submit", grpc::StubOptions(), &request, &reply,
                      [&](const grpc::Status& s) {
                        status = s;
                        done.Notify();
                      });
    done.WaitForNotification();
    EXPECT_FALSE(status.ok());
  }
  EXPECT_EQ(chain.submissions(), 0u);
  EXPECT_TRUE(Serves(server));
}

}  // namespace
}  // namespace kiln::network
