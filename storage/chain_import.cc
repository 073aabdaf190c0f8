#include "storage/chain_import.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "consensus/finality.h"
#include "consensus/safety_rules.h"
#include "storage/no_signer.h"

namespace kiln::storage {
namespace {

// One write of an import: large enough that syncs do not count, small enough to hold.
constexpr size_t kImportBatchBytes = 8 << 20;
constexpr size_t kImportBatchBlocks = 1024;

absl::Status AtHeight(Height height, const absl::Status& cause) {
  return Annotate(cause, absl::StrCat("height ", height.value));
}

// Appends verified commits to a ledger, many at a time. Not thread-safe.
class Appender {
 public:
  explicit Appender(const ChainImport& request)
      : request_(request),
        before_(request.store == nullptr ? Height{0} : request.store->committed_height()),
        rules_(request.genesis->ChainId(), request.self.value_or(ValidatorIndex{0}), &signer_,
               request.store == nullptr
                   ? consensus::InitialSafetyRecord(consensus::GenesisCertificate(*request.genesis))
                   : request.store->Recover().safety) {}

  Height before() const { return before_; }
  // Of the block that a file from `first` on stands on.
  absl::StatusOr<consensus::Header> HeaderBelow(Height first) const;
  absl::Status Add(Commit commit);
  absl::Status Flush();

  uint64_t blocks() const { return blocks_; }
  uint64_t transactions() const { return transactions_; }

 private:
  absl::Status CheckKnown(const consensus::QuorumCertificate& certificate) const;
  absl::Status CheckSame(const consensus::Block& block) const;

  const ChainImport& request_;
  const Height before_;
  NoSigner signer_;
  consensus::SafetyRules rules_;
  DurableWrite write_;
  size_t write_bytes_ = 0;
  uint64_t blocks_ = 0;
  uint64_t transactions_ = 0;
};

absl::StatusOr<consensus::Header> Appender::HeaderBelow(Height first) const {
  const LedgerBase base =
      request_.store == nullptr ? GenesisBase(*request_.genesis) : request_.store->base();
  if (first == base.lowest()) return base.header;
  if (first > base.lowest()) return request_.store->HeaderAt(Height{first.value - 1});
  return absl::FailedPreconditionError(
      absl::StrCat("it begins at height ", first.value, ", below the ledger's lowest, ",
                   base.lowest().value, ": export the chain from there on"));
}

absl::Status Appender::CheckKnown(const consensus::QuorumCertificate& certificate) const {
  if (!request_.self.has_value() || rules_.Knows(certificate)) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "its certificate of round ", certificate.round.value,
      " has a signature of this validator's key that the safety record, of round ",
      rules_.record().last_voted_round.value,
      ", does not know: this folder is not the one that the key was used with last, and with these "
      "blocks the validator could sign twice; import into the folder that was used last, or into a "
      "home without keys"));
}

absl::Status Appender::CheckSame(const consensus::Block& block) const {
  KILN_ASSIGN_OR_RETURN(const consensus::Header stored,
                        request_.store->HeaderAt(block.header.height));
  if (stored == block.header) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the ledger has another block than the file, and both are certified: keep the "
                   "folder and the file, a third or more of the voting power is faulty"));
}

absl::Status Appender::Add(Commit commit) {
  for (const consensus::BlockPtr& block : commit.blocks) {
    const Height height = block->header.height;
    if (height <= before_) {
      KILN_RETURN_IF_ERROR(AtHeight(height, CheckSame(*block)));
      continue;
    }
    KILN_RETURN_IF_ERROR(AtHeight(height, CheckKnown(block->justify)));
    ++blocks_;
    transactions_ += block->index->entries.size();
  }
  std::erase_if(commit.blocks, [this](const consensus::BlockPtr& block) {
    return block->header.height <= before_;
  });
  if (commit.blocks.empty()) return absl::OkStatus();
  KILN_RETURN_IF_ERROR(AtHeight(commit.child.height, CheckKnown(commit.certificate)));
  rules_.Observe(commit.certificate);
  if (!request_.write) return absl::OkStatus();
  for (const consensus::BlockPtr& block : commit.blocks) {
    write_bytes_ += block->payload->size();
    write_.blocks.push_back(block);
  }
  write_.commits.push_back(std::move(commit));
  if (write_bytes_ < kImportBatchBytes && write_.blocks.size() < kImportBatchBlocks) {
    return absl::OkStatus();
  }
  return Flush();
}

