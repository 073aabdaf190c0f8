#include "node/signature_memory.h"

#include <gtest/gtest.h>

#include "consensus/signing.h"
#include "crypto/ed25519.h"

namespace kiln::node {
namespace {

// Real, and counted.
class CountingVerifier final : public consensus::SignatureVerifier {
 public:
  bool Verify(const crypto::PublicKey& key, absl::string_view message,
              const crypto::Signature& signature) const override {
    ++checks;
    return crypto::Verify(key, message, signature);
  }
  mutable int checks = 0;
};

class SignatureMemoryTest : public ::testing::Test {
 protected:
  explicit SignatureMemoryTest(crypto::SecretKey own = crypto::SecretKey::Generate())
      : own_key_(own.public_key()),
        signer_(std::move(own)),
        memory_(own_key_, &signer_, &verifier_) {}

  const crypto::PublicKey own_key_;
  consensus::Ed25519Signer signer_;
  CountingVerifier verifier_;
  SignatureMemory memory_;
};

TEST_F(SignatureMemoryTest, KnowsWhatThisValidatorSigned) {
  const crypto::Signature signature = memory_.Sign("a vote");
  EXPECT_TRUE(crypto::Verify(own_key_, "a vote", signature));
  EXPECT_TRUE(memory_.Verify(own_key_, "a vote", signature));
  EXPECT_EQ(verifier_.checks, 0);
}

TEST_F(SignatureMemoryTest, ChecksAnothersSignatureOnce) {
  const crypto::SecretKey other = crypto::SecretKey::Generate();
  const crypto::Signature signature = other.Sign("a vote");
  EXPECT_TRUE(memory_.Verify(other.public_key(), "a vote", signature));
  EXPECT_TRUE(memory_.Verify(other.public_key(), "a vote", signature));
  EXPECT_EQ(verifier_.checks, 1);
}

TEST_F(SignatureMemoryTest, BelievesAKnownSignatureForNothingElse) {
  const crypto::PublicKey other = crypto::SecretKey::Generate().public_key();
  const crypto::Signature signature = memory_.Sign("a vote");
  crypto::Signature changed = signature;
  changed[0] ^= 1;
  EXPECT_FALSE(memory_.Verify(own_key_, "another vote", signature));
  EXPECT_FALSE(memory_.Verify(other, "a vote", signature));
  EXPECT_FALSE(memory_.Verify(own_key_, "a vote", changed));
}

TEST_F(SignatureMemoryTest, RemembersNoRefusal) {
  const crypto::Signature nonsense{};
  EXPECT_FALSE(memory_.Verify(own_key_, "a vote", nonsense));
  EXPECT_FALSE(memory_.Verify(own_key_, "a vote", nonsense));
  EXPECT_EQ(verifier_.checks, 2);
}

}  // namespace
}  // namespace kiln::node
