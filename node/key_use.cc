#include "node/key_use.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "node/files.h"
#include "storage/data_dir.h"

namespace kiln::node {
namespace {

std::string NoteOf(const std::string& key_file, const Hash& chain_id) {
  return absl::StrCat(key_file, ".used-on-", chain_id.Short());
}

}  // namespace

absl::Status CheckKeyUse(const std::string& key_file, const Hash& chain_id,
                         const std::string& data_dir) {
  const std::string note = NoteOf(key_file, chain_id);
  std::error_code error;
  if (!std::filesystem::exists(note, error)) return absl::OkStatus();
  if (!absl::IsNotFound(storage::RequireLedger(data_dir))) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "there is no ledger in ", data_dir, ", but the key has signed on this chain (", note,
      "): put back this validator's newest data, or, if they are lost, run `kiln recover`; a fresh "
      "start could sign twice"));
}

absl::Status NoteKeyUse(const std::string& key_file, const Hash& chain_id) {
  const std::string note = NoteOf(key_file, chain_id);
  std::error_code error;
  if (std::filesystem::exists(note, error)) return absl::OkStatus();
  KILN_RETURN_IF_ERROR(WriteNewFile(note, absl::StrCat(chain_id.ToHex(), "\n")));
  return SyncParentOf(note);
}

}  // namespace kiln::node
