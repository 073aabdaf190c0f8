#include "crypto/key_file.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "crypto/encoding.h"
#include "crypto/hash.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kiln::crypto {
namespace {

using ::testing::HasSubstr;

constexpr PassphraseCost kCheap = {.operations = 1, .memory_bytes = 8192};
// Where the cost of an encrypted file stands: after magic, version, purpose, public key and flag.
constexpr size_t kCostOffset = 8 + 1 + 1 + 32 + 1;

class KeyFile : public ::testing::Test {
 protected:
  KeyFile() {
    std::string pattern = ::testing::TempDir() + "/kiln-key-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    path_ = folder_ + "/key";
  }
  ~KeyFile() override {
    for (const std::string& name : Names()) unlink((folder_ + "/" + name).c_str());
    rmdir(folder_.c_str());
  }

  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    DIR* const folder = opendir(folder_.c_str());
    while (const dirent* entry = readdir(folder)) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(name);
    }
    closedir(folder);
    return names;
  }
  absl::Status Write(absl::string_view passphrase, KeyPurpose purpose = KeyPurpose::kConsensus) {
    return WriteKeyFile(path_, purpose, key_, passphrase, kCheap);
  }
  absl::Status Read(absl::string_view passphrase, KeyPurpose purpose = KeyPurpose::kConsensus) {
    return ReadKeyFile(path_, purpose, passphrase).status();
  }
  std::string Bytes() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void Put(absl::string_view bytes) const {
    std::ofstream file(path_, std::ios::binary | std::ios::trunc);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  // The file with other bytes at `offset` and a checksum that fits: what an attacker would write.
  void PutForged(size_t offset, absl::string_view bytes) const {
    std::string body = Bytes();
    body.resize(body.size() - Hash::kBytes);
    body.replace(offset, bytes.size(), bytes.data(), bytes.size());
    Put(absl::StrCat(body, HashBytes(kDomainChecksum, body).view()));
  }

  std::string folder_;
  std::string path_;
  const SecretKey key_ = SecretKey::FromSeed(Seed{42});
};

TEST_F(KeyFile, ReadsBackThePlainKeyItWrote) {
  ASSERT_TRUE(Write("").ok());
  const absl::StatusOr<SecretKey> key = ReadKeyFile(path_, KeyPurpose::kConsensus, "");
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(key->public_key(), key_.public_key());
  EXPECT_EQ(key->Sign("m"), key_.Sign("m"));
}

TEST_F(KeyFile, ReadsBackTheEncryptedKeyItWrote) {
  ASSERT_TRUE(Write("open sesame").ok());
  const absl::StatusOr<SecretKey> key = ReadKeyFile(path_, KeyPurpose::kConsensus, "open sesame");
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(key->Sign("m"), key_.Sign("m"));
}

TEST_F(KeyFile, HoldsNoSeedInClearWhenEncrypted) {
  const std::string seed("\x2a\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
  ASSERT_TRUE(Write("").ok());
  EXPECT_TRUE(absl::StrContains(Bytes(), seed));
  unlink(path_.c_str());
  ASSERT_TRUE(Write("open sesame").ok());
  EXPECT_FALSE(absl::StrContains(Bytes(), seed));
}

TEST_F(KeyFile, HasANewSaltAndNonceEachTime) {
  ASSERT_TRUE(Write("open sesame").ok());
  const std::string first = Bytes();
  unlink(path_.c_str());
  ASSERT_TRUE(Write("open sesame").ok());
  EXPECT_NE(Bytes().substr(kCostOffset + 16, 40), first.substr(kCostOffset + 16, 40));
}

TEST_F(KeyFile, TellsWhatIsKnownWithoutThePassphrase) {
  ASSERT_TRUE(Write("open sesame", KeyPurpose::kNode).ok());
  const absl::StatusOr<KeyFileInfo> info = ReadKeyFileInfo(path_);
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->purpose, KeyPurpose::kNode);
  EXPECT_EQ(info->public_key, key_.public_key());
  EXPECT_TRUE(info->encrypted);
}

TEST_F(KeyFile, IsOfMode0600WhateverTheUmaskAndLeavesNothingBeside) {
  const mode_t before = umask(0);
  const absl::Status status = Write("");
  umask(before);
  ASSERT_TRUE(status.ok()) << status;
  struct stat info {};
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
  EXPECT_EQ(info.st_nlink, 1u);
  EXPECT_THAT(Names(), ::testing::ElementsAre("key"));
}

TEST_F(KeyFile, IsNeverOverwritten) {
  Put("precious");
  const absl::Status status = Write("");
  EXPECT_EQ(status.code(), absl::StatusCode::kAlreadyExists) << status;
  EXPECT_EQ(Bytes(), "precious");
  EXPECT_THAT(Names(), ::testing::ElementsAre("key"));
}

TEST_F(KeyFile, SaysWhenItsFolderIsMissing) {
  const absl::Status status =
      WriteKeyFile(folder_ + "/none/key", KeyPurpose::kNode, key_, "", kCheap);
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound) << status;
  EXPECT_EQ(Read("").code(), absl::StatusCode::kNotFound);
}

TEST_F(KeyFile, IsRefusedWhenOthersMayUseIt) {
  ASSERT_TRUE(Write("").ok());
  for (const mode_t mode : {0640, 0620, 0610, 0604, 0602, 0601, 0777}) {
    ASSERT_EQ(chmod(path_.c_str(), mode), 0);
    const absl::Status status = Read("");
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("chmod 600"));
    EXPECT_THAT(std::string(status.message()), HasSubstr(path_));
    EXPECT_FALSE(ReadKeyFileInfo(path_).ok());
  }
  for (const mode_t mode : {0600, 0400}) {
    ASSERT_EQ(chmod(path_.c_str(), mode), 0);
    EXPECT_TRUE(Read("").ok()) << mode;
  }
}

