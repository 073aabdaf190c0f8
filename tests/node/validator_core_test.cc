#include "node/validator_core.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "consensus/receipt.h"
#include "node/one_receipt.h"
#include "tests/consensus/test_world.h"
#include "tests/node/memory_store.h"

namespace kiln::node {
namespace {

using ::testing::HasSubstr;

// Stands still until it is set.
class ManualClock : public Clock {
 public:
  Now Read() override { return now_; }
  void AdvanceTo(uint64_t monotonic_us) {
    if (monotonic_us <= now_.monotonic_us) return;
    now_.wall_us += monotonic_us - now_.monotonic_us;
    now_.monotonic_us = monotonic_us;
  }

 private:
  Now now_{.monotonic_us = 1'000'000, .wall_us = 1'700'000'001'000'000};
};

// Keeps what it was shown, and replies with it.
class Register : public Application {
 public:
  absl::StatusOr<Effects> Execute(const Block& block, State& state) override {
    if (!failure.ok()) return failure;
    Effects effects;
    for (const absl::string_view transaction : block.transactions) {
      state.Put(transaction, absl::StrCat(block.height));
      effects.replies.push_back(Reply::Ok(transaction));
    }
    return effects;
  }
  absl::StatusOr<std::string> Query(const StateView& state,
                                    absl::string_view query) const override {
    return state.Get(query);
  }

  absl::Status failure;
};

// Four cores that exchange frames in one thread, in order of sending.
class Cluster {
 public:
  explicit Cluster(std::optional<consensus::LeaderElection> leaders = std::nullopt)
      : leaders_(leaders.value_or(world_.leaders())) {
    for (uint32_t i = 0; i < world_.validators().size(); ++i) {
      members_.push_back(std::make_unique<Member>(this, ValidatorIndex{i}));
      Start(i);
    }
  }

  ValidatorCore& core(uint32_t i) { return *members_.at(i)->core; }
  storage::MemoryStore& store(uint32_t i) { return members_.at(i)->store; }
  Register& application(uint32_t i) { return members_.at(i)->application; }
  const Genesis& genesis() const { return world_.genesis(); }
  const std::string& sent() const { return sent_; }
  // The validator's blocks stay committed and not executed.
  void HoldExecution(uint32_t i) { members_.at(i)->execution_held = true; }

  void Start(uint32_t i) {
    Member& member = *members_.at(i);
    member.inbox.clear();
    member.committed = {};
    member.execution_held = false;
    member.core = Recover(member);
    KILN_CHECK_OK(member.core->Start(clock_));
  }
  void Stop(uint32_t i) { members_.at(i)->core = nullptr; }
  void Connect(uint32_t i) {
    for (uint32_t j = 0; j < members_.size(); ++j) {
      if (i == j || members_[j]->core == nullptr) continue;
      members_[i]->inbox.push_back(consensus::Event(consensus::PeerConnected{{j}}));
      members_[j]->inbox.push_back(consensus::Event(consensus::PeerConnected{{i}}));
    }
  }

  // What the client is told; filled in later.
  using Told = std::shared_ptr<std::optional<absl::StatusOr<Receipt>>>;
  Told Submit(uint32_t i, const std::string& payload) {
    const Told told = std::make_shared<std::optional<absl::StatusOr<Receipt>>>();
    core(i).submission().Submit(
        0, network::BatchOfOne("", payload), absl::InfiniteFuture(),
        std::make_shared<OneReceipt>(
            [told](absl::StatusOr<Receipt> receipt) { *told = std::move(receipt); }));
    return told;
  }

  // Until `done` holds; false when it does not within many steps.
  template <typename Done>
  bool RunUntil(Done done) {
    for (int step = 0; step < 2000; ++step) {
      if (done()) return true;
      if (!Step()) clock_.AdvanceTo(NextDeadline());
    }
    return false;
  }

  absl::Status RunGroup(uint32_t i) {
    Member& member = *members_.at(i);
    std::vector<EngineEvent> events;
    while (!member.inbox.empty() && events.size() < ValidatorCore::kGroupEventsMax) {
      events.push_back(std::move(member.inbox.front()));
      member.inbox.pop_front();
    }
    return member.core->RunGroup(std::move(events), clock_);
  }

 private:
  struct Member : EngineOutput {
    Member(Cluster* in, ValidatorIndex index)
        : cluster(in), self(index), store(in->world_.genesis()) {}

    void Send(std::optional<ValidatorIndex> to, const consensus::Message& message) override {
      cluster->Deliver(self, to, network::EncodeFrame(message));
    }
    void Fetch(ValidatorIndex from, const consensus::BlockRequest& request) override {
      cluster->Deliver(self, from, network::EncodeFrame(request));
    }
    void Forward(const consensus::SharedBytes& batch) override {
      cluster->Deliver(
          self, std::nullopt,
          network::EncodeFrame(network::TransactionBatch{.payload = batch, .index = nullptr}));
    }
    void Committed(Height height) override { committed = height; }
    void Refused(const consensus::Refusal&) override {}

