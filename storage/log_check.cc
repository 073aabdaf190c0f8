#include "storage/log_check.h"

#include <rocksdb/env.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "storage/rocksdb_bytes.h"

namespace kiln::storage {
namespace {

// A log is a row of blocks, each of records that do not cross its end. A record is a checksum (4
// bytes), a length (2), a type (1) and the payload; the checksum is of type and payload. Fewer
// bytes than a header at a block's end are unused. (RocksDB's wiki, "Write Ahead Log File Format".)
constexpr size_t kLogBlockBytes = 32 << 10;
constexpr size_t kRecordHeaderBytes = 7;
constexpr size_t kTypeAt = 6;

// CRC-32C, reflected.
constexpr std::array<uint32_t, 256> MakeCrcTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78 : 0);
    table[byte] = crc;
  }
  return table;
}

uint32_t ExtendCrc(uint32_t crc, char byte) {
  static constexpr std::array<uint32_t, 256> kTable = MakeCrcTable();
  return kTable[(crc ^ static_cast<uint8_t>(byte)) & 0xFF] ^ crc >> 8;
}

// As it is stored: a checksum of data that holds checksums is rotated.
uint32_t Mask(uint32_t crc) {
  crc = ~crc;
  return (crc >> 15 | crc << 17) + 0xA282EAD8;
}

// Whether a payload of any length at the beginning of `bytes`, which begins with the type, has this
// checksum.
bool HasChecksumAtSomeLength(absl::string_view bytes, uint32_t checksum) {
  uint32_t crc = UINT32_MAX;
  for (const char byte : bytes) {
    crc = ExtendCrc(crc, byte);
    if (Mask(crc) == checksum) return true;
  }
  return false;
}

bool HasChecksum(absl::string_view type_and_payload, uint32_t checksum) {
  uint32_t crc = UINT32_MAX;
  for (const char byte : type_and_payload) crc = ExtendCrc(crc, byte);
  return Mask(crc) == checksum;
}

absl::Status RecordError(size_t offset, absl::string_view what) {
  return absl::DataLossError(absl::StrCat("the record at offset ", offset, " ", what));
}

// Of one block, which is the last one if it may be cut. `offset` is where it begins.
absl::Status CheckBlock(absl::string_view block, size_t offset) {
  size_t at = 0;
  while (block.size() - at >= kRecordHeaderBytes) {
    const absl::string_view record = block.substr(at);
    const auto checksum = static_cast<uint32_t>(LittleEndian(record.substr(0, 4)));
    const size_t length = LittleEndian(record.substr(4, 2));
    if (length == 0 && record[kTypeAt] == 0) return absl::OkStatus();  // reserved, never written
    if (at + kRecordHeaderBytes + length > kLogBlockBytes) {
      return RecordError(offset + at, "is longer than its block");
    }
    const absl::string_view rest = record.substr(kTypeAt);
    if (length + 1 > rest.size()) {
      if (!HasChecksumAtSomeLength(rest, checksum)) return absl::OkStatus();
      return RecordError(offset + at, "is whole, but its length is damaged");
    }
    if (!HasChecksum(rest.substr(0, length + 1), checksum)) {
      return RecordError(offset + at, "does not have its checksum");
    }
    at += kRecordHeaderBytes + length;
  }
  return absl::OkStatus();
}

absl::Status CheckLogFile(const std::string& path, rocksdb::Env* env) {
  std::string contents;
  const rocksdb::Status read = rocksdb::ReadFileToString(env, path, &contents);
  if (read.IsNotFound() || read.IsPathNotFound()) return absl::OkStatus();
  if (!read.ok()) {
    return absl::UnavailableError(absl::StrCat("cannot read ", path, ": ", read.ToString()));
  }
  return Annotate(CheckLog(contents), path);
}

}  // namespace

absl::Status CheckLog(absl::string_view contents) {
  for (size_t offset = 0; offset < contents.size(); offset += kLogBlockBytes) {
    KILN_RETURN_IF_ERROR(CheckBlock(contents.substr(offset, kLogBlockBytes), offset));
  }
  return absl::OkStatus();
}

absl::Status CheckLogs(const std::string& dir, rocksdb::Env* env) {
  std::string manifest;
  const rocksdb::Status current =
      rocksdb::ReadFileToString(env, absl::StrCat(dir, "/CURRENT"), &manifest);
  if (!current.ok()) return absl::OkStatus();
  if (absl::StartsWith(manifest, "MANIFEST-") && absl::EndsWith(manifest, "\n")) {
    KILN_RETURN_IF_ERROR(CheckLogFile(
        absl::StrCat(dir, "/", absl::StripSuffix(absl::string_view(manifest), "\n")), env));
  }
  std::vector<std::string> names;
  const rocksdb::Status listed = env->GetChildren(dir, &names);
  if (!listed.ok()) {
    return absl::UnavailableError(absl::StrCat("cannot list ", dir, ": ", listed.ToString()));
  }
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    if (!absl::EndsWith(name, ".log")) continue;
    KILN_RETURN_IF_ERROR(CheckLogFile(absl::StrCat(dir, "/", name), env));
  }
  return absl::OkStatus();
}

}  // namespace kiln::storage
