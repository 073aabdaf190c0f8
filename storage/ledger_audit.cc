#include "storage/ledger_audit.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "consensus/block.h"
#include "consensus/finality.h"
#include "consensus/validator_set.h"
#include "consensus/verifier.h"
#include "storage/safety_checks.h"

namespace kiln::storage {
namespace {

// Walks one ledger from block 0 upwards. Not thread-safe.
class Auditor {
 public:
  Auditor(const Store& store, const Genesis& genesis, const consensus::ValidatorSet* validators,
          const consensus::SignatureVerifier* signatures)
      : store_(store),
        genesis_(genesis),
        verifier_(genesis, validators, Epoch{1}, signatures),
        genesis_state_(consensus::GenesisState(genesis)),
        executed_(store.executed_state()),
        parent_(consensus::GenesisBlock(genesis)) {}

  absl::StatusOr<LedgerAudit> Run(AuditProgress progress);

 private:
  absl::Status CheckGenesis() const;
  absl::Status CheckBlock(const consensus::Block& block);
  absl::Status CheckLinks(const consensus::Block& block) const;
  absl::Status CheckFinality(const consensus::Block& block);
  absl::Status CheckNamedState(const consensus::Header& header) const;
  absl::Status CheckResults(const consensus::Block& block);
  absl::Status CheckSafety();
  absl::StatusOr<Hash> RootAt(Height height) const;