    Cluster* const cluster;
    const ValidatorIndex self;
    storage::MemoryStore store;
    Register application;
    std::deque<EngineEvent> inbox;
    Height committed;
    bool execution_held = false;
    std::unique_ptr<ValidatorCore> core;
  };
  struct InFlight {
    ValidatorIndex from;
    uint32_t to = 0;
    network::FramePtr frame;
  };

  std::unique_ptr<ValidatorCore> Recover(Member& member) {
    ValidatorCore::Environment environment{
        .validators = &world_.validators(),
        .leaders = &leaders_,
        .signer = &world_.signer(member.self),
        .signatures = &world_.signatures(),
        .store = &member.store,
        .application = &member.application,
        .output = &member,
        .sinks = {
            .event =
                [&member](EngineEvent event, size_t) {
                  member.inbox.push_back(std::move(event));
                  return true;
                },
            .executed = [&member](EngineEvent event) { member.inbox.push_back(std::move(event)); },
            .answer = [this, &member](
                          ValidatorIndex to,
                          network::FramePtr frame) { Deliver(member.self, to, std::move(frame)); }},
        .now_us = [this] { return clock_.Read().monotonic_us; }};
    auto core = ValidatorCore::Recover({.genesis = world_.genesis(),
                                        .self = member.self,
                                        .mempool_max = {.transactions = 1000, .bytes = 1 << 20}},
                                       environment, clock_.Read());
    KILN_CHECK_OK(core.status());
    return *std::move(core);
  }

  void Deliver(ValidatorIndex from, std::optional<ValidatorIndex> to, network::FramePtr frame) {
    absl::StrAppend(&sent_, from.value, static_cast<int>(frame->kind), frame->body);
    for (uint32_t i = 0; i < members_.size(); ++i) {
      if (ValidatorIndex{i} == from || (to.has_value() && to->value != i)) continue;
      in_flight_.push_back({from, i, frame});
    }
  }

  // False when there was nothing to do.
  bool Step() {
    bool busy = !in_flight_.empty();
    for (const InFlight& one : std::exchange(in_flight_, {})) {
      if (members_[one.to]->core == nullptr) continue;
      members_[one.to]->core->peer_input().Handle(one.from, *one.frame);
    }
    for (uint32_t i = 0; i < members_.size(); ++i) {
      Member& member = *members_[i];
      if (member.core == nullptr) continue;
      if (!member.inbox.empty() || member.core->NextDeadline() <= clock_.Read().monotonic_us) {
        busy = true;
        KILN_CHECK_OK(RunGroup(i));
      }
      while (!member.execution_held && member.core->executed_height() < member.committed) {
        KILN_CHECK_OK(member.core->ExecuteNext(Height{member.core->executed_height().value + 1}));
      }
    }
    return busy;
  }

  uint64_t NextDeadline() const {
    uint64_t next = UINT64_MAX;
    for (const auto& member : members_) {
      if (member->core != nullptr) next = std::min(next, member->core->NextDeadline());
    }
    return next;
  }

