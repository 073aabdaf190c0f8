// Blocks of a chain file, checked one by one and appended to a ledger.
#ifndef KILN_STORAGE_CHAIN_IMPORT_H_
#define KILN_STORAGE_CHAIN_IMPORT_H_

#include <cstdint>
#include <istream>
#include <memory>
#include <optional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/ids.h"
#include "consensus/block.h"
#include "consensus/codec.h"
#include "consensus/effects.h"
#include "consensus/signing.h"
#include "kiln/genesis.h"
#include "storage/chain_file.h"
#include "storage/chain_verifier.h"
#include "storage/store.h"

namespace kiln::storage {

// Reads a chain file as what a replica commits: blocks that become final together, and why. What it
// returns is final on the chain of the genesis, provided that the block below the first is. Errors
// name the height. Borrows all that it is made from. Not thread-safe.
class ChainFileCommits {
 public:
  ChainFileCommits(std::istream* input, const Genesis& genesis, ChainVerifier* verifier)
      : chain_id_(genesis.ChainId()), reader_(input, genesis.limits), verifier_(verifier) {}

  // FailedPrecondition when the file is of another chain.
  absl::StatusOr<ChainFileHeader> Begin();
  // The block below the file's first. To be called once, before Next.
  void StandOn(const consensus::Header& block) {
    parent_ = Parent{block, consensus::HashOf(block)};
  }
  // None at the end, when the whole file was read and verified.
  absl::StatusOr<std::optional<Commit>> Next();

 private:
  absl::StatusOr<consensus::BlockPtr> ReadBlock();
  absl::StatusOr<std::optional<Commit>> End();
  absl::StatusOr<Commit> CommitUpTo(size_t count, const consensus::Header& child,
                                    const consensus::QuorumCertificate& certificate);

  const Hash chain_id_;
  ChainFileReader reader_;
  ChainVerifier* const verifier_;
  ChainFileHeader header_;
  struct Parent {
    consensus::Header header;
    Hash id;
  };
  std::optional<Parent> parent_;              // the newest that was read
  std::vector<consensus::BlockPtr> pending_;  // read, and not returned yet; oldest first
};

struct ChainImport {
  const Genesis* genesis = nullptr;
  const consensus::SignatureVerifier* signatures = nullptr;
  // Whose ledger it is: none when the folder has no key, so that nobody signs from it.
  std::optional<ValidatorIndex> self;
  // Null for a ledger that is not there yet, to see what would be imported.
  Store* store = nullptr;
  // Otherwise everything is checked, and nothing is written.
  bool write = false;
};

struct ImportedChain {
  ChainFileHeader file;
  Height before;  // the committed height
  Height after;
  uint64_t blocks_added = 0;
  uint64_t transactions_added = 0;
};

// Called after each height; `last` is the file's.
using ImportProgress = absl::FunctionRef<void(Height height, Height last)>;

// Appends what is above the committed height; what is at or below it must be the same there. The
// safety record learns the highest certificate and nothing else. FailedPrecondition: another chain,
// a gap between ledger and file, a file that begins below the lowest height that was not pruned,
// other blocks in the ledger, or a certificate with a signature of `self` that its safety record
// does not know: then this is not that validator's newest ledger, and with these blocks it could
// sign twice. DataLoss or InvalidArgument: the file is damaged, or says what nobody certified. When
// it writes, an error leaves the blocks that were written until then, which are good.
absl::StatusOr<ImportedChain> ImportChain(const ChainImport& request, std::istream* input,
                                          ImportProgress progress);

}  // namespace kiln::storage

#endif  // KILN_STORAGE_CHAIN_IMPORT_H_
