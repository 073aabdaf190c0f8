#include <optional>
#include <sstream>
#include <string>
#include <utility>

#include "crypto/encoding.h"
#include "crypto/hash.h"
#include "storage/chain_import.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/samples.h"

namespace kiln::fuzz {
namespace {

constexpr size_t kMagicBytes = 8;
constexpr size_t kLengthBytes = 4;
constexpr size_t kChecksumBytes = 8;

// The same frames with checksums that are right, as a liar would write them.
std::string Mended(absl::string_view file) {
  std::string mended(file.substr(0, kMagicBytes));
  absl::string_view rest = file.substr(mended.size());
  uint64_t checksum = 0;
  while (rest.size() >= kLengthBytes + kChecksumBytes) {
    const size_t length = crypto::Decoder("length", rest.substr(0, kLengthBytes)).U32();
    if (length > rest.size() - kLengthBytes - kChecksumBytes) break;
    const absl::string_view body = rest.substr(kLengthBytes, length);
    checksum = crypto::ShortHash(checksum, body);
    crypto::Encoder frame;
    frame.Bytes(body).U64(checksum);
    mended += std::move(frame).Take();
    rest.remove_prefix(kLengthBytes + length + kChecksumBytes);
  }
  return mended.append(rest.data(), rest.size());
}

// Whether all of it is accepted; what is accepted of it is of the one true chain.
bool ReadAll(const std::string& file) {
  Samples& samples = CheapSamples();
  static auto* const verifier =
      storage::ChainVerifier::Create(samples.world.genesis(), &samples.world.signatures())
          ->release();
  std::istringstream input(file);
  storage::ChainFileCommits commits(&input, samples.world.genesis(), verifier);
  const absl::StatusOr<storage::ChainFileHeader> header = commits.Begin();
  if (!header.ok()) {
    ExpectReadable(header.status());
    return false;
  }
  if (header->first.value >= samples.ledger.chain().size()) return false;
  commits.StandOn(samples.ledger.at(header->first.value - 1)->header);
  for (;;) {
    const absl::StatusOr<std::optional<storage::Commit>> commit = commits.Next();
    if (!commit.ok()) {
      ExpectReadable(commit.status());
      return false;
    }
    if (!commit->has_value()) return true;
    for (const consensus::BlockPtr& block : (*commit)->blocks) {
      const uint64_t height = block->header.height.value;
      Expect(height < samples.ledger.chain().size(), "only heights of the chain are final");
      const consensus::Block& genuine = *samples.ledger.at(height);
      Expect(block->id == genuine.id && *block->payload == *genuine.payload,
             "only blocks of the chain are final, with their payloads");
    }
  }
}

}  // namespace

// A chain file, on the block below its first height.
KILN_FUZZ_TARGET(chain_file) {
  const bool accepted = ReadAll(std::string(input));
  const std::string mended = Mended(input);
  return (mended != input && ReadAll(mended)) || accepted;
}

}  // namespace kiln::fuzz
