#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "crypto/encoding.h"
#include "crypto/hash.h"
#include "crypto/key_file.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/mend.h"

namespace kiln::fuzz {
namespace {

using crypto::KeyPurpose;

// Where the cost of an encrypted file stands: after magic, version, purpose, public key and flag.
constexpr size_t kCostOffset = 8 + 1 + 1 + 32 + 1;
// Hashing with more than this takes too long to be done thousands of times.
constexpr crypto::PassphraseCost kCheapCost = {.operations = 1, .memory_bytes = 64 << 10};

// The decoder reads files: one that is written again and again, in memory where there is such a
// folder. It is open, and has a name only while a target runs.
class Folder {
 public:
  Folder() {
    std::string pattern =
        access("/dev/shm", W_OK) == 0 ? "/dev/shm/kiln-fuzz-XXXXXX" : "/tmp/kiln-fuzz-XXXXXX";
    KILN_CHECK(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Folder() {
    unlink(key_path().c_str());
    unlink(copy_path().c_str());
    rmdir(path_.c_str());
  }
  std::string key_path() const { return path_ + "/key"; }
  std::string copy_path() const { return path_ + "/copy"; }

  void WriteKey(absl::string_view bytes) const {
    const int fd = open(key_path().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    KILN_CHECK_GE(fd, 0);
    KILN_CHECK_EQ(write(fd, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    close(fd);
  }

 private:
  std::string path_;
};

std::string ReadCopy(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  KILN_CHECK_GE(fd, 0);
  std::string bytes(4096, '\0');
  const ssize_t count = read(fd, bytes.data(), bytes.size());
  KILN_CHECK_GE(count, 0);
  close(fd);
  unlink(path.c_str());
  bytes.resize(static_cast<size_t>(count));
  return bytes;
}

// Whether reading it with a passphrase hashes for long.
bool IsExpensive(absl::string_view bytes) {
  if (bytes.size() < kCostOffset + 16) return false;
  crypto::Decoder decoder("cost", bytes.substr(kCostOffset, 16));
  const uint64_t operations = decoder.U64();
  const uint64_t memory_bytes = decoder.U64();
  const bool refused = operations > crypto::kPassphraseCostMax.operations ||
                       memory_bytes > crypto::kPassphraseCostMax.memory_bytes;
  return !refused && (operations > kCheapCost.operations || memory_bytes > kCheapCost.memory_bytes);
}

// A key that was read without a passphrase is written to the very same bytes.
void ExpectWritesTheSame(absl::string_view bytes, KeyPurpose purpose, const crypto::SecretKey& key,
                         const Folder& folder) {
  KILN_CHECK_OK(crypto::WriteKeyFile(folder.copy_path(), purpose, key, ""));
  Expect(ReadCopy(folder.copy_path()) == bytes, "what decodes encodes to the very same bytes");
}

// With one passphrase; whether it was accepted for either purpose.
bool CheckRead(absl::string_view bytes, const crypto::KeyFileInfo& info,
               absl::string_view passphrase, const Folder& folder) {
  bool accepted = false;
  for (const KeyPurpose purpose : {KeyPurpose::kConsensus, KeyPurpose::kNode}) {
    const absl::StatusOr<crypto::SecretKey> key =
        crypto::ReadKeyFile(folder.key_path(), purpose, passphrase);
    if (!key.ok()) {
      ExpectReadable(key.status());
      continue;
    }
    Expect(purpose == info.purpose, "a key is for one purpose");
    Expect(key->public_key() == info.public_key, "the public key is the secret key's");
    Expect(!info.encrypted || !passphrase.empty(), "no encrypted key is read without a passphrase");
    if (!info.encrypted) ExpectWritesTheSame(bytes, purpose, *key, folder);
    accepted = true;
  }
  return accepted;
}

bool Check(absl::string_view bytes, const Folder& folder) {
  folder.WriteKey(bytes);
  const absl::StatusOr<crypto::KeyFileInfo> info = crypto::ReadKeyFileInfo(folder.key_path());
  if (!info.ok()) {
    ExpectReadable(info.status());
    Expect(!crypto::ReadKeyFile(folder.key_path(), KeyPurpose::kNode, "").ok(),
           "no key is read from what is no key file");
    return false;
  }
  const bool plain = CheckRead(bytes, *info, "", folder);
  if (info->encrypted && IsExpensive(bytes)) return false;
  return CheckRead(bytes, *info, "a passphrase", folder) || plain;
}

}  // namespace

KILN_FUZZ_TARGET(key_file) {
  const Folder folder;
  const std::string mended = WithChecksum(input);
  if (mended != input) Check(mended, folder);
  return Check(input, folder);
}

}  // namespace kiln::fuzz