absl::Status Appender::Flush() {
  if (write_.empty()) return absl::OkStatus();
  write_.safety = rules_.record();
  KILN_RETURN_IF_ERROR(request_.store->Persist(write_));
  write_ = {};
  write_bytes_ = 0;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ChainFileHeader> ChainFileCommits::Begin() {
  KILN_ASSIGN_OR_RETURN(header_, reader_.Begin());
  if (header_.chain_id == chain_id_) return header_;
  return absl::FailedPreconditionError(absl::StrCat("it is of chain ", header_.chain_id.Short(),
                                                    ", the genesis is of chain ", chain_id_.Short(),
                                                    ": use the other home"));
}

absl::StatusOr<consensus::BlockPtr> ChainFileCommits::ReadBlock() {
  const Height height{parent_->header.height.value + 1};
  absl::StatusOr<consensus::BlockPtr> block = reader_.Next();
  if (!block.ok()) return AtHeight(height, block.status());
  KILN_RETURN_IF_ERROR(
      AtHeight(height, verifier_->VerifyChild(**block, parent_->header, parent_->id)));
  if (pending_.size() == consensus::kFinalityHeadersMax) {
    return AtHeight(height, absl::InvalidArgumentError(absl::StrCat("none of the ", pending_.size(),
                                                                    " blocks below is final")));
  }
  parent_ = Parent{(*block)->header, (*block)->id};
  return block;
}

absl::StatusOr<Commit> ChainFileCommits::CommitUpTo(
    size_t count, const consensus::Header& child, const consensus::QuorumCertificate& certificate) {
  const consensus::Header& last = pending_[count - 1]->header;
  KILN_RETURN_IF_ERROR(AtHeight(last.height, verifier_->VerifyCommit(last, child, certificate)));
  const auto end = pending_.begin() + static_cast<ptrdiff_t>(count);
  Commit commit{.blocks = {pending_.begin(), end}, .child = child, .certificate = certificate};
  pending_.erase(pending_.begin(), end);
  return commit;
}

absl::StatusOr<std::optional<Commit>> ChainFileCommits::End() {
  if (pending_.empty()) return std::optional<Commit>();
  KILN_ASSIGN_OR_RETURN(const CommitRecord record, reader_.End());
  KILN_ASSIGN_OR_RETURN(Commit commit,
                        CommitUpTo(pending_.size(), record.child, record.certificate));
  return std::optional<Commit>(std::move(commit));
}

// The block above a certified child carries its certificate.
absl::StatusOr<std::optional<Commit>> ChainFileCommits::Next() {
  KILN_CHECK(parent_.has_value());
  while (parent_->header.height < header_.last) {
    KILN_ASSIGN_OR_RETURN(consensus::BlockPtr block, ReadBlock());
    const consensus::BlockPtr child = pending_.empty() ? nullptr : pending_.back();
    const size_t below = pending_.empty() ? 0 : pending_.size() - 1;
    pending_.push_back(block);
    if (below == 0 || !consensus::CommitsParent(child->header)) continue;
    KILN_ASSIGN_OR_RETURN(Commit commit, CommitUpTo(below, child->header, block->justify));
    return std::optional<Commit>(std::move(commit));
  }
  return End();
}

absl::StatusOr<ImportedChain> ImportChain(const ChainImport& request, std::istream* input,
                                          ImportProgress progress) {
  KILN_CHECK(!request.write || request.store != nullptr);
  KILN_ASSIGN_OR_RETURN(const std::unique_ptr<ChainVerifier> verifier,
                        ChainVerifier::Create(*request.genesis, request.signatures));
  ChainFileCommits commits(input, *request.genesis, verifier.get());
  Appender appender(request);
  ImportedChain imported{.file = {}, .before = appender.before(), .after = appender.before()};
  KILN_ASSIGN_OR_RETURN(imported.file, commits.Begin());
  if (imported.file.first.value > imported.before.value + 1) {
    return absl::FailedPreconditionError(absl::StrCat(
        "it begins at height ", imported.file.first.value, ", the ledger ends at height ",
        imported.before.value, ": import the heights between them first"));
  }
  KILN_ASSIGN_OR_RETURN(const consensus::Header below, appender.HeaderBelow(imported.file.first));
  commits.StandOn(below);
  for (;;) {
    KILN_ASSIGN_OR_RETURN(std::optional<Commit> commit, commits.Next());
    if (!commit.has_value()) break;
    const Height reached = commit->blocks.back()->header.height;
    KILN_RETURN_IF_ERROR(appender.Add(*std::move(commit)));
    progress(reached, imported.file.last);
  }
  KILN_RETURN_IF_ERROR(appender.Flush());
  imported.after = std::max(imported.before, imported.file.last);
  imported.blocks_added = appender.blocks();
  imported.transactions_added = appender.transactions();
  return imported;
}

}  // namespace kiln::storage
