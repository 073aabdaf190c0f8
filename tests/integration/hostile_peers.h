// What else knocks at a validator's ports: programs that are no clients, scanners, and impostors.
#ifndef KILN_TESTS_INTEGRATION_HOSTILE_PEERS_H_
#define KILN_TESTS_INTEGRATION_HOSTILE_PEERS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "network/tls_identity.h"

namespace kiln::integration {

// A connection that says what it is told and reads nothing. An address is HOST:PORT with an IPv4
// host, or the path of a Unix socket. Move-only.
class RawConnection {
 public:
  static RawConnection To(const std::string& address);
  RawConnection(RawConnection&& other) noexcept;
  RawConnection& operator=(RawConnection&& other) = delete;
  ~RawConnection();

  bool is_connected() const { return fd_ >= 0; }
  // What the other end does not take is dropped.
  void Send(const std::string& bytes) const;
  // False when the other end has not closed the connection within `milliseconds`.
  bool AwaitClosed(int milliseconds) const;

 private:
  explicit RawConnection(int fd) : fd_(fd) {}
  int fd_ = -1;
};

// What is no conversation of ours: HTTP/1.1, HTTP/2 without TLS, pieces of a TLS ClientHello, an
// SSH banner, and records with lengths that lie.
std::vector<std::string> ForeignGreetings();

struct TlsOutcome {
  bool connected = false;     // TCP
  bool shaken_hands = false;  // as far as this end can tell
  bool answered = false;      // bytes of HTTP/2 came back
};

// Shakes hands over TLS with this certificate, or without one, and greets in HTTP/2.
TlsOutcome GreetOverTls(const std::string& address,
                        const network::IdentityCertificate* certificate);

// Self-signed, like those of validators, but without the extension that proves an identity.
network::IdentityCertificate PlainSelfSignedCertificate();

}  // namespace kiln::integration

#endif  // KILN_TESTS_INTEGRATION_HOSTILE_PEERS_H_
