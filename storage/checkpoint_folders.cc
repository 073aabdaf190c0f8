#include "storage/checkpoint_folders.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "storage/data_dir.h"

namespace kiln::storage {
namespace {

namespace fs = std::filesystem;

constexpr absl::string_view kRemovedSuffix = ".removed";

absl::Status Error(absl::string_view what, absl::string_view path, const std::error_code& error) {
  return absl::UnavailableError(absl::StrCat("cannot ", what, " ", path, ": ", error.message()));
}

absl::Status RemoveAll(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  return error ? Error("remove", path, error) : absl::OkStatus();
}

std::optional<uint64_t> NumberOf(absl::string_view name) {
  uint64_t number = 0;
  if (!absl::SimpleAtoi(name, &number) || absl::StrCat(number) != name) return std::nullopt;
  return number;
}

// The names in a folder; none when it is not there.
absl::StatusOr<std::vector<std::string>> NamesIn(const std::string& dir) {
  std::error_code error;
  std::vector<std::string> names;
  if (!fs::exists(dir, error)) return names;
  fs::directory_iterator entries(dir, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    names.push_back(entries->path().filename().string());
  }
  if (error) return Error("list", dir, error);
  return names;
}

}  // namespace

CheckpointFolders::CheckpointFolders(const std::string& database_dir)
    : dir_(absl::StrCat(database_dir, "/snapshots")) {}

std::string CheckpointFolders::PathOf(uint64_t number) const {
  return absl::StrCat(dir_, "/", number);
}

absl::StatusOr<std::vector<uint64_t>> CheckpointFolders::Numbers() const {
  KILN_ASSIGN_OR_RETURN(const std::vector<std::string> names, NamesIn(dir_));
  std::vector<uint64_t> numbers;
  for (const std::string& name : names) {
    if (const std::optional<uint64_t> number = NumberOf(name)) numbers.push_back(*number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

absl::Status CheckpointFolders::Prepare() const {
  return MakeFolder(dir_);
}

absl::Status CheckpointFolders::Sync() const {
  return SyncFolder(dir_);
}

// By its new name it is no checkpoint any more, however far the removal comes.
absl::Status CheckpointFolders::Remove(uint64_t number) const {
  const std::string path = PathOf(number);
  std::error_code error;
  if (!fs::exists(path, error)) return absl::OkStatus();
  const std::string removed = absl::StrCat(path, kRemovedSuffix);
  KILN_RETURN_IF_ERROR(RemoveAll(removed));
  fs::rename(path, removed, error);
  if (error) return Error("rename", path, error);
  KILN_RETURN_IF_ERROR(Sync());
  return RemoveAll(removed);
}

absl::Status CheckpointFolders::LinkFrom(const CheckpointFolders& other) const {
  KILN_ASSIGN_OR_RETURN(const std::vector<uint64_t> numbers, other.Numbers());
  if (numbers.empty()) return absl::OkStatus();
  KILN_RETURN_IF_ERROR(Prepare());
  for (const uint64_t number : numbers) {
    std::error_code error;
    fs::copy(other.PathOf(number), PathOf(number),
             fs::copy_options::recursive | fs::copy_options::create_hard_links, error);
    if (error) return Error("link", other.PathOf(number), error);
    KILN_RETURN_IF_ERROR(SyncFolder(PathOf(number)));
  }
  return Sync();
}

absl::Status CheckpointFolders::RemoveLeftovers() const {
  KILN_ASSIGN_OR_RETURN(const std::vector<std::string> names, NamesIn(dir_));
  for (const std::string& name : names) {
    if (!NumberOf(name).has_value()) KILN_RETURN_IF_ERROR(RemoveAll(absl::StrCat(dir_, "/", name)));
  }
  return absl::OkStatus();
}

}  // namespace kiln::storage
