// The file, in the canonical encoding: magic, version, purpose, public key, whether encrypted; then
// either the seed, or the cost, salt and nonce and the encrypted seed with its tag; at the end the
// checksum of all of that, which tells damage from a wrong passphrase.
#include "crypto/key_file.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "crypto/encoding.h"
#include "crypto/guarded_secret.h"
#include "crypto/hash.h"
#include "crypto/sodium_init.h"

namespace kiln::crypto {
namespace {

constexpr absl::string_view kMagic = "kiln-key";
constexpr uint8_t kVersion = 1;
constexpr size_t kSaltBytes = crypto_pwhash_SALTBYTES;
constexpr size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr size_t kKeyBytes = crypto_aead_xchacha20poly1305_ietf_KEYBYTES;
constexpr size_t kSeedBytes = sizeof(Seed);
constexpr size_t kFileBytesMax = 256;
static_assert(kMagic.size() + 3 + 32 + 16 + kSaltBytes + kNonceBytes + kSeedBytes + kTagBytes +
                      Hash::kBytes <=
                  kFileBytesMax,
              "an encrypted key file must fit");

constexpr PassphraseCost kPassphraseCostMin = {.operations = crypto_pwhash_OPSLIMIT_MIN,
                                               .memory_bytes = crypto_pwhash_MEMLIMIT_MIN};

// Bytes that are wiped when they are no longer needed.
template <size_t N>
struct Wiped {
  Wiped() = default;
  ~Wiped() { sodium_memzero(bytes.data(), N); }
  Wiped(const Wiped&) = delete;
  Wiped& operator=(const Wiped&) = delete;
  std::array<uint8_t, N> bytes{};
};

// A whole file in memory, in one place, wiped afterwards.
class FileImage {
 public:
  absl::string_view view() const {
    return {reinterpret_cast<const char*>(buffer_.bytes.data()), size_};
  }
  void Append(absl::string_view bytes) {
    KILN_CHECK(bytes.size() <= kFileBytesMax - size_);
    std::copy(bytes.begin(), bytes.end(), buffer_.bytes.begin() + static_cast<ptrdiff_t>(size_));
    size_ += bytes.size();
  }
  uint8_t* space() { return buffer_.bytes.data() + size_; }
  size_t space_bytes() const { return kFileBytesMax - size_; }
  void Grow(size_t bytes) {
    KILN_CHECK(bytes <= space_bytes());
    size_ += bytes;
  }

 private:
  Wiped<kFileBytesMax> buffer_;
  size_t size_ = 0;
};

// Everything before the seed.
struct Header {
  KeyFileInfo info;
  PassphraseCost cost;
  std::array<uint8_t, kSaltBytes> salt{};
  std::array<uint8_t, kNonceBytes> nonce{};
};

// A header and the view of what follows it, up to the checksum.
struct Parsed {
  Header header;
  absl::string_view header_bytes;
  absl::string_view secret;  // the seed, or its ciphertext and tag
};

template <size_t N>
absl::string_view View(const std::array<uint8_t, N>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), N};
}

std::string EncodeHeader(const Header& header) {
  Encoder encoder;
  encoder.Raw(kMagic).U8(kVersion).U8(static_cast<uint8_t>(header.info.purpose));
  encoder.Array(header.info.public_key).U8(header.info.encrypted ? 1 : 0);
  if (header.info.encrypted) {
    encoder.U64(header.cost.operations).U64(header.cost.memory_bytes);
    encoder.Array(header.salt).Array(header.nonce);
  }
  return std::move(encoder).Take();
}

absl::Status CheckCost(const PassphraseCost& cost) {
  if (cost.operations < kPassphraseCostMin.operations ||
      cost.operations > kPassphraseCostMax.operations) {
    return absl::InvalidArgumentError(
        absl::StrCat("passphrase cost of ", cost.operations, " operations is outside ",
                     kPassphraseCostMin.operations, " to ", kPassphraseCostMax.operations));
  }
  if (cost.memory_bytes < kPassphraseCostMin.memory_bytes ||
      cost.memory_bytes > kPassphraseCostMax.memory_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("passphrase cost of ", cost.memory_bytes, " bytes of memory is outside ",
                     kPassphraseCostMin.memory_bytes, " to ", kPassphraseCostMax.memory_bytes));
  }
  return absl::OkStatus();
}

absl::Status StretchPassphrase(absl::string_view passphrase, const Header& header,
                               Wiped<kKeyBytes>* key) {
  KILN_RETURN_IF_ERROR(CheckCost(header.cost));
  if (crypto_pwhash(key->bytes.data(), kKeyBytes, passphrase.data(), passphrase.size(),
                    header.salt.data(), header.cost.operations, header.cost.memory_bytes,
                    crypto_pwhash_ALG_ARGON2ID13) != 0) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "not enough memory to derive the key: ", header.cost.memory_bytes, " bytes needed"));
  }
  return absl::OkStatus();
}

// --- Bytes to key

