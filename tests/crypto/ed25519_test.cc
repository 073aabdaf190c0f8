#include "crypto/ed25519.h"

#include <algorithm>
#include <array>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "crypto/ed25519_edge_cases.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kiln::crypto {
namespace {

template <size_t N>
std::array<uint8_t, N> FromHex(absl::string_view hex) {
  const std::string bytes = absl::HexStringToBytes(hex);
  EXPECT_EQ(bytes.size(), N) << hex;
  std::array<uint8_t, N> value{};
  std::copy_n(bytes.begin(), std::min(N, bytes.size()), value.begin());
  return value;
}

template <size_t N>
std::string ToHex(const std::array<uint8_t, N>& bytes) {
  return absl::BytesToHexString({reinterpret_cast<const char*>(bytes.data()), N});
}

SecretKey KeyOf(uint8_t first) {
  return SecretKey::FromSeed(Seed{first});
}

struct Rfc8032Vector {
  absl::string_view seed, public_key, message, signature;
};

// RFC 8032, section 7.1: tests 1, 2, 3 and SHA(abc).
constexpr Rfc8032Vector kRfc8032[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
     "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
     "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
     "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
    {"833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
     "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
     "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
     "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589"
     "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704"},
};

TEST(Ed25519, SignsAndVerifiesAsRfc8032Says) {
  for (const Rfc8032Vector& vector : kRfc8032) {
    const std::string message = absl::HexStringToBytes(vector.message);
    const SecretKey key = SecretKey::FromSeed(FromHex<32>(vector.seed));
    EXPECT_EQ(ToHex(key.public_key()), vector.public_key);
    EXPECT_EQ(ToHex(key.Sign(message)), vector.signature);
    EXPECT_TRUE(Verify(key.public_key(), message, FromHex<64>(vector.signature)));
    EXPECT_TRUE(IsValidPublicKey(key.public_key()));
  }
}

TEST(Ed25519, RefusesEverySingleBitFlipped) {
  const SecretKey key = KeyOf(1);
  const std::string message = "vote";
  const Signature signature = key.Sign(message);
  for (size_t bit = 0; bit < 8 * signature.size(); ++bit) {
    Signature flipped = signature;
    flipped[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_FALSE(Verify(key.public_key(), message, flipped)) << bit;
  }
  for (size_t bit = 0; bit < 8 * key.public_key().size(); ++bit) {
    PublicKey flipped = key.public_key();
    flipped[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_FALSE(Verify(flipped, message, signature)) << bit;
  }
  EXPECT_FALSE(Verify(key.public_key(), "wote", signature));
  EXPECT_FALSE(Verify(key.public_key(), "", signature));
  EXPECT_FALSE(Verify(KeyOf(2).public_key(), message, signature));
}

TEST(Ed25519EdgeCases, AreDecidedAsLibsodium1018Decides) {
  for (const Ed25519EdgeCase& edge : Ed25519EdgeCases()) {
    EXPECT_EQ(Verify(FromHex<32>(edge.key), edge.message, FromHex<64>(edge.signature)),
              edge.accepted)
        << edge.name;
  }
}

TEST(Ed25519EdgeCases, HoldBothDecisions) {
  const auto accepted = [](const Ed25519EdgeCase& edge) { return edge.accepted; };
  EXPECT_TRUE(absl::c_any_of(Ed25519EdgeCases(), accepted));
  EXPECT_FALSE(absl::c_all_of(Ed25519EdgeCases(), accepted));
}

TEST(Ed25519EdgeCases, RefuseTheWholeGridOfSmallOrderKeysAndPoints) {
  ASSERT_EQ(SmallOrderEncodings().size(), 14u);
  for (const absl::string_view key : SmallOrderEncodings()) {
    for (const absl::string_view point : SmallOrderEncodings()) {
      Signature signature{};  // S is zero
      const auto bytes = FromHex<32>(point);
      std::copy(bytes.begin(), bytes.end(), signature.begin());
      EXPECT_FALSE(Verify(FromHex<32>(key), "Zcash", signature)) << key << " " << point;
    }
  }
}

TEST(Ed25519, TakesOnlyKeysOfPrimeOrderIntoAGenesis) {
  for (const absl::string_view key : SmallOrderEncodings()) {
    EXPECT_FALSE(IsValidPublicKey(FromHex<32>(key))) << key;
  }
  for (const Ed25519EdgeCase& edge : Ed25519EdgeCases()) {
    if (absl::StartsWith(edge.name, "mixed-order A") || edge.name == "A not on the curve") {
      EXPECT_FALSE(IsValidPublicKey(FromHex<32>(edge.key))) << edge.name;
    }
  }
  // y = 3 spelled as y + p.
  EXPECT_FALSE(IsValidPublicKey(
      FromHex<32>("f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")));
  EXPECT_TRUE(IsValidPublicKey(KeyOf(1).public_key()));
}

TEST(SelfTest, PassesWithThisLibsodium) {
  const absl::Status status = SelfTest();
  EXPECT_TRUE(status.ok()) << status;
}

TEST(SecretKey, GeneratesAnotherKeyEachTime) {
  EXPECT_NE(SecretKey::Generate().public_key(), SecretKey::Generate().public_key());
}

TEST(SecretKey, SignsAfterItWasMoved) {
  SecretKey first = KeyOf(1);
  const PublicKey public_key = first.public_key();
  SecretKey second = std::move(first);
  EXPECT_TRUE(Verify(public_key, "m", second.Sign("m")));
  SecretKey third = KeyOf(3);
  third = std::move(second);
  EXPECT_EQ(third.public_key(), public_key);
  EXPECT_TRUE(Verify(public_key, "m", third.Sign("m")));
}

TEST(SecretKeyDeathTest, DoesNotSignWhenMovedFrom) {
  SecretKey first = KeyOf(1);
  const SecretKey second = std::move(first);
  // NOLINTNEXTLINE(bugprone-use-after-move): the refusal under test
  EXPECT_EXIT(first.Sign("m"), ::testing::ExitedWithCode(70), "moved from");
}

TEST(SecretKey, SignsTheSameFromManyThreads) {
  const SecretKey key = KeyOf(1);
  const Signature expected = key.Sign("m");
  std::vector<int> wrong(4);
  std::vector<std::thread> threads;
  for (int& count : wrong) {
    threads.emplace_back([&key, &expected, &count] {
      for (int i = 0; i < 200; ++i) count += key.Sign("m") == expected ? 0 : 1;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(wrong, ::testing::Each(0));
}

}  // namespace
}  // namespace kiln::crypto