TEST_F(KeyFile, IsRefusedBehindASymbolicLink) {
  ASSERT_TRUE(Write("").ok());
  const std::string link_path = folder_ + "/link";
  ASSERT_EQ(symlink(path_.c_str(), link_path.c_str()), 0);
  const absl::Status status = ReadKeyFile(link_path, KeyPurpose::kConsensus, "").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("symbolic link"));
}

TEST_F(KeyFile, IsRefusedWhenItIsAPipe) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_THAT(std::string(Read("").message()), HasSubstr("not a regular file"));
}

TEST_F(KeyFile, IsRefusedWhenItBelongsToSomebodyElse) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  ASSERT_TRUE(Write("").ok());
  ASSERT_EQ(chown(path_.c_str(), 65534, static_cast<gid_t>(-1)), 0);
  const absl::Status status = Read("");
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("belongs to user 65534"));
}

TEST_F(KeyFile, IsRefusedForTheOtherPurpose) {
  ASSERT_TRUE(Write("", KeyPurpose::kNode).ok());
  EXPECT_TRUE(Read("", KeyPurpose::kNode).ok());
  const absl::Status status = Read("", KeyPurpose::kConsensus);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("holds a node key where a consensus key is needed"));
}

TEST_F(KeyFile, NeedsTheRightPassphrase) {
  ASSERT_TRUE(Write("open sesame").ok());
  EXPECT_THAT(std::string(Read("").message()), HasSubstr("no passphrase was given"));
  EXPECT_THAT(std::string(Read("open sesamE").message()), HasSubstr("passphrase is wrong"));
}

TEST_F(KeyFile, IsRefusedWhenTruncatedAtAnyLengthOrExtended) {
  for (const absl::string_view passphrase : {"", "open sesame"}) {
    unlink(path_.c_str());
    ASSERT_TRUE(Write(passphrase).ok());
    const std::string whole = Bytes();
    for (size_t length = 0; length < whole.size(); ++length) {
      Put(absl::string_view(whole).substr(0, length));
      EXPECT_EQ(Read(passphrase).code(), absl::StatusCode::kDataLoss) << length;
    }
    Put(whole + "x");
    EXPECT_EQ(Read(passphrase).code(), absl::StatusCode::kDataLoss);
    Put(std::string(1 << 20, 'x'));
    EXPECT_THAT(std::string(Read(passphrase).message()), HasSubstr("too long"));
  }
}

TEST_F(KeyFile, IsRefusedWithAnySingleBitFlipped) {
  for (const absl::string_view passphrase : {"", "open sesame"}) {
    unlink(path_.c_str());
    ASSERT_TRUE(Write(passphrase).ok());
    const std::string whole = Bytes();
    for (size_t bit = 0; bit < 8 * whole.size(); ++bit) {
      std::string flipped = whole;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
      Put(flipped);
      EXPECT_EQ(Read(passphrase).code(), absl::StatusCode::kDataLoss) << bit;
      EXPECT_EQ(ReadKeyFileInfo(path_).status().code(), absl::StatusCode::kDataLoss) << bit;
    }
  }
}

TEST_F(KeyFile, AuthenticatesEverythingBeforeTheCiphertext) {
  ASSERT_TRUE(Write("open sesame").ok());
  // Another public key, with a checksum that fits: only the authentication can notice.
  PutForged(10, std::string(32, 'p'));
  EXPECT_THAT(std::string(Read("open sesame").message()), HasSubstr("passphrase is wrong"));
}

TEST_F(KeyFile, IsRefusedWhenItsPublicKeyIsNotItsSecretKeys) {
  ASSERT_TRUE(Write("").ok());
  PutForged(10, std::string(32, 'p'));
  EXPECT_THAT(std::string(Read("").message()), HasSubstr("does not belong to its secret key"));
}

TEST_F(KeyFile, IsRefusedForAbsurdCostBeforeMemoryIsTaken) {
  const uint64_t absurd[][2] = {{1, uint64_t{1} << 40},
                                {1, kPassphraseCostMax.memory_bytes + 1},
                                {1, 0},
                                {1, 8191},
                                {0, 8192},
                                {kPassphraseCostMax.operations + 1, 8192},
                                {~uint64_t{0}, 8192}};
  for (const auto& cost : absurd) {
    unlink(path_.c_str());
    ASSERT_TRUE(Write("open sesame").ok());
    Encoder encoder;
    encoder.U64(cost[0]).U64(cost[1]);
    PutForged(kCostOffset, encoder.view());
    const absl::Status status = Read("open sesame");
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("passphrase cost"));
  }
}

TEST_F(KeyFile, IsNotWrittenWithAbsurdCost) {
  const PassphraseCost absurd = {.operations = 1, .memory_bytes = uint64_t{1} << 40};
  EXPECT_EQ(WriteKeyFile(path_, KeyPurpose::kNode, key_, "open sesame", absurd).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Names(), ::testing::IsEmpty());
}

TEST_F(KeyFile, IsRefusedByNameForUnknownVersionsPurposesAndFlags) {
  ASSERT_TRUE(Write("").ok());
  const std::string whole = Bytes();
  const std::pair<size_t, std::string> forged[] = {
      {0, "not a Kiln key file"}, {8, "format version"}, {9, "unknown purpose"}, {42, "flag is 9"}};
  for (const auto& [offset, cause] : forged) {
    Put(whole);
    PutForged(offset, "\x09");
    EXPECT_THAT(std::string(Read("").message()), HasSubstr(cause));
  }
}

}  // namespace
}  // namespace kiln::crypto
