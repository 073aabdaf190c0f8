#include "node/execution.h"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/application_root.h"
#include "node/state_overlay.h"
#include "tests/node/memory_store.h"
#include "tests/node/test_blocks.h"

namespace kiln::node {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Does what the test says, and keeps what it was shown.
class ScriptedApplication : public Application {
 public:
  using Script = std::function<absl::StatusOr<Effects>(const Block&, State&)>;

  absl::StatusOr<Effects> Execute(const Block& block, State& state) override {
    shown.clear();
    for (const absl::string_view transaction : block.transactions) shown.emplace_back(transaction);
    if (script) return script(block, state);
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

  Script script;
  std::vector<std::string> shown;
};

// One replica's execution, as after a start of the process.
struct World {
  explicit World(uint64_t window_blocks = 16)
      : genesis(SmallGenesis(window_blocks)),
        store(genesis),
        chain(genesis, &store),
        window(std::make_unique<DuplicateWindow>(window_blocks)),
        snapshots(std::make_unique<Snapshots>(genesis.limits, &store, /*kept=*/2)),
        executor(std::make_unique<Executor>(genesis.limits, &store, &application, window.get(),
                                            snapshots.get())) {}

  absl::StatusOr<ExecutedBlock> Run(const std::vector<TestTransaction>& transactions) {
    return executor->Execute(chain.Commit(transactions));
  }
  // What the block replied, as codes.
  std::vector<uint32_t> Codes(const std::vector<TestTransaction>& transactions) {
    const absl::StatusOr<ExecutedBlock> executed = Run(transactions);
    EXPECT_TRUE(executed.ok()) << executed.status();
    std::vector<uint32_t> codes;
    for (const Reply& reply : executed->results.replies) codes.push_back(reply.code);
    return codes;
  }
  void RunEmptyUntil(uint64_t height) {
    while (executor->executed().height.value < height) ASSERT_TRUE(Run({}).ok());
  }
  void Restart() {
    window = std::make_unique<DuplicateWindow>(genesis.limits.duplicate_window_blocks);
    ASSERT_TRUE(window->Restore(store).ok());
    snapshots = std::make_unique<Snapshots>(genesis.limits, &store, /*kept=*/2);
    ASSERT_TRUE(snapshots->Restore().ok());
    executor = std::make_unique<Executor>(genesis.limits, &store, &application, window.get(),
                                          snapshots.get());
  }

