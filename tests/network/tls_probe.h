// A bare TLS client, for handshakes that gRPC would not make.
#ifndef KILN_TESTS_NETWORK_TLS_PROBE_H_
#define KILN_TESTS_NETWORK_TLS_PROBE_H_

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <csignal>
#include <string>

#include "absl/strings/str_cat.h"
#include "network/tls_identity.h"

namespace kiln::network {

struct ProbeResult {
  bool connected = false;  // TCP
  bool shaken_hands = false;
  bool answered = false;  // bytes came back after the handshake
  int version = 0;        // as OpenSSL numbers them
  std::string cipher;
  std::string server_certificate;
};

struct ProbeOptions {
  int version_min = TLS1_2_VERSION;
  int version_max = TLS1_3_VERSION;
  std::string ciphers;  // of TLS 1.2; empty for the defaults
  const IdentityCertificate* certificate = nullptr;
};

inline std::string PeerCertificatePem(SSL* ssl) {
  X509* certificate = SSL_get1_peer_certificate(ssl);
  if (certificate == nullptr) return "";
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, certificate);
  char* data = nullptr;
  const long bytes = BIO_get_mem_data(bio, &data);
  std::string pem(data, static_cast<size_t>(bytes));
  BIO_free(bio);
  X509_free(certificate);
  return pem;
}

inline void UseCertificate(SSL_CTX* context, const IdentityCertificate& certificate) {
  BIO* bio = BIO_new_mem_buf(certificate.private_key_pem.data(), -1);
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  bio = BIO_new_mem_buf(certificate.certificate_pem.data(), -1);
  X509* x509 = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  SSL_CTX_use_certificate(context, x509);
  SSL_CTX_use_PrivateKey(context, key);
  X509_free(x509);
  EVP_PKEY_free(key);
}

// Shakes hands as HTTP/2 would and reads a byte: a server that is content sends its SETTINGS.
inline ProbeResult ProbeTls(const std::string& address, const ProbeOptions& options = {}) {
  signal(SIGPIPE, SIG_IGN);  // the server may have hung up
  ProbeResult result;
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_min_proto_version(context, options.version_min);
  SSL_CTX_set_max_proto_version(context, options.version_max);
  if (!options.ciphers.empty()) SSL_CTX_set_cipher_list(context, options.ciphers.c_str());
  if (options.certificate != nullptr) UseCertificate(context, *options.certificate);
  static constexpr unsigned char kAlpn[] = {2, 'h', '2'};
  SSL_CTX_set_alpn_protos(context, kAlpn, sizeof kAlpn);
  BIO* bio = BIO_new_ssl_connect(context);
  SSL* ssl = nullptr;
  BIO_get_ssl(bio, &ssl);
  BIO_set_conn_hostname(bio, address.c_str());
  result.connected = BIO_do_connect(BIO_next(bio)) == 1;
  if (result.connected) {
    int fd = -1;
    BIO_get_fd(bio, &fd);
    const timeval patience{30, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    result.shaken_hands = BIO_do_handshake(bio) == 1;
  }
  if (result.shaken_hands) {
    result.version = SSL_version(ssl);
    result.cipher = SSL_get_cipher_name(ssl);
    result.server_certificate = PeerCertificatePem(ssl);
    BIO_puts(bio, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    char byte = 0;
    result.answered = BIO_read(bio, &byte, 1) == 1;
  }
  BIO_free_all(bio);
  SSL_CTX_free(context);
  return result;
}

}  // namespace kiln::network

#endif  // KILN_TESTS_NETWORK_TLS_PROBE_H_
