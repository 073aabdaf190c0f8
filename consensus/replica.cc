#include "consensus/replica.h"

#include <algorithm>
#include <utility>

#include "absl/container/btree_set.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/mark.h"
#include "consensus/proposal_rules.h"

namespace kiln::consensus {
namespace {

// How often one peer is told that it is behind, and how often where this validator stands.
constexpr uint64_t kTellBehindEveryUs = 50'000;
constexpr uint64_t kTellStandingEveryUs = 200'000;

// Answers that help and are not enough, until it pays to ask how far the way is.
constexpr int kAnswersBeforeRanges = 2;

constexpr char kDivergedAdvice[] =
    "this node's application or disk diverged from the others: keep the data folder for analysis, "
    "and resynchronise into a new one";

constexpr char kSharedKeyAdvice[] =
    "this data folder is older than the key's last use (a restored copy?), or another process runs "
    "with the same key: stop that process, and start only with the folder that was used last; if "
    "that is lost, `kiln recover --old-copy` asks the other validators what this one may still "
    "sign";

}  // namespace

Replica::Replica(const ReplicaOptions& options, const ValidatorSet* validators,
                 const LeaderElection* leaders, Signer* signer, PayloadSource* payloads,
                 RecoveredReplica recovered, Now now)
    : options_(options),
      validators_(validators),
      leaders_(leaders),
      payloads_(payloads),
      safety_(options.chain_id, options.self, signer, recovered.safety),
      pacemaker_(options.pacemaker, RoundAfter(recovered.safety.high_qc, recovered.safety.last_tc),
                 now.monotonic_us),
      tree_(recovered.committed, recovered.committed_commits_height,
            recovered.last_nonempty_height),
      collector_(validators),
      fetcher_(options.self, {.min_us = options.pacemaker.round_timeout_min_us,
                              .max_us = options.pacemaker.round_timeout_max_us}),
      ranges_(options.self, validators->size(),
              {.min_us = options.pacemaker.round_timeout_min_us,
               .max_us = options.pacemaker.round_timeout_max_us}),
      execution_(std::move(recovered.executed_roots)),
      peers_(validators->size(), options.pacemaker.round_timeout_min_us),
      told_us_(validators->size(), 0),
      stood_us_(validators->size(), 0),
      now_(now),
      reserved_round_(recovered.safety.last_proposed_round) {
  KILN_CHECK(validators->Contains(options.self));
  TakeUncommitted(recovered.uncommitted);
  ForgetOldVotes();
}

// Those that no certificate names may be more than there is room for; they can be asked for again.
void Replica::TakeUncommitted(const std::vector<BlockPtr>& uncommitted) {
  absl::btree_set<Hash> certified = {high_qc().block_id};
  for (const BlockPtr& block : uncommitted) certified.insert(block->justify.block_id);
  for (const BlockPtr& block : uncommitted) {
    if (!tree_.Contains(block->header.parent_id)) continue;
    const bool is_certified = certified.contains(block->id);
    const absl::Status inserted = tree_.Insert(block, is_certified);
    KILN_CHECK(inserted.ok() || !is_certified) << inserted.ToString();
  }
}

Effects Replica::Start(Now now) {
  now_ = now;
  listens_until_us_ = now.monotonic_us + options_.listen_us;
  const QuorumCertificate recovered = high_qc();
  Process(recovered);
  // A vote of the round that was interrupted is sent again, the same bytes.
  const std::optional<Vote> last_vote = safety_.record().last_vote;
  if (last_vote.has_value() && last_vote->round == round()) {
    KILN_MARK("a vote is sent again after a restart");
    Cast(*last_vote);
  }
  Send(std::nullopt, OwnCertificates());
  Advance();
  return TakeEffects();
}

Effects Replica::Step(const Event& event, Now now) {
  if (halted_) return Effects();
  now_ = now;
  std::visit([this](const auto& specific) { On(specific); }, event);
  Advance();
  return TakeEffects();
}

void Replica::On(const VerifiedMessage& message) {
  std::visit([&](const auto& specific) { OnMessage(message.from(), specific); }, message.message());
}

void Replica::On(const PeerConnected& event) {
  peers_.NoteConnected(event.peer);
  Send(event.peer, OwnCertificates());
  if (!own_proposal_.has_value()) return;
  KILN_MARK("a proposal is sent again to a peer that connects");
  Send(event.peer, *own_proposal_);
}

void Replica::On(const PeerDisconnected& event) {
  peers_.NoteDisconnected(event.peer, now_.monotonic_us);
}

void Replica::On(const Tick&) {
  if (pacemaker_.TakeExpired(now_.monotonic_us)) GiveUpOnRound();
}

void Replica::On(const TransactionsWaiting&) {}  // Advance() looks at the payload source

void Replica::On(const BlockExecuted& event) {
  const absl::Status same = execution_.OnExecuted(event.height, event.state_root);
  if (!same.ok()) {
    Halt(event.height, std::string(same.message()), kDivergedAdvice);
  }
}

void Replica::On(const BlocksHeld& event) {
  blocks_held_ = event.are_held;
}

// --- Messages
// -------------------------------------------------------------------------------------

void Replica::OnMessage(ValidatorIndex from, const Proposal& proposal) {
  const BlockPtr& block = proposal.block;
  Process(block->justify);
  if (proposal.tc.has_value()) Process(*proposal.tc);
  if (halted_) return;
  const bool inserted = InsertBlock(from, block, /*certified=*/false);
  // Its certificates moved this replica to its round at least.
  KILN_CHECK_LE(block->header.round.value, round().value);
  if (block->header.round < round()) return TellBehind(from);
  if (safety_.record().last_voted_round >= round()) return;  // repeated after a reconnection
  const bool may_come = inserted || !tree_.Contains(block->header.parent_id);
  if (pending_proposal_.has_value()) {
    if (pending_proposal_->block->id != block->id) {
      KILN_MARK("a second proposal for a round is refused");
      Refuse(from, absl::StrCat("second proposal for round ", round().value));
    }
    return;
  }
  if (!may_come) return;
  if (!inserted) KILN_MARK("a proposal waits for its parent");
  pending_proposal_ = proposal;
  pending_from_ = from;
}

void Replica::OnMessage(ValidatorIndex from, const Vote& vote) {
  Collect(from, vote);
}

void Replica::OnMessage(ValidatorIndex from, const Timeout& timeout) {
  Process(timeout.high_qc);
  if (timeout.last_tc.has_value()) Process(*timeout.last_tc);
  if (halted_) return;
  if (timeout.round < round()) return TellBehind(from);
  Collect(timeout);
  // An honest validator gave up, so all may (DiemBFT v4, section 3.4).
  if (HasGivenUp() || !collector_.HasBlockingShare(round())) return;
  KILN_MARK("a round is given up because others did");
  GiveUpOnRound();
}

void Replica::OnMessage(ValidatorIndex, const Certificates& certificates) {
  Process(certificates.high_qc);
  if (certificates.last_tc.has_value()) Process(*certificates.last_tc);
}

void Replica::OnMessage(ValidatorIndex from, const Blocks& answer) {
  const Hash& tip = answer.blocks.back()->id;
  const bool wanted = answer.tip_qc.has_value() || fetcher_.CertificateFor(tip).has_value() ||
                      ranges_.CertificateFor(tip).has_value();
  if (!wanted) return Refuse(from, "blocks that nobody asked for");
  if (ShowsConflict(answer)) {
    return Halt(tree_.root()->header.height,
                absl::StrCat("a quorum certified a chain without the committed block ",
                             tree_.root()->id.Short()),
                "a third or more of the voting power is faulty: keep the data folders of all "
                "validators, stop the chain, and find out whose signatures are on both chains");
  }
  if (ranges_.Take(from, answer, now_.monotonic_us)) return InsertRanges();
  Height reached;
  for (const BlockPtr& block : answer.blocks) {
    if (block->header.height > tree_.root()->header.height && !tree_.Contains(block->id)) {
      Process(block->justify);
      if (!InsertBlock(from, block, /*certified=*/true)) break;
      if (halted_) return;
    }
    reached = block->header.height;
  }
  if (answer.tip_qc.has_value()) Process(*answer.tip_qc);
  const bool helped = fetcher_.NoteAnswer(from, reached, now_.monotonic_us);
  const std::optional<QuorumCertificate> target = fetcher_.HighestWanted();
  if (!helped || halted_ || !answer.tip_qc.has_value() || !target.has_value()) return;
  if (++answers_in_a_row_ < kAnswersBeforeRanges) return;
  answers_in_a_row_ = 0;
  ranges_.Aim(*target, *tree_.root(), now_.monotonic_us);
}

void Replica::InsertRanges() {
  while (!halted_) {
    const RangeSync::Next next = ranges_.Front(*tree_.root());
    if (next.block == nullptr) return;
    const std::optional<QuorumCertificate> qc = ranges_.CertificateFor(next.block->id);
    Process(next.block->justify);
    if (halted_) return;
    if (!InsertBlock(next.from, next.block, /*certified=*/true)) {
      return ranges_.NoteRefused(*tree_.root());
    }
    ranges_.NoteInserted();
    if (qc.has_value() && !halted_) Process(*qc);
  }
}

// Of the record as it is durable before this step's messages leave.
void Replica::OnMessage(ValidatorIndex from, const StandingRequest& request) {
  if (IsListening()) return;  // what this key signed elsewhere is not known yet: asked again later
  if (!TakeTurn(&stood_us_[from.value], kTellStandingEveryUs)) return;
  KILN_MARK("a validator that lost its record is told where this one stands");
  Send(from, safety_.SignStanding(from, request.nonce));
}

void Replica::OnMessage(ValidatorIndex from, const Standing&) {
  Refuse(from, "a standing that nobody asked for");
}

// A certified chain of a higher round that leaves out the committed block proves that the quorum
// contradicted itself: by the protocol's safety every later certified block extends it.
bool Replica::ShowsConflict(const Blocks& answer) const {
  const Block& root = *tree_.root();
  const Header& tip = answer.blocks.back()->header;
  if (tip.round <= root.header.round) return false;
  if (tip.height < root.header.height) return true;
  return std::any_of(answer.blocks.begin(), answer.blocks.end(), [&](const BlockPtr& block) {
    if (block->header.height == root.header.height) return block->id != root.id;
    return block->header.height.value == root.header.height.value + 1 &&
           block->header.parent_id != root.id;
  });
}

// --- Certificates
// ---------------------------------------------------------------------------------

template <typename Certificate>
bool Replica::SignedByThisProcess(const Certificate& certificate) {
  if (!options_.halts_at_unknown_signatures || safety_.Knows(certificate)) return true;
  KILN_MARK("a signature that this validator knows nothing of");
  Halt(tree_.root()->header.height,
       absl::StrCat("a certificate of round ", certificate.round.value,
                    " has a signature of this validator's key that its safety record, of round ",
                    safety_.record().last_voted_round.value, ", does not know"),
       kSharedKeyAdvice);
  return false;
}

void Replica::Process(const QuorumCertificate& qc) {
  if (!SignedByThisProcess(qc)) return;
  if (qc.round <= tree_.root()->header.round) return;  // decided already
  const bool is_new = qc.round > high_qc().round;
  if (is_new) safety_.Observe(qc);
  if (const BlockPtr block = tree_.Find(qc.block_id)) {
    OnCertified(block, qc);
  } else {
    KILN_MARK("a certificate names a block that is not here");
    fetcher_.Want(qc, now_.monotonic_us);
  }
  EnterRound(Round{qc.round.value + 1}, Pacemaker::EnteredBy::kQuorum);
}

void Replica::Process(const TimeoutCertificate& tc) {
  if (!SignedByThisProcess(tc)) return;
  Process(tc.high_qc);
  if (tc.round < round()) return;
  safety_.Observe(tc);
  KILN_MARK("a timeout certificate enters a round");
  EnterRound(Round{tc.round.value + 1}, Pacemaker::EnteredBy::kTimeouts);
}

void Replica::OnCertified(const BlockPtr& block, const QuorumCertificate& qc) {
  tree_.MarkCertified(block->id);
  if (const absl::Status same = execution_.OnCertified(*block); !same.ok()) {
    return Halt(block->header.executed_height, std::string(same.message()), kDivergedAdvice);
  }
  if (!CommitsParent(block->header)) {
    KILN_MARK("a certified block commits nothing after a gap in rounds");
    return;
  }
  const BlockPtr parent = tree_.Find(block->header.parent_id);
  if (parent != nullptr && parent->id != tree_.root()->id) CommitUpTo(*parent, *block, qc);
}

void Replica::CommitUpTo(const Block& block, const Block& child, const QuorumCertificate& qc) {
  std::vector<BlockPtr> path = tree_.Commit(block.id);
  KILN_CHECK(!path.empty());
  if (path.size() > 1) KILN_MARK("several blocks commit at once");
  fetcher_.ForgetUpTo(block.header.round);
  execution_.ForgetBelow(block.header.executed_height);
  for (const BlockPtr& committed : path) payloads_->Committed(committed);
  effects_.durable.commits.push_back({std::move(path), child.header, qc});
}

void Replica::EnterRound(Round next, Pacemaker::EnteredBy how) {
  if (!pacemaker_.Enter(next, how, now_.monotonic_us)) return;
  if (pending_proposal_.has_value()) KILN_MARK("a proposal waited until its round was over");
  pending_proposal_.reset();
  own_proposal_.reset();
  ForgetOldVotes();
}

// Late votes still count while no higher QC is known, though not for ever.
void Replica::ForgetOldVotes() {
  const uint64_t held = VoteCollector::kRoundsMax / 2;
  const uint64_t oldest = round().value > held ? round().value - held : 1;
  collector_.ForgetBelow(Round{std::max(high_qc().round.value + 1, oldest)}, round());
}

// --- Blocks
// ---------------------------------------------------------------------------------------

bool Replica::InsertBlock(ValidatorIndex from, const BlockPtr& block, bool certified) {
  if (tree_.Contains(block->id)) return true;
  const BlockPtr parent = tree_.Find(block->header.parent_id);
  if (parent == nullptr) return false;
  absl::Status status =
      CheckExtends(*block, *parent, tree_.CommitsHeightOfChild(parent->id), options_.limits);
  const std::optional<QuorumCertificate> qc = fetcher_.CertificateFor(block->id);
  if (status.ok()) status = tree_.Insert(block, certified || qc.has_value());
  if (!status.ok()) {
    KILN_MARK("a block that does not extend its parent is refused");
    Refuse(from, std::string(status.message()));
    return false;
  }
  effects_.durable.blocks.push_back(block);
  if (qc.has_value()) {
    KILN_MARK("a block comes after its certificate");
    fetcher_.Forget(block->id);
    OnCertified(block, *qc);
  }
  return true;
}

// --- The current round
// ----------------------------------------------------------------------------

void Replica::Advance() {
  if (halted_) return;
  SkipLostRounds();
  TryVote();
  const bool proposed = TryPropose();
  // A heavy validator's own vote may be a quorum: it proposes again, in a step of its own.
  step_again_ =
      proposed && leaders_->LeaderOf(round()) == options_.self && !safety_.HasProposed(round());
  if (step_again_) KILN_MARK("a heavy validator certifies its own block and proposes again");
  step_again_ |= IsLost();
  if (!step_again_ && std::exchange(certificate_unshared_, false)) ShareCertificate();
  pacemaker_.SetIdle(IsQuiet(), now_.monotonic_us);
  AskForBlocks();
}

void Replica::AskForBlocks() {
  if (blocks_held_) return;
  const uint64_t now_us = now_.monotonic_us;
  if (ranges_.wants_target()) {
    const std::optional<QuorumCertificate> newest = fetcher_.HighestWanted();
    if (newest.has_value()) ranges_.Aim(*newest, *tree_.root(), now_us);
  }
  while (std::optional<Fetch> fetch =
             ranges_.TakeDue(execution_.executed_height(), peers_, now_us)) {
    effects_.fetch.push_back(*std::move(fetch));
  }
  if (ranges_.is_active()) return;
  if (fetcher_.empty()) answers_in_a_row_ = 0;
  std::optional<Fetch> fetch = fetcher_.TakeDue(tree_.root()->header.height, peers_, now_us);
  if (fetch.has_value()) effects_.fetch.push_back(*std::move(fetch));
}

void Replica::TryVote() {
  if (!pending_proposal_.has_value() || IsListening()) return;
  const BlockPtr block = pending_proposal_->block;
  if (!tree_.Contains(block->id) && !InsertBlock(pending_from_, block, /*certified=*/false)) {
    if (tree_.Contains(block->header.parent_id)) pending_proposal_.reset();  // refused
    return;
  }
  const Height executed = block->header.executed_height;
  if (executed > execution_.executed_height()) {
    KILN_MARK("a vote waits for execution");
    return;
  }
  const BlockPtr parent = tree_.Find(block->header.parent_id);
  KILN_CHECK(parent != nullptr);
  absl::Status status = CheckTime(*block, *parent, now_.wall_us, options_.limits);
  if (!status.ok()) KILN_MARK("a block ahead of the clock gets no vote");
  if (status.ok() && execution_.RootAt(executed) != block->header.state_root) {
    KILN_MARK("a block with another state root gets no vote");
    status = absl::InvalidArgumentError(absl::StrCat("state root at height ", executed.value,
                                                     " is not what this validator computed"));
  }
  const std::optional<TimeoutCertificate> tc = pending_proposal_->tc;
  const ValidatorIndex from = pending_from_;
  pending_proposal_.reset();
  if (!status.ok()) return Refuse(from, std::string(status.message()));

  const absl::StatusOr<Vote> vote = safety_.SignVote(*block, tc);
  if (!vote.ok()) {
    KILN_MARK("the voting rule refuses a proposal");
    return Refuse(from, std::string(vote.status().message()));
  }
  ++votes_signed_;
  has_signed_ = true;
  const Round next{round().value + 1};
  // Written with the vote, so that the next proposal leaves as soon as the votes are there. Not on
  // an idle chain, where a restart would cost the round for nothing.
  if (leaders_->LeaderOf(next) == options_.self && LeavesWork(*block)) {
    safety_.ReserveProposal(next);
  }
  Cast(*vote);
}

// To the next leader, who proposes on top of the certificate. When that one is away, anybody may
// collect it.
void Replica::Cast(const Vote& vote) {
  const ValidatorIndex collector = leaders_->LeaderOf(Round{vote.round.value + 1});
  if (collector == options_.self) return Collect(options_.self, vote);
  if (!IsAway(collector)) return Send(collector, vote);
  KILN_MARK("a vote goes to all because the next leader is away");
  CastToAll(vote);
}

void Replica::CastToAll(const Vote& vote) {
  Send(std::nullopt, vote);
  Collect(options_.self, vote);
}

void Replica::Collect(ValidatorIndex from, const Vote& vote) {
  const absl::StatusOr<std::optional<QuorumCertificate>> qc = collector_.Add(vote);
  if (!qc.ok()) {
    if (absl::IsFailedPrecondition(qc.status())) Refuse(from, std::string(qc.status().message()));
    return;
  }
  if (!qc->has_value()) return;
  if ((*qc)->round < round()) KILN_MARK("late votes make a certificate");
  certificate_unshared_ = true;
  Process(**qc);
}

void Replica::Collect(const Timeout& timeout) {
  const absl::StatusOr<std::optional<TimeoutCertificate>> tc = collector_.Add(timeout);
  if (!tc.ok() || !tc->has_value()) return;
  KILN_MARK("timeouts make a certificate");
  Process(**tc);
}

bool Replica::LeavesWork(const Block& tip) const {
  return payloads_->HasTransactions() ||
         tree_.LastNonemptyHeight(tip.id) > tip.header.executed_height;
}

BlockPtr Replica::TipWithNothingToOrder() const {
  return payloads_->HasTransactions() ? nullptr : tree_.Find(high_qc().block_id);
}

bool Replica::IsQuiet() const {
  const BlockPtr tip = TipWithNothingToOrder();
  return tip != nullptr && tree_.LastNonemptyHeight(tip->id) <= tip->header.executed_height;
}

// Every transaction is committed by what this replica can show, but the result of one is in no
// certified header yet.
bool Replica::IsSettled() const {
  const BlockPtr tip = TipWithNothingToOrder();
  return tip != nullptr && tree_.LastNonemptyHeight(tip->id) <= tree_.CommitsHeightOfChild(tip->id);
}

// Until when a leader has no reason to propose, in monotonic microseconds; 0 if it has one now.
uint64_t Replica::SilentUntil() const {
  if (IsQuiet()) return pacemaker_.heartbeat_deadline_us();
  return IsSettled() ? pacemaker_.settle_deadline_us() : 0;
}

bool Replica::MayPropose(const BlockPtr& parent) const {
  if (now_.monotonic_us < SilentUntil()) return false;
  if (IsQuiet()) KILN_MARK("an idle leader's heartbeat is due");
  const bool justified = parent->header.round.value + 1 == round().value || EntryTc().has_value();
  const Height commits = tree_.CommitsHeightOfChild(parent->id);
  const Height executed = std::max(execution_.executed_height(), parent->header.executed_height);
  const bool keeps_up = executed.value + options_.limits.execution_lag_max >= commits.value;
  if (!keeps_up) KILN_MARK("a leader waits for its own execution");
  return justified && keeps_up;
}

bool Replica::TryPropose() {
  if (IsListening()) return false;
  if (leaders_->LeaderOf(round()) != options_.self) return false;
  if (safety_.HasProposed(round())) return false;
  if (safety_.record().last_voted_round >= round()) return false;  // given up on
  const BlockPtr parent = tree_.Find(high_qc().block_id);
  if (parent == nullptr) KILN_MARK("a leader has no block to build on");
  if (parent == nullptr || !MayPropose(parent)) return false;

  Proposal proposal{.block = MakeProposalBlock(parent), .tc = EntryTc(), .signature = {}};
  if (parent->header.round.value + 1 == round().value) proposal.tc.reset();
  const absl::StatusOr<crypto::Signature> signature = safety_.SignProposal(*proposal.block);
  KILN_CHECK(signature.ok()) << signature.status().ToString();
  proposal.signature = *signature;
  // Refused only if another process with this identity has filled the round; then nothing leaves.
  if (!InsertBlock(options_.self, proposal.block, /*certified=*/false)) return false;
  const bool was_reserved = reserved_round_ >= round();
  if (was_reserved) {
    KILN_MARK("a proposal leaves without waiting for the disk");
    SendEarly(proposal);
  } else {
    Send(std::nullopt, proposal);
  }
  certificate_unshared_ = false;  // the proposal carries it
  own_proposal_ = proposal;
  pending_proposal_ = std::move(proposal);
  pending_from_ = options_.self;
  TryVote();
  return true;
}

BlockPtr Replica::MakeProposalBlock(const BlockPtr& parent) {
  Header header;
  header.chain_id = options_.chain_id;
  header.epoch = safety_.record().epoch;
  header.round = round();
  header.height = Height{parent->header.height.value + 1};
  header.parent_id = parent->id;
  header.parent_round = parent->header.round;
  header.time_us = std::max(parent->header.time_us, now_.wall_us);
  header.proposer = options_.self;
  header.executed_height =
      std::max(parent->header.executed_height,
               std::min(execution_.executed_height(), tree_.CommitsHeightOfChild(parent->id)));
  header.state_root = execution_.RootAt(header.executed_height).value_or(parent->header.state_root);

  if (!effects_.durable.commits.empty()) KILN_MARK("a leader commits and proposes in one step");
  PayloadSource::Payload payload = payloads_->Build(header.height, tree_.PathTo(parent->id));
  return MakeBlock(header, high_qc(), std::move(payload.bytes), std::move(payload.index));
}

bool Replica::IsLost() const {
  if (halted_ || IsListening() || pending_proposal_.has_value()) return false;
  if (round() <= skipped_ || round() <= safety_.record().last_voted_round) return false;
  return IsAway(leaders_->LeaderOf(round()));
}

// A heavy validator's own timeout may end a round, and the next one's leader be away as well.
void Replica::SkipLostRounds() {
  while (IsLost()) {
    KILN_MARK("a round is given up because its leader is away");
    skipped_ = round();
    GiveUpOnRound();
  }
}

bool Replica::HasGivenUp() const {
  const std::optional<Timeout>& last = safety_.record().last_timeout;
  return last.has_value() && last->round == round();
}

void Replica::GiveUpOnRound() {
  if (IsListening()) return;
  const absl::StatusOr<Timeout> timeout = safety_.SignTimeout(round(), high_qc(), EntryTc());
  if (!timeout.ok()) return Refuse(options_.self, std::string(timeout.status().message()));
  has_signed_ = true;
  pending_proposal_.reset();
  Send(std::nullopt, *timeout);
  // The vote went to the next leader alone, which may be the silent one: now anybody may collect
  // it.
  const std::optional<Vote> last_vote = safety_.record().last_vote;
  if (last_vote.has_value() && last_vote->round == round()) {
    KILN_MARK("a vote goes to all with the timeout");
    CastToAll(*last_vote);
  }
  if (timeout->round == round()) Collect(*timeout);
}

// --- Helpers
// --------------------------------------------------------------------------------------

std::optional<TimeoutCertificate> Replica::EntryTc() const {
  const std::optional<TimeoutCertificate>& tc = safety_.record().last_tc;
  if (tc.has_value() && tc->round.value + 1 == round().value) return tc;
  return std::nullopt;
}

Certificates Replica::OwnCertificates() const {
  return {.high_qc = high_qc(), .last_tc = EntryTc()};
}

// A proposal carries the new QC to all. A leader that has none to make tells them without, so that
// they commit what it certifies and wait in the same round.
void Replica::ShareCertificate() {
  if (leaders_->LeaderOf(round()) != options_.self) return;
  KILN_MARK("a leader without a proposal shares its certificate");
  SendEarly(OwnCertificates());
}

void Replica::TellBehind(ValidatorIndex peer) {
  if (!TakeTurn(&told_us_[peer.value], kTellBehindEveryUs)) return;
  KILN_MARK("a peer is told that it is behind");
  Send(peer, OwnCertificates());
}

bool Replica::TakeTurn(uint64_t* last_us, uint64_t every_us) const {
  if (*last_us != 0 && now_.monotonic_us < *last_us + every_us) return false;
  *last_us = std::max<uint64_t>(1, now_.monotonic_us);
  return true;
}

void Replica::Send(std::optional<ValidatorIndex> to, Message message) {
  if (validators_->size() == 1) return;
  effects_.send.push_back({to, std::move(message)});
}

void Replica::SendEarly(Message message) {
  if (has_signed_) return Send(std::nullopt, std::move(message));
  if (validators_->size() > 1) effects_.send_early.push_back({std::nullopt, std::move(message)});
}

void Replica::Refuse(ValidatorIndex from, std::string cause) {
  effects_.refusals.push_back({from, std::move(cause)});
}

void Replica::Halt(Height height, std::string cause, std::string what_to_do) {
  halted_ = true;
  effects_.halt = kiln::consensus::Halt{height, std::move(cause), std::move(what_to_do)};
}

Effects Replica::TakeEffects() {
  if (safety_.TakeChanged()) effects_.durable.safety = safety_.record();
  reserved_round_ = safety_.record().last_proposed_round;
  has_signed_ = false;
  Effects taken = std::exchange(effects_, Effects());
  if (taken.halt.has_value()) {
    taken.send_early.clear();  // nothing is signed or said after a halt
    taken.send.clear();
    taken.fetch.clear();
    taken.durable = DurableWrite();
  }
  return taken;
}

uint64_t Replica::NextDeadline() const {
  if (halted_) return UINT64_MAX;
  if (step_again_) return 0;
  const uint64_t fetch_us = ranges_.is_active() ? ranges_.deadline_us() : fetcher_.deadline_us();
  uint64_t deadline = pacemaker_.deadline_us();
  if (!blocks_held_) deadline = std::min(deadline, fetch_us);
  if (IsListening()) deadline = std::min(deadline, listens_until_us_);
  const uint64_t away_from_us = peers_.AwayFrom(leaders_->LeaderOf(round()));
  if (away_from_us > now_.monotonic_us) deadline = std::min(deadline, away_from_us);
  if (leaders_->LeaderOf(round()) == options_.self && !safety_.HasProposed(round())) {
    const uint64_t silent_until_us = SilentUntil();
    if (silent_until_us > now_.monotonic_us) deadline = std::min(deadline, silent_until_us);
  }
  return deadline;
}

ReplicaStatus Replica::status() const {
  const Block& head = *tree_.root();
  return {.epoch = safety_.record().epoch,
          .round = round(),
          .leader = leaders_->LeaderOf(round()),
          .high_qc_round = high_qc().round,
          .committed_height = head.header.height,
          .committed_id = head.id,
          .committed_time_us = head.header.time_us,
          .executed_height = execution_.executed_height(),
          .catching_up_to = ranges_.target_height(),
          .votes_signed = votes_signed_,
          .is_listening = IsListening(),
          .abstains_up_to =
              ForgetsLastRound(safety_.record()) ? safety_.record().last_voted_round : Round{0}};
}

}  // namespace kiln::consensus
