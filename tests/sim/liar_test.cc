#include "sim/liar.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "sim/faults.h"
#include "sim/forged_certificates.h"
#include "tests/consensus/test_world.h"

namespace kiln::sim {
namespace {

using consensus::BlockPtr;
using consensus::Blocks;
using consensus::Certificates;
using consensus::Proposal;
using consensus::QuorumCertificate;
using consensus::TestWorld;
using consensus::Timeout;
using consensus::TimeoutCertificate;
using consensus::Vote;
using network::PeerMessage;

template <typename T>
PeerMessage Said(T message) {
  return PeerMessage(consensus::Message(std::move(message)));
}

// What became of one frame of the liar.
struct Heard {
  ValidatorIndex to;
  std::optional<PeerMessage> message;  // none: not even decoded
  absl::Status verdict;                // of the decoder, or of the verifier

  template <typename T>
  const T* As() const {
    if (!message.has_value()) return nullptr;
    const auto* inner = std::get_if<consensus::Message>(&*message);
    return inner == nullptr ? nullptr : std::get_if<T>(inner);
  }
};

// A liar among validators that follow the protocol: it is given what its replica would say in sixty
// rounds, of which every sixth fails, and what the others say.
class LiarRun {
 public:
  static constexpr ValidatorIndex kLiar{1};

  explicit LiarRun(std::vector<Fault> faults, size_t validators = 4,
                   consensus::Signatures signatures = consensus::Signatures::kReal)
      : world_(std::vector<uint64_t>(validators, 1), {}, signatures) {
    LiarContext context{
        .self = kLiar,
        .genesis = &world_.genesis(),
        .validators = &world_.validators(),
        .leaders = &world_.leaders(),
        .signer = &world_.signer(kLiar),
        .random = SimRandom(7),
        .round_timeout_min_us = 10'000,
        .now_us = [this] { return now_us_; },
        .send = [this](ValidatorIndex to, network::FramePtr frame) { Take(to, *frame); },
        .at =
            [this](uint64_t at_us, absl::AnyInvocable<void() &&> action) {
              waiting_.emplace(at_us, std::move(action));
            },
        .forget = [this](uint64_t rounds) { forgotten_ += rounds; },
        .count = [this](absl::string_view) { ++counted_; }};
    liar_ = MakeLiar(faults, std::move(context));
  }
  explicit LiarRun(const std::string& kind, double amount = 0)
      : LiarRun(std::vector<Fault>{FaultOf(kind, amount)}) {}

  static Fault FaultOf(const std::string& kind, double amount = 0) {
    for (const FaultKind& known : FaultKinds()) {
      if (known.kind == kind) {
        return {
            .row = std::string(known.row), .kind = kind, .nodes = {kLiar.value}, .amount = amount};
      }
    }
    KILN_CHECK(false) << kind;
    return {};
  }

  LiarRun& Play(uint64_t rounds = 60) {
    BlockPtr tip = world_.genesis_block();
    QuorumCertificate qc = world_.genesis_qc();
    std::optional<TimeoutCertificate> tc;
    for (uint64_t round = 1; round <= rounds; ++round) {
      const bool fails = round % 6 == 5;
      const BlockPtr block =
          world_.BlockOn(tip, qc, Round{round}, {.transactions = {absl::StrCat("t", round)}});
      PlayProposal(world_.ProposalOf(block, tc));
      if (fails) tc = PlayTimeouts(Round{round}, qc, tc);
      if (fails) continue;
      PlayVotes(block);
      tip = block;
      qc = world_.QcFor(block);
      tc.reset();
      PlaySync(tip, qc);
    }
    RunUntil(now_us_ + 1'000'000);
    return *this;
  }

