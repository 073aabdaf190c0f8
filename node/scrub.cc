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

Scrub::Scrub(const Options& options, const Environment& environment,
             std::unique_ptr<storage::ChainVerifier> verifier)
    : options_(options),
      environment_(environment),
      verifier_(std::move(verifier)),
      state_(options.genesis.limits, {.store = environment.store,
                                      .database = environment.database,
                                      .snapshots = environment.snapshots,
                                      .found = environment.found}) {}

absl::StatusOr<std::unique_ptr<Scrub>> Scrub::Create(const Options& options,
                                                     const Environment& environment) {
  KILN_ASSIGN_OR_RETURN(std::unique_ptr<storage::ChainVerifier> verifier,
                        storage::ChainVerifier::Create(options.genesis, environment.signatures));
  return std::unique_ptr<Scrub>(new Scrub(options, environment, std::move(verifier)));
}

uint64_t Scrub::Step(Now now) {
  if (const std::optional<uint64_t> mends_us = Mend(now)) return *mends_us;
  if (now.monotonic_us < resumes_us_) return resumes_us_;
  return are_blocks_done_ ? CheckState(now) : CheckBlocks(now);
}

// --- Checking

uint64_t Scrub::Charge(Now now, uint64_t bytes) {
  resumes_us_ = now.monotonic_us + bytes * 1'000'000 / options_.bytes_per_second;
  return resumes_us_;
}

uint64_t Scrub::CheckBlocks(Now now) {
  const uint64_t committed = environment_.store->committed_height().value;
  const Height last{committed > kNewestBlocks ? committed - kNewestBlocks : 0};
  next_ = std::max(next_, environment_.store->base().lowest());
  const uint64_t bytes = next_ <= last ? CheckHeights(last) : 0;
  are_blocks_done_ = bytes == 0 || next_ > last;
  return Charge(now, bytes);
}

uint64_t Scrub::CheckState(Now now) {
  if (is_state_lost_) return now.monotonic_us + options_.rest_us;
  const absl::StatusOr<StateScrub::Progress> progress = state_.Step();
  if (progress.ok()) return progress->is_over ? EndPass(now) : Charge(now, progress->bytes);
  KILN_MARK("the scrub finds damage in the state");
  is_state_lost_ = true;
  environment_.state_lost(progress.status());
  return now.monotonic_us + options_.rest_us;
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
  are_blocks_done_ = false;
  tried_up_to_ = Height{0};
  resumes_us_ = now.monotonic_us + options_.rest_us;
  return resumes_us_;
}

uint64_t Scrub::CheckHeights(Height last) {
  uint64_t charged = 0;
  uint64_t read = 0;
  size_t known = 0;
  storage::AuditHeights(*environment_.database, options_.genesis, verifier_.get(), next_, last,
                        [&](Height height, const storage::LedgerAudit& so_far) {
                          NoteFound(height, absl::MakeConstSpan(so_far.damage).subspan(known));
                          known = so_far.damage.size();
                          charged += std::max(so_far.payload_bytes - read, kBlockBytesMin);
                          read = so_far.payload_bytes;
                          next_ = Height{height.value + 1};
                          return charged < kStepBytes;
                        });
  return charged;
}

void Scrub::CheckAgain(Height height) {
  storage::AuditHeights(*environment_.database, options_.genesis, verifier_.get(), height, height,
                        [this](Height only, const storage::LedgerAudit& audit) {
                          NoteFound(only, audit.damage);
                          return false;
                        });
}

// What a block can mend first: results may be named because of it.
void Scrub::NoteFound(Height height, absl::Span<const Damage> found) {
  std::optional<Damage> damage;
  for (const Damage& one : found) {
    if (!damage.has_value() || damage->part == LedgerPart::kResults) damage = one;
  }
  // What is missing because it was pruned meanwhile is not damaged.
  if (height < environment_.store->base().lowest()) damage.reset();
  Note(height, std::move(damage));
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
  ForgetPruned();
  return AskNext(now);
}

void Scrub::ForgetPruned() {
  const Height lowest = environment_.store->base().lowest();
  if (mending_.has_value() && *mending_ < lowest) mending_.reset();
  absl::MutexLock lock(&mutex_);
  damage_.erase(damage_.begin(), damage_.lower_bound(lowest));
}

void Scrub::TakeAnswer(const Question& question) {
  if (question.height < environment_.store->base().lowest()) return;
  const consensus::Block& block = *question.answer->blocks.front();
  const absl::StatusOr<std::string> finality = FinalityWithin(*question.answer);
  if (!finality.ok()) return;
  const absl::Status put =
      storage::PutBlockBack(block, *finality, environment_.store->committed_height(),
                            options_.genesis, verifier_.get(), environment_.database);
  if (!put.ok()) return;
  mending_.reset();
  CheckAgain(question.height);
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
