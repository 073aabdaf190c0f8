// Applications that are not what they must be, in the ways that authors get it wrong.
#include <cstdint>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kiln/testing/simulated_cluster.h"

namespace kiln::testing {
namespace {

using ::testing::HasSubstr;

// Stores every transaction under itself. What it replies with is up to the test.
class ReplyingApplication : public Application {
 public:
  absl::StatusOr<Effects> Execute(const Block& block, State& state) override {
    Effects effects;
    for (const absl::string_view transaction : block.transactions) {
      if (transaction.size() <= kStateKeyBytesMax) state.Put(transaction, "seen");
      effects.replies.push_back(Reply::Ok(ReplyTo(transaction, state)));
    }
    return effects;
  }
  absl::StatusOr<std::string> Query(const StateView& state, absl::string_view key) const override {
    return state.Get(key);
  }

 private:
  virtual std::string ReplyTo(absl::string_view transaction, const State& state) = 0;
};

std::vector<std::string> KeysOf(const State& state) {
  std::vector<std::string> keys;
  const auto entries = state.Scan("", 20);
  for (const auto& [key, value] : *entries) keys.push_back(key);
  return keys;
}

template <typename Broken>
absl::Status Check(const DeterminismOptions& options = {}) {
  SimulatedCluster cluster({.validators = 1, .seed = 41, .patience = absl::Seconds(2)},
                           [] { return std::make_unique<Broken>(); });
  for (int i = 0; i < 20; ++i) {
    cluster.SubmitAndWait(absl::StrCat("number ", i)).status().IgnoreError();
  }
  return cluster.CheckDeterminism(options);
}

class Honest final : public ReplyingApplication {
  std::string ReplyTo(absl::string_view transaction, const State& state) override {
    absl::flat_hash_map<std::string, int> counts;
    for (const std::string& key : KeysOf(state)) ++counts[key];  // looked up, not iterated over
    return absl::StrCat(counts.size(), counts.contains(transaction) ? " with it" : "");
  }
};

TEST(CheckDeterminism, AcceptsAnHonestApplication) {
  const absl::Status status = Check<Honest>();
  EXPECT_TRUE(status.ok()) << status;
}

class IteratesAHashMap final : public ReplyingApplication {
  std::string ReplyTo(absl::string_view, const State& state) override {
    absl::flat_hash_map<std::string, int> counts;
    for (const std::string& key : KeysOf(state)) ++counts[key];
    return counts.begin()->first;
  }
};

TEST(CheckDeterminism, CatchesIterationOverAHashMap) {
  const absl::Status status = Check<IteratesAHashMap>();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("seed 41"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("height "));
  EXPECT_THAT(std::string(status.message()), HasSubstr("transaction 0 of 1, \"number "));
}

// The writes differ, the replies do not.
class IteratesAHashSetIntoItsState final : public ReplyingApplication {
  absl::StatusOr<Effects> Execute(const Block& block, State& state) override {
    absl::StatusOr<Effects> effects = ReplyingApplication::Execute(block, state);
    const std::vector<std::string> keys = KeysOf(state);
    const absl::flat_hash_set<std::string> set(keys.begin(), keys.end());
    if (set.size() > 1) state.Put("first", *set.begin());
    return effects;
  }
  std::string ReplyTo(absl::string_view, const State&) override { return ""; }
};

TEST(CheckDeterminism, CatchesWritesInTheOrderOfAHashSet) {
  const absl::Status status = Check<IteratesAHashSetIntoItsState>();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("write "));
}

// Only the order of an event's words differs.
class IteratesAHashSetIntoAnEvent final : public ReplyingApplication {
  absl::StatusOr<Effects> Execute(const Block& block, State& state) override {
    absl::StatusOr<Effects> effects = ReplyingApplication::Execute(block, state);
    const std::vector<std::string> keys = KeysOf(state);
    const absl::flat_hash_set<std::string> set(keys.begin(), keys.end());
    std::string all;
    for (const std::string& key : set) absl::StrAppend(&all, key, " ");
    effects->events.push_back({"keys", all});
    return effects;
  }
  std::string ReplyTo(absl::string_view, const State&) override { return ""; }
};

TEST(CheckDeterminism, CatchesEventsInTheOrderOfAHashSet) {
  const absl::Status status = Check<IteratesAHashSetIntoAnEvent>();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("event 0"));
}

