#include "tests/integration/hostile_peers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "base/check.h"

namespace kiln::integration {
namespace {

constexpr timeval kTlsPatience = {.tv_sec = 20, .tv_usec = 0};
constexpr char kHttp2Preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr unsigned char kAlpnHttp2[] = {2, 'h', '2'};

int ConnectTo(const sockaddr* address, socklen_t size) {
  const int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (connect(fd, address, size) == 0) return fd;
  close(fd);
  return -1;
}

int ConnectToUnixSocket(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  KILN_CHECK_LT(path.size(), sizeof address.sun_path);
  std::memcpy(address.sun_path, path.data(), path.size());
  return ConnectTo(reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

int ConnectToPort(const std::string& host_port) {
  const size_t colon = host_port.rfind(':');
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(std::atoi(host_port.c_str() + colon + 1)));
  KILN_CHECK_EQ(inet_pton(AF_INET, host_port.substr(0, colon).c_str(), &address.sin_addr), 1);
  return ConnectTo(reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

std::string TextOf(BIO* bio) {
  char* data = nullptr;
  const long bytes = BIO_get_mem_data(bio, &data);
  return {data, static_cast<size_t>(bytes)};
}

void UseCertificate(SSL_CTX* context, const network::IdentityCertificate& certificate) {
  BIO* bio = BIO_new_mem_buf(certificate.private_key_pem.data(), -1);
  EVP_PKEY* const key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  bio = BIO_new_mem_buf(certificate.certificate_pem.data(), -1);
  X509* const x509 = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  KILN_CHECK(key != nullptr && x509 != nullptr);
  KILN_CHECK_EQ(SSL_CTX_use_certificate(context, x509), 1);
  KILN_CHECK_EQ(SSL_CTX_use_PrivateKey(context, key), 1);
  X509_free(x509);
  EVP_PKEY_free(key);
}

}  // namespace

RawConnection RawConnection::To(const std::string& address) {
  return RawConnection(address[0] == '/' ? ConnectToUnixSocket(address) : ConnectToPort(address));
}

RawConnection::RawConnection(RawConnection&& other) noexcept : fd_(other.fd_) {
  other.fd_ = -1;
}

RawConnection::~RawConnection() {
  if (fd_ >= 0) close(fd_);
}

void RawConnection::Send(const std::string& bytes) const {
  (void)send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

bool RawConnection::AwaitClosed(int milliseconds) const {
  char buffer[4096];
  while (true) {
    pollfd ready{.fd = fd_, .events = POLLIN, .revents = 0};
    if (poll(&ready, 1, milliseconds) != 1) return false;
    if (recv(fd_, buffer, sizeof buffer, 0) <= 0) return true;
  }
}

std::vector<std::string> ForeignGreetings() {
  // A ClientHello record of 512 bytes: header, handshake header, version and the start of its
  // random.
  const std::string hello("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\x01\x02\x03\x04", 16);
  const std::string settings("\0\0\0\4\0\0\0\0\0", 9);
  std::vector<std::string> greetings = {
      "GET / HTTP/1.1\r\nHost: kiln\r\n\r\n",
      "POST /kiln.v1.Kiln/Submit HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\n",
      "SSH-2.0-OpenSSH_9.2\r\n"};
  greetings.push_back(kHttp2Preface + settings);
  greetings.push_back(hello.substr(0, 3));
  greetings.push_back(hello);
  greetings.push_back(hello + std::string(600, '\xff'));
  std::string long_record("\x16\x03\x01\xff\xff", 5);
  long_record.resize(70000, '\x01');
  greetings.push_back(long_record);
  greetings.push_back(std::string("\x15\x03\x03\x00\x02\x02\x00", 7));
  greetings.push_back(std::string(1, '\0'));
  return greetings;
}

TlsOutcome GreetOverTls(const std::string& address,
                        const network::IdentityCertificate* certificate) {
  TlsOutcome outcome;
  SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  if (certificate != nullptr) UseCertificate(context, *certificate);
  SSL_CTX_set_alpn_protos(context, kAlpnHttp2, sizeof kAlpnHttp2);
  const int fd = ConnectToPort(address);
  outcome.connected = fd >= 0;
  SSL* const ssl = SSL_new(context);
  if (outcome.connected) {
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kTlsPatience, sizeof kTlsPatience);
    SSL_set_fd(ssl, fd);
    outcome.shaken_hands = SSL_connect(ssl) == 1;
  }
  if (outcome.shaken_hands) {
    SSL_write(ssl, kHttp2Preface, sizeof kHttp2Preface - 1);
    char byte = 0;
    outcome.answered = SSL_read(ssl, &byte, 1) == 1;
  }
  SSL_free(ssl);
  if (fd >= 0) close(fd);
  SSL_CTX_free(context);
  return outcome;
}

network::IdentityCertificate PlainSelfSignedCertificate() {
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  X509* const x509 = X509_new();
  X509_set_version(x509, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
  X509_gmtime_adj(X509_getm_notBefore(x509), -60);
  X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("kiln"), -1, -1, 0);
  X509_set_issuer_name(x509, X509_get_subject_name(x509));
  X509_set_pubkey(x509, key);
  KILN_CHECK(X509_sign(x509, key, EVP_sha256()) > 0);
  network::IdentityCertificate certificate;
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  certificate.private_key_pem = TextOf(bio);
  BIO_free(bio);
  bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, x509);
  certificate.certificate_pem = TextOf(bio);
  BIO_free(bio);
  X509_free(x509);
  EVP_PKEY_free(key);
  return certificate;
}

}  // namespace kiln::integration
