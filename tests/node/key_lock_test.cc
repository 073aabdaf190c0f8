#include "node/key_lock.h"

#include <gtest/gtest.h>

#include <utility>

namespace kiln::node {
namespace {

TEST(KeyLock, IsHeldByOneAtATime) {
  const crypto::PublicKey key = crypto::SecretKey::Generate().public_key();
  absl::StatusOr<KeyLock> first = KeyLock::Acquire(key, "validator-1");
  ASSERT_TRUE(first.ok()) << first.status();
  const absl::Status second = KeyLock::Acquire(key, "validator-1").status();
  EXPECT_EQ(second.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(
      second.message(),
      "another process on this machine uses the key of validator-1: stop it first; one key in "
      "two processes would sign twice");
}

TEST(KeyLock, IsFreeAgainWhenItsHolderIsGone) {
  const crypto::PublicKey key = crypto::SecretKey::Generate().public_key();
  { ASSERT_TRUE(KeyLock::Acquire(key, "a").ok()); }
  EXPECT_TRUE(KeyLock::Acquire(key, "a").ok());
}

TEST(KeyLock, StaysHeldWhenItIsMoved) {
  const crypto::PublicKey key = crypto::SecretKey::Generate().public_key();
  absl::StatusOr<KeyLock> first = KeyLock::Acquire(key, "a");
  ASSERT_TRUE(first.ok()) << first.status();
  const KeyLock moved = *std::move(first);
  EXPECT_FALSE(KeyLock::Acquire(key, "a").ok());
}

TEST(KeyLock, TellsKeysApart) {
  const absl::StatusOr<KeyLock> a =
      KeyLock::Acquire(crypto::SecretKey::Generate().public_key(), "a");
  const absl::StatusOr<KeyLock> b =
      KeyLock::Acquire(crypto::SecretKey::Generate().public_key(), "a");
  EXPECT_TRUE(a.ok());
  EXPECT_TRUE(b.ok());
}

}  // namespace
}  // namespace kiln::node