absl::StatusOr<Parsed> Parse(absl::string_view bytes) {
  if (bytes.size() < Hash::kBytes) return absl::DataLossError("too short for a key file");
  const absl::string_view body = bytes.substr(0, bytes.size() - Hash::kBytes);
  if (HashBytes(kDomainChecksum, body).view() != bytes.substr(body.size())) {
    return absl::DataLossError("damaged or no key file (its checksum is wrong); restore a backup");
  }
  Decoder decoder("key file", body);
  Parsed parsed;
  if (decoder.Raw(kMagic.size()) != kMagic) decoder.Fail("not a Kiln key file");
  if (decoder.U8() != kVersion) decoder.Fail("a format version that this program does not know");
  const uint8_t purpose = decoder.U8();
  if (purpose != 1 && purpose != 2) decoder.Fail("an unknown purpose");
  parsed.header.info.purpose = static_cast<KeyPurpose>(purpose);
  parsed.header.info.public_key = decoder.Array<32>();
  parsed.header.info.encrypted = decoder.Bool();
  if (parsed.header.info.encrypted) {
    parsed.header.cost = {.operations = decoder.U64(), .memory_bytes = decoder.U64()};
    parsed.header.salt = decoder.Array<kSaltBytes>();
    parsed.header.nonce = decoder.Array<kNonceBytes>();
  }
  parsed.header_bytes = body.substr(0, body.size() - decoder.remaining());
  parsed.secret = decoder.Raw(kSeedBytes + (parsed.header.info.encrypted ? kTagBytes : 0));
  KILN_RETURN_IF_ERROR(decoder.Finish());
  return parsed;
}

absl::Status OpenSeed(const Parsed& parsed, absl::string_view passphrase, Wiped<kSeedBytes>* seed) {
  if (!parsed.header.info.encrypted) {
    std::memcpy(seed->bytes.data(), parsed.secret.data(), kSeedBytes);
    return absl::OkStatus();
  }
  if (passphrase.empty()) {
    return absl::FailedPreconditionError("the key is encrypted and no passphrase was given");
  }
  Wiped<kKeyBytes> key;
  KILN_RETURN_IF_ERROR(StretchPassphrase(passphrase, parsed.header, &key));
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(
          seed->bytes.data(), nullptr, nullptr, Octets(parsed.secret), parsed.secret.size(),
          Octets(parsed.header_bytes), parsed.header_bytes.size(), parsed.header.nonce.data(),
          key.bytes.data()) != 0) {
    return absl::InvalidArgumentError("the passphrase is wrong");
  }
  return absl::OkStatus();
}

// --- Key to bytes

absl::Status BuildImage(KeyPurpose purpose, const SecretKey& key, absl::string_view passphrase,
                        const PassphraseCost& cost, FileImage* image) {
  Header header = {.info = {.purpose = purpose,
                            .public_key = key.public_key(),
                            .encrypted = !passphrase.empty()},
                   .cost = cost};
  randombytes_buf(header.salt.data(), header.salt.size());
  randombytes_buf(header.nonce.data(), header.nonce.size());
  const std::string header_bytes = EncodeHeader(header);
  image->Append(header_bytes);

  Wiped<kSeedBytes> seed;
  KeyFileAccess::CopySeed(key, &seed.bytes);
  if (header.info.encrypted) {
    Wiped<kKeyBytes> derived;
    KILN_RETURN_IF_ERROR(StretchPassphrase(passphrase, header, &derived));
    KILN_CHECK(kSeedBytes + kTagBytes <= image->space_bytes());
    crypto_aead_xchacha20poly1305_ietf_encrypt(
        image->space(), nullptr, seed.bytes.data(), kSeedBytes, Octets(header_bytes),
        header_bytes.size(), nullptr, header.nonce.data(), derived.bytes.data());
    image->Grow(kSeedBytes + kTagBytes);
  } else {
    image->Append(View(seed.bytes));
  }
  image->Append(HashBytes(kDomainChecksum, image->view()).view());
  return absl::OkStatus();
}

// --- Files

absl::Status ErrnoStatus(absl::string_view what, int error) {
  const std::string message = absl::StrCat(what, ": ", std::strerror(error));
  return absl::Status(absl::ErrnoToStatusCode(error), message);
}

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

// Whoever else could read or replace the file could sign in this validator's name.
absl::Status CheckSafeFile(int fd) {
  struct stat info {};
  if (fstat(fd, &info) != 0) return ErrnoStatus("cannot be examined", errno);
  if (!S_ISREG(info.st_mode)) return absl::FailedPreconditionError("not a regular file");
  if (info.st_uid != geteuid()) {
    return absl::FailedPreconditionError(absl::StrCat("it belongs to user ", info.st_uid,
                                                      ", but this process runs as user ", geteuid(),
                                                      "; give it to that user with chown"));
  }
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return absl::FailedPreconditionError(
        "others than its owner may read or write it; take that away with chmod 600, and replace "
        "the key if somebody may have read it");
  }
  return absl::OkStatus();
}

