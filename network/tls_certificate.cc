#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "crypto/encoding.h"
#include "network/tls_identity.h"

namespace kiln::network {
namespace {

constexpr absl::string_view kDomainTls = "kiln/v1/tls";
constexpr char kCurve[] = "P-256";
constexpr char kCurveNameOfOpenSsl[] = "prime256v1";
constexpr absl::string_view kPemBegin = "-----BEGIN ";
constexpr size_t kExtensionBytes = 32 + Hash::kBytes + 64;
constexpr int kVersion3 = 2;  // as X.509 counts

struct Deleter {
  void operator()(ASN1_OBJECT* object) const { ASN1_OBJECT_free(object); }
  void operator()(ASN1_OCTET_STRING* octets) const { ASN1_OCTET_STRING_free(octets); }
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
};
template <typename T>
using Owned = std::unique_ptr<T, Deleter>;

absl::Status Refuse(absl::string_view why) {
  ERR_clear_error();
  return absl::UnauthenticatedError(absl::StrCat("certificate: ", why));
}

Owned<ASN1_OBJECT> ExtensionOid() {
  return Owned<ASN1_OBJECT>(OBJ_txt2obj(kIdentityExtensionOid, /*no_name=*/1));
}

// The certificate's public key as it stands in the certificate, algorithm included.
std::string SubjectPublicKeyInfo(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int bytes = i2d_PUBKEY(key, &der);
  if (bytes <= 0) return "";
  std::string info(reinterpret_cast<char*>(der), static_cast<size_t>(bytes));
  OPENSSL_free(der);
  return info;
}

std::string SignedBytes(const Hash& chain_id, absl::string_view subject_public_key_info) {
  crypto::Encoder out;
  out.Raw(kDomainTls).Digest(chain_id).Raw(subject_public_key_info);
  return std::move(out).Take();
}

std::string ContentOf(BIO* bio) {
  char* data = nullptr;
  const long bytes = BIO_get_mem_data(bio, &data);
  KILN_CHECK_GT(bytes, 0);
  return std::string(data, static_cast<size_t>(bytes));
}

void SetValidity(X509* certificate, absl::Time now) {
  const absl::Time from = now - kCertificateClockSkewMax;
  KILN_CHECK(ASN1_TIME_set(X509_getm_notBefore(certificate), absl::ToTimeT(from)) != nullptr);
  KILN_CHECK(ASN1_TIME_set(X509_getm_notAfter(certificate),
                           absl::ToTimeT(from + kCertificateLifetime)) != nullptr);
}

// Issuer and subject are the same fixed name: it means nothing, and X.509 wants one.
void SetNameAndSerial(X509* certificate) {
  uint64_t serial = 0;
  KILN_CHECK_EQ(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial), 1);
  KILN_CHECK_EQ(ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1), 1);
  X509_NAME* name = X509_get_subject_name(certificate);
  KILN_CHECK_EQ(
      X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                 reinterpret_cast<const unsigned char*>(kTlsServerName), -1, -1, 0),
      1);
  KILN_CHECK_EQ(X509_set_issuer_name(certificate, name), 1);
}

void AddExtension(X509* certificate, absl::string_view content) {
  const Owned<ASN1_OCTET_STRING> octets(ASN1_OCTET_STRING_new());
  KILN_CHECK_EQ(
      ASN1_OCTET_STRING_set(octets.get(), reinterpret_cast<const unsigned char*>(content.data()),
                            static_cast<int>(content.size())),
      1);
  const Owned<ASN1_OBJECT> oid = ExtensionOid();
  const Owned<X509_EXTENSION> extension(
      X509_EXTENSION_create_by_OBJ(nullptr, oid.get(), /*crit=*/0, octets.get()));
  KILN_CHECK_EQ(X509_add_ext(certificate, extension.get(), -1), 1);
}

std::string IdentityExtension(const crypto::SecretKey& node_key, const Hash& chain_id,
                              EVP_PKEY* certificate_key) {
  const std::string info = SubjectPublicKeyInfo(certificate_key);
  KILN_CHECK(!info.empty());
  crypto::Encoder out;
  out.Array(node_key.public_key());
  out.Digest(chain_id);
  out.Array(node_key.Sign(SignedBytes(chain_id, info)));
  KILN_CHECK_EQ(out.view().size(), kExtensionBytes);
  return std::move(out).Take();
}

// An encrypted PEM block is refused; nobody is asked for a passphrase.
int NoPassphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*context*/) {
  return -1;
}

size_t CountPemBlocks(absl::string_view pem) {
  size_t count = 0;
  for (size_t at = pem.find(kPemBegin); at != absl::string_view::npos;
       at = pem.find(kPemBegin, at + kPemBegin.size())) {
    ++count;
  }
  return count;
}

