// Throw-away TLS certificates that prove who holds a node key: no names, no addresses, no
// authority.
//
// A process makes a P-256 key in memory and signs a certificate with it. One private extension ties
// that key to the validator:
//
//   extension = node key (32) || chain id (32) || Ed25519 signature by the node key (64)
//   signed    = "kiln/v1/tls" || chain id || SubjectPublicKeyInfo of the certificate, DER
#ifndef KILN_NETWORK_TLS_IDENTITY_H_
#define KILN_NETWORK_TLS_IDENTITY_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "crypto/ed25519.h"
#include "kiln/types.h"

namespace grpc {
class ChannelCredentials;
class ServerCredentials;
}  // namespace grpc

namespace kiln::network {

inline constexpr char kIdentityExtensionOid[] = "1.3.6.1.4.1.58888.1.1";
inline constexpr absl::Duration kCertificateLifetime = absl::Hours(24);
inline constexpr absl::Duration kCertificateRotation = absl::Hours(12);
inline constexpr absl::Duration kCertificatePickUp = absl::Minutes(1);
// How far the clocks of two honest machines may be apart.
inline constexpr absl::Duration kCertificateClockSkewMax = absl::Minutes(5);
inline constexpr size_t kCertificatePemBytesMax = 8 << 10;

// The subject of every certificate. It means nothing, but a caller that names it (channel argument
// GRPC_SSL_TARGET_NAME_OVERRIDE_ARG) spares the server a log line about an unknown name.
inline constexpr char kTlsServerName[] = "kiln";

struct IdentityCertificate {
  std::string private_key_pem;
  std::string certificate_pem;
};

// Valid from kCertificateClockSkewMax before `now` for kCertificateLifetime. A fresh key each time.
IdentityCertificate MakeIdentityCertificate(const crypto::SecretKey& node_key, const Hash& chain_id,
                                            absl::Time now);

// Whom a certificate proves to be at the other end, and of which chain. Whether that is somebody to
// talk to is the caller's question.
struct PeerIdentity {
  crypto::PublicKey node_key{};
  Hash chain_id;
};

// Unauthenticated names the check that failed: exactly one certificate, within its validity give or
// take kCertificateClockSkewMax, the extension exactly once, the signature.
absl::StatusOr<PeerIdentity> CheckIdentityCertificate(absl::string_view pem, absl::Time now);

// Decides on an identity whose certificate is sound. Called on gRPC's threads; must not block.
using IdentityPolicy = std::function<absl::Status(const PeerIdentity&)>;
// Told why a certificate was refused, by the check or by the policy. May be empty. Likewise.
using IdentityRefused = std::function<void(const absl::Status&)>;

// A process's certificate, replaced every kCertificateRotation by a thread of its own; connections
// that are open keep the one they were made with. The keys are in anonymous memory, never in a file
// system. Thread-safe. Credentials stay usable as long as the object lives.
class TlsIdentity {
 public:
  // `node_key` outlives the object. gRPC takes a new certificate up within `pick_up`, in whole
  // seconds.
  static absl::StatusOr<std::unique_ptr<TlsIdentity>> Create(
      const crypto::SecretKey* node_key, const Hash& chain_id,
      absl::Duration pick_up = kCertificatePickUp);
  virtual ~TlsIdentity() = default;

  // For the port of other validators: both sides present a certificate. `policy` may be empty.
  virtual std::shared_ptr<grpc::ServerCredentials> MutualServerCredentials(
      IdentityPolicy policy, IdentityRefused refused) = 0;
  // For the port of clients, who need no certificate.
  virtual std::shared_ptr<grpc::ServerCredentials> ServerCredentials() = 0;
  // For a call to another validator: presents the certificate and asks `policy` about the other's.
  virtual std::shared_ptr<grpc::ChannelCredentials> MutualChannelCredentials(
      IdentityPolicy policy, IdentityRefused refused) = 0;

  // Makes the next certificate now.
  virtual void Rotate() = 0;
};

// For a client: presents nothing, and talks only to a holder of one of these node keys on this
// chain.
std::shared_ptr<grpc::ChannelCredentials> ClientChannelCredentials(
    std::vector<crypto::PublicKey> node_keys, const Hash& chain_id, IdentityRefused refused = {});

// Settings of gRPC's that are read from the environment at its first use: forward-secret AEAD
// suites only, and its log lines go through ours. Idempotent; the functions above call it; a
// program that uses gRPC before them calls it first.
void PrepareGrpc();

}  // namespace kiln::network

#endif  // KILN_NETWORK_TLS_IDENTITY_H_
