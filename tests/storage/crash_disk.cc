#include "tests/storage/crash_disk.h"

#include <array>
#include <filesystem>
#include <fstream>
#include <utility>

#include "base/check.h"

namespace kiln::storage {
namespace {

using Kind = DiskCall::Kind;

size_t UpTo(size_t highest, std::mt19937_64* random) {
  return std::uniform_int_distribution<size_t>(0, highest)(*random);
}

// How much of `bytes` a torn write leaves: any number of bytes, sectors or pages, but not all.
size_t TornAt(size_t bytes, std::mt19937_64* random) {
  if (bytes == 0) return 0;
  constexpr std::array<size_t, 3> kUnits = {1, 512, 4096};
  const size_t unit = kUnits.at(UpTo(kUnits.size() - 1, random));
  return UpTo(bytes - 1, random) / unit * unit;
}

}  // namespace

absl::string_view NameOf(CrashKind kind) {
  static constexpr std::array<absl::string_view, kCrashKindCount> kNames = {
      "nothing unsynced", "everything", "a random part", "a torn write"};
  return kNames.at(static_cast<size_t>(kind));
}

void WriteImage(const CrashImage& image, const std::string& folder) {
  for (const auto& [name, contents] : image) {
    std::ofstream file(std::filesystem::path(folder) / name, std::ios::binary);
    file << contents;
    KILN_CHECK(file.flush().good());
  }
}

void CrashDisk::Perform(const Change& change, std::string* contents) {
  if (change.is_append) {
    contents->append(change.data);
  } else {
    contents->resize(change.bytes);
  }
}

void CrashDisk::Perform(const NameChange& change, Names* names) {
  const auto erase = [&](const std::string& name) {
    const auto found = names->find(name);
    if (found != names->end() && found->second == change.file) names->erase(found);
  };
  if (change.is_delete) {
    erase(change.name);
    return;
  }
  if (!change.old_name.empty()) erase(change.old_name);
  (*names)[change.name] = change.file;
}

void CrashDisk::Rename(NameChange change) {
  Perform(change, &names_);
  unsynced_names_.push_back(std::move(change));
}

void CrashDisk::Apply(const DiskCall& call) {
  if (call.kind == Kind::kOpen || call.kind == Kind::kRangeSync) return;
  if (call.kind == Kind::kSyncFolder) {
    synced_names_ = names_;
    unsynced_names_.clear();
    return;
  }
  if (call.kind == Kind::kCreate) {
    Rename({.name = call.name, .file = std::make_shared<File>()});
    return;
  }
  const auto found = names_.find(call.name);
  if (found == names_.end()) return;  // not watched
  const FilePtr file = found->second;
  switch (call.kind) {
    case Kind::kAppend:
      file->unsynced.push_back({.is_append = true, .data = call.data, .bytes = 0});
      last_written_ = file;
      break;
    case Kind::kTruncate:
      file->unsynced.push_back({.is_append = false, .data = "", .bytes = call.bytes});
      break;
    case Kind::kSync:
      file->synced = ContentsOf(*file, file->unsynced.size());
      file->unsynced.clear();
      break;
    case Kind::kRename:
      Rename({.name = call.data, .old_name = call.name, .file = file});
      break;
    case Kind::kDelete:
      Rename({.name = call.name, .file = file, .is_delete = true});
      break;
    default:
      KILN_CHECK(false) << Describe(call);
  }
}

size_t CrashDisk::uncertain() const {
  size_t count = unsynced_names_.size();
  for (const auto& [name, file] : names_) count += file->unsynced.empty() ? 0 : 1;
  return count;
}

std::string CrashDisk::ContentsOf(const File& file, size_t count, size_t torn) {
  std::string contents = file.synced;
  for (size_t i = 0; i < count; ++i) Perform(file.unsynced[i], &contents);
  if (torn > 0) contents.append(file.unsynced[count].data, 0, torn);
  return contents;
}

std::string CrashDisk::PartOf(const File& file, std::mt19937_64* random) {
  const size_t count = UpTo(file.unsynced.size(), random);
  const bool is_torn = count < file.unsynced.size() && file.unsynced[count].is_append;
  return ContentsOf(file, count, is_torn ? TornAt(file.unsynced[count].data.size(), random) : 0);
}

std::string CrashDisk::TornContentsOf(const File& file, std::mt19937_64* random) const {
  size_t last = file.unsynced.size();
  while (last > 0 && !file.unsynced[last - 1].is_append) --last;
  if (last == 0) return ContentsOf(file, file.unsynced.size());
  return ContentsOf(file, last - 1, TornAt(file.unsynced[last - 1].data.size(), random));
}

CrashImage CrashDisk::ImageOf(CrashKind kind, std::mt19937_64* random) const {
  Names names = synced_names_;
  for (const NameChange& change : unsynced_names_) {
    if (kind == CrashKind::kNothingUnsynced) break;
    if (kind == CrashKind::kRandomPart && UpTo(1, random) == 0) continue;
    Perform(change, &names);
  }
  CrashImage image;
  for (const auto& [name, file] : names) {
    switch (kind) {
      case CrashKind::kNothingUnsynced:
        image[name] = file->synced;
        break;
      case CrashKind::kEverything:
        image[name] = ContentsOf(*file, file->unsynced.size());
        break;
      case CrashKind::kRandomPart:
        image[name] = PartOf(*file, random);
        break;
      case CrashKind::kTornWrite:
        image[name] = file == last_written_ ? TornContentsOf(*file, random)
                                            : ContentsOf(*file, file->unsynced.size());
        break;
    }
  }
  return image;
}

}  // namespace kiln::storage
