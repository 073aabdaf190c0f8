#include "network/tls_identity.h"

#include <fcntl.h>
#include <grpc/grpc.h>
#include <grpc/support/log.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <utility>

#include "absl/base/call_once.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "base/check.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "network/convert.h"

namespace kiln::network {
namespace {

using grpc::experimental::ExternalCertificateVerifier;
using grpc::experimental::FileWatcherCertificateProvider;
using grpc::experimental::StaticDataCertificateProvider;
using grpc::experimental::TlsChannelCredentialsOptions;
using grpc::experimental::TlsCustomVerificationCheckRequest;
using grpc::experimental::TlsServerCredentialsOptions;

// gRPC 1.51 cannot be told a lowest TLS version and accepts 1.2: the suites left to 1.2 are as good
// as those of 1.3.
constexpr char kCipherSuites[] =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:"
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384";

void LogGrpcLine(gpr_log_func_args* args) {
  KILN_LOG(kWarning, "grpc", args->message, {{"at", absl::StrCat(args->file, ":", args->line)}});
}

absl::string_view ToView(grpc::string_ref text) {
  return {text.data(), text.size()};
}

// Whether `chain` holds nothing but the leaf. Whether the leaf itself is listed depends on the
// side.
bool IsOnlyTheLeaf(absl::string_view chain, absl::string_view leaf) {
  return chain.empty() || chain == leaf;
}

// Runs after the handshake has proved that the peer holds the certificate's key. A refusal closes
// the connection before a byte of HTTP/2 is read.
class IdentityVerifier : public ExternalCertificateVerifier {
 public:
  IdentityVerifier(IdentityPolicy policy, IdentityRefused refused)
      : policy_(std::move(policy)), refused_(std::move(refused)) {}

  bool Verify(TlsCustomVerificationCheckRequest* request,
              std::function<void(grpc::Status)> /*callback*/, grpc::Status* sync_status) override {
    const absl::Status status =
        Check(ToView(request->peer_cert()), ToView(request->peer_cert_full_chain()));
    if (!status.ok()) {
      if (refused_) refused_(status);
      *sync_status = grpc::Status(grpc::StatusCode::UNAUTHENTICATED, std::string(status.message()));
    }
    return true;  // decided at once
  }
  void Cancel(TlsCustomVerificationCheckRequest* /*request*/) override {}

 private:
  absl::Status Check(absl::string_view leaf, absl::string_view chain) const {
    if (!IsOnlyTheLeaf(chain, leaf)) {
      return absl::UnauthenticatedError("certificate: not exactly one was presented");
    }
    KILN_ASSIGN_OR_RETURN(const PeerIdentity identity, CheckIdentityCertificate(leaf, WallNow()));
    return policy_ ? policy_(identity) : absl::OkStatus();
  }

  const IdentityPolicy policy_;
  const IdentityRefused refused_;
};

std::shared_ptr<grpc::ChannelCredentials> MakeChannelCredentials(
    std::shared_ptr<grpc::experimental::CertificateProviderInterface> provider,
    bool presents_certificate, IdentityPolicy policy, IdentityRefused refused) {
  TlsChannelCredentialsOptions options;
  options.set_certificate_provider(std::move(provider));
  // Nothing is trusted by way of a root, but without one gRPC loads the system's.
  options.watch_root_certs();
  if (presents_certificate) options.watch_identity_key_cert_pairs();
  options.set_verify_server_certs(false);  // there is no authority: the verifier decides
  options.set_check_call_host(false);
  options.set_certificate_verifier(
      ExternalCertificateVerifier::Create<IdentityVerifier>(std::move(policy), std::move(refused)));
  return grpc::experimental::TlsCredentials(options);
}

// A file without a name in any file system, whose content changes from one moment to the next. Not
// thread-safe.
class AnonymousFile {
 public:
  AnonymousFile() = default;
  AnonymousFile(const AnonymousFile&) = delete;
  AnonymousFile& operator=(const AnonymousFile&) = delete;
  ~AnonymousFile() {
    if (fd_ >= 0) close(fd_);
  }

  // Another file takes the place of the current one: whoever opens path() sees all of one of them.
  absl::Status Replace(absl::string_view content) {
    const int fresh = memfd_create("kiln-tls", MFD_CLOEXEC);
    if (fresh < 0) return Failed("memfd_create");
    const ssize_t written = write(fresh, content.data(), content.size());
    if (written < 0 || static_cast<size_t>(written) != content.size()) {
      close(fresh);
      return Failed("write");
    }
    if (fd_ < 0) {
      fd_ = fresh;
      return absl::OkStatus();
    }
    const int replaced = dup3(fresh, fd_, O_CLOEXEC);
    close(fresh);
    return replaced < 0 ? Failed("dup3") : absl::OkStatus();
  }
  std::string path() const { return absl::StrCat("/proc/self/fd/", fd_); }

 private:
  static absl::Status Failed(absl::string_view call) {
    return absl::ResourceExhaustedError(
        absl::StrCat("TLS identity: ", call, ": ", std::strerror(errno)));
  }

