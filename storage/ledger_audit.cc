#include "storage/ledger_audit.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "consensus/block.h"
#include "consensus/codec.h"
#include "storage/chain_verifier.h"
#include "storage/database.h"
#include "storage/ledger_reader.h"
#include "storage/recovery.h"
#include "storage/schema.h"
#include "storage/snapshot_stream.h"

namespace kiln::storage {
namespace {

// A block below which the next one stands, as far as it could be read.
struct Below {
  consensus::Header header;
  Hash id;
};

// Walks one ledger from block 0 upwards, past what is damaged. Not thread-safe.
class Auditor {
 public:
  Auditor(const Database& database, const Genesis& genesis, ChainVerifier* verifier)
      : database_(database),
        genesis_(genesis),
        reader_(&database, genesis.limits),
        verifier_(*verifier) {}

  LedgerAudit Run(AuditProgress progress);
  LedgerAudit RunHeights(Height first, Height last, AuditGoesOn goes_on);

 private:
  void FindCommitted();
  void FindExecuted();
  void FindBelow(Height height);
  void FindBase();
  void CheckGenesis();
  void CheckHeight(Height height);
  std::optional<Hash> FindId(Height height);
  std::optional<Hash> OnlyBlockAt(Height height) const;
  absl::Status CheckFinality(const consensus::Header& header);
  void CheckNamedState(const consensus::Header& header);
  absl::Status CheckResults(const consensus::Block& block);
  absl::StatusOr<Hash> RootAt(Height height) const;
  void CheckState();
  void CheckSafety();
  void CheckStart();

  void Note(LedgerPart part, std::optional<Height> height, const absl::Status& cause) {
    if (cause.ok()) return;
    audit_.damage.push_back(
        {.part = part, .height = height, .cause = std::string(cause.message())});
  }