  Genesis genesis;
  storage::MemoryStore store;
  ScriptedApplication application;
  TestChain chain;
  std::unique_ptr<DuplicateWindow> window;
  std::unique_ptr<Snapshots> snapshots;
  std::unique_ptr<Executor> executor;
};

TEST(Executor, ExecutesInOrderAndStoresTheResults) {
  World world;
  const absl::StatusOr<ExecutedBlock> executed = world.Run({{"a"}, {"b"}});
  ASSERT_TRUE(executed.ok()) << executed.status();
  EXPECT_THAT(world.application.shown, ElementsAre("a", "b"));
  EXPECT_THAT(executed->results.replies, ElementsAre(Reply::Ok("a"), Reply::Ok("b")));
  EXPECT_EQ(executed->results.total_transactions, 2u);
  EXPECT_EQ(executed->state_root, world.store.executed_state().Root());
  EXPECT_EQ(executed->results.state.time_us, executed->block->header.time_us);
  EXPECT_EQ(world.store.state(), (storage::StateMap{{"a", "1"}, {"b", "1"}}));
  EXPECT_EQ(world.store.ResultsAt({1})->replies, executed->results.replies);
}

TEST(Executor, SetsAsideWhatComesAfterItsLastHeight) {
  World world;
  world.RunEmptyUntil(4);
  EXPECT_THAT(world.Codes({{"late", 4}, {"just", 5}}), ElementsAre(Reply::kExpired, Reply::kOk));
  EXPECT_THAT(world.application.shown, ElementsAre("just"));
}

TEST(Executor, SetsAsideWhatComesMoreThanAWindowBeforeItsLastHeight) {
  World world;
  EXPECT_THAT(world.Codes({{"early", 18}, {"just", 17}, {"never", UINT64_MAX}}),
              ElementsAre(Reply::kExpired, Reply::kOk, Reply::kExpired));
}

TEST(Executor, SetsAsideARepetitionInTheSameBlock) {
  World world;
  EXPECT_THAT(world.Codes({{"a"}, {"a", 9}, {"a", 9, "other key"}}),
              ElementsAre(Reply::kOk, Reply::kDuplicate, Reply::kOk));
}

TEST(Executor, CountsAnExpiredEnvelopeForNothing) {
  World world;
  EXPECT_THAT(world.Codes({{"a", 0}, {"a", 5}}), ElementsAre(Reply::kExpired, Reply::kOk));
}

TEST(Executor, SetsAsideARepetitionUntilTheEndOfTheWindow) {
  World world;
  EXPECT_THAT(world.Codes({{"a", 1}, {"b", 17}}), ElementsAre(Reply::kOk, Reply::kOk));
  world.RunEmptyUntil(15);
  EXPECT_THAT(world.Codes({{"a", 20}}), ElementsAre(Reply::kDuplicate)) << "height 16";
  world.Restart();
  EXPECT_THAT(world.Codes({{"a", 20}, {"b", 17}}),
              ElementsAre(Reply::kDuplicate, Reply::kDuplicate));
  EXPECT_THAT(world.Codes({{"a", 20}, {"b", 17}}), ElementsAre(Reply::kOk, Reply::kExpired));
}

TEST(Executor, AnswersBarriersWithoutTheApplication) {
  World world;
  EXPECT_THAT(world.Codes({{"", 10, "barrier"}, {"a"}, {"", 10, "barrier"}, {"", 0, "late"}}),
              ElementsAre(Reply::kOk, Reply::kOk, Reply::kDuplicate, Reply::kExpired));
  EXPECT_THAT(world.application.shown, ElementsAre("a"));
}

TEST(Executor, GivesTheApplicationEmptyBlocksToo) {
  World world;
  world.application.script = [](const Block& block, State& state) {
    state.Put("height", absl::StrCat(block.height));
    return Effects{};
  };
  world.RunEmptyUntil(3);
  EXPECT_EQ(world.store.state(), (storage::StateMap{{"height", "3"}}));
}

// Nothing of a refused block may be seen afterwards.
void ExpectRefused(ScriptedApplication::Script script, absl::StatusCode code,
                   const std::string& message) {
  World world;
  world.application.script = std::move(script);
  const absl::StatusOr<ExecutedBlock> executed = world.Run({{"a"}});
  EXPECT_EQ(executed.status().code(), code);
  EXPECT_THAT(executed.status().message(), HasSubstr("executing height 1, block "));
  EXPECT_THAT(executed.status().message(), HasSubstr(message));
  EXPECT_EQ(world.store.executed_state().height.value, 0u);
  EXPECT_EQ(world.executor->executed().height.value, 0u);
  EXPECT_EQ(world.window->size(), 0u);
  EXPECT_THAT(world.store.state(), IsEmpty());
}

TEST(Executor, RefusesAnApplicationThatBreaksItsContract) {
  ExpectRefused([](const Block&, State&) { return Effects{}; },
                absl::StatusCode::kFailedPrecondition, "0 replies for 1 transactions");
  ExpectRefused(
      [](const Block&, State&) { return Effects{.replies = {{.code = Reply::kDuplicate}}}; },
      absl::StatusCode::kFailedPrecondition, "code 4294901761");
  ExpectRefused(
      [](const Block&, State& state) {
        state.Put(std::string(kStateKeyBytesMax + 1, 'k'), "v");
        return Effects{.replies = {Reply::Ok()}};
      },
      absl::StatusCode::kInvalidArgument, "a key of 65537 bytes");
  ExpectRefused(
      [](const Block&, State&) {
        return Effects{.replies = {Reply::Ok()}, .validators = {ValidatorUpdate{}}};
      },
      absl::StatusCode::kUnimplemented, "changed the validators");
}

TEST(Executor, TurnsFailuresOfTheApplicationIntoAStatus) {
  ExpectRefused([](const Block&, State&) { return absl::AbortedError("enough"); },
                absl::StatusCode::kAborted, "the application refused the block: enough");
  ExpectRefused(
      [](const Block&, State&) -> absl::StatusOr<Effects> { throw std::runtime_error("oops"); },
      absl::StatusCode::kInternal, "the application threw: oops");
  ExpectRefused([](const Block&, State&) -> absl::StatusOr<Effects> { throw 1; },
                absl::StatusCode::kInternal, "the application threw");
}

TEST(Executor, AllowsTheLongestKey) {
  World world;
  world.application.script = [](const Block&, State& state) {
    state.Put(std::string(kStateKeyBytesMax, 'k'), "v");
    return Effects{};
  };
  EXPECT_TRUE(world.Run({}).ok());
}

// Fails every read, as a damaged disk would.
class DamagedView : public StateView {
 public:
  absl::StatusOr<std::string> Get(absl::string_view) const override {
    return absl::DataLossError("bad checksum");
  }
  absl::StatusOr<std::vector<std::pair<std::string, std::string>>> Scan(absl::string_view,
                                                                        size_t) const override {
    return absl::DataLossError("bad checksum");
  }
};

class DamagedStore : public storage::MemoryStore {
 public:
  using MemoryStore::MemoryStore;
  View state_view() const override {
    return {.state = std::make_shared<DamagedView>(), .height = MemoryStore::state_view().height};
  }
};

TEST(Executor, NamesTheWayOutWhenTheStateCannotBeRead) {
  const Genesis genesis = SmallGenesis(16);
  DamagedStore store(genesis);
  TestChain chain(genesis, &store);
  DuplicateWindow window(16);
  Snapshots snapshots(genesis.limits, &store, /*kept=*/2);
  ScriptedApplication application;
  application.script = [](const Block&, State& state) -> absl::StatusOr<Effects> {
    return absl::AbortedError(absl::StrCat("nothing works: ", state.Get("a").status().message()));
  };
  Executor executor(genesis.limits, &store, &application, &window, &snapshots);
  const absl::Status status = executor.Execute(chain.Commit({})).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << "it is not the application's fault";
  EXPECT_THAT(std::string(status.message()), HasSubstr("executing height 1, block "));
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("bad checksum: `kiln ledger rollback-application`"));
}

TEST(StateOverlay, RemembersAReadErrorThatTheApplicationOverlooked) {
  StateOverlay by_get(std::make_shared<DamagedView>());
  EXPECT_FALSE(by_get.Get("a").ok());
  EXPECT_EQ(by_get.status().code(), absl::StatusCode::kDataLoss);
  StateOverlay by_scan(std::make_shared<DamagedView>());
  EXPECT_FALSE(by_scan.Scan("a", 1).ok());
  EXPECT_EQ(by_scan.status().code(), absl::StatusCode::kDataLoss);
  StateOverlay sound(std::make_shared<storage::MemoryStateView>(storage::StateMap{}));
  EXPECT_EQ(sound.Get("a").status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(sound.status().ok()) << "an absent key is no error";
}

TEST(StateOverlay, AgreesWithAMap) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    std::mt19937_64 random(seed);
    const uint64_t keys = 1 + random() % 200;
    const auto key = [&] { return absl::StrCat(random() % keys); };
    storage::StateMap twin;
    for (uint64_t i = 0; i < keys; ++i) twin[key()] = "base";
    const storage::StateMap base = twin;
    StateOverlay overlay(std::make_shared<storage::MemoryStateView>(base));
    for (int step = 0; step < 300; ++step) {
      const std::string at = key();
      switch (random() % 4) {
        case 0:
          overlay.Put(at, absl::StrCat(step));
          twin[at] = absl::StrCat(step);
          break;
        case 1:
          overlay.Delete(at);
          twin.erase(at);
          break;
        case 2: {
          const auto found = twin.find(at);
          const absl::StatusOr<std::string> got = overlay.Get(at);
          ASSERT_EQ(got.ok(), found != twin.end());
          ASSERT_EQ(got.value_or(""), got.ok() ? found->second : "");
          break;
        }
        default: {
          const size_t count = random() % 40;
          const auto got = overlay.Scan(at, count);
          ASSERT_TRUE(got.ok());
          StateOverlay::Entries expected(twin.lower_bound(at), twin.end());
          if (expected.size() > count) expected.resize(count);
          ASSERT_EQ(*got, expected);
        }
      }
    }
    storage::StateMap applied = base;
    std::string previous;
    for (const storage::StateWrite& write : std::move(overlay).TakeWrites()) {
      ASSERT_LT(previous, write.key);
      previous = write.key;
      applied.erase(write.key);
      if (write.value.has_value()) applied[write.key] = *write.value;
    }
    ASSERT_EQ(applied, twin);
  }
}

