#include "tools/own_record.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "consensus/signing.h"
#include "consensus/validator_set.h"
#include "crypto/key_file.h"
#include "node/files.h"
#include "storage/safety_raise.h"
#include "tools/safety_file.h"

namespace kiln::tools {
namespace {

// Two certificates and two signatures of 1,024 validators, in hexadecimal, take less than half.
constexpr size_t kSafetyFileBytesMax = 4 << 20;

}  // namespace

absl::StatusOr<OwnKey> ReadOwnKey(const OfflineHome& home) {
  KILN_ASSIGN_OR_RETURN(const crypto::KeyFileInfo info,
                        crypto::ReadKeyFileInfo(home.consensus_key_file));
  KILN_ASSIGN_OR_RETURN(const consensus::ValidatorSet validators,
                        consensus::ValidatorSet::FromGenesis(home.genesis));
  const std::optional<ValidatorIndex> index = validators.FindByConsensusKey(info.public_key);
  if (index.has_value()) return OwnKey{.consensus_key = info.public_key, .index = *index};
  return absl::FailedPreconditionError(absl::StrCat(home.consensus_key_file,
                                                    ": the key belongs to no validator of the "
                                                    "genesis: check both files"));
}

absl::StatusOr<consensus::SafetyRecord> ReadOwnRecord(const std::string& path,
                                                      const OfflineHome& home, const OwnKey& key) {
  KILN_ASSIGN_OR_RETURN(const std::string text, node::ReadSmallFile(path, kSafetyFileBytesMax));
  const absl::StatusOr<SafetyFile> file = ParseSafetyFile(text);
  if (!file.ok()) return Annotate(file.status(), path);
  if (file->chain_id != home.genesis.ChainId()) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": is of chain ", file->chain_id.Short(), ", the home is of chain ",
                     home.genesis.ChainId().Short()));
  }
  if (file->consensus_key != key.consensus_key) {
    return absl::FailedPreconditionError(absl::StrCat(
        path, ": is of the key ", Hash{file->consensus_key}.ToHex(), ", the home's key is ",
        Hash{key.consensus_key}.ToHex(), ": a record is good for its own key alone"));
  }
  KILN_RETURN_IF_ERROR(Annotate(
      storage::CheckRecordOf(key.index, file->record, home.genesis, consensus::Ed25519Verifier()),
      path));
  return file->record;
}

}  // namespace kiln::tools