  const Database& database_;
  const Genesis& genesis_;
  const LedgerReader reader_;
  ChainVerifier& verifier_;
  LedgerBase base_;
  std::optional<consensus::ExecutedState> executed_;
  std::optional<Below> below_;
  std::optional<Height> misnamed_;  // the newest height whose results no header knows
  LedgerAudit audit_;
};

absl::Status Wrong(absl::string_view what) {
  return absl::DataLossError(what);
}

LedgerAudit Auditor::Run(AuditProgress progress) {
  FindBase();
  FindCommitted();
  FindExecuted();
  CheckGenesis();
  for (Height height = base_.lowest(); height <= audit_.committed; ++height.value) {
    CheckHeight(height);
    progress(height, audit_.committed);
  }
  CheckState();
  CheckSafety();
  CheckStart();
  return std::move(audit_);
}

LedgerAudit Auditor::RunHeights(Height first, Height last, AuditGoesOn goes_on) {
  FindBase();
  FindCommitted();
  FindExecuted();
  audit_.damage.clear();  // of no height
  first = std::max(first, base_.lowest());
  FindBelow(first);
  for (Height height = first; height <= std::min(last, audit_.committed); ++height.value) {
    CheckHeight(height);
    if (!goes_on(height, audit_)) break;
  }
  return std::move(audit_);
}

// As far as it can be read: it is checked itself at its own height.
void Auditor::FindBelow(Height height) {
  if (height == base_.lowest()) {
    below_ = Below{base_.header, consensus::HashOf(base_.header)};
    return;
  }
  const Height at{height.value - 1};
  const absl::StatusOr<Hash> id = reader_.IdAt(at);
  if (!id.ok()) return;
  const absl::StatusOr<consensus::Header> header = reader_.Header(at, *id);
  if (header.ok()) below_ = Below{*header, *id};
}

// A ledger that does not say what it stands on is looked at as if it began at block 1.
void Auditor::FindBase() {
  const absl::StatusOr<LedgerBase> base = LoadBase(reader_, genesis_);
  if (!base.ok()) Note(LedgerPart::kMetadata, std::nullopt, base.status());
  base_ = base.ok() ? *base : GenesisBase(genesis_);
  audit_.lowest = base_.lowest();
}

// When the head cannot be read, the highest height of the index stands in for it.
void Auditor::FindCommitted() {
  const absl::StatusOr<HeadRecord> head = reader_.Head();
  if (head.ok()) {
    audit_.committed = head->height;
    audit_.head_id = head->id;
    return;
  }
  Note(LedgerPart::kMetadata, std::nullopt, head.status());
  const absl::StatusOr<Height> highest = reader_.HighestIndexed();
  if (!highest.ok()) return Note(LedgerPart::kIndex, std::nullopt, highest.status());
  audit_.committed = *highest;
}

void Auditor::FindExecuted() {
  const absl::StatusOr<consensus::ExecutedState> executed = reader_.Executed();
  if (!executed.ok()) return Note(LedgerPart::kMetadata, std::nullopt, executed.status());
  executed_ = *executed;
  audit_.executed = executed->height;
  audit_.state_root = executed->Root();
}

void Auditor::CheckGenesis() {
  const consensus::BlockPtr genesis = consensus::GenesisBlock(genesis_);
  below_ = Below{base_.header, consensus::HashOf(base_.header)};
  const Height zero;
  const absl::StatusOr<Hash> id = reader_.IdAt(zero);
  if (!id.ok()) return Note(LedgerPart::kIndex, zero, id.status());
  if (*id != genesis->id) {
    return Note(LedgerPart::kBlock, zero, Wrong("is not the block of this genesis"));
  }
  const absl::Status read = reader_.Block(zero, *id).status();
  if (!read.ok()) return Note(LedgerPart::kBlock, zero, read);
  ++audit_.blocks_checked;
}

void Auditor::CheckHeight(Height height) {
  const size_t damaged_before = audit_.damage.size();
  const std::optional<Below> below = std::exchange(below_, std::nullopt);
  const std::optional<Hash> id = FindId(height);
  if (!id.has_value()) return;
  const absl::StatusOr<consensus::Header> header = reader_.Header(height, *id);
  if (!header.ok()) return Note(LedgerPart::kBlock, height, header.status());
  below_ = Below{*header, *id};
  Note(LedgerPart::kCertificate, height, CheckFinality(*header));
  CheckNamedState(*header);
  const absl::StatusOr<consensus::BlockPtr> block = reader_.Block(height, *id);
  if (!block.ok()) return Note(LedgerPart::kPayload, height, block.status());
  audit_.payload_bytes += (*block)->payload->size();
  if (below.has_value()) {
    Note(LedgerPart::kBlock, height, CheckStandsOn(**block, below->header, below->id));
  }
  Note(LedgerPart::kBlock, height, verifier_.messages().VerifyBlock(**block));
  if (executed_.has_value() && height <= executed_->height) {
    Note(LedgerPart::kResults, height, CheckResults(**block));
  }
  if (audit_.damage.size() > damaged_before) return;
  ++audit_.blocks_checked;
  ++audit_.certificates;
  audit_.transactions += (*block)->index->entries.size();
}

// As the index says; when it does not, as the only block there says.
std::optional<Hash> Auditor::FindId(Height height) {
  const absl::StatusOr<Hash> id = reader_.IdAt(height);
  if (!id.ok()) {
    Note(LedgerPart::kIndex, height, id.status());
    return OnlyBlockAt(height);
  }
  const absl::StatusOr<Height> found = reader_.HeightOf(*id);
  if (!found.ok()) {
    Note(LedgerPart::kIndex, height, found.status());
  } else if (*found != height) {
    Note(LedgerPart::kIndex, height,
         Wrong(absl::StrCat("block ", id->Short(), " is indexed at height ", found->value)));
  }
  return *id;
}

std::optional<Hash> Auditor::OnlyBlockAt(Height height) const {
  const absl::StatusOr<std::vector<Hash>> ids = reader_.IdsAt(height);
  if (!ids.ok() || ids->size() != 1) return std::nullopt;
  return ids->front();
}

// A block that its descendant commits is proved there: the links lead to it.
absl::Status Auditor::CheckFinality(const consensus::Header& header) {
  KILN_ASSIGN_OR_RETURN(const LedgerReader::DirectCommit direct,
                        reader_.DirectCommitFrom(header.height));
  if (direct.height > audit_.committed) {
    return Wrong(absl::StrCat("the next certificate is at height ", direct.height.value,
                              ", above the committed height"));
  }
  if (direct.height > header.height) return absl::OkStatus();
  return verifier_.VerifyCommit(header, direct.record.child, direct.record.certificate);
}

absl::StatusOr<Hash> Auditor::RootAt(Height height) const {
  if (height == base_.height()) return base_.state.Root();
  KILN_RETURN_IF_ERROR(height < base_.height() ? PrunedError(height, base_.lowest())
                                               : absl::OkStatus());
  KILN_ASSIGN_OR_RETURN(const BlockResults results, reader_.Results(height));
  return results.state.Root();
}

// What a quorum certified about execution against what was executed here.
void Auditor::CheckNamedState(const consensus::Header& header) {
  const Height named = header.executed_height;
  if (!executed_.has_value() || named > executed_->height) return;  // not executed here yet
  const absl::StatusOr<Hash> root = RootAt(named);
  if (!root.ok() || *root == header.state_root) return;  // what cannot be read is named there
  if (std::exchange(misnamed_, named) == named) return;
  Note(LedgerPart::kResults, named,
       Wrong(absl::StrCat("the state root is not the one that the block at height ",
                          header.height.value, " names")));
}

absl::Status Auditor::CheckResults(const consensus::Block& block) {
  KILN_ASSIGN_OR_RETURN(const BlockResults results, reader_.Results(block.header.height));
  const auto& entries = block.index->entries;
  if (results.replies.size() != entries.size() || results.ids.size() != entries.size()) {
    return Wrong(absl::StrCat("the block has ", entries.size(), " transactions, but there are ",
                              results.replies.size(), " results"));
  }
  for (size_t i = 0; i < entries.size(); ++i) {
    if (!std::equal(results.ids[i].begin(), results.ids[i].end(), entries[i].id.bytes.begin())) {
      return Wrong(absl::StrCat("the result of transaction ", i, " is of another transaction"));
    }
  }
  const consensus::ExecutedState& state = results.state;
  if (state.height != block.header.height || state.time_us != block.header.time_us ||
      state.epoch != block.header.epoch) {
    return Wrong("height, time or epoch of the executed state is not the block's");
  }
  if (state.snapshot_height !=
      consensus::SnapshotNamedAt(state.height, genesis_.limits.snapshot_interval_blocks)) {
    return Wrong("the executed state names the snapshot of another height");
  }
  if (state.height == executed_->height && state != *executed_) {
    return Wrong("they are not those of the newest state");
  }
  return absl::OkStatus();
}

void Auditor::CheckState() {
  const std::unique_ptr<Iterator> entries = database_.NewIterator(Family::kApplicationState);
  for (entries->Seek(""); entries->Valid(); entries->Next()) {
    Note(LedgerPart::kState, std::nullopt,
         Unseal(Family::kApplicationState, entries->key(), entries->value()).status());
  }
  Note(LedgerPart::kState, std::nullopt, entries->status());
}

void Auditor::CheckSafety() {
  const absl::StatusOr<consensus::SafetyRecord> safety = reader_.Safety();
  if (!safety.ok()) return Note(LedgerPart::kSafety, std::nullopt, safety.status());
  consensus::MessageVerifier& messages = verifier_.messages();
  Note(LedgerPart::kSafety, std::nullopt, messages.VerifyQuorumCertificate(safety->high_qc));
  if (!safety->last_tc.has_value()) return;
  Note(LedgerPart::kSafety, std::nullopt, messages.VerifyTimeoutCertificate(*safety->last_tc));
}

void Auditor::CheckStart() {
  audit_.start = LoadLedger(database_, genesis_).status();
}

// The lowest height in [lowest, highest] at which `same` is false; none when it holds for all.
absl::StatusOr<std::optional<Height>> FirstDifference(
    Height lowest, Height highest, absl::FunctionRef<absl::StatusOr<bool>(Height)> same) {
  for (Height height = lowest; height <= highest; ++height.value) {
    KILN_ASSIGN_OR_RETURN(const bool is_same, same(height));
    if (!is_same) return std::optional<Height>(height);
  }
  return std::optional<Height>();
}

// Reads all of it, and compares its root with the one that the state of one interval later names,
// once there is one.
absl::Status CheckSnapshot(const Store& store, const Genesis& genesis, Height height) {
  KILN_ASSIGN_OR_RETURN(const std::shared_ptr<const SnapshotIndex> index,
                        IndexSnapshot(store, height, genesis.limits.duplicate_window_blocks,
                                      /*is_stopping=*/[] { return false; }));
  const Height naming{height.value + genesis.limits.snapshot_interval_blocks};
  if (naming > store.executed_state().height) return absl::OkStatus();
  KILN_ASSIGN_OR_RETURN(const HeightState then, store.StateAt(naming));
  if (then.state.snapshot_root == index->root()) return absl::OkStatus();
  return Wrong(
      absl::StrCat("its root is not the one that the state of height ", naming.value, " names"));
}

Height EqualTo(Height highest, const std::optional<Height>& difference) {
  return difference.has_value() ? Height{difference->value - 1} : highest;
}

}  // namespace

absl::string_view NameOf(LedgerPart part) {
  switch (part) {
    case LedgerPart::kIndex:
      return "index";
    case LedgerPart::kBlock:
      return "block";
    case LedgerPart::kPayload:
      return "payload";
    case LedgerPart::kCertificate:
      return "certificate";
    case LedgerPart::kResults:
      return "results";
    case LedgerPart::kState:
      return "state";
    case LedgerPart::kMetadata:
      return "metadata";
    case LedgerPart::kSafety:
      return "safety record";
    case LedgerPart::kSnapshot:
      return "snapshot";
  }
  return "";
}

bool LedgerAudit::HasDamaged(LedgerPart part) const {
  return std::any_of(damage.begin(), damage.end(),
                     [part](const Damage& one) { return one.part == part; });
}

std::string DescribeDamage(const Damage& damage) {
  const std::string what = absl::StrCat(NameOf(damage.part), ": ", damage.cause);
  return damage.height.has_value() ? absl::StrCat("height ", damage.height->value, ": ", what)
                                   : what;
}

absl::StatusOr<LedgerAudit> AuditLedger(const Database& database, const Genesis& genesis,
                                        const consensus::SignatureVerifier& signatures,
                                        AuditProgress progress) {
  KILN_ASSIGN_OR_RETURN(const std::unique_ptr<ChainVerifier> verifier,
                        ChainVerifier::Create(genesis, &signatures));
  return Auditor(database, genesis, verifier.get()).Run(progress);
}

LedgerAudit AuditHeights(const Database& database, const Genesis& genesis, ChainVerifier* verifier,
                         Height first, Height last, AuditGoesOn goes_on) {
  return Auditor(database, genesis, verifier).RunHeights(first, last, goes_on);
}

absl::Status AuditSnapshots(const Store& store, const Genesis& genesis, LedgerAudit* audit) {
  KILN_ASSIGN_OR_RETURN(const std::vector<Height> heights, store.Snapshots());
  for (const Height height : heights) {
    if (height >= store.executed_state().height) continue;  // the next start drops it
    if (const absl::Status status = CheckSnapshot(store, genesis, height); !status.ok()) {
      audit->damage.push_back({.part = LedgerPart::kSnapshot,
                               .height = height,
                               .cause = std::string(status.message())});
      continue;
    }
    ++audit->snapshots;
  }
  return absl::OkStatus();
}

absl::StatusOr<LedgerComparison> CompareLedgers(const Store& a, const Store& b) {
  const Height blocks = std::min(a.committed_height(), b.committed_height());
  const Height lowest = std::max(a.base().lowest(), b.base().lowest());
  const Height states = std::min(a.executed_state().height, b.executed_state().height);
  LedgerComparison comparison;
  KILN_ASSIGN_OR_RETURN(comparison.first_block_difference,
                        FirstDifference(lowest, blocks, [&](Height height) -> absl::StatusOr<bool> {
                          KILN_ASSIGN_OR_RETURN(const consensus::Header in_a, a.HeaderAt(height));
                          KILN_ASSIGN_OR_RETURN(const consensus::Header in_b, b.HeaderAt(height));
                          return in_a == in_b;
                        }));
  KILN_ASSIGN_OR_RETURN(comparison.first_state_difference,
                        FirstDifference(lowest, states, [&](Height height) -> absl::StatusOr<bool> {
                          KILN_ASSIGN_OR_RETURN(const BlockResults in_a, a.ResultsAt(height));
                          KILN_ASSIGN_OR_RETURN(const BlockResults in_b, b.ResultsAt(height));
                          return in_a.state == in_b.state && in_a.replies == in_b.replies;
                        }));
  comparison.blocks_equal_to = EqualTo(blocks, comparison.first_block_difference);
  comparison.states_equal_to = EqualTo(states, comparison.first_state_difference);
  return comparison;
}

}  // namespace kiln::storage
