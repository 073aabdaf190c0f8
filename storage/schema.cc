#include "storage/schema.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "crypto/encoding.h"
#include "crypto/hash.h"

namespace kiln::storage {
namespace {

constexpr size_t kHeightBytes = 8;
constexpr char kIdAtHeight = 'h';
constexpr char kHeightOfId = 'i';
constexpr char kResultIds = 'i';
constexpr char kResultReplies = 'r';
constexpr char kWindowIds = 'w';
constexpr char kStagedChunk = 'c';

void AppendHeight(Height height, std::string* to) {
  for (int shift = 56; shift >= 0; shift -= 8) {
    to->push_back(static_cast<char>((height.value >> shift) & 0xFF));
  }
}

Height HeightFrom(absl::string_view bytes) {
  uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<uint8_t>(byte);
  return Height{value};
}

std::string PrefixedHeight(char prefix, Height height) {
  std::string key(1, prefix);
  AppendHeight(height, &key);
  return key;
}

std::array<char, kSealBytes> Checksum(Family family, absl::string_view key,
                                      absl::string_view value) {
  crypto::Encoder place;
  place.U8(static_cast<uint8_t>(family)).Raw(key);
  const uint64_t seed = crypto::ShortHash(/*seed=*/0, place.view());
  const uint64_t digest = crypto::ShortHash(seed, value);
  std::array<char, kSealBytes> checksum{};
  for (size_t i = 0; i < kSealBytes; ++i) checksum[i] = static_cast<char>(digest >> (8 * i));
  return checksum;
}

}  // namespace

std::string HeightKey(Height height) {
  std::string key;
  AppendHeight(height, &key);
  return key;
}

std::string BlockKey(Height height, const Hash& id) {
  return absl::StrCat(HeightKey(height), id.view());
}

std::string IdAtHeightKey(Height height) {
  return PrefixedHeight(kIdAtHeight, height);
}

std::string HeightOfIdKey(const Hash& id) {
  return absl::StrCat(absl::string_view(&kHeightOfId, 1), id.view());
}

std::string ResultIdsKey(Height height) {
  return PrefixedHeight(kResultIds, height);
}
std::string ResultRepliesKey(Height height) {
  return PrefixedHeight(kResultReplies, height);
}
std::string WindowIdsKey(Height height) {
  return PrefixedHeight(kWindowIds, height);
}

std::string StateKey(absl::string_view user_key, StateSpace space) {
  const char prefix = static_cast<char>(space);
  return absl::StrCat(absl::string_view(&prefix, 1), user_key);
}

std::string StateKeyEnd(StateSpace space) {
  return std::string(1, static_cast<char>(static_cast<char>(space) + 1));
}

std::string StagedChunkKey(uint32_t index) {
  return PrefixedHeight(kStagedChunk, Height{index});
}

std::string StagedEnd() {
  return std::string(1, kStagedChunk + 1);
}

absl::StatusOr<uint32_t> ParseStagedChunkKey(absl::string_view key) {
  if (key.size() == 1 + kHeightBytes && key.front() == kStagedChunk) {
    const uint64_t index = HeightFrom(key.substr(1)).value;
    if (index <= UINT32_MAX) return static_cast<uint32_t>(index);
  }
  return absl::DataLossError(
      absl::StrCat(Describe(Family::kApplicationState, key), ": not the number of a chunk"));
}

absl::StatusOr<BlockKeyParts> ParseBlockKey(absl::string_view key) {
  if (key.size() != kHeightBytes + Hash::kBytes) {
    return absl::DataLossError(
        absl::StrCat(Describe(Family::kBlocks, key), ": not a height and a block id"));
  }
  BlockKeyParts parts{.height = HeightFrom(key.substr(0, kHeightBytes))};
  std::copy_n(key.begin() + kHeightBytes, Hash::kBytes, parts.id.bytes.begin());
  return parts;
}

absl::StatusOr<Height> ParseHeightKey(absl::string_view key) {
  if (key.size() != kHeightBytes) {
    return absl::DataLossError(
        absl::StrCat(Describe(Family::kCertificates, key), ": not a height"));
  }
  return HeightFrom(key);
}

absl::StatusOr<Height> ParseIdAtHeightKey(absl::string_view key) {
  if (key.size() != 1 + kHeightBytes || key.front() != kIdAtHeight) {
    return absl::DataLossError(
        absl::StrCat(Describe(Family::kIndexByHeight, key), ": not a height"));
  }
  return HeightFrom(key.substr(1));
}

std::string Seal(Family family, absl::string_view key, std::string value) {
  const std::array<char, kSealBytes> checksum = Checksum(family, key, value);
  value.append(checksum.data(), checksum.size());
  return value;
}

absl::StatusOr<absl::string_view> Unseal(Family family, absl::string_view key,
                                         absl::string_view sealed) {
  if (sealed.size() >= kSealBytes) {
    const absl::string_view value = sealed.substr(0, sealed.size() - kSealBytes);
    const std::array<char, kSealBytes> checksum = Checksum(family, key, value);
    if (sealed.substr(value.size()) == absl::string_view(checksum.data(), checksum.size())) {
      return value;
    }
  }
  return absl::DataLossError(
      absl::StrCat(Describe(family, key), ": the checksum does not match what was read"));
}

std::string Describe(Family family, absl::string_view key) {
  constexpr size_t kShownBytesMax = 24;
  const bool readable = family == Family::kMetadata || family == Family::kSafety;
  const absl::string_view shown = key.substr(0, kShownBytesMax);
  return absl::StrCat(NameOf(family), "/",
                      readable ? absl::CHexEscape(shown) : absl::BytesToHexString(shown),
                      key.size() > kShownBytesMax ? "..." : "");
}

}  // namespace kiln::storage
