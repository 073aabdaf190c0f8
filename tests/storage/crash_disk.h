// What a crash may leave of one folder, by the letter of POSIX: only what was synced is certain.
#ifndef KILN_TESTS_STORAGE_CRASH_DISK_H_
#define KILN_TESTS_STORAGE_CRASH_DISK_H_

#include <cstddef>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "tests/storage/fault_file_system.h"

namespace kiln::storage {

enum class CrashKind {
  kNothingUnsynced,
  kEverything,
  kRandomPart,  // a prefix of every file's unsynced changes, any of the folder's
  kTornWrite,   // all but the end of the last write
};
inline constexpr size_t kCrashKindCount = 4;
absl::string_view NameOf(CrashKind kind);

using CrashImage = std::map<std::string, std::string>;  // contents by name
// Into a folder that is there and empty.
void WriteImage(const CrashImage& image, const std::string& folder);

// The disk after the calls that it was given, in order. A file's changes become certain when it is
// synced, names (creations, renames, deletions) when the folder is. Not thread-safe.
class CrashDisk {
 public:
  void Apply(const DiskCall& call);
  CrashImage ImageOf(CrashKind kind, std::mt19937_64* random) const;
  // Files, and names, that a crash may leave in more than one way.
  size_t uncertain() const;

 private:
  // As in DiskCall; `data` is appended, or the file is cut to `bytes`.
  struct Change {
    bool is_append;
    std::string data;
    size_t bytes;
  };
  struct File {
    std::string synced;
    std::vector<Change> unsynced;
  };
  using FilePtr = std::shared_ptr<File>;
  // `name` becomes `file`'s; none: it is nobody's any more, if it was that file's.
  struct NameChange {
    std::string name;
    std::string old_name;  // of a rename: nobody's afterwards
    FilePtr file;
    bool is_delete = false;
  };
  using Names = std::map<std::string, FilePtr>;

  static void Perform(const Change& change, std::string* contents);
  static void Perform(const NameChange& change, Names* names);
  void Rename(NameChange change);
  // The first `count` unsynced changes, and `torn` bytes of the next one.
  static std::string ContentsOf(const File& file, size_t count, size_t torn = 0);
  static std::string PartOf(const File& file, std::mt19937_64* random);
  std::string TornContentsOf(const File& file, std::mt19937_64* random) const;

  Names names_;  // as the running system sees it
  Names synced_names_;
  std::vector<NameChange> unsynced_names_;
  FilePtr last_written_;
};

}  // namespace kiln::storage

#endif  // KILN_TESTS_STORAGE_CRASH_DISK_H_