absl::StatusOr<Owned<X509>> ParseOne(absl::string_view pem) {
  if (pem.empty()) return Refuse("none was presented");
  if (pem.size() > kCertificatePemBytesMax) return Refuse("too large");
  if (CountPemBlocks(pem) != 1) return Refuse("not exactly one was presented");
  const Owned<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  Owned<X509> certificate(PEM_read_bio_X509(bio.get(), nullptr, NoPassphrase, nullptr));
  if (certificate == nullptr) return Refuse("not an X.509 certificate");
  return certificate;
}

absl::Status CheckValidity(const X509* certificate, absl::Time now) {
  const int start = ASN1_TIME_cmp_time_t(X509_get0_notBefore(certificate),
                                         absl::ToTimeT(now + kCertificateClockSkewMax));
  if (start != 0 && start != -1) {
    return Refuse("not valid yet; compare the clocks of both machines");
  }
  const int end = ASN1_TIME_cmp_time_t(X509_get0_notAfter(certificate),
                                       absl::ToTimeT(now - kCertificateClockSkewMax));
  if (end != 0 && end != 1) return Refuse("expired; compare the clocks of both machines");
  return absl::OkStatus();
}

absl::StatusOr<EVP_PKEY*> CheckKey(X509* certificate) {
  EVP_PKEY* key = X509_get0_pubkey(certificate);
  if (key == nullptr || EVP_PKEY_get_base_id(key) != EVP_PKEY_EC) return Refuse("not a P-256 key");
  char curve[32] = {};
  if (EVP_PKEY_get_group_name(key, curve, sizeof curve, nullptr) != 1 ||
      absl::string_view(curve) != kCurveNameOfOpenSsl) {
    return Refuse("not a P-256 key");
  }
  if (X509_verify(certificate, key) != 1) return Refuse("not signed by its own key");
  return key;
}

absl::StatusOr<absl::string_view> FindExtension(const X509* certificate) {
  const Owned<ASN1_OBJECT> oid = ExtensionOid();
  const int at = X509_get_ext_by_OBJ(certificate, oid.get(), -1);
  if (at < 0) return Refuse("without the extension that names a node key");
  if (X509_get_ext_by_OBJ(certificate, oid.get(), at) >= 0) {
    return Refuse("with more than one extension that names a node key");
  }
  const ASN1_OCTET_STRING* octets = X509_EXTENSION_get_data(X509_get_ext(certificate, at));
  const int bytes = ASN1_STRING_length(octets);
  if (bytes != static_cast<int>(kExtensionBytes)) {
    return Refuse("with a malformed extension for the node key");
  }
  return absl::string_view(reinterpret_cast<const char*>(ASN1_STRING_get0_data(octets)),
                           kExtensionBytes);
}

}  // namespace

IdentityCertificate MakeIdentityCertificate(const crypto::SecretKey& node_key, const Hash& chain_id,
                                            absl::Time now) {
  const Owned<EVP_PKEY> key(EVP_EC_gen(kCurve));
  const Owned<X509> certificate(X509_new());
  KILN_CHECK(key != nullptr && certificate != nullptr) << "OpenSSL cannot make a P-256 key";
  KILN_CHECK_EQ(X509_set_version(certificate.get(), kVersion3), 1);
  SetValidity(certificate.get(), now);
  SetNameAndSerial(certificate.get());
  KILN_CHECK_EQ(X509_set_pubkey(certificate.get(), key.get()), 1);
  AddExtension(certificate.get(), IdentityExtension(node_key, chain_id, key.get()));
  KILN_CHECK_GT(X509_sign(certificate.get(), key.get(), EVP_sha256()), 0);

  const Owned<BIO> key_pem(BIO_new(BIO_s_mem()));
  KILN_CHECK_EQ(
      PEM_write_bio_PrivateKey(key_pem.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr), 1);
  const Owned<BIO> certificate_pem(BIO_new(BIO_s_mem()));
  KILN_CHECK_EQ(PEM_write_bio_X509(certificate_pem.get(), certificate.get()), 1);
  return {ContentOf(key_pem.get()), ContentOf(certificate_pem.get())};
}

absl::StatusOr<PeerIdentity> CheckIdentityCertificate(absl::string_view pem, absl::Time now) {
  KILN_ASSIGN_OR_RETURN(const Owned<X509> certificate, ParseOne(pem));
  KILN_RETURN_IF_ERROR(CheckValidity(certificate.get(), now));
  KILN_ASSIGN_OR_RETURN(EVP_PKEY * key, CheckKey(certificate.get()));
  KILN_ASSIGN_OR_RETURN(const absl::string_view content, FindExtension(certificate.get()));

  crypto::Decoder in("certificate", content);
  PeerIdentity identity;
  identity.node_key = in.Array<32>();
  identity.chain_id = in.Digest();
  const crypto::Signature signature = in.Array<64>();
  KILN_RETURN_IF_ERROR(in.Finish());
  const std::string info = SubjectPublicKeyInfo(key);
  if (!crypto::Verify(identity.node_key, SignedBytes(identity.chain_id, info), signature)) {
    return Refuse("not signed by the node key that it names");
  }
  return identity;
}

}  // namespace kiln::network