TEST(ApplicationRoot, CoversEverythingAndTellsWritesFromResults) {
  const std::vector<storage::StateWrite> put = {{.key = "k", .value = "v"}};
  const std::vector<storage::StateWrite> put_empty = {{.key = "k", .value = ""}};
  const std::vector<storage::StateWrite> deleted = {{.key = "k", .value = std::nullopt}};
  const std::vector<storage::StateWrite> shifted = {{.key = "kv", .value = ""}};
  const std::vector<Reply> ok = {Reply::Ok()};
  const std::vector<Reply> refused = {Reply::Refused("")};
  const std::vector<Event> event = {{.type = "t", .data = "d"}};
  Hash other;
  other.bytes[31] = 1;
  const std::set<Hash> roots = {
      ApplicationRoot({}, {1}, {}, {}, {}),        ApplicationRoot(other, {1}, {}, {}, {}),
      ApplicationRoot({}, {2}, {}, {}, {}),        ApplicationRoot({}, {1}, put, {}, {}),
      ApplicationRoot({}, {1}, put_empty, {}, {}), ApplicationRoot({}, {1}, deleted, {}, {}),
      ApplicationRoot({}, {1}, shifted, {}, {}),   ApplicationRoot({}, {1}, {}, ok, {}),
      ApplicationRoot({}, {1}, {}, refused, {}),   ApplicationRoot({}, {1}, {}, {}, event)};
  EXPECT_EQ(roots.size(), 10u);
}

