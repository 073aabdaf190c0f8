#include "tools/snapshot_restore.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "consensus/safety_rules.h"
#include "consensus/signing.h"
#include "node/key_use.h"
#include "node/trusted_block.h"
#include "storage/chain_verifier.h"
#include "storage/data_dir.h"
#include "storage/ledger_store.h"
#include "storage/no_signer.h"
#include "storage/snapshot_file.h"
#include "storage/snapshot_install.h"
#include "tools/command.h"
#include "tools/own_record.h"
#include "tools/progress.h"

namespace kiln::tools {
namespace {

namespace fs = std::filesystem;

using consensus::SafetyRecord;

// Who may sign from the home, and what it is known to have signed.
struct Owner {
  std::optional<ValidatorIndex> self;  // none when the home has no key
  SafetyRecord safety;
};

absl::StatusOr<std::optional<ValidatorIndex>> FindSelf(const OfflineHome& home) {
  std::error_code error;
  if (!fs::exists(home.consensus_key_file, error) && !error) {
    return std::optional<ValidatorIndex>();
  }
  KILN_ASSIGN_OR_RETURN(const OwnKey key, ReadOwnKey(home));
  return std::optional<ValidatorIndex>(key.index);
}

// The record of a ledger without blocks, as `kiln recover` leaves it; a fresh one for a key that
// was never used.
absl::StatusOr<Owner> FindOwner(const OfflineHome& home) {
  Owner owner{
      .self = std::nullopt,
      .safety = consensus::InitialSafetyRecord(consensus::GenesisCertificate(home.genesis))};
  KILN_ASSIGN_OR_RETURN(owner.self, FindSelf(home));
  const absl::Status there = storage::RequireLedger(home.data_dir);
  if (absl::IsNotFound(there)) {
    const absl::Status unused =
        node::CheckKeyUse(home.consensus_key_file, home.genesis.ChainId(), home.data_dir);
    if (unused.ok()) return owner;
    return absl::FailedPreconditionError(
        absl::StrCat(unused.message(), "; then repeat this, which keeps the record"));
  }
  KILN_RETURN_IF_ERROR(there);
  KILN_ASSIGN_OR_RETURN(const std::unique_ptr<storage::Store> store, OpenOfflineStore(home));
  if (store->committed_height().value > 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        home.data_dir, " has blocks up to height ", store->committed_height().value,
        ": a snapshot begins a ledger, it does not replace one; move the folder away, and run "
        "`kiln recover` before you repeat this if the home's key has signed with it"));
  }
  owner.safety = store->Recover().safety;
  return owner;
}

// With the certificates that the file holds. Fails when one has a signature of the owner's that its
// record does not know.
absl::StatusOr<SafetyRecord> RaiseRecord(const Owner& owner, const Genesis& genesis,
                                         const storage::SnapshotFileReader& file) {
  storage::NoSigner signer;
  consensus::SafetyRules rules(genesis.ChainId(), owner.self.value_or(ValidatorIndex{0}), &signer,
                               owner.safety);
  for (const consensus::QuorumCertificate& certificate : file.Certificates()) {
    if (!owner.self.has_value() || rules.Knows(certificate)) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "a certificate of round ", certificate.round.value,
        " has a signature of this home's key that no safety record here knows: the key has signed "
        "on this chain; run `kiln recover` first, then repeat this"));
  }
  rules.Observe(file.proved().commit.certificate);
  return rules.record();
}

// Removed again unless it was moved to where it belongs.
class NewFolder {
 public:
  explicit NewFolder(const std::string& data_dir)
      : data_dir_(data_dir), path_(absl::StrCat(data_dir, ".restoring")) {}
  ~NewFolder() { Remove(path_).IgnoreError(); }

  const std::string& path() const { return path_; }
  // What an interrupted restore left.
  absl::Status Clear() const { return Remove(path_); }
  // Puts it in the place of the data folder. A crash in between leaves a home without a ledger, or
  // the one from before.
  absl::Status Place() const {
    const std::string replaced = absl::StrCat(data_dir_, ".replaced");
    KILN_RETURN_IF_ERROR(Remove(replaced));
    std::error_code error;
    if (fs::exists(data_dir_, error)) KILN_RETURN_IF_ERROR(Rename(data_dir_, replaced));
    KILN_RETURN_IF_ERROR(Rename(path_, data_dir_));
    KILN_RETURN_IF_ERROR(
        storage::SyncFolder(fs::absolute(data_dir_).lexically_normal().parent_path().string()));
    return Remove(replaced);
  }

