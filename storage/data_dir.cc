#include "storage/data_dir.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"

namespace kiln::storage {
namespace {

namespace fs = std::filesystem;

absl::Status FolderError(absl::string_view what, const fs::path& path, absl::string_view why) {
  return absl::UnavailableError(absl::StrCat("cannot ", what, " ", path.string(), ": ", why));
}

// Creates the folder, and those above it that are missing, and syncs each one's parent before the
// next is made: whenever this is cut short, only the lowest folder that is there may not be durable
// yet. The next start finds it and syncs its parent first.
absl::Status CreateFolder(const fs::path& path) {
  const fs::path parent = path.parent_path();
  std::error_code error;
  const bool is_there = fs::exists(path, error);
  if (is_there && path == parent) return absl::OkStatus();  // the root
  if (!is_there) {
    KILN_RETURN_IF_ERROR(CreateFolder(parent));
    fs::create_directory(path, error);
    if (error) return FolderError("create", path, error.message());
  }
  return SyncFolder(parent.string());
}

absl::Status CreateDataFolder(const fs::path& path) {
  KILN_RETURN_IF_ERROR(MakeFolder(path.string()));
  std::error_code error;
  fs::permissions(path, fs::perms::owner_all, error);
  if (error) return FolderError("set the mode of", path, error.message());
  return absl::OkStatus();
}

// What exists before the very first CURRENT, and may be left by a crash in between.
bool PrecedesCurrent(absl::string_view name) {
  return !absl::EndsWith(name, ".sst") && !absl::EndsWith(name, ".blob") &&
         !absl::EndsWith(name, ".log") &&
         (!absl::StartsWith(name, "MANIFEST-") || name == "MANIFEST-000001");
}

bool HoldsLedger(const fs::path& path) {
  std::error_code error;
  return fs::exists(path / "CURRENT", error);
}

absl::Status RequireCurrentBesideTables(const fs::path& path) {
  if (HoldsLedger(path)) return absl::OkStatus();
  std::error_code error;
  fs::directory_iterator entries(path, error);
  if (error) return FolderError("list", path, error.message());
  for (const fs::directory_entry& entry : entries) {
    if (PrecedesCurrent(entry.path().filename().string())) continue;
    return absl::DataLossError(absl::StrCat(
        path.string(), " holds ", entry.path().filename().string(),
        " but the file CURRENT is missing: restore the folder from a copy of this validator's "
        "newest state, or, if there is none, move it away and run `kiln recover`; a fresh start "
        "could sign twice"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status MakeFolder(const std::string& dir) {
  std::error_code error;
  const fs::path absolute = fs::absolute(dir, error).lexically_normal();
  if (error) return FolderError("find", dir, error.message());
  return CreateFolder(absolute.has_filename() ? absolute : absolute.parent_path());
}

absl::Status SyncFolder(const std::string& dir) {
  const int descriptor = open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return FolderError("open", dir, std::strerror(errno));
  const bool synced = fsync(descriptor) == 0;
  const int error = errno;
  close(descriptor);
  return synced ? absl::OkStatus() : FolderError("sync", dir, std::strerror(error));
}

absl::Status PrepareDataDir(const std::string& dir) {
  const fs::path path(dir);
  std::error_code error;
  const fs::file_status found = fs::status(path, error);
  if (found.type() == fs::file_type::not_found) return CreateDataFolder(path);
  if (found.type() != fs::file_type::directory) {
    return FolderError("use", path, error ? error.message() : "it is not a folder");
  }
  KILN_RETURN_IF_ERROR(RequireCurrentBesideTables(path));
  return HoldsLedger(path) ? absl::OkStatus() : CreateDataFolder(path);
}

absl::Status RequireLedger(const std::string& dir) {
  const fs::path path(dir);
  std::error_code error;
  if (fs::exists(path / "CURRENT", error)) return absl::OkStatus();
  if (error) return FolderError("read", path, error.message());
  if (fs::is_directory(path, error)) KILN_RETURN_IF_ERROR(RequireCurrentBesideTables(path));
  return absl::NotFoundError(absl::StrCat("there is no ledger in ", dir));
}

}  // namespace kiln::storage
