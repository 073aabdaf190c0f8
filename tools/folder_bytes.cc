#include "tools/folder_bytes.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "node/disk_guard.h"

namespace kiln::tools {

namespace fs = std::filesystem;

absl::StatusOr<uint64_t> LedgerBytesIn(const std::string& data_dir) {
  uint64_t bytes = 0;
  std::error_code error;
  for (fs::directory_iterator entry(data_dir, error), end; !error && entry != end;
       entry.increment(error)) {
    if (!entry->is_regular_file(error) || entry->path().filename() == node::kReserveFileName)
      continue;
    bytes += entry->file_size(error);
  }
  if (!error) return bytes;
  return absl::UnavailableError(absl::StrCat(data_dir, ": ", error.message()));
}

}  // namespace kiln::tools