// Iterates in the order of addresses.
template <typename Container>
class IteratesByPointer final : public ReplyingApplication {
  std::string ReplyTo(absl::string_view, const State& state) override {
    std::vector<std::unique_ptr<std::string>> owned;
    Container by_pointer;
    for (const std::string& key : KeysOf(state)) {
      owned.push_back(std::make_unique<std::string>(key));
      by_pointer.insert({owned.back().get(), 1});
    }
    std::string all;
    for (const auto& [key, count] : by_pointer) absl::StrAppend(&all, *key, " ");
    return all;
  }
};

TEST(CheckDeterminism, CatchesIterationOverAnUnorderedMapOfPointers) {
  const absl::Status status = Check<IteratesByPointer<std::unordered_map<std::string*, int>>>();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
}

TEST(CheckDeterminism, CatchesIterationOverASetOfPointers) {
  const absl::Status status = Check<IteratesByPointer<std::set<std::pair<std::string*, int>>>>();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
}

class CountsInAGlobal final : public ReplyingApplication {
  std::string ReplyTo(absl::string_view, const State&) override {
    static int count = 0;
    return absl::StrCat(++count);
  }
};

TEST(CheckDeterminism, CatchesACounterThatInstancesShare) {
  const absl::Status status = Check<CountsInAGlobal>();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
}

class CountsInAMember final : public ReplyingApplication {
  std::string ReplyTo(absl::string_view, const State&) override { return absl::StrCat(++count_); }
  int count_ = 0;
};

TEST(CheckDeterminism, CatchesStateThatARestartLoses) {
  const absl::Status status = Check<CountsInAMember>();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("as after a restart"));
}

class CountsChecks final : public ReplyingApplication {
  absl::Status Check(const StateView&, absl::string_view) const override {
    ++checks_;
    return absl::OkStatus();
  }
  std::string ReplyTo(absl::string_view, const State&) override { return absl::StrCat(checks_); }
  mutable int checks_ = 0;
};

TEST(CheckDeterminism, CatchesWhatCheckLeavesBehind) {
  const absl::Status status = Check<CountsChecks>();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
}

class ReadsAClock final : public ReplyingApplication {
  std::string ReplyTo(absl::string_view, const State&) override {
    return absl::FormatTime(absl::Now());
  }
};

TEST(CheckDeterminism, CatchesAClock) {
  const absl::Status status = Check<ReadsAClock>();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
}

class ReadsAClockByTheSecond final : public ReplyingApplication {
  std::string ReplyTo(absl::string_view, const State&) override {
    return absl::StrCat(absl::ToUnixSeconds(absl::Now()));
  }
};

TEST(CheckDeterminism, CatchesACoarseClockWhenRunsAreApart) {
  const absl::Status status =
      Check<ReadsAClockByTheSecond>({.runs = 2, .random_blocks = 0, .apart = absl::Seconds(1)});
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
}

class ThrowsDice final : public ReplyingApplication {
  std::string ReplyTo(absl::string_view, const State&) override {
    absl::BitGen dice;
    return absl::StrCat(absl::Uniform(dice, 0, 1'000'000));
  }
};

TEST(CheckDeterminism, CatchesRandomNumbers) {
  const absl::Status status = Check<ThrowsDice>();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
}

// Takes every transaction that a test would think of.
class FailsAtStrangeBytes final : public ReplyingApplication {
  std::string ReplyTo(absl::string_view transaction, const State&) override {
    if (transaction.size() > 300) throw std::out_of_range("too long");
    return "";
  }
};

TEST(CheckDeterminism, FindsByteStringsThatExecuteDoesNotAccept) {
  const absl::Status status = Check<FailsAtStrangeBytes>();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("threw: too long"));
}

TEST(CheckDeterminism, GivesTheSameVerdictEachTime) {
  EXPECT_EQ(Check<CountsInAMember>(), Check<CountsInAMember>());
  EXPECT_EQ(Check<FailsAtStrangeBytes>(), Check<FailsAtStrangeBytes>());
}

}  // namespace
}  // namespace kiln::testing