absl::Status ReadAll(int fd, FileImage* image) {
  while (image->space_bytes() > 0) {
    const ssize_t count = read(fd, image->space(), image->space_bytes());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoStatus("cannot be read", errno);
    if (count == 0) return absl::OkStatus();
    image->Grow(static_cast<size_t>(count));
  }
  return absl::DataLossError("too long for a key file");
}

absl::Status ReadImage(const std::string& path, FileImage* image) {
  // O_NONBLOCK: a pipe in the file's place must not hang the process.
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0 && errno == ELOOP) {
    return absl::FailedPreconditionError("it is a symbolic link; name the file itself");
  }
  if (file.get() < 0) return ErrnoStatus("cannot be opened", errno);
  KILN_RETURN_IF_ERROR(CheckSafeFile(file.get()));
  return ReadAll(file.get(), image);
}

absl::Status WriteAndSync(int fd, absl::string_view bytes) {
  if (fchmod(fd, S_IRUSR | S_IWUSR) != 0) return ErrnoStatus("cannot set its mode", errno);
  while (!bytes.empty()) {
    const ssize_t count = write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoStatus("cannot be written", errno);
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return fsync(fd) == 0 ? absl::OkStatus() : ErrnoStatus("cannot be synced", errno);
}

absl::Status SyncFolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const FileDescriptor opened(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened.get() < 0 || fsync(opened.get()) != 0) {
    return ErrnoStatus("its folder cannot be synced", errno);
  }
  return absl::OkStatus();
}

// Gives a finished file its name, unless something has that name already.
absl::Status MoveIntoPlace(const std::string& temporary, const std::string& path) {
  if (link(temporary.c_str(), path.c_str()) == 0) return SyncFolderOf(path);
  if (errno == EEXIST) {
    return absl::AlreadyExistsError("a file of that name exists and is not overwritten; move it");
  }
  return ErrnoStatus("cannot be put in place", errno);
}

absl::Status WriteNewFile(const std::string& path, absl::string_view bytes) {
  const std::string temporary =
      absl::StrCat(path, ".", absl::Hex(randombytes_random(), absl::kZeroPad8), ".tmp");
  const FileDescriptor file(
      open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (file.get() < 0) return ErrnoStatus("cannot be created", errno);
  absl::Status status = WriteAndSync(file.get(), bytes);
  if (status.ok()) status = MoveIntoPlace(temporary, path);
  unlink(temporary.c_str());  // the second name of the same file, or what is left of a failure
  return status;
}

std::string NameOf(const std::string& path) {
  return absl::StrCat("key file ", path);
}

absl::string_view PurposeName(KeyPurpose purpose) {
  return purpose == KeyPurpose::kConsensus ? "consensus" : "node";
}

absl::StatusOr<SecretKey> KeyFromImage(const FileImage& image, KeyPurpose purpose,
                                       absl::string_view passphrase) {
  KILN_ASSIGN_OR_RETURN(const Parsed parsed, Parse(image.view()));
  if (parsed.header.info.purpose != purpose) {
    return absl::FailedPreconditionError(
        absl::StrCat("it holds a ", PurposeName(parsed.header.info.purpose), " key where a ",
                     PurposeName(purpose), " key is needed; check which file is named"));
  }
  Wiped<kSeedBytes> seed;
  KILN_RETURN_IF_ERROR(OpenSeed(parsed, passphrase, &seed));
  SecretKey key = SecretKey::FromSeed(seed.bytes);
  if (key.public_key() != parsed.header.info.public_key) {
    return absl::DataLossError("its public key does not belong to its secret key");
  }
  return key;
}

}  // namespace

absl::Status WriteKeyFile(const std::string& path, KeyPurpose purpose, const SecretKey& key,
                          absl::string_view passphrase, PassphraseCost cost) {
  InitSodium();
  FileImage image;
  absl::Status status = BuildImage(purpose, key, passphrase, cost, &image);
  if (status.ok()) status = WriteNewFile(path, image.view());
  return Annotate(status, NameOf(path));
}

absl::StatusOr<SecretKey> ReadKeyFile(const std::string& path, KeyPurpose purpose,
                                      absl::string_view passphrase) {
  InitSodium();
  FileImage image;
  if (const absl::Status read = ReadImage(path, &image); !read.ok()) {
    return Annotate(read, NameOf(path));
  }
  absl::StatusOr<SecretKey> key = KeyFromImage(image, purpose, passphrase);
  if (!key.ok()) return Annotate(key.status(), NameOf(path));
  return key;
}

absl::StatusOr<KeyFileInfo> ReadKeyFileInfo(const std::string& path) {
  InitSodium();
  FileImage image;
  absl::Status status = ReadImage(path, &image);
  if (status.ok()) {
    const absl::StatusOr<Parsed> parsed = Parse(image.view());
    if (parsed.ok()) return parsed->header.info;
    status = parsed.status();
  }
  return Annotate(status, NameOf(path));
}

}  // namespace kiln::crypto