  consensus::TestWorld world_;
  const consensus::LeaderElection leaders_;
  ManualClock clock_;
  std::vector<std::unique_ptr<Member>> members_;
  std::deque<InFlight> in_flight_;
  std::string sent_;  // everything, in order
};

TEST(ValidatorCore, CommitsATransactionWithThreeOthersAndAnswersTheClient) {
  Cluster cluster;
  const Cluster::Told told = cluster.Submit(0, "red");
  ASSERT_TRUE(cluster.RunUntil([&] { return told->has_value(); }));
  ASSERT_TRUE((*told)->ok()) << (*told)->status();
  EXPECT_EQ((**told)->reply, Reply::Ok("red"));
  const auto verifier = consensus::ReceiptVerifier::Create(cluster.genesis());
  ASSERT_TRUE(verifier.ok()) << verifier.status();
  const absl::Status proved = (*verifier)->Verify({.payload = "red"}, ***told);
  EXPECT_TRUE(proved.ok()) << proved;

  const Height height{(**told)->height};
  ASSERT_TRUE(cluster.RunUntil([&] {
    for (uint32_t i = 0; i < 4; ++i) {
      if (cluster.core(i).executed_height() < height) return false;
    }
    return true;
  }));
  for (uint32_t i = 0; i < 4; ++i) {
    EXPECT_EQ(cluster.core(i).total_transactions(), 1u);
    EXPECT_EQ(cluster.store(i).ResultsAt(height)->state.Root(),
              cluster.store(0).ResultsAt(height)->state.Root());
    EXPECT_EQ(cluster.core(i).peer_input().refused(), 0u);
  }
}

TEST(ValidatorCore, SendsTheSameBytesInTheSameOrderEveryTime) {
  std::vector<std::string> sent;
  for (int run = 0; run < 2; ++run) {
    Cluster cluster;
    std::vector<Cluster::Told> told;
    for (int i = 0; i < 40; ++i) told.push_back(cluster.Submit(i % 4, absl::StrCat("t", i)));
    ASSERT_TRUE(cluster.RunUntil([&] {
      return std::all_of(told.begin(), told.end(), [](const auto& t) { return t->has_value(); });
    }));
    sent.push_back(cluster.sent());
  }
  EXPECT_TRUE(sent[0] == sent[1]);
}

TEST(ValidatorCore, ResumesFromItsStoreAndExecutesWhatItOwes) {
  Cluster cluster;
  const Cluster::Told first = cluster.Submit(0, "red");
  ASSERT_TRUE(cluster.RunUntil([&] { return first->has_value(); }));
  cluster.HoldExecution(3);
  const Cluster::Told second = cluster.Submit(0, "blue");
  ASSERT_TRUE(cluster.RunUntil([&] {
    return second->has_value() && cluster.store(3).committed_height().value >= (**second)->height;
  }));
  const Height committed = cluster.store(3).committed_height();
  ASSERT_LT(cluster.core(3).executed_height(), committed);
  const uint64_t votes = cluster.core(0).replica_status().votes_signed;

  cluster.Stop(3);
  cluster.Start(3);
  cluster.Connect(3);
  EXPECT_EQ(cluster.core(3).executed_height(), committed);
  EXPECT_EQ(cluster.core(3).total_transactions(), 2u);

  const Cluster::Told again = cluster.Submit(3, "red");
  ASSERT_TRUE(again->has_value());  // at once: the window knows it
  ASSERT_TRUE((*again)->ok()) << (*again)->status();
  EXPECT_EQ((**again)->height, (**first)->height);

  const Cluster::Told third = cluster.Submit(3, "green");
  ASSERT_TRUE(cluster.RunUntil([&] { return third->has_value(); }));
  EXPECT_TRUE((*third)->ok()) << (*third)->status();
  EXPECT_GT(cluster.core(0).replica_status().votes_signed, votes);
}

TEST(ValidatorCore, SignsAndSendsNothingAfterExecutionFailed) {
  Cluster cluster;
  cluster.HoldExecution(2);
  const Cluster::Told told = cluster.Submit(0, "red");
  ASSERT_TRUE(cluster.RunUntil(
      [&] { return told->has_value() && cluster.store(2).committed_height().value > 0; }));
  EXPECT_FALSE(cluster.core(2).failed());
  cluster.application(2).failure = absl::InternalError("out of paint");
  EXPECT_THAT(cluster.core(2).ExecuteNext(Height{1}).message(), HasSubstr("out of paint"));

  EXPECT_TRUE(cluster.core(2).failed());
  const std::string sent = cluster.sent();
  const uint64_t votes = cluster.core(2).replica_status().votes_signed;
  EXPECT_THAT(cluster.RunGroup(2).message(), HasSubstr("out of paint"));
  EXPECT_THAT(cluster.core(2).failure().message(), HasSubstr("out of paint"));
  EXPECT_EQ(cluster.core(2).replica_status().votes_signed, votes);
  EXPECT_TRUE(cluster.sent() == sent);
}

TEST(ValidatorCore, FollowsAGivenScheduleOfLeaders) {
  Cluster cluster(consensus::LeaderElection::FromSchedule({{2}, {1}}));
  const Cluster::Told told = cluster.Submit(0, "red");
  ASSERT_TRUE(cluster.RunUntil([&] { return told->has_value(); }));
  ASSERT_TRUE((*told)->ok()) << (*told)->status();
  for (Height height{1}; height <= cluster.store(0).committed_height(); ++height.value) {
    const consensus::Header header = *cluster.store(0).HeaderAt(height);
    EXPECT_EQ(header.proposer.value, header.round.value % 2 == 1 ? 2u : 1u);
  }
}

TEST(ValidatorCore, TellsAClientAtTheDeadlineThatTheCallerNames) {
  Cluster cluster;
  const Cluster::Told told = std::make_shared<std::optional<absl::StatusOr<Receipt>>>();
  const absl::Time deadline = absl::FromUnixSeconds(17);  // of a simulated world
  cluster.core(1).submission().Submit(
      0, network::BatchOfOne("", "red"), deadline,
      std::make_shared<OneReceipt>(
          [told](absl::StatusOr<Receipt> receipt) { *told = std::move(receipt); }));
  EXPECT_EQ(cluster.core(1).replies().next_deadline(), deadline);
  cluster.core(1).replies().Expire(deadline - absl::Nanoseconds(1));
  EXPECT_FALSE(told->has_value());
  cluster.core(1).replies().Expire(deadline);
  ASSERT_TRUE(told->has_value());
  EXPECT_TRUE(absl::IsDeadlineExceeded((*told)->status())) << (*told)->status();
}

}  // namespace
}  // namespace kiln::node
