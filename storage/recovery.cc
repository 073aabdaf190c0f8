#include "storage/recovery.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/mark.h"
#include "base/status_macros.h"
#include "consensus/codec.h"
#include "crypto/encoding.h"
#include "storage/database.h"
#include "storage/ledger_reader.h"
#include "storage/safety_checks.h"
#include "storage/schema.h"

namespace kiln::storage {
namespace {

// How far below the head the chain is checked on every start; `kiln ledger verify` checks all of
// it.
constexpr uint64_t kHeadersCheckedMax = 16;
constexpr absl::string_view kRepair =
    "kiln ledger verify names all that is damaged, and what mends it; where nothing does, ";
constexpr absl::string_view kRemedy =
    "restore the folder from a copy of this validator's newest state, or, if there is none, run "
    "`kiln recover`; a fresh start could sign twice";

std::string EncodeFormatVersion(uint32_t version) {
  crypto::Encoder encoder;
  encoder.U64(version);
  return std::move(encoder).Take();
}

// An error of the ledger's content, with folder and way out. Damage may be reported as anything by
// what reads it; a failing disk stays what it is.
absl::Status Refusal(absl::string_view dir, const absl::Status& cause) {
  const absl::StatusCode code =
      absl::IsNotFound(cause) ? absl::StatusCode::kDataLoss : cause.code();
  const absl::string_view repair = code == absl::StatusCode::kDataLoss ? kRepair : "";
  return absl::Status(code, absl::StrCat(dir, ": ", cause.message(), ": ", repair, kRemedy));
}

}  // namespace

absl::Status CheckFormatAndChain(const Database& database, const LedgerReader& reader,
                                 const Genesis& genesis) {
  const absl::StatusOr<uint64_t> version = reader.FormatVersion();
  if (!version.ok()) return Refusal(database.dir(), version.status());
  if (*version != kFormatVersion && *version != kFormatVersionWithBase) {
    return absl::FailedPreconditionError(absl::StrCat(
        database.dir(), " is of format ", *version, ", this program knows formats ", kFormatVersion,
        " and ", kFormatVersionWithBase, ": use the version that wrote it"));
  }
  const absl::StatusOr<Hash> chain = reader.ChainId();
  if (!chain.ok()) return Refusal(database.dir(), chain.status());
  if (*chain != genesis.ChainId()) {
    return absl::FailedPreconditionError(
        absl::StrCat(database.dir(), " holds chain ", chain->Short(), ", the genesis is of chain ",
                     genesis.ChainId().Short(), ": use another --home"));
  }
  return absl::OkStatus();
}

void PutBase(const LedgerBase& base, WriteBatch* batch) {
  batch->PutSealed(Family::kMetadata, kFormatVersionKey,
                   EncodeFormatVersion(kFormatVersionWithBase));
  batch->PutSealed(Family::kMetadata, kBaseKey, EncodeBase(base));
}

absl::StatusOr<LedgerBase> LoadBase(const LedgerReader& reader, const Genesis& genesis) {
  KILN_ASSIGN_OR_RETURN(const uint64_t version, reader.FormatVersion());
  absl::StatusOr<LedgerBase> base = reader.Base();
  if (version == kFormatVersion) {
    if (absl::IsNotFound(base.status())) return GenesisBase(genesis);
    KILN_RETURN_IF_ERROR(base.status());
    return absl::DataLossError("the ledger is of a format that begins at block 1, and does not");
  }
  if (absl::IsNotFound(base.status())) {
    return absl::DataLossError("it is not recorded what the ledger stands on");
  }
  KILN_RETURN_IF_ERROR(base.status());
  KILN_RETURN_IF_ERROR(CheckBase(*base, genesis));
  return base;
}

namespace {

// The lowest block is there, and stands on the base.
absl::Status CheckLowest(const LedgerReader& reader, const LedgerBase& base) {
  const Height lowest = base.lowest();
  KILN_ASSIGN_OR_RETURN(const Hash id, reader.IdAt(lowest));
  KILN_ASSIGN_OR_RETURN(const consensus::Header header, reader.Header(lowest, id));
  if (header.parent_id == consensus::HashOf(base.header)) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("block ", id.Short(), " at height ", lowest.value,
                                          ", the lowest, does not stand on what is recorded"));
}

// The committed head and what lies just below it: present, linked, and proved final.
absl::StatusOr<consensus::BlockPtr> LoadHead(const LedgerReader& reader, const LedgerBase& base,
                                             const Genesis& genesis) {
  KILN_ASSIGN_OR_RETURN(const HeadRecord head, reader.Head());
  if (head.height < base.height() || (head.height == base.height() && head.height.value > 0)) {
    return absl::DataLossError(absl::StrCat("the head is at height ", head.height.value,
                                            ", below the lowest height ", base.lowest().value));
  }
  KILN_ASSIGN_OR_RETURN(const Hash genesis_id, reader.IdAt(Height{0}));
  if (genesis_id != consensus::GenesisBlock(genesis)->id) {
    return absl::DataLossError("block 0 is not the genesis block");
  }
  KILN_ASSIGN_OR_RETURN(consensus::BlockPtr block, reader.Block(head.height, head.id));
  if (base.height().value > 0) KILN_RETURN_IF_ERROR(CheckLowest(reader, base));
  const uint64_t checked = std::min(head.height.value - base.height().value, kHeadersCheckedMax);
  const uint64_t lowest = head.height.value - checked + (base.height().value > 0 ? 1 : 0);
  Hash expected = head.id;
  for (uint64_t height = head.height.value + 1; height-- > lowest;) {
    KILN_ASSIGN_OR_RETURN(const Hash id, reader.IdAt(Height{height}));
    if (id != expected) {
      return absl::DataLossError(absl::StrCat("block ", id.Short(), " at height ", height,
                                              " is not the one that block ", height + 1,
                                              " or the committed head names"));
    }
    KILN_ASSIGN_OR_RETURN(const consensus::Header header, reader.Header(Height{height}, id));
    expected = header.parent_id;
  }
  const absl::StatusOr<Hash> above = reader.IdAt(Height{head.height.value + 1});
  if (above.ok()) {
    return absl::DataLossError(absl::StrCat("height ", head.height.value + 1,
                                            " is committed, but the head is ", head.height.value));
  }
  if (!absl::IsNotFound(above.status())) return above.status();
  if (head.height.value > 0) {
    KILN_ASSIGN_OR_RETURN(const auto direct, reader.DirectCommitFrom(head.height));
    if (direct.height != head.height || direct.record.child.parent_id != head.id) {
      return absl::DataLossError("the certificate at the committed head is not for it");
    }
  }
  return block;
}

// Those of the stored blocks that descend from the head.
absl::StatusOr<std::vector<consensus::BlockPtr>> LoadDescendants(
    const LedgerReader& reader, const consensus::BlockPtr& head,
    const std::vector<HeadRecord>& stored) {
  absl::flat_hash_set<Hash> connected = {head->id};  // lookup only
  std::vector<consensus::BlockPtr> blocks;
  for (const HeadRecord& record : stored) {
    KILN_ASSIGN_OR_RETURN(consensus::BlockPtr block, reader.Block(record.height, record.id));
    if (!connected.contains(block->header.parent_id)) continue;
    connected.insert(block->id);
    blocks.push_back(std::move(block));
  }
  return blocks;
}

absl::StatusOr<consensus::ExecutedState> LoadExecuted(const LedgerReader& reader, Height committed,
                                                      const LedgerBase& base) {
  KILN_ASSIGN_OR_RETURN(consensus::ExecutedState executed, reader.Executed());
  if (executed.height > committed) {
    return absl::DataLossError(absl::StrCat("the state is of height ", executed.height.value,
                                            ", above the committed height ", committed.value));
  }
  if (executed.height < committed) KILN_MARK("a start finds the state behind the ledger");
  if (executed.height < base.height()) {
    return absl::DataLossError(absl::StrCat("the state is of height ", executed.height.value,
                                            ", but the blocks after it are not here: the lowest ",
                                            "height is ", base.lowest().value));
  }
  if (executed.height == base.height()) {
    if (executed == base.state) return executed;
    return absl::DataLossError(executed.height.value == 0
                                   ? std::string("the state of height 0 is not the genesis state")
                                   : absl::StrCat("the state of height ", executed.height.value,
                                                  " is not the one that the ledger stands on"));
  }
  KILN_ASSIGN_OR_RETURN(const BlockResults results, reader.Results(executed.height));
  KILN_ASSIGN_OR_RETURN(const Hash id, reader.IdAt(executed.height));
  KILN_ASSIGN_OR_RETURN(const consensus::Header header, reader.Header(executed.height, id));
  if (results.state != executed || header.time_us != executed.time_us) {
    return absl::DataLossError(absl::StrCat("the state of height ", executed.height.value,
                                            " does not belong to the results or the block there"));
  }
  return executed;
}

absl::Status CheckSafety(const LedgerReader& reader, const LedgerImage& image) {
  return CheckSafetyRecord(image.ledger,
                           [&](const Hash& id) { return reader.HeightOf(id).status(); });
}

absl::StatusOr<LedgerImage> LoadContent(const LedgerReader& reader, const Genesis& genesis,
                                        absl::StatusOr<consensus::SafetyRecord> safety) {
  LedgerImage image;
  KILN_ASSIGN_OR_RETURN(image.base, LoadBase(reader, genesis));
  KILN_ASSIGN_OR_RETURN(image.space, reader.Space());
  KILN_ASSIGN_OR_RETURN(image.ledger.committed, LoadHead(reader, image.base, genesis));
  const Height head = image.ledger.committed->header.height;
  if (absl::IsNotFound(safety.status())) {
    KILN_MARK("a start without the safety record is refused");
    return absl::FailedPreconditionError("the safety record is missing");
  }
  KILN_RETURN_IF_ERROR(safety.status());
  image.ledger.safety = *std::move(safety);
  KILN_ASSIGN_OR_RETURN(image.stored_above, reader.StoredFrom(Height{head.value + 1}));
  KILN_ASSIGN_OR_RETURN(image.ledger.uncommitted,
                        LoadDescendants(reader, image.ledger.committed, image.stored_above));
  KILN_ASSIGN_OR_RETURN(image.executed, LoadExecuted(reader, head, image.base));
  KILN_RETURN_IF_ERROR(CheckSafety(reader, image));
  return image;
}

}  // namespace