  TestWorld& world() { return world_; }
  const std::vector<Heard>& heard() const { return heard_; }
  // Distinct blocks of what it said as proposals that were in order, by round.
  std::map<uint64_t, std::set<Hash>> BlocksInOrder() const {
    std::map<uint64_t, std::set<Hash>> blocks;
    for (const Heard& one : heard_) {
      const auto* proposal = one.As<Proposal>();
      if (proposal != nullptr && one.verdict.ok()) {
        blocks[proposal->block->header.round.value].insert(proposal->block->id);
      }
    }
    return blocks;
  }
  template <typename T>
  std::vector<const T*> InOrder() const {
    std::vector<const T*> found;
    for (const Heard& one : heard_) {
      if (one.verdict.ok() && one.As<T>() != nullptr) found.push_back(one.As<T>());
    }
    return found;
  }
  size_t CountOfRefusals(absl::string_view why) const {
    return static_cast<size_t>(std::count_if(heard_.begin(), heard_.end(), [&](const Heard& one) {
      return absl::StrContains(one.verdict.message(), why);
    }));
  }
  uint64_t counted() const { return counted_; }
  uint64_t forgotten() const { return forgotten_; }
  // What the replica underneath said.
  uint64_t said() const { return said_; }
  Liar& liar() { return *liar_; }

