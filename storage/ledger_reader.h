// Reads what the store wrote, and believes none of it before it is checked.
#ifndef KILN_STORAGE_LEDGER_READER_H_
#define KILN_STORAGE_LEDGER_READER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/ids.h"
#include "consensus/block.h"
#include "consensus/executed_state.h"
#include "consensus/safety_record.h"
#include "kiln/genesis.h"
#include "kiln/types.h"
#include "storage/ledger_base.h"
#include "storage/records.h"
#include "storage/schema.h"
#include "storage/store.h"

namespace kiln::storage {

class Database;

// Stateless but for what it borrows, which must outlive it; thread-safe. NotFound for what is not
// stored; DataLoss, naming family and key, for what is not what was written.
class LedgerReader {
 public:
  LedgerReader(const Database* database, const ChainLimits& limits)
      : database_(database), limits_(limits) {}

  absl::StatusOr<HeadRecord> Head() const;
  absl::StatusOr<consensus::SafetyRecord> Safety() const;
  absl::StatusOr<consensus::ExecutedState> Executed() const;
  absl::StatusOr<Hash> ChainId() const;
  absl::StatusOr<uint64_t> FormatVersion() const;
  // NotFound when the ledger begins at block 1.
  absl::StatusOr<LedgerBase> Base() const;

  absl::StatusOr<StateSpace> Space() const;

  // Of a committed block, and of any stored one.
  absl::StatusOr<Hash> IdAt(Height height) const;
  absl::StatusOr<Height> HeightOf(const Hash& id) const;
  // Of all that have a committed block; NotFound when there is none.
  absl::StatusOr<Height> HighestIndexed() const;

  absl::StatusOr<consensus::BlockPtr> Block(Height height, const Hash& id) const;
  absl::StatusOr<consensus::Header> Header(Height height, const Hash& id) const;
  // Ids of all stored blocks from this height on, in order of height.
  absl::StatusOr<std::vector<HeadRecord>> StoredFrom(Height height) const;

  // Of all stored blocks of one height.
  absl::StatusOr<std::vector<Hash>> IdsAt(Height height) const;

  // Of the lowest directly committed block from this height on.
  struct DirectCommit {
    Height height;
    CommitRecord record;
  };
  absl::StatusOr<DirectCommit> DirectCommitFrom(Height height) const;

  absl::StatusOr<BlockResults> Results(Height height) const;
  absl::StatusOr<std::vector<Reply>> Replies(Height height) const;
  // Ids that a height below the lowest executed, of the duplicate window of a snapshot.
  absl::StatusOr<std::vector<TransactionIdPrefix>> WindowIds(Height height) const;
  // Heights in [lowest, newest] and the places in them where `prefix` stands, newest first.
  absl::StatusOr<std::vector<TransactionPosition>> FindPrefix(const TransactionIdPrefix& prefix,
                                                              Height lowest) const;

 private:
  absl::StatusOr<BlockRecord> Record(Height height, const Hash& id) const;
  absl::StatusOr<consensus::SharedBytes> Payload(Height height, const Hash& id,
                                                 const consensus::Header& header) const;

  const Database* const database_;
  const ChainLimits limits_;
};

}  // namespace kiln::storage

#endif  // KILN_STORAGE_LEDGER_READER_H_
