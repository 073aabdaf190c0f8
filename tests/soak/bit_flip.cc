#include "tests/soak/bit_flip.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace kiln::soak {
namespace {

namespace fs = std::filesystem;

// What RocksDB reads when it opens the folder or looks for a value. Its own text log is not.
std::string KindOfFile(const fs::path& path) {
  const std::string name = path.filename();
  const std::string extension = path.extension();
  if (extension == ".sst" || extension == ".blob" || extension == ".log") return extension;
  if (name == "CURRENT") return name;
  return absl::StartsWith(name, "MANIFEST-") ? "MANIFEST" : "";
}

std::string ChooseFile(const std::string& data_dir, Chance* chance) {
  std::map<std::string, std::vector<std::string>> by_kind;
  for (const fs::directory_entry& entry : fs::directory_iterator(data_dir)) {
    const std::string kind = KindOfFile(entry.path());
    if (!kind.empty() && entry.file_size() > 0) by_kind[kind].push_back(entry.path());
  }
  KILN_CHECK(!by_kind.empty()) << data_dir << " has no files";
  auto chosen = by_kind.begin();
  std::advance(chosen, chance->Below(by_kind.size()));
  std::vector<std::string>& files = chosen->second;
  std::sort(files.begin(), files.end());
  return files[chance->Below(files.size())];
}

void WriteByte(const std::string& path, uint64_t offset, char byte) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(byte);
  file.close();
  KILN_CHECK(!file.fail()) << path;
}

// -1 when there is none.
int ReadByte(const std::string& path, uint64_t offset) {
  std::ifstream file(path, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offset));
  return file.get();
}

}  // namespace

BitFlip::BitFlip(const std::string& data_dir, Chance* chance)
    : path_(ChooseFile(data_dir, chance)),
      offset_(chance->Below(fs::file_size(path_))),
      bit_(static_cast<int>(chance->Below(8))) {
  const int byte = ReadByte(path_, offset_);
  KILN_CHECK_GE(byte, 0) << path_;
  flipped_ = static_cast<char>(byte ^ 1 << bit_);
  WriteByte(path_, offset_, flipped_);
}

std::string BitFlip::Describe() const {
  return absl::StrCat("bit ", bit_, " of byte ", offset_, " in ",
                      std::string(fs::path(path_).filename()));
}

bool BitFlip::Repair() const {
  const int byte = ReadByte(path_, offset_);
  if (byte < 0 || static_cast<char>(byte) != flipped_) return false;
  WriteByte(path_, offset_, static_cast<char>(byte ^ 1 << bit_));
  return true;
}

}  // namespace kiln::soak
