#include "node/execution_thread.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "node/one_receipt.h"
#include "tests/consensus/test_world.h"
#include "tests/node/memory_store.h"

namespace kiln::node {
namespace {

// For a loaded machine; nothing waits for all of it when all is well.
constexpr absl::Duration kAtMost = absl::Seconds(60);
constexpr uint64_t kDueEvery = 16;

// Writes nothing.
class Agreeable : public Application {
 public:
  absl::StatusOr<Effects> Execute(const Block& block, State&) override {
    Effects effects;
    effects.replies.resize(block.transactions.size(), Reply::Ok());
    return effects;
  }
  absl::StatusOr<std::string> Query(const StateView&, absl::string_view) const override {
    return absl::UnimplementedError("nobody asks");
  }
};

// Never waits: it is as late as the next deadline.
class JumpingClock : public Clock {
 public:
  Now Read() override { return now_; }
  void JumpTo(uint64_t monotonic_us) {
    if (monotonic_us <= now_.monotonic_us) return;
    now_.wall_us += monotonic_us - now_.monotonic_us;
    now_.monotonic_us = monotonic_us;
  }

 private:
  Now now_{.monotonic_us = 1'000'000, .wall_us = 1'700'000'001'000'000};
};

// The only validator of its chain: the test is its replica's thread, and blocks are executed by an
// ExecutionThread.
class LoneValidator : private EngineOutput {
 public:
  LoneValidator() : store_(world_.genesis()) {
    auto core = ValidatorCore::Recover(
        {.genesis = world_.genesis(),
         .self = {0},
         .mempool_max = {.transactions = 1000, .bytes = 1 << 20}},
        {.validators = &world_.validators(),
         .leaders = &world_.leaders(),
         .signer = &world_.signer({0}),
         .signatures = &world_.signatures(),
         .store = &store_,
         .application = &application_,
         .output = this,
         .sinks = {.event =
                       [this](EngineEvent event, size_t) {
                         Add(std::move(event));
                         return true;
                       },
                   .executed = [this](EngineEvent event) { Add(std::move(event)); },
                   .deadline_added = [this] { execution_->Wake(); }},
         .now_us = [] { return uint64_t{1'000'000}; }},
        clock_.Read());
    KILN_CHECK_OK(core.status());
    core_ = *std::move(core);
    execution_ = std::make_unique<ExecutionThread>(
        core_.get(),
        ExecutionThread::Sinks{.failed = [](const absl::Status& why) { KILN_CHECK_OK(why); }});
  }
  ~LoneValidator() override { execution_->Stop(); }

  ExecutionThread& execution() { return *execution_; }
  Height executed_height() const { return core_->executed_height(); }

  void Start() {
    execution_->Start();
    KILN_CHECK_OK(core_->Start(clock_));
  }
  void CommitUpTo(uint64_t height) {
    while (store_.committed_height().value < height) {
      clock_.JumpTo(core_->NextDeadline());
      KILN_CHECK_OK(core_->RunGroup(TakeEvents(), clock_));
    }
  }
  // False when it takes too long.
  bool WaitUntilExecuted(uint64_t height) {
    const auto reached = std::make_shared<absl::Notification>();
    execution_->WaitForHeight(Height{height}, [reached] { reached->Notify(); });
    return reached->WaitForNotificationWithTimeout(kAtMost);
  }
  // What a client is told of a transaction that nobody commits.
  absl::Status SubmitWithDeadline(absl::Time deadline) {
    struct Told {
      absl::Mutex mutex;
      std::optional<absl::Status> status ABSL_GUARDED_BY(mutex);
    };
    const auto told = std::make_shared<Told>();
    core_->submission().Submit(
        0, network::BatchOfOne("", "red"), deadline,
        std::make_shared<OneReceipt>([told](const absl::StatusOr<Receipt>& what) {
          const absl::MutexLock lock(&told->mutex);
          told->status = what.status();
        }));
    const absl::MutexLock lock(&told->mutex);
    const auto is_told = [&told]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(told->mutex) {
      return told->status.has_value();
    };
    if (told->mutex.AwaitWithTimeout(absl::Condition(&is_told), kAtMost)) return *told->status;
    return absl::InternalError("nothing was told");
  }

 private:
  void Send(std::optional<ValidatorIndex>, const consensus::Message&) override {}
  void Fetch(ValidatorIndex, const consensus::BlockRequest&) override {}
  void Forward(const consensus::SharedBytes&) override {}
  void Committed(Height height) override { execution_->Committed(height); }
  void Refused(const consensus::Refusal&) override {}

  void Add(EngineEvent event) {
    absl::MutexLock lock(&mutex_);
    inbox_.push_back(std::move(event));
  }
  std::vector<EngineEvent> TakeEvents() {
    absl::MutexLock lock(&mutex_);
    return std::exchange(inbox_, {});
  }

  consensus::TestWorld world_{{1}, {.snapshot_interval_blocks = kDueEvery}};
  storage::MemoryStore store_;
  Agreeable application_;
  JumpingClock clock_;
  absl::Mutex mutex_;
  std::vector<EngineEvent> inbox_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<ValidatorCore> core_;
  std::unique_ptr<ExecutionThread> execution_;
};

TEST(ExecutionThread, ExecutesUpToASnapshotAndGoesOnWhenThereIsRoomForIt) {
  LoneValidator validator;
  validator.execution().SetHasRoom(false);
  validator.Start();
  validator.CommitUpTo(kDueEvery + 2);
  ASSERT_TRUE(validator.WaitUntilExecuted(kDueEvery));
  EXPECT_EQ(validator.executed_height().value, kDueEvery);
  validator.execution().SetHasRoom(true);
  ASSERT_TRUE(validator.WaitUntilExecuted(kDueEvery + 2));
}

TEST(ExecutionThread, AnswersClientsAtTheirDeadlinesWhileASnapshotWaitsForRoom) {
  LoneValidator validator;
  validator.execution().SetHasRoom(false);
  validator.Start();
  validator.CommitUpTo(kDueEvery + 2);
  ASSERT_TRUE(validator.WaitUntilExecuted(kDueEvery));
  for (const absl::Duration patience : {-absl::Seconds(1), absl::Milliseconds(20)}) {
    const absl::Status told = validator.SubmitWithDeadline(absl::Now() + patience);
    EXPECT_TRUE(absl::IsDeadlineExceeded(told)) << told;
  }
  EXPECT_EQ(validator.executed_height().value, kDueEvery);
}

TEST(ExecutionThread, EndsWhileASnapshotWaitsForRoom) {
  LoneValidator validator;
  validator.execution().SetHasRoom(false);
  validator.Start();
  validator.CommitUpTo(kDueEvery + 2);
  ASSERT_TRUE(validator.WaitUntilExecuted(kDueEvery));
  validator.execution().Stop();
  EXPECT_EQ(validator.executed_height().value, kDueEvery);
}

}  // namespace
}  // namespace kiln::node
