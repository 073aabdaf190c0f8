#include "node/snapshot_sync.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/log.h"
#include "base/mark.h"
#include "base/status_macros.h"
#include "crypto/merkle.h"
#include "node/trusted_block.h"
#include "storage/snapshot_offer.h"

namespace kiln::node {
namespace {

std::unique_ptr<storage::ChainVerifier> MakeVerifier(
    const Genesis& genesis, const consensus::SignatureVerifier* signatures) {
  auto verifier = storage::ChainVerifier::Create(genesis, signatures);
  KILN_CHECK_OK(verifier.status());
  return *std::move(verifier);
}

}  // namespace

SnapshotSync::SnapshotSync(const Genesis& genesis, ValidatorIndex self,
                           const consensus::ValidatorSet* validators,
                           const consensus::SignatureVerifier* signatures, storage::Store* store,
                           const Options& options, Sinks sinks)
    : genesis_(genesis),
      self_(self),
      validators_(validators),
      store_(store),
      options_(options),
      sinks_(std::move(sinks)),
      verifier_(MakeVerifier(genesis, signatures)),
      peers_(validators->size()) {}

absl::Status SnapshotSync::Restore() {
  absl::MutexLock lock(&mutex_);
  KILN_CHECK(!target_.has_value());
  storage::SnapshotStage* const stage = store_->stage();
  if (stage == nullptr) return absl::OkStatus();
  const absl::StatusOr<std::string> bytes = stage->Offer();
  if (absl::IsNotFound(bytes.status())) return absl::OkStatus();
  KILN_RETURN_IF_ERROR(bytes.status());
  KILN_ASSIGN_OR_RETURN(const storage::SnapshotOffer offer,
                        storage::DecodeSnapshotOffer(*bytes, genesis_.limits));
  if (options_.archive || offer.proof.height <= store_->committed_height()) return stage->Clear();
  Target target;
  KILN_ASSIGN_OR_RETURN(target.proved,
                        storage::VerifySnapshotOffer(offer, genesis_, verifier_.get()));
  target.missing.insert(0);
  target_ = std::move(target);
  KILN_ASSIGN_OR_RETURN(const std::vector<uint32_t> chunks, stage->Chunks());
  for (const uint32_t index : chunks) {
    if (target_->chunks == 0) {
      KILN_ASSIGN_OR_RETURN(const storage::SnapshotStage::Chunk chunk, stage->Get(index));
      const auto position = crypto::VerifyMerkleProof(target_->proved.root,
                                                      crypto::MerkleLeaf(chunk.bytes), chunk.proof);
      KILN_RETURN_IF_ERROR(position.status());  // the start has looked at it
      NoteCount(position->leaf_count);
    }
    target_->missing.erase(index);
    ++target_->staged;
  }
  return absl::OkStatus();
}

// --- Offers

absl::Status SnapshotSync::OnOffer(ValidatorIndex from, const network::SnapshotOffer& frame,
                                   uint64_t now_us) {
  constexpr uint64_t kOfferEveryUs = 200'000;
  absl::MutexLock lock(&mutex_);
  Peer& peer = peers_.at(from.value);
  if (store_->stage() == nullptr || is_ready_ || now_us < peer.offer_from_us) {
    return absl::OkStatus();
  }
  peer.offer_from_us = now_us + kOfferEveryUs;
  KILN_ASSIGN_OR_RETURN(const storage::SnapshotOffer offer,
                        storage::DecodeSnapshotOffer(*frame.bytes, genesis_.limits));
  if (offer.proof.height <= store_->committed_height()) return absl::OkStatus();
  KILN_ASSIGN_OR_RETURN(storage::ProvedSnapshot proved,
                        storage::VerifySnapshotOffer(offer, genesis_, verifier_.get()));
  if (options_.archive) {
    KILN_LOG(
        kWarning, "snapshot",
        "not taken: an archive wants every block, from a validator that has them or by `kiln "
        "ledger import`",
        {{"height", proved.height.value}, {"committed_height", store_->committed_height().value}});
    return absl::OkStatus();
  }
  if (options_.trusted.has_value()) {
    KILN_RETURN_IF_ERROR(CheckTrusted(*options_.trusted, offer.proof, store_->committed_height()));
  }
  peer.offers = proved.height;
  if (!target_.has_value() || (IsStalled(now_us) && proved.height > target_->proved.height)) {
    if (!IsOfferedByHonest()) return absl::OkStatus();
    Adopt(frame, std::move(proved), now_us);
  }
  Ask(now_us);
  return absl::OkStatus();
}

bool SnapshotSync::IsOfferedByHonest() const {
  uint64_t power = 0;
  for (uint32_t i = 0; i < peers_.size(); ++i) {
    if (peers_[i].offers > store_->committed_height()) {
      power += validators_->PowerOf(ValidatorIndex{i});
    }
  }
  return validators_->IsBlockingShare(power);
}

// A disk that cannot stage it stops the validator by itself: nothing here is the sender's fault.
void SnapshotSync::Adopt(const network::SnapshotOffer& offer, storage::ProvedSnapshot proved,
                         uint64_t now_us) {
  if (!store_->stage()->Begin(*offer.bytes).ok()) return;
  KILN_MARK("a snapshot is fetched");
  KILN_LOG(
      kInfo, "snapshot", "fetching a snapshot: it takes the place of the blocks before it",
      {{"height", proved.height.value}, {"committed_height", store_->committed_height().value}});
  asked_.clear();
  for (Peer& peer : peers_) {
    peer.in_flight = 0;
    peer.is_bad = false;
  }
  Target target;
  target.proved = std::move(proved);
  target.missing.insert(0);
  target.progress_us = now_us;
  target_ = std::move(target);
  comes_forward_ = true;
  if (offers_ == Offers::kAwaited)
    offers_ = Offers::kNoneCame;  // should it stall, blocks are better
}

bool SnapshotSync::IsStalled(uint64_t now_us) const {
  return target_.has_value() && now_us >= target_->progress_us + kStalledAfterUs;
}

// --- Chunks

void SnapshotSync::NoteCount(uint32_t chunks) {
  if (target_->chunks != 0) return;
  target_->chunks = chunks;
  for (uint32_t i = 0; i < chunks; ++i) target_->missing.insert(i);
}

void SnapshotSync::GiveBack(uint32_t chunk) {
  const auto asked = asked_.find(chunk);
  if (asked == asked_.end()) return;
  --peers_.at(asked->second.peer.value).in_flight;
  asked_.erase(asked);
  target_->missing.insert(chunk);
}

absl::Status SnapshotSync::OnChunk(ValidatorIndex from, const network::SnapshotChunk& chunk,
                                   uint64_t now_us) {
  absl::MutexLock lock(&mutex_);
  if (!target_.has_value() || is_ready_ || chunk.height != target_->proved.height) {
    return absl::OkStatus();  // too late
  }
  // Who was not asked costs no hashing.
  Peer& peer = peers_.at(from.value);
  if (peer.in_flight == 0) return absl::OkStatus();
  const absl::StatusOr<crypto::MerklePosition> position = crypto::VerifyMerkleProof(
      target_->proved.root, crypto::MerkleLeaf(*chunk.bytes), chunk.proof);
  if (!position.ok()) {
    peer.is_bad = true;
    std::vector<uint32_t> of_peer;
    for (const auto& [index, asked] : asked_) {
      if (asked.peer == from) of_peer.push_back(index);
    }
    for (const uint32_t index : of_peer) GiveBack(index);
    Ask(now_us);
    return absl::InvalidArgumentError(absl::StrCat("a chunk that is not of the snapshot of height ",
                                                   chunk.height.value, ": ",
                                                   position.status().message()));
  }
  const uint32_t index = position->index;
  const auto asked = asked_.find(index);
  if (asked == asked_.end() || asked->second.peer != from) return absl::OkStatus();
  if (!store_->stage()->Put(index, {.proof = chunk.proof, .bytes = *chunk.bytes}).ok()) {
    return absl::OkStatus();
  }
  GiveBack(index);
  NoteCount(position->leaf_count);
  target_->missing.erase(index);
  ++target_->staged;
  target_->progress_us = now_us;
  comes_forward_ = true;
  peer.silent_us = 0;
  if (target_->staged < target_->chunks) {
    Ask(now_us);
    return absl::OkStatus();
  }
  KILN_MARK("all of a snapshot is staged");
  KILN_LOG(kInfo, "snapshot", "all chunks are here", {{"height", target_->proved.height.value}});
  is_ready_ = true;
  sinks_.ready();
  return absl::OkStatus();
}

// --- Requests

// Who does not answer is left alone for a while, longer each time.
void SnapshotSync::ForgetSilent(uint64_t now_us) {
  std::vector<uint32_t> silent;
  for (const auto& [index, asked] : asked_) {
    if (asked.until_us <= now_us) silent.push_back(index);
  }
  for (const uint32_t index : silent) {
    Peer& peer = peers_.at(asked_.at(index).peer.value);
    if (peer.ask_from_us <= now_us) {
      peer.silent_us = std::clamp(2 * peer.silent_us, kAnswerWithinUs, kSilentMaxUs);
      peer.ask_from_us = now_us + peer.silent_us;
    }
    GiveBack(index);
  }
}

// In turn; those who have offered this snapshot before those who may have it.
std::optional<ValidatorIndex> SnapshotSync::NextPeer(uint64_t now_us) {
  for (const bool must_offer : {true, false}) {
    for (uint32_t i = 0; i < peers_.size(); ++i) {
      const ValidatorIndex index{static_cast<uint32_t>((next_peer_ + i) % peers_.size())};
      const Peer& peer = peers_[index.value];
      if (index == self_ || peer.is_bad || peer.in_flight >= kInFlightOfPeerMax ||
          peer.ask_from_us > now_us || (must_offer && peer.offers != target_->proved.height)) {
        continue;
      }
      next_peer_ = index.value + 1;
      return index;
    }
  }
  return std::nullopt;
}

void SnapshotSync::Ask(uint64_t now_us) {
  if (!target_.has_value() || is_ready_) return;
  while (!target_->missing.empty() && asked_.size() < kInFlightMax) {
    const std::optional<ValidatorIndex> peer = NextPeer(now_us);
    if (!peer.has_value()) return;
    const uint32_t chunk = *target_->missing.begin();
    target_->missing.erase(target_->missing.begin());
    asked_.emplace(chunk, Asked{.peer = *peer, .until_us = now_us + kAnswerWithinUs});
    ++peers_.at(peer->value).in_flight;
    sinks_.send(*peer, network::EncodeFrame(network::SnapshotRequest{
                           .height = target_->proved.height, .chunk = chunk}));
  }
}

void SnapshotSync::NoteBehind(uint64_t blocks) {
  behind_ = blocks;
  if (blocks == 0) {
    offers_ = Offers::kNotNeeded;
  } else if (IsFarBehind() && offers_ == Offers::kNotNeeded) {
    offers_ = Offers::kAwaited;
  }
}

// Whoever has no snapshot above the own head says nothing. Then blocks are fetched, and offers
// asked for beside them.
void SnapshotSync::AskForOffers(uint64_t now_us) {
  if (offers_ != Offers::kAwaited) await_until_us_ = 0;
  if (!IsFarBehind() || store_->stage() == nullptr) {
    if (offers_ == Offers::kAwaited) offers_ = Offers::kNoneCame;
    return;
  }
  if (offers_ == Offers::kAwaited && await_until_us_ == 0)
    await_until_us_ = now_us + kOffersWithinUs;
  if (await_until_us_ != 0 && now_us >= await_until_us_) {
    offers_ = Offers::kNoneCame;
  }
  if (now_us < ask_offers_from_us_) return;
  ask_offers_from_us_ = now_us + kOffersEveryUs;
  const network::FramePtr request = network::EncodeFrame(network::SnapshotOfferRequest{});
  for (uint32_t i = 0; i < peers_.size(); ++i) {
    if (ValidatorIndex{i} != self_) sinks_.send({i}, request);
  }
}

void SnapshotSync::DropIfReached() {
  if (!target_.has_value() || target_->proved.height > store_->committed_height()) return;
  asked_.clear();
  for (Peer& peer : peers_) peer.in_flight = 0;
  target_.reset();
  comes_forward_ = false;
  store_->stage()->Clear().IgnoreError();  // the next start finds what this could not remove
}

void SnapshotSync::Tick(uint64_t now_us) {
  absl::MutexLock lock(&mutex_);
  if (is_ready_) return;
  DropIfReached();
  if (!target_.has_value()) return AskForOffers(now_us);
  if (IsStalled(now_us)) {
    comes_forward_ = false;  // blocks are asked for again
    AskForOffers(now_us);
  }
  ForgetSilent(now_us);
  Ask(now_us);
}

std::optional<SnapshotSync::Progress> SnapshotSync::progress() const {
  absl::MutexLock lock(&mutex_);
  if (!target_.has_value()) return std::nullopt;
  return Progress{
      .height = target_->proved.height, .chunks = target_->staged, .chunks_total = target_->chunks};
}

}  // namespace kiln::node
