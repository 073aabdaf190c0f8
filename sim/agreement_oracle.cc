#include "sim/agreement_oracle.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "consensus/codec.h"

namespace kiln::sim {

AgreementOracle::AgreementOracle(Observed* observed, ReferenceExecution* reference)
    : observed_(observed), reference_(reference), lives_(observed->replicas()) {
  for (Life& life : lives_) life.head = observed_->ChainAt(0);
}

void AgreementOracle::OnStarted(uint32_t replica, const storage::Store& store) {
  Life& life = lives_.at(replica);
  life.status = {};
  if (std::exchange(life.recovered, false)) ForgetAbove(store.committed_height(), &life);
  if (store.committed_height().value < life.committed) {
    observed_->Violated("S2", replica,
                        absl::StrCat("had committed height ", life.committed, " and starts at ",
                                     store.committed_height().value));
    return;
  }
  const Height lowest = store.base().lowest();
  if (const auto block = store.BlockAt(lowest); lowest <= store.committed_height() && !block.ok()) {
    Unreadable(replica, "S3", absl::StrCat("its lowest block, of height ", lowest.value),
               block.status());
  }
  // It may have committed more than it could say before it crashed.
  OnCommitted(replica, store.committed_height(), store);
  const consensus::ExecutedState executed = store.executed_state();
  life.executed = executed.height.value;
  CheckRoot(replica, executed.height.value, executed.Root());
}

void AgreementOracle::OnRecovered(uint32_t replica) {
  lives_.at(replica).recovered = true;
}

void AgreementOracle::ForgetAbove(Height height, Life* life) const {
  if (life->committed <= height.value) return;
  life->committed = height.value;
  life->head = observed_->ChainAt(height.value);
}

void AgreementOracle::OnStatus(uint32_t replica, const consensus::ReplicaStatus& status) {
  Life& life = lives_.at(replica);
  const bool regressed = status.round < life.status.round || status.epoch < life.status.epoch ||
                         status.high_qc_round < life.status.high_qc_round ||
                         status.committed_height < life.status.committed_height ||
                         status.executed_height < life.status.executed_height;
  if (regressed) {
    observed_->Violated(
        "S2", replica,
        absl::StrCat("went back from round ", life.status.round.value, ", height ",
                     life.status.committed_height.value, " to round ", status.round.value,
                     ", height ", status.committed_height.value));
  }
  const bool is_news = status.committed_height != life.status.committed_height;
  life.status = status;
  const uint64_t height = status.committed_height.value;
  if (!is_news || height >= observed_->chain_size()) return;
  if (observed_->ChainAt(height) == status.committed_id) return;
  observed_->Violated(
      "S1", replica,
      absl::StrCat("committed ", status.committed_id.Short(), " at height ", height, ", where ",
                   observed_->ChainAt(height).Short(), " is committed"));
}

void AgreementOracle::OnCommitted(uint32_t replica, Height height, const storage::Store& store) {
  Life& life = lives_.at(replica);
  if (height.value < life.committed) {
    observed_->Violated(
        "S2", replica,
        absl::StrCat("went back from height ", life.committed, " to ", height.value));
  }
  if (const storage::LedgerBase base = store.base(); base.height().value > life.committed) {
    CommitBase(replica, base);
  }
  while (life.committed < height.value) {
    if (!CommitNext(replica, store)) return;
  }
}

void AgreementOracle::CommitBase(uint32_t replica, const storage::LedgerBase& base) {
  Life& life = lives_.at(replica);
  const uint64_t height = base.height().value;
  const Hash id = IdOf(base.header);
  if (height >= observed_->chain_size() || observed_->ChainAt(height) != id) {
    observed_->Violated("S1", replica,
                        absl::StrCat("stands on ", id.Short(), " at height ", height,
                                     ", which is not committed there"));
  }
  CheckRoot(replica, height, base.state.Root());
  life.committed = height;
  life.head = id;
}

bool AgreementOracle::CommitNext(uint32_t replica, const storage::Store& store) {
  Life& life = lives_.at(replica);
  const uint64_t height = life.committed + 1;
  const absl::StatusOr<consensus::Header> header = store.HeaderAt(Height{height});
  if (!header.ok()) {
    Unreadable(replica, "S3", absl::StrCat("the block at height ", height), header.status());
    return false;
  }
  const Hash id = IdOf(*header);
  if (header->height.value != height || header->parent_id != life.head) {
    observed_->Violated("S3", replica,
                        absl::StrCat("committed ", id.Short(), " at height ", height,
                                     ", which is no child of the block below"));
  }
  if (height < observed_->chain_size()) {
    if (observed_->ChainAt(height) != id) {
      observed_->Violated("S1", replica,
                          absl::StrCat("committed ", id.Short(), " at height ", height, ", where ",
                                       observed_->ChainAt(height).Short(), " is committed"));
    }
  } else {
    const SeenBlock* const seen = observed_->Find(id);
    absl::StatusOr<consensus::BlockPtr> block =
        seen != nullptr ? seen->block : store.BlockAt(Height{height});
    if (!block.ok()) {
      Unreadable(replica, "S3", absl::StrCat("the block at height ", height), block.status());
      return false;
    }
    ExtendChain(replica, **block);
  }
  life.committed = height;
  life.head = id;
  return true;
}

// Most headers are equal to one whose hash is known.
Hash AgreementOracle::IdOf(const consensus::Header& header) const {
  if (header.height.value < observed_->chain_size()) {
    const SeenBlock* const seen = observed_->Find(observed_->ChainAt(header.height.value));
    if (seen != nullptr && seen->block->header == header) return seen->block->id;
  }
  return consensus::HashOf(header);
}

void AgreementOracle::ExtendChain(uint32_t replica, const consensus::Block& block) {
  const consensus::Header& header = block.header;
  observed_->Extend(header, block.id);
  const std::string wrong = reference_->Execute(block, observed_->all_honest());
  if (!wrong.empty()) {
    observed_->Violated(
        "S10", replica,
        absl::StrCat("committed a block although ", wrong, ": ", Describe(header.round, block.id)));
  }
  // A quorum certified this claim.
  if (reference_->RootAt(header.executed_height.value) == header.state_root) return;
  observed_->Violated(
      "S10", replica,
      absl::StrCat("committed a block with a wrong state root for height ",
                   header.executed_height.value, ": ", Describe(header.round, block.id)));
}

void AgreementOracle::OnAnswered(uint32_t replica, const Hash& id,
                                 const absl::StatusOr<Receipt>& answer) {
  if (!answer.ok()) return;
  const std::string wrong = reference_->CheckReceipt(id, *answer);
  if (wrong.empty()) return;
  observed_->Violated(
      "S10", replica,
      absl::StrCat("gave a receipt for transaction ", id.Short(), " at height ", answer->height,
                   ", place ", answer->index, ", although ", wrong));
}

void AgreementOracle::OnExecuted(uint32_t replica, Height height, const storage::Store& store) {
  Life& life = lives_.at(replica);
  if (height.value <= life.executed) {
    return observed_->Violated(
        "S3", replica,
        absl::StrCat("executed height ", height.value, " after height ", life.executed));
  }
  // It may say so first: what is executed was committed, durably, before.
  if (height.value > life.committed) OnCommitted(replica, height, store);
  if (height.value > life.committed) {
    observed_->Violated("S3", replica,
                        absl::StrCat("executed height ", height.value, " before it committed it"));
  }
  const consensus::ExecutedState newest = store.executed_state();
  const uint64_t base = store.base().height().value;
  for (uint64_t h = std::max(life.executed, base) + 1; h <= height.value; ++h) {
    if (newest.height.value == h) {
      CheckRoot(replica, h, newest.Root());
      continue;
    }
    const absl::StatusOr<storage::BlockResults> results = store.ResultsAt(Height{h});
    if (results.ok()) {
      CheckRoot(replica, h, results->state.Root());
    } else {
      Unreadable(replica, "S3", absl::StrCat("the results of height ", h), results.status());
    }
  }
  life.executed = height.value;
}

void AgreementOracle::CheckRoot(uint32_t replica, uint64_t height, const Hash& root) {
  const std::optional<Hash> expected = reference_->RootAt(height);
  if (!expected.has_value()) {
    return observed_->Violated(
        "S3", replica, absl::StrCat("executed height ", height, ", which nobody committed"));
  }
  if (*expected == root) return;
  observed_->Violated("S10", replica,
                      absl::StrCat("has state root ", root.Short(), " at height ", height,
                                   "; one execution after the other gives ", expected->Short()));
}

void AgreementOracle::OnEnd(uint32_t replica, const storage::Store& store) {
  const storage::Store::View view = store.state_view();
  const uint64_t height = view.height.value;
  if (height > reference_->height()) return;  // CheckRoot said so
  const auto entries = view.state->Scan("", SIZE_MAX);
  if (!entries.ok()) return Unreadable(replica, "D-e", "its state", entries.status());
  const std::map<std::string, std::string> state(entries->begin(), entries->end());
  if (state == reference_->StateAt(height)) return;
  observed_->Violated(
      "D-e", replica,
      absl::StrCat("holds other keys and values at height ", height, " than the chain gives"));
}

void AgreementOracle::Unreadable(uint32_t replica, absl::string_view invariant,
                                 absl::string_view what, const absl::Status& why) {
  if (observed_->HasFault(replica, {"D3", "D4", "D5", "D6", "D8"})) return;
  observed_->Violated(invariant, replica, absl::StrCat("cannot read ", what, ": ", why.ToString()));
}

}  // namespace kiln::sim