absl::StatusOr<bool> IsBlank(const Database& database) {
  std::string in_use;
  for (size_t i = 0; i < kFamilyCount; ++i) {
    const Family family = static_cast<Family>(i);
    const absl::StatusOr<bool> empty = database.IsEmpty(family);
    if (!empty.ok()) return Refusal(database.dir(), empty.status());
    if (family == Family::kMetadata && !*empty) return false;
    if (!*empty) in_use = std::string(NameOf(family));
  }
  if (in_use.empty()) return true;
  return Refusal(database.dir(), absl::DataLossError(absl::StrCat("the metadata is missing, but ",
                                                                  in_use, " is there")));
}

void PutGenesis(const Genesis& genesis, WriteBatch* batch) {
  const consensus::BlockPtr block = consensus::GenesisBlock(genesis);
  const Height zero;
  const auto put = [&](Family family, absl::string_view key, std::string value) {
    batch->PutSealed(family, key, std::move(value));
  };
  batch->Put(Family::kBlocks, BlockKey(zero, block->id), EncodeBlockRecord(*block));
  put(Family::kIndexByHeight, IdAtHeightKey(zero), std::string(block->id.view()));
  put(Family::kIndexByHeight, HeightOfIdKey(block->id), EncodeIndexedHeight(zero));
  put(Family::kMetadata, kFormatVersionKey, EncodeFormatVersion(kFormatVersion));
  put(Family::kMetadata, kChainIdKey, std::string(genesis.ChainId().view()));
}