 private:
  void Take(ValidatorIndex to, const network::Frame& frame) {
    Heard heard{.to = to};
    absl::StatusOr<PeerMessage> message = network::DecodeFrame(frame, world_.genesis().limits);
    heard.verdict = message.status();
    if (message.ok()) {
      heard.message = *message;
      if (auto* inner = std::get_if<consensus::Message>(&*message)) {
        heard.verdict = world_.verifier().Verify(kLiar, std::move(*inner)).status();
      }
    }
    heard_.push_back(std::move(heard));
  }
  void RunUntil(uint64_t end_us) {
    while (!waiting_.empty() && waiting_.begin()->first <= end_us) {
      auto next = waiting_.extract(waiting_.begin());
      now_us_ = std::max(now_us_, next.key());
      std::move(next.mapped())();
    }
    now_us_ = end_us;
  }
  void Say(const PeerMessage& message, std::optional<ValidatorIndex> to = std::nullopt) {
    for (uint32_t i = 0; i < world_.validators().size(); ++i) {
      if (i == kLiar.value || (to.has_value() && to->value != i)) continue;
      ++said_;
      liar_->OnSend({i}, message);
    }
  }
  void PlayProposal(const Proposal& proposal) {
    const ValidatorIndex leader = proposal.block->header.proposer;
    if (leader == kLiar) {
      Say(Said(proposal));
    } else {
      liar_->OnReceive(leader, Said(proposal));
    }
    RunUntil(now_us_ + 2'000);
  }
  void PlayVotes(const BlockPtr& block) {
    const ValidatorIndex collector = world_.LeaderOf(Round{block->header.round.value + 1});
    for (uint32_t i = 0; i < world_.validators().size(); ++i) {
      const Vote vote = world_.VoteFor(block, {i});
      if (i == kLiar.value && collector != kLiar) Say(Said(vote), collector);
      if (i != kLiar.value && collector == kLiar) liar_->OnReceive({i}, Said(vote));
    }
    RunUntil(now_us_ + 2'000);
  }
  // What the TC is made of.
  TimeoutCertificate PlayTimeouts(Round round, const QuorumCertificate& qc,
                                  const std::optional<TimeoutCertificate>& tc) {
    for (uint32_t i = 0; i < world_.validators().size(); ++i) {
      const Timeout timeout = world_.TimeoutOf({i}, round, qc, tc);
      if (i == kLiar.value) {
        Say(Said(timeout));
      } else {
        liar_->OnReceive({i}, Said(timeout));
      }
    }
    RunUntil(now_us_ + 10'000);
    return world_.TcFor(round, qc);
  }
  void PlaySync(const BlockPtr& tip, const QuorumCertificate& qc) {
    const ValidatorIndex peer{2};
    Say(Said(Certificates{.high_qc = qc}), peer);
    liar_->OnReceive(peer, consensus::BlockRequest{.block_id = tip->id, .count = 1});
    Say(Said(Blocks{.blocks = {tip}, .tip_qc = qc}), peer);
    Say(Said(StandingTo(peer, tip->id, qc)), peer);
  }
  consensus::Standing StandingTo(ValidatorIndex asker, const Hash& nonce,
                                 const QuorumCertificate& qc) {
    consensus::Standing standing{.epoch = {1},
                                 .author = kLiar,
                                 .asker = asker,
                                 .nonce = nonce,
                                 .last_voted_round = qc.round,
                                 .high_qc = qc,
                                 .last_tc = std::nullopt};
    standing.signature =
        world_.signer(kLiar).Sign(consensus::StandingBytes(world_.chain_id(), standing));
    return standing;
  }

  TestWorld world_;
  std::unique_ptr<Liar> liar_;
  uint64_t now_us_ = 0;
  std::multimap<uint64_t, absl::AnyInvocable<void() &&>> waiting_;
  std::vector<Heard> heard_;
  uint64_t counted_ = 0;
  uint64_t forgotten_ = 0;
  uint64_t said_ = 0;
};

// --- All kinds

class EveryLie : public testing::TestWithParam<std::string> {};

std::vector<std::string> Lies() {
  std::vector<std::string> lies;
  for (const FaultKind& kind : FaultKinds()) {
    if (kind.row[0] == 'B') lies.emplace_back(kind.kind);
  }
  return lies;
}

// Signatures are cheap here: what the liar makes is the same.
LiarRun Telling(std::vector<Fault> faults, size_t validators = 4) {
  return LiarRun(std::move(faults), validators, consensus::Signatures::kCheap);
}

INSTANTIATE_TEST_SUITE_P(Liar, EveryLie, testing::ValuesIn(Lies()),
                         [](const auto& test) { return test.param; });

TEST_P(EveryLie, IsToldAndCounted) {
  LiarRun run = Telling({LiarRun::FaultOf(GetParam(), 0.5)});
  run.Play();
  EXPECT_GT(run.counted(), 0U);
}

TEST_P(EveryLie, IsNeverInAnothersName) {
  LiarRun run = Telling({LiarRun::FaultOf(GetParam(), 0.5)});
  run.Play();
  for (const Heard& heard : run.heard()) {
    if (!heard.verdict.ok()) continue;
    if (const auto* vote = heard.As<Vote>()) {
      EXPECT_EQ(vote->author, LiarRun::kLiar);
    }
    if (const auto* timeout = heard.As<Timeout>()) {
      EXPECT_EQ(timeout->author, LiarRun::kLiar);
    }
  }
}

TEST_P(EveryLie, WaitsForItsTime) {
  Fault fault = LiarRun::FaultOf(GetParam(), 0.5);
  fault.at_ms = 1'000'000'000;
  LiarRun run = Telling({fault});
  run.Play();
  EXPECT_EQ(run.counted(), 0U);
  EXPECT_EQ(run.heard().size(), run.said());
  for (const Heard& heard : run.heard()) EXPECT_TRUE(heard.verdict.ok()) << heard.verdict;
}

TEST_P(EveryLie, IsTheSameInTheSameRun) {
  LiarRun first = Telling({LiarRun::FaultOf(GetParam(), 0.5)});
  LiarRun second = Telling({LiarRun::FaultOf(GetParam(), 0.5)});
  first.Play();
  second.Play();
  ASSERT_EQ(first.heard().size(), second.heard().size());
  EXPECT_EQ(first.counted(), second.counted());
}

TEST_P(EveryLie, GoesWithEveryOther) {
  for (const std::string& other : Lies()) {
    LiarRun run = Telling({LiarRun::FaultOf(GetParam(), 0.5), LiarRun::FaultOf(other, 0.5)});
    run.Play(18);
    EXPECT_GT(run.counted(), 0U) << other;
  }
}

TEST_P(EveryLie, ToldInALargerSet) {
  LiarRun run = Telling({LiarRun::FaultOf(GetParam(), 0.5)}, 10);
  run.Play(40);
  EXPECT_GT(run.counted(), 0U);
}

// --- Each kind

TEST(Liar, EquivocatesWithTwoBlocksInOrder) {
  LiarRun run("equivocate");
  run.Play();
  int twice = 0;
  for (const auto& [round, blocks] : run.BlocksInOrder()) twice += blocks.size() == 2 ? 1 : 0;
  EXPECT_GT(twice, 8);
}

TEST(Liar, JustifiesOneParentTwice) {
  LiarRun run("two_justifications");
  run.Play();
  std::map<Round, std::set<std::string>> justifications;
  for (const Proposal* proposal : run.InOrder<Proposal>()) {
    std::string justification = Encode(proposal->block->justify);
    if (proposal->tc.has_value()) justification += Encode(*proposal->tc);
    justifications[proposal->block->header.round].insert(std::move(justification));
  }
  EXPECT_TRUE(std::any_of(justifications.begin(), justifications.end(),
                          [](const auto& entry) { return entry.second.size() == 2; }));
}

TEST(Liar, VotesTwiceInARound) {
  LiarRun run("double_vote");
  run.Play();
  std::map<Round, std::set<Hash>> votes;
  for (const Vote* vote : run.InOrder<Vote>()) votes[vote->round].insert(vote->block_id);
  EXPECT_TRUE(std::any_of(votes.begin(), votes.end(),
                          [](const auto& entry) { return entry.second.size() > 1; }));
}

TEST(Liar, VotesAndGivesUpInOneRound) {
  LiarRun run("vote_and_timeout");
  run.Play();
  std::set<Round> voted;
  for (const Vote* vote : run.InOrder<Vote>()) voted.insert(vote->round);
  size_t both = 0;
  for (const Timeout* timeout : run.InOrder<Timeout>()) both += voted.count(timeout->round);
  EXPECT_GT(both, 20U);
}

TEST(Liar, Forgets) {
  LiarRun run("amnesia", 5);
  run.Play();
  EXPECT_GT(run.forgotten(), 0U);
}

TEST(Liar, WithholdsProposals) {
  LiarRun run("withhold_proposal");
  run.Play();
  EXPECT_LT(run.heard().size(), run.said());
}

TEST(Liar, ForksOffAnOlderCertificateInOrder) {
  LiarRun run("withhold_qc");
  run.Play();
  size_t forks = 0;
  for (const auto& [round, blocks] : run.BlocksInOrder()) forks += blocks.size() > 1 ? 1 : 0;
  EXPECT_GT(run.CountOfRefusals("no timeout certificate"), 0U);
  size_t hidden = 0;
  for (const Timeout* timeout : run.InOrder<Timeout>()) {
    if (timeout->high_qc.round.value + 1 < timeout->round.value) ++hidden;
  }
  EXPECT_GT(hidden + forks, 0U);
}

TEST(Liar, ForksWithTheTimeoutsOfTheRoundWhoseQcItHides) {
  LiarRun run("withhold_qc");
  TestWorld& world = run.world();
  const std::vector<BlockPtr> chain = world.Chain(60);
  size_t forks = 0;
  for (uint64_t round = 4; round < 60; ++round) {
    if (world.LeaderOf(Round{round}) != LiarRun::kLiar) continue;
    for (uint64_t old = 1; old < round; ++old) {
      run.liar().OnReceive(chain[old]->header.proposer, Said(world.ProposalOf(chain[old])));
    }
    const Proposal honest = world.ProposalOf(chain[round]);
    for (const uint32_t to : {0U, 2U, 3U}) run.liar().OnSend({to}, Said(honest));
    for (const uint32_t from : {0U, 2U, 3U}) {
      run.liar().OnReceive(
          {from}, Said(world.TimeoutOf({from}, Round{round - 1}, world.QcFor(chain[round - 2]))));
    }
  }
  for (const Proposal* proposal : run.InOrder<Proposal>()) {
    if (!proposal->tc.has_value()) continue;
    EXPECT_EQ(proposal->block->justify.round.value + 2, proposal->block->header.round.value);
    EXPECT_EQ(proposal->tc->high_qc, proposal->block->justify);
    ++forks;
  }
  EXPECT_GT(forks, 0U);
}

TEST(Liar, RevealsLate) {
  LiarRun run("late_reveal");
  run.Play();
  for (const Heard& heard : run.heard()) EXPECT_TRUE(heard.verdict.ok()) << heard.verdict;
  EXPECT_FALSE(run.InOrder<Certificates>().empty());
}

TEST(Liar, ForgesInEveryKindOfMessage) {
  LiarRun run("forge_certificates");
  run.Play(200);
  EXPECT_GT(run.CountOfRefusals("is no quorum"), 0U);
  EXPECT_GT(run.CountOfRefusals("padding bits"), 0U);
  EXPECT_GT(run.CountOfRefusals("does not verify"), 0U);
  EXPECT_GT(run.CountOfRefusals("the highest reported is"), 0U);
  std::set<std::string> prefixes;
  for (const Heard& heard : run.heard()) {
    if (heard.verdict.ok()) continue;
    const std::string message(heard.verdict.message());
    prefixes.insert(message.substr(0, message.find(':')));
  }
  for (const char* kind : {"certificates", "timeout", "proposal", "blocks"}) {
    EXPECT_TRUE(prefixes.contains(kind)) << kind;
  }
}

TEST(Liar, ReplaysWhatIsNotItsOwn) {
  LiarRun run("replay");
  run.Play();
  EXPECT_GT(run.CountOfRefusals("is not the sender"), 0U);
  EXPECT_GT(run.CountOfRefusals("this is chain"), 0U);
}

TEST(Liar, ProposesWhatNobodyMay) {
  LiarRun run("wrong_proposals");
  run.Play(200);
  EXPECT_GT(run.CountOfRefusals("is not the leader of round"), 0U);
  EXPECT_GT(run.CountOfRefusals("round 0 is the genesis"), 0U);
  EXPECT_GT(run.CountOfRefusals("is above"), 0U);
  const auto blocks = run.BlocksInOrder();
  EXPECT_TRUE(std::any_of(blocks.begin(), blocks.end(),
                          [](const auto& entry) { return entry.second.size() > 4; }));
}

TEST(Liar, SpoilsContents) {
  LiarRun run("wrong_contents");
  run.Play(300);
  EXPECT_GT(run.CountOfRefusals("justify hash"), 0U);
  EXPECT_GT(run.CountOfRefusals("payload root"), 0U);
  EXPECT_GT(run.CountOfRefusals("epoch-end"), 0U);
  EXPECT_GT(run.CountOfRefusals("a payload of"), 0U);
  size_t doubled = 0;
  for (const Proposal* proposal : run.InOrder<Proposal>()) {
    std::set<Hash> ids;
    for (const auto& entry : proposal->block->index->entries) ids.insert(entry.id);
    doubled += ids.size() < proposal->block->index->entries.size() ? 1 : 0;
  }
  EXPECT_GT(doubled, 0U);
}

TEST(Liar, AnswersBadlyAndAsksTooMuch) {
  LiarRun run("sync_attack");
  run.Play();
  size_t requests = 0;
  for (const Heard& heard : run.heard()) {
    requests +=
        heard.message.has_value() && std::holds_alternative<consensus::BlockRequest>(*heard.message)
            ? 1
            : 0;
  }
  EXPECT_GT(requests, 10U);
  EXPECT_GT(run.CountOfRefusals("blocks"), 0U);
  EXPECT_GT(run.CountOfRefusals("count is"), 0U);
}

TEST(Liar, OffersRivalsOfCommittedBlocksThatNobodyAskedFor) {
  LiarRun run("sync_attack");
  run.Play(200);
  size_t rivals = 0;
  for (const Heard& heard : run.heard()) {
    const auto* answer = heard.As<Blocks>();
    if (answer == nullptr || answer->blocks.size() != 1 || answer->tip_qc.has_value()) continue;
    // In order but for the gap in rounds, which is where the true block is.
    const consensus::Header& header = answer->blocks[0]->header;
    if (header.round.value > header.parent_round.value + 2 && heard.verdict.ok()) ++rivals;
  }
  EXPECT_GT(rivals, 3U);
  EXPECT_GT(run.CountOfRefusals("the certificate is not the last block's"), 3U);
}

TEST(Liar, SpoofsVotesThatAreAllRefused) {
  LiarRun run("spoofed_votes");
  run.Play();
  EXPECT_GT(run.CountOfRefusals("is not the sender"), 20U);
  EXPECT_GT(run.CountOfRefusals("is not in the validator set"), 0U);
}

TEST(Liar, ScattersTimeouts) {
  LiarRun run("scattered_timeouts");
  run.Play();
  std::set<Round> rounds;
  for (const Timeout* timeout : run.InOrder<Timeout>()) rounds.insert(timeout->round);
  EXPECT_GT(rounds.size(), 30U);
  EXPECT_GT(run.CountOfRefusals("timeout"), 0U);
}

TEST(Liar, SpeaksOfOtherEpochs) {
  LiarRun run("wrong_epoch");
  run.Play();
  EXPECT_GT(run.CountOfRefusals("epoch 0"), 0U);
  EXPECT_GT(run.CountOfRefusals("epoch 2"), 0U);
  EXPECT_GT(run.CountOfRefusals("epoch 18446744073709551615"), 0U);
  for (const Vote* vote : run.InOrder<Vote>()) EXPECT_EQ(vote->epoch, Epoch{1});
}

TEST(Liar, SignsOddlyAndIsRefused) {
  LiarRun run("odd_signatures");
  run.Play();
  EXPECT_GT(run.CountOfRefusals("does not verify"), 100U);
}

TEST(Liar, DripsJustBeforeTheTimeoutAndCensors) {
  LiarRun run("slow_drip", 0.9);
  run.Play();
  EXPECT_EQ(run.heard().size(), run.said());
  const std::vector<const Proposal*> proposals = run.InOrder<Proposal>();
  EXPECT_TRUE(std::any_of(proposals.begin(), proposals.end(),
                          [](const Proposal* p) { return !p->block->has_transactions(); }));
}

TEST(Liar, MutatesSomeMessagesAndLetsTheOthersPass) {
  LiarRun run("mutate", 0.3);
  run.Play();
  EXPECT_EQ(run.heard().size(), run.said());
  const auto refused =
      static_cast<size_t>(std::count_if(run.heard().begin(), run.heard().end(),
                                        [](const Heard& heard) { return !heard.verdict.ok(); }));
  EXPECT_GT(refused, run.said() / 20);
  EXPECT_LT(refused, run.said() / 2);
}

TEST(Liar, PutsOffNothingPastItsOwnEnd) {
  std::vector<absl::AnyInvocable<void() &&>> waiting;
  TestWorld world;
  int sent = 0;
  LiarContext context{
      .self = {1},
      .genesis = &world.genesis(),
      .validators = &world.validators(),
      .leaders = &world.leaders(),
      .signer = &world.signer({1}),
      .round_timeout_min_us = 1000,
      .now_us = [] { return uint64_t{0}; },
      .send = [&](ValidatorIndex, const network::FramePtr&) { ++sent; },
      .at = [&](uint64_t,
                absl::AnyInvocable<void() &&> action) { waiting.push_back(std::move(action)); },
      .forget = [](uint64_t) {},
      .count = [](absl::string_view) {}};
  std::unique_ptr<Liar> liar = MakeLiar(LiarRun::FaultOf("slow_drip"), std::move(context));
  liar->OnSend({0}, Said(world.VoteFor(world.Chain(1).back(), {1})));
  ASSERT_EQ(waiting.size(), 1U);
  liar.reset();
  std::move(waiting.front())();
  EXPECT_EQ(sent, 0);
}

TEST(Liar, StandsLowerAndHigherThanItDoesAndWhereItStoodBefore) {
  LiarRun run("false_standing");
  run.Play();
  size_t at_genesis = 0;
  std::map<Hash, int> nonces;
  for (const consensus::Standing* standing : run.InOrder<consensus::Standing>()) {
    at_genesis += standing->high_qc.round.value == 0 ? 1 : 0;
    ++nonces[standing->nonce];
  }
  EXPECT_GT(at_genesis, 3U);
  EXPECT_GT(run.CountOfRefusals("does not verify"), 3U) << "a round that nothing proves";
  EXPECT_TRUE(std::any_of(nonces.begin(), nonces.end(), [](const auto& nonce) {
    return nonce.second > 1;
  })) << "an answer of before";
}

// --- Forged certificates

class Forgeries : public testing::TestWithParam<size_t> {
 protected:
  Forgeries() : world_(std::vector<uint64_t>(GetParam(), 1)), chain_(world_.Chain(4)) {
    material_ = {.self = {1},
                 .validators = &world_.validators(),
                 .signer = &world_.signer({1}),
                 .chain_id = world_.chain_id(),
                 .qc = world_.QcFor(chain_[4]),
                 .older_qc = world_.QcFor(chain_[3]),
                 .tc = world_.TcFor(Round{5}, world_.QcFor(chain_[4]))};
  }
  // OK if a validator would believe it.
  absl::Status Judge(const network::FramePtr& frame) {
    absl::StatusOr<PeerMessage> message = network::DecodeFrame(*frame, world_.genesis().limits);
    if (!message.ok()) return message.status();
    return world_.verifier()
        .Verify({1}, std::get<consensus::Message>(*std::move(message)))
        .status();
  }
  absl::Status Judge(Certificates certificates) {
    return Judge(network::EncodeFrame(consensus::Message(std::move(certificates))));
  }

  TestWorld world_;
  const std::vector<BlockPtr> chain_;
  ForgerMaterial material_;
};

INSTANTIATE_TEST_SUITE_P(Liar, Forgeries, testing::Values(4, 7, 8, 10, 16));

TEST_P(Forgeries, StartFromCertificatesInOrder) {
  EXPECT_TRUE(Judge({.high_qc = material_.qc, .last_tc = material_.tc}).ok());
}

TEST_P(Forgeries, OfQuorumCertificatesAreAllRefused) {
  for (const QcForgery& forgery : QcForgeries()) {
    EXPECT_EQ(Judge({.high_qc = forgery.make(material_)}).code(),
              absl::StatusCode::kInvalidArgument)
        << forgery.form;
  }
}

TEST_P(Forgeries, OfTimeoutCertificatesAreAllRefused) {
  for (const TcForgery& forgery : TcForgeries()) {
    EXPECT_EQ(Judge({.high_qc = material_.qc, .last_tc = forgery.make(material_)}).code(),
              absl::StatusCode::kInvalidArgument)
        << forgery.form;
  }
}

TEST_P(Forgeries, OfBytesAreAllRefused) {
  for (const FrameForgery& forgery : FrameForgeries()) {
    EXPECT_EQ(Judge(forgery.make(material_)).code(), absl::StatusCode::kInvalidArgument)
        << forgery.form;
  }
}

}  // namespace
}  // namespace kiln::sim
