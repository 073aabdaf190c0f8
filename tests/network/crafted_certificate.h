// Certificates that an honest node never makes.
#ifndef KILN_TESTS_NETWORK_CRAFTED_CERTIFICATE_H_
#define KILN_TESTS_NETWORK_CRAFTED_CERTIFICATE_H_

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <string>

#include "absl/time/time.h"
#include "base/check.h"
#include "crypto/ed25519.h"
#include "crypto/encoding.h"
#include "network/convert.h"
#include "network/tls_identity.h"

namespace kiln::network {

// What is wrong with it; by default nothing.
struct CraftedOptions {
  int extensions = 1;
  absl::Time not_before = WallNow() - absl::Minutes(5);
  absl::Time not_after = WallNow() + absl::Hours(1);
  const char* curve = "P-256";
  bool sign_other_key = false;      // the node key's signature covers another TLS key
  bool sign_other_chain = false;    // or another chain id
  bool sign_by_other_node = false;  // or is somebody else's
  bool short_extension = false;
  bool certificate_signed_by_other_key = false;
};

inline std::string DerOfPublicKey(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int bytes = i2d_PUBKEY(key, &der);
  std::string info(reinterpret_cast<char*>(der), static_cast<size_t>(bytes));
  OPENSSL_free(der);
  return info;
}

inline std::string CraftedExtension(const crypto::SecretKey& node_key, const Hash& chain_id,
                                    EVP_PKEY* key, const CraftedOptions& options) {
  EVP_PKEY* other = EVP_EC_gen("P-256");
  const crypto::SecretKey other_node = crypto::SecretKey::Generate();
  crypto::Encoder signed_bytes;
  signed_bytes.Raw("kiln/v1/tls")
      .Digest(options.sign_other_chain ? Hash{} : chain_id)
      .Raw(DerOfPublicKey(options.sign_other_key ? other : key));
  const crypto::SecretKey& signer = options.sign_by_other_node ? other_node : node_key;
  crypto::Encoder content;
  content.Array(node_key.public_key()).Digest(chain_id).Array(signer.Sign(signed_bytes.view()));
  EVP_PKEY_free(other);
  std::string bytes = std::move(content).Take();
  if (options.short_extension) bytes.pop_back();
  return bytes;
}

inline std::string TakeMemory(BIO* bio) {
  char* data = nullptr;
  const long bytes = BIO_get_mem_data(bio, &data);
  std::string content(data, static_cast<size_t>(bytes));
  BIO_free(bio);
  return content;
}

inline IdentityCertificate CraftCertificate(const crypto::SecretKey& node_key, const Hash& chain_id,
                                            const CraftedOptions& options) {
  EVP_PKEY* key = EVP_EC_gen(options.curve);
  EVP_PKEY* other = EVP_EC_gen(options.curve);
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_TIME_set(X509_getm_notBefore(certificate), absl::ToTimeT(options.not_before));
  ASN1_TIME_set(X509_getm_notAfter(certificate), absl::ToTimeT(options.not_after));
  X509_set_pubkey(certificate, key);
  ASN1_OBJECT* oid = OBJ_txt2obj(kIdentityExtensionOid, 1);
  for (int i = 0; i < options.extensions; ++i) {
    const std::string content = CraftedExtension(node_key, chain_id, key, options);
    ASN1_OCTET_STRING* octets = ASN1_OCTET_STRING_new();
    ASN1_OCTET_STRING_set(octets, reinterpret_cast<const unsigned char*>(content.data()),
                          static_cast<int>(content.size()));
    X509_EXTENSION* extension = X509_EXTENSION_create_by_OBJ(nullptr, oid, 0, octets);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(octets);
  }
  KILN_CHECK_GT(
      X509_sign(certificate, options.certificate_signed_by_other_key ? other : key, EVP_sha256()),
      0);
  BIO* key_pem = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(key_pem, key, nullptr, nullptr, 0, nullptr, nullptr);
  BIO* certificate_pem = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(certificate_pem, certificate);
  ASN1_OBJECT_free(oid);
  X509_free(certificate);
  EVP_PKEY_free(other);
  EVP_PKEY_free(key);
  return {TakeMemory(key_pem), TakeMemory(certificate_pem)};
}

}  // namespace kiln::network

#endif  // KILN_TESTS_NETWORK_CRAFTED_CERTIFICATE_H_