absl::Status CreateLedger(Database* database, const Genesis& genesis,
                          const consensus::SafetyRecord& safety) {
  const std::unique_ptr<WriteBatch> batch = database->NewBatch(/*bytes=*/0);
  PutGenesis(genesis, batch.get());
  const HeadRecord head{.height = Height{0}, .id = consensus::GenesisBlock(genesis)->id};
  batch->PutSealed(Family::kSafety, kSafetyKey, consensus::Encode(safety));
  batch->PutSealed(Family::kMetadata, kCommittedKey, EncodeHead(head));
  batch->PutSealed(Family::kMetadata, kExecutedKey,
                   consensus::Encode(consensus::GenesisState(genesis)));
  return database->Write(batch.get(), Durability::kSynced);
}

absl::StatusOr<LedgerImage> LoadLedger(const Database& database, const Genesis& genesis) {
  return LoadLedger(database, genesis, LedgerReader(&database, genesis.limits).Safety());
}

absl::StatusOr<LedgerImage> LoadLedger(const Database& database, const Genesis& genesis,
                                       absl::StatusOr<consensus::SafetyRecord> safety) {
  const LedgerReader reader(&database, genesis.limits);
  KILN_RETURN_IF_ERROR(CheckFormatAndChain(database, reader, genesis));
  absl::StatusOr<LedgerImage> image = LoadContent(reader, genesis, std::move(safety));
  if (image.ok()) return image;
  if (absl::IsDataLoss(image.status())) KILN_MARK("a start from damaged data is refused");
  return Refusal(database.dir(), image.status());
}

}  // namespace kiln::storage