  int fd_ = -1;
};

class RotatingIdentity final : public TlsIdentity {
 public:
  RotatingIdentity(const crypto::SecretKey* node_key, const Hash& chain_id)
      : node_key_(node_key), chain_id_(chain_id) {}

  ~RotatingIdentity() override {
    {
      absl::MutexLock lock(&mutex_);
      stopping_ = true;
    }
    if (rotation_.joinable()) rotation_.join();
  }

  absl::Status Start(absl::Duration pick_up) {
    {
      absl::MutexLock lock(&mutex_);
      KILN_RETURN_IF_ERROR(ReplaceLocked());
      const std::string path = file_.path();
      provider_ = std::make_shared<FileWatcherCertificateProvider>(
          path, path, path, static_cast<unsigned>(absl::ToInt64Seconds(pick_up)));
    }
    rotation_ = std::thread([this] { RotateUntilStopped(); });
    return absl::OkStatus();
  }

  std::shared_ptr<grpc::ServerCredentials> MutualServerCredentials(
      IdentityPolicy policy, IdentityRefused refused) override {
    TlsServerCredentialsOptions options(provider_);
    options.watch_identity_key_cert_pairs();
    options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_BUT_DONT_VERIFY);
    options.set_certificate_verifier(ExternalCertificateVerifier::Create<IdentityVerifier>(
        std::move(policy), std::move(refused)));
    return grpc::experimental::TlsServerCredentials(options);
  }

  std::shared_ptr<grpc::ServerCredentials> ServerCredentials() override {
    TlsServerCredentialsOptions options(provider_);
    options.watch_identity_key_cert_pairs();
    options.set_cert_request_type(GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
    return grpc::experimental::TlsServerCredentials(options);
  }

  std::shared_ptr<grpc::ChannelCredentials> MutualChannelCredentials(
      IdentityPolicy policy, IdentityRefused refused) override {
    return MakeChannelCredentials(provider_, /*presents_certificate=*/true, std::move(policy),
                                  std::move(refused));
  }

  void Rotate() override {
    absl::MutexLock lock(&mutex_);
    const absl::Status status = ReplaceLocked();
    if (!status.ok()) {
      KILN_LOG(kError, "tls", "certificate not renewed", {{"cause", status.message()}});
    }
  }

 private:
  // Key and certificate are one file, so that nobody reads the key of one and the certificate of
  // another.
  absl::Status ReplaceLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const IdentityCertificate fresh = MakeIdentityCertificate(*node_key_, chain_id_, WallNow());
    return file_.Replace(absl::StrCat(fresh.private_key_pem, fresh.certificate_pem));
  }

  bool WaitForStop() {
    absl::MutexLock lock(&mutex_);
    return mutex_.AwaitWithTimeout(absl::Condition(&stopping_), kCertificateRotation);
  }
  void RotateUntilStopped() {
    while (!WaitForStop()) Rotate();
  }

  const crypto::SecretKey* const node_key_;
  const Hash chain_id_;
  absl::Mutex mutex_;
  AnonymousFile file_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::shared_ptr<FileWatcherCertificateProvider> provider_;  // set by Start, thread-safe itself
  std::thread rotation_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<TlsIdentity>> TlsIdentity::Create(const crypto::SecretKey* node_key,
                                                                 const Hash& chain_id,
                                                                 absl::Duration pick_up) {
  KILN_CHECK(pick_up >= absl::Seconds(1));
  PrepareGrpc();
  auto identity = std::make_unique<RotatingIdentity>(node_key, chain_id);
  KILN_RETURN_IF_ERROR(identity->Start(pick_up));
  return identity;
}

std::shared_ptr<grpc::ChannelCredentials> ClientChannelCredentials(
    std::vector<crypto::PublicKey> node_keys, const Hash& chain_id, IdentityRefused refused) {
  PrepareGrpc();
  const IdentityCertificate root =
      MakeIdentityCertificate(crypto::SecretKey::Generate(), chain_id, WallNow());
  auto policy = [keys = std::move(node_keys), chain_id](const PeerIdentity& identity) {
    if (identity.chain_id != chain_id) {
      return absl::PermissionDeniedError(
          absl::StrCat("the server is on another chain, ", identity.chain_id.Short()));
    }
    if (std::find(keys.begin(), keys.end(), identity.node_key) == keys.end()) {
      return absl::PermissionDeniedError("the server's node key is not an expected validator's");
    }
    return absl::OkStatus();
  };
  return MakeChannelCredentials(
      std::make_shared<StaticDataCertificateProvider>(root.certificate_pem),
      /*presents_certificate=*/false, std::move(policy), std::move(refused));
}

void PrepareGrpc() {
  static absl::once_flag once;
  absl::call_once(once, [] {
    setenv("GRPC_SSL_CIPHER_SUITES", kCipherSuites, /*replace=*/1);
    gpr_set_log_function(&LogGrpcLine);
    gpr_set_log_verbosity(GPR_LOG_SEVERITY_ERROR);
    // Never undone: with the last channel gRPC would end its threads in the background, and the
    // process may be exiting just then.
    grpc_init();
  });
}

}  // namespace kiln::network