  const Store& store_;
  const Genesis& genesis_;
  consensus::MessageVerifier verifier_;
  const consensus::ExecutedState genesis_state_;
  const consensus::ExecutedState executed_;
  consensus::BlockPtr parent_;
  LedgerAudit audit_;
};

absl::Status Wrong(absl::string_view what) {
  return absl::DataLossError(what);
}

// An error at one height, whatever found it.
absl::Status At(Height height, const Hash& id, const absl::Status& cause) {
  return absl::DataLossError(
      absl::StrCat("height ", height.value, ", block ", id.ToHex(), ": ", cause.message()));
}

absl::StatusOr<LedgerAudit> Auditor::Run(AuditProgress progress) {
  const Height committed = store_.committed_height();
  KILN_RETURN_IF_ERROR(CheckGenesis());
  audit_.blocks_checked = 1;
  for (Height height{1}; height <= committed; ++height.value) {
    absl::StatusOr<consensus::BlockPtr> block = store_.BlockAt(height);
    if (!block.ok()) return Annotate(block.status(), absl::StrCat("height ", height.value));
    if (absl::Status status = CheckBlock(**block); !status.ok()) {
      return At(height, (*block)->id, status);
    }
    ++audit_.blocks_checked;
    audit_.transactions += (*block)->index->entries.size();
    parent_ = *std::move(block);
    progress(height, committed);
  }
  if (executed_.height > committed) return Wrong("the state is above the committed height");
  KILN_RETURN_IF_ERROR(CheckSafety());
  audit_.committed = committed;
  audit_.head_id = parent_->id;
  audit_.executed = executed_.height;
  audit_.state_root = executed_.Root();
  return audit_;
}

absl::Status Auditor::CheckGenesis() const {
  KILN_ASSIGN_OR_RETURN(const consensus::BlockPtr block, store_.BlockAt(Height{0}));
  if (block->id == parent_->id) return absl::OkStatus();
  return At(Height{0}, block->id, Wrong("is not the block of this genesis"));
}

absl::Status Auditor::CheckBlock(const consensus::Block& block) {
  KILN_RETURN_IF_ERROR(CheckLinks(block));
  KILN_RETURN_IF_ERROR(verifier_.VerifyBlock(block));
  ++audit_.certificates;
  KILN_RETURN_IF_ERROR(CheckFinality(block));
  KILN_RETURN_IF_ERROR(CheckNamedState(block.header));
  if (block.header.height <= executed_.height) return CheckResults(block);
  return absl::OkStatus();
}

absl::Status Auditor::CheckLinks(const consensus::Block& block) const {
  const consensus::Header& header = block.header;
  const consensus::Header& parent = parent_->header;
  if (header.parent_id != parent_->id) return Wrong("does not name the block below as its parent");
  if (header.height.value != parent.height.value + 1) return Wrong("the height leaves a gap");
  if (header.parent_round != parent.round) return Wrong("the parent's round is another");
  if (header.round <= parent.round) return Wrong("the round does not increase");
  if (header.time_us < parent.time_us) return Wrong("the time is before the parent's");
  if (block.justify.block_id != parent_->id) return Wrong("the certificate is not the parent's");
  if (header.executed_height < parent.executed_height) {
    return Wrong("the executed height is below the parent's");
  }
  if (header.executed_height >= header.height) return Wrong("claims to be executed before it is");
  return absl::OkStatus();
}

absl::Status Auditor::CheckFinality(const consensus::Block& block) {
  KILN_ASSIGN_OR_RETURN(const std::string proof, store_.FinalityAt(block.header.height));
  KILN_ASSIGN_OR_RETURN(const consensus::Header proved,
                        consensus::VerifyFinality(proof, verifier_));
  if (proved != block.header) return Wrong("the finality proof is for another block");
  return absl::OkStatus();
}

absl::StatusOr<Hash> Auditor::RootAt(Height height) const {
  if (height.value == 0) return genesis_state_.Root();
  KILN_ASSIGN_OR_RETURN(const BlockResults results, store_.ResultsAt(height));
  return results.state.Root();
}

// What a quorum certified about execution against what was executed here.
absl::Status Auditor::CheckNamedState(const consensus::Header& header) const {
  if (header.executed_height > executed_.height) return absl::OkStatus();  // not executed here yet
  KILN_ASSIGN_OR_RETURN(const Hash root, RootAt(header.executed_height));
  if (root == header.state_root) return absl::OkStatus();
  return Wrong(absl::StrCat("the state root that it names for height ",
                            header.executed_height.value, " is not the stored one"));
}

absl::Status Auditor::CheckResults(const consensus::Block& block) {
  KILN_ASSIGN_OR_RETURN(const BlockResults results, store_.ResultsAt(block.header.height));
  const auto& entries = block.index->entries;
  if (results.replies.size() != entries.size() || results.ids.size() != entries.size()) {
    return Wrong(absl::StrCat("has ", entries.size(), " transactions, but ", results.replies.size(),
                              " results"));
  }
  for (size_t i = 0; i < entries.size(); ++i) {
    if (!std::equal(results.ids[i].begin(), results.ids[i].end(), entries[i].id.bytes.begin())) {
      return Wrong(absl::StrCat("the result of transaction ", i, " is of another transaction"));
    }
  }
  const consensus::ExecutedState& state = results.state;
  if (state.height != block.header.height || state.time_us != block.header.time_us ||
      state.epoch != block.header.epoch) {
    return Wrong("height, time or epoch of its executed state is not the block's");
  }
  if (state.height == executed_.height && state != executed_) {
    return Wrong("its results are not those of the newest state");
  }
  return absl::OkStatus();
}

absl::Status Auditor::CheckSafety() {
  const RecoveredLedger recovered = store_.Recover();
  const consensus::SafetyRecord& safety = recovered.safety;
  KILN_RETURN_IF_ERROR(CheckSafetyRecord(
      recovered, [this](const Hash& id) { return store_.BlockById(id).status(); }));
  KILN_RETURN_IF_ERROR(
      Annotate(verifier_.VerifyQuorumCertificate(safety.high_qc), "safety record"));
  if (safety.last_tc.has_value()) {
    KILN_RETURN_IF_ERROR(
        Annotate(verifier_.VerifyTimeoutCertificate(*safety.last_tc), "safety record"));
  }
  return absl::OkStatus();
}

// The lowest height in [1, highest] at which `same` is false; none when it holds for all of them.
absl::StatusOr<std::optional<Height>> FirstDifference(
    Height highest, absl::FunctionRef<absl::StatusOr<bool>(Height)> same) {
  for (Height height{1}; height <= highest; ++height.value) {
    KILN_ASSIGN_OR_RETURN(const bool is_same, same(height));
    if (!is_same) return std::optional<Height>(height);
  }
  return std::optional<Height>();
}

Height EqualTo(Height highest, const std::optional<Height>& difference) {
  return difference.has_value() ? Height{difference->value - 1} : highest;
}

}  // namespace

absl::StatusOr<LedgerAudit> AuditLedger(const Store& store, const Genesis& genesis,
                                        const consensus::SignatureVerifier& signatures,
                                        AuditProgress progress) {
  KILN_ASSIGN_OR_RETURN(const consensus::ValidatorSet validators,
                        consensus::ValidatorSet::FromGenesis(genesis));
  return Auditor(store, genesis, &validators, &signatures).Run(progress);
}

absl::StatusOr<LedgerComparison> CompareLedgers(const Store& a, const Store& b) {
  const Height blocks = std::min(a.committed_height(), b.committed_height());
  const Height states = std::min(a.executed_state().height, b.executed_state().height);
  LedgerComparison comparison;
  KILN_ASSIGN_OR_RETURN(comparison.first_block_difference,
                        FirstDifference(blocks, [&](Height height) -> absl::StatusOr<bool> {
                          KILN_ASSIGN_OR_RETURN(const consensus::Header in_a, a.HeaderAt(height));
                          KILN_ASSIGN_OR_RETURN(const consensus::Header in_b, b.HeaderAt(height));
                          return in_a == in_b;
                        }));
  KILN_ASSIGN_OR_RETURN(comparison.first_state_difference,
                        FirstDifference(states, [&](Height height) -> absl::StatusOr<bool> {
                          KILN_ASSIGN_OR_RETURN(const BlockResults in_a, a.ResultsAt(height));
                          KILN_ASSIGN_OR_RETURN(const BlockResults in_b, b.ResultsAt(height));
                          return in_a.state == in_b.state && in_a.replies == in_b.replies;
                        }));
  comparison.blocks_equal_to = EqualTo(blocks, comparison.first_block_difference);
  comparison.states_equal_to = EqualTo(states, comparison.first_state_difference);
  return comparison;
}

}  // namespace kiln::storage
