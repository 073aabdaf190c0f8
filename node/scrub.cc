#include "node/scrub.h"

#include <algorithm>
#include <vector>

#include "absl/time/time.h"
#include "base/mark.h"
#include "base/status_macros.h"
#include "consensus/finality.h"
#include "storage/ledger_repair.h"

namespace kiln::node {
namespace {

using consensus::Blocks;
using storage::Damage;
using storage::LedgerPart;

}  // namespace

absl::StatusOr<std::string> FinalityWithin(const Blocks& answer) {
  const std::vector<consensus::BlockPtr>& blocks = answer.blocks;
  consensus::FinalityProof proof;
  for (size_t i = 0; i + 1 < blocks.size(); ++i) {
    proof.headers.push_back(blocks[i]->header);
    const consensus::Header& child = blocks[i + 1]->header;
    if (!consensus::CommitsParent(child)) continue;
    const bool is_last = i + 2 == blocks.size();
    if (is_last && !answer.tip_qc.has_value()) break;
    proof.headers.push_back(child);
    proof.certificate = is_last ? *answer.tip_qc : blocks[i + 2]->justify;
    return consensus::Encode(proof);
  }
  return absl::NotFoundError("the blocks do not show that the first of them is final");
}

absl::StatusOr<std::unique_ptr<Scrub>> Scrub::Create(const Options& options,
                                                     const Environment& environment) {
  KILN_ASSIGN_OR_RETURN(std::unique_ptr<storage::ChainVerifier> verifier,
                        storage::ChainVerifier::Create(options.genesis, environment.signatures));
  return std::unique_ptr<Scrub>(new Scrub(options, environment, std::move(verifier)));
}

uint64_t Scrub::Step(Now now) {
  if (const std::optional<uint64_t> mends_us = Mend(now)) return *mends_us;
  if (now.monotonic_us < resumes_us_) return resumes_us_;
  return CheckHeights(now);
}

// --- Checking

uint64_t Scrub::CheckHeights(Now now) {
  const uint64_t committed = environment_.store->committed_height().value;
  const uint64_t last = committed > kNewestBlocks ? committed - kNewestBlocks : 0;
  uint64_t bytes = 0;
  next_ = std::max(next_, environment_.store->base().lowest());
  while (next_.value <= last && bytes < kStepBytes) {
    bytes += CheckHeight(next_);
    ++next_.value;
  }
  if (next_.value > last) return EndPass(now);
  resumes_us_ = now.monotonic_us + bytes * 1'000'000 / options_.bytes_per_second;
  return resumes_us_;
}

uint64_t Scrub::EndPass(Now now) {
  uint64_t damaged = 0;
  {
    absl::MutexLock lock(&mutex_);
    ++status_.passes;
    status_.last_completed = absl::FromUnixMicros(static_cast<int64_t>(now.wall_us));
    damaged = damage_.size();
  }
  if (next_.value > 1 && environment_.passed != nullptr)
    environment_.passed(next_.value - 1, damaged);
  next_ = Height{1};
  tried_up_to_ = Height{0};
  resumes_us_ = now.monotonic_us + options_.rest_us;
  return resumes_us_;
}

uint64_t Scrub::CheckHeight(Height height) {
  const storage::LedgerAudit audit = storage::AuditHeights(*environment_.database, options_.genesis,
                                                           verifier_.get(), height, height);
  // What a block can mend first: results may be named because of it.
  std::optional<Damage> damage;
  for (const Damage& one : audit.damage) {
    if (!damage.has_value() || damage->part == LedgerPart::kResults) damage = one;
  }
  // What is missing because it was pruned meanwhile is not damaged.
  if (height < environment_.store->base().lowest()) damage.reset();
  Note(height, std::move(damage));
  return std::max(audit.payload_bytes, kBlockBytesMin);
}

void Scrub::Note(Height height, std::optional<Damage> damage) {
  bool is_new = false;
  {
    absl::MutexLock lock(&mutex_);
    status_.height = height.value;
    is_new = damage.has_value() && !damage_.contains(height);
    if (damage.has_value()) {
      damage_[height] = *damage;
    } else {
      damage_.erase(height);
    }
  }
  if (!is_new) return;
  KILN_MARK("the scrub finds damage");
  if (environment_.found != nullptr) environment_.found(*damage);
}

// --- Mending

std::optional<uint64_t> Scrub::Mend(Now now) {
  std::optional<Question> answered;
  {
    absl::MutexLock lock(&mutex_);
    if (question_.has_value()) {
      if (!question_->answer.has_value() && now.monotonic_us < question_->due_us) {
        return question_->due_us;
      }
      answered = std::exchange(question_, std::nullopt);
    }
  }
  if (answered.has_value() && answered->answer.has_value()) TakeAnswer(*answered);
  return AskNext(now);
}

void Scrub::TakeAnswer(const Question& question) {
  const consensus::Block& block = *question.answer->blocks.front();
  const absl::StatusOr<std::string> finality = FinalityWithin(*question.answer);
  if (!finality.ok()) return;
  const absl::Status put =
      storage::PutBlockBack(block, *finality, environment_.store->committed_height(),
                            options_.genesis, verifier_.get(), environment_.database);
  if (!put.ok()) return;
  mending_.reset();
  CheckHeight(question.height);
  {
    absl::MutexLock lock(&mutex_);
    if (damage_.contains(question.height)) return;
    ++status_.repaired;
  }
  KILN_MARK("the scrub mends a block");
  if (environment_.mended != nullptr) environment_.mended(question.height, question.to);
}

std::optional<uint64_t> Scrub::AskNext(Now now) {
  const uint32_t others = static_cast<uint32_t>(options_.genesis.validators.size()) - 1;
  if (mending_.has_value() && asked_ >= others) {
    tried_up_to_ = *mending_;
    mending_.reset();
  }
  const Height committed = environment_.store->committed_height();
  const absl::StatusOr<consensus::BlockPtr> head = environment_.store->BlockAt(committed);
  Question question;
  {
    absl::MutexLock lock(&mutex_);
    if (!mending_.has_value()) {
      auto next = damage_.upper_bound(tried_up_to_);
      while (next != damage_.end() && next->second.part == LedgerPart::kResults) ++next;
      if (next == damage_.end()) return std::nullopt;
      mending_ = next->first;
      asked_ = 0;
    }
    if (!head.ok() || others == 0) {
      asked_ = others;
      return now.monotonic_us + kAnswerWaitUs;
    }
    next_peer_ = (next_peer_ + 1) % (others + 1);
    if (ValidatorIndex{next_peer_} == options_.self) next_peer_ = (next_peer_ + 1) % (others + 1);
    question = {.height = *mending_,
                .to = ValidatorIndex{next_peer_},
                .due_us = now.monotonic_us + kAnswerWaitUs,
                .answer = std::nullopt};
    question_ = question;
    ++asked_;
  }
  environment_.ask(question.to, {.block_id = (*head)->id,
                                 .above_height = Height{question.height.value - 1},
                                 .count = consensus::kBlocksPerAnswerMax});
  return question.due_us;
}

bool Scrub::Offer(ValidatorIndex from, const Blocks& answer) {
  absl::MutexLock lock(&mutex_);
  if (!question_.has_value() || question_->answer.has_value() || question_->to != from ||
      answer.blocks.front()->header.height != question_->height) {
    return false;
  }
  question_->answer = answer;
  return true;
}

ScrubStatus Scrub::status() const {
  absl::MutexLock lock(&mutex_);
  ScrubStatus status = status_;
  status.damaged = damage_.size();
  if (!damage_.empty()) status.damage = storage::DescribeDamage(damage_.begin()->second);
  return status;
}

}  // namespace kiln::node