 private:
  static absl::Status Remove(const std::string& path) {
    std::error_code error;
    fs::remove_all(path, error);
    if (!error) return absl::OkStatus();
    return absl::UnavailableError(absl::StrCat("cannot remove ", path, ": ", error.message()));
  }
  static absl::Status Rename(const std::string& from, const std::string& to) {
    std::error_code error;
    fs::rename(from, to, error);
    if (!error) return absl::OkStatus();
    return absl::UnavailableError(
        absl::StrCat("cannot rename ", from, " to ", to, ": ", error.message()));
  }

  const std::string data_dir_;
  const std::string path_;
};

// Reads the chunks to the end of the file, and writes them when there is an installer.
absl::Status ReadChunks(storage::SnapshotFileReader* file, storage::SnapshotInstaller* installer) {
  Progress progress(installer == nullptr ? "checking" : "writing", file->chunks(),
                    StderrIsTerminal());
  for (;;) {
    KILN_ASSIGN_OR_RETURN(const std::string chunk, file->NextChunk());
    if (chunk.empty()) return absl::OkStatus();
    if (installer != nullptr) KILN_RETURN_IF_ERROR(installer->Add(chunk));
    progress.Advance();
  }
}

absl::Status Install(const OfflineHome& home, const SafetyRecord& safety,
                     storage::SnapshotFileReader* file) {
  const NewFolder folder(home.data_dir);
  KILN_RETURN_IF_ERROR(folder.Clear());
  {
    KILN_ASSIGN_OR_RETURN(
        const std::shared_ptr<storage::RocksDb> database,
        storage::OpenRocksDbDatabase(folder.path(), storage::Access::kReadWrite, nullptr));
    storage::SnapshotInstaller installer(database.get(), &home.genesis, file->proved());
    KILN_RETURN_IF_ERROR(installer.Begin());
    KILN_RETURN_IF_ERROR(ReadChunks(file, &installer));
    KILN_RETURN_IF_ERROR(installer.Finish(file->above(), safety));
    // As a node will: what it would refuse must not replace anything.
    KILN_RETURN_IF_ERROR(storage::OpenStore(database, home.genesis, /*read_only=*/true).status());
  }
  return folder.Place();
}

absl::Status CheckTrustedFile(const TrustedBlock& trusted,
                              const storage::SnapshotFileReader& file) {
  KILN_RETURN_IF_ERROR(node::CheckTrusted(trusted, file.proof(), /*committed=*/Height{0}));
  consensus::Commit above;
  above.blocks = file.above();
  return node::CheckTrusted(trusted, above);
}

}  // namespace

absl::StatusOr<RestoredSnapshot> RestoreSnapshot(const OfflineHome& home, const std::string& name,
                                                 std::istream* input,
                                                 const std::optional<TrustedBlock>& trusted,
                                                 bool write) {
  KILN_ASSIGN_OR_RETURN(const Owner owner, FindOwner(home));
  const consensus::Ed25519Verifier signatures;
  KILN_ASSIGN_OR_RETURN(const std::unique_ptr<storage::ChainVerifier> verifier,
                        storage::ChainVerifier::Create(home.genesis, &signatures));
  storage::SnapshotFileReader file(input, &home.genesis, verifier.get());
  KILN_RETURN_IF_ERROR(Annotate(file.Begin(), name));
  if (trusted.has_value()) {
    KILN_RETURN_IF_ERROR(Annotate(CheckTrustedFile(*trusted, file), name));
  }
  KILN_ASSIGN_OR_RETURN(const SafetyRecord safety, RaiseRecord(owner, home.genesis, file));
  if (write) {
    KILN_RETURN_IF_ERROR(Annotate(Install(home, safety, &file), name));
  } else {
    KILN_RETURN_IF_ERROR(Annotate(ReadChunks(&file, /*installer=*/nullptr), name));
  }
  return RestoredSnapshot{.height = file.proved().height,
                          .root = file.proved().root,
                          .committed = file.above().back()->header.height,
                          .chunks = file.chunks()};
}

}  // namespace kiln::tools
