// SHA-256 (FIPS 180-4) with a domain for every purpose, so that no two kinds of bytes share a
// digest.
#ifndef KILN_CRYPTO_HASH_H_
#define KILN_CRYPTO_HASH_H_

#include <nettle/sha2.h>

#include "absl/strings/string_view.h"
#include "kiln/types.h"

namespace kiln::crypto {

// What is hashed. The digest of a domain starts with its length (one byte) and its text.
inline constexpr absl::string_view kDomainGenesis = "kiln/v1/genesis";
inline constexpr absl::string_view kDomainValidatorSet = "kiln/v1/validator-set";
inline constexpr absl::string_view kDomainBlock = "kiln/v1/block";
inline constexpr absl::string_view kDomainQuorumCertificate = "kiln/v1/quorum-certificate";
inline constexpr absl::string_view kDomainTimeoutCertificate = "kiln/v1/timeout-certificate";
inline constexpr absl::string_view kDomainStanding = "kiln/v1/standing";
inline constexpr absl::string_view kDomainTransactionId = "kiln/v1/transaction-id";
inline constexpr absl::string_view kDomainMerkleLeaf =
    "kiln/v1/leaf";  // with an id and a height, one block
inline constexpr absl::string_view kDomainMerkleNode = "kiln/v1/merkle-node";
inline constexpr absl::string_view kDomainMerkleRoot = "kiln/v1/merkle-root";
inline constexpr absl::string_view kDomainExecutedState = "kiln/v1/executed-state";
inline constexpr absl::string_view kDomainApplicationRoot = "kiln/v1/application-root";
inline constexpr absl::string_view kDomainChecksum = "kiln/v1/checksum";

// Hashes what is streamed into it. By nettle, which uses the processor's own instructions where it
// has them (docs/performance.md). Not thread-safe; Finish once.
class Hasher {
 public:
  explicit Hasher(absl::string_view domain);
  Hasher& Update(absl::string_view bytes);
  Hash Finish();

 private:
  sha256_ctx state_;
  bool is_finished_ = false;
};

// The digest of `bytes` under `domain`.
Hash HashBytes(absl::string_view domain, absl::string_view bytes);

// SipHash-2-4 with a fixed key that `seed` varies: against accidents, at a third of the cost of a
// digest. Whoever wants to can make two inputs collide, so nothing from a peer is believed by it.
uint64_t ShortHash(uint64_t seed, absl::string_view bytes);

}  // namespace kiln::crypto

#endif  // KILN_CRYPTO_HASH_H_