TEST(ApplicationRoot, HasNotChanged) {
  const std::vector<storage::StateWrite> writes = {{.key = "a", .value = "1"}, {.key = "b"}};
  const std::vector<Reply> replies = {Reply::Ok("x"), Reply::Refused("y")};
  const std::vector<Event> events = {{.type = "t", .data = "d"}};
  EXPECT_EQ(ApplicationRoot({}, {7}, writes, replies, events).ToHex(),
            "8074f99cf70f92e8d198d4a7704d36e8923aed635ca2fb749bd293fce9b8fb7f");
}

// Reads, writes, deletes and refuses as the transactions' bytes say.
absl::StatusOr<Effects> Churn(const Block& block, State& state) {
  Effects effects;
  for (const absl::string_view transaction : block.transactions) {
    const absl::string_view key = transaction.substr(0, 1);
    if (transaction.size() % 3 == 0) {
      state.Delete(key);
      effects.replies.push_back(Reply::Refused("deleted"));
      continue;
    }
    const auto entries = state.Scan(key, 2);
    if (!entries.ok()) return entries.status();
    std::string value = absl::StrCat(block.height);
    for (const auto& [at, below] : *entries) absl::StrAppend(&value, "/", at, below.size());
    state.Put(key, value);
    effects.replies.push_back(Reply::Ok(value));
    effects.events.push_back({.type = "put", .data = std::string(key)});
  }
  return effects;
}

TEST(Executor, ComesToTheSameRootsOnTwoMachinesOneOfWhichRestarts) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    std::mt19937_64 random(seed);
    World steady;
    World restarting;
    steady.application.script = Churn;
    restarting.application.script = Churn;
    // What was executed at which heights, to see that nothing is executed twice within the window.
    std::map<Hash, uint64_t> last_executed;
    for (uint64_t height = 1; height <= 80; ++height) {
      std::vector<TestTransaction> transactions(random() % 8);
      for (TestTransaction& transaction : transactions) {
        transaction.payload = std::string(1 + random() % 6, static_cast<char>('a' + random() % 8));
        transaction.last_height = height + random() % 20 - std::min<uint64_t>(height, 2);
      }
      const auto one = steady.Run(transactions);
      const auto two = restarting.Run(transactions);
      ASSERT_TRUE(one.ok() && two.ok()) << one.status() << two.status();
      ASSERT_EQ(one->state_root, two->state_root) << "height " << height;
      ASSERT_EQ(one->results.replies, two->results.replies);
      if (random() % 4 == 0) restarting.Restart();

      for (size_t i = 0; i < transactions.size(); ++i) {
        const uint64_t last = transactions[i].last_height;
        const bool in_range = height <= last && last <= height + 16;
        const auto known = last_executed.find(transactions[i].id());
        const bool is_new = known == last_executed.end() || height - known->second > 16;
        const uint32_t code = one->results.replies[i].code;
        ASSERT_EQ(code == Reply::kExpired, !in_range);
        ASSERT_EQ(code == Reply::kDuplicate, in_range && !is_new);
        if (in_range && is_new) last_executed[transactions[i].id()] = height;
      }
    }
    EXPECT_EQ(steady.store.state(), restarting.store.state());
  }
}

}  // namespace
}  // namespace kiln::node
