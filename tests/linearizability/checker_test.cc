#include "tests/linearizability/checker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace kiln::linearizability {
namespace {

Operation Read(uint64_t value, uint64_t called_us, uint64_t returned_us) {
  return {Operation::Kind::kRead, value, called_us, returned_us};
}

Operation Write(uint64_t value, uint64_t called_us, uint64_t returned_us) {
  return {Operation::Kind::kWrite, value, called_us, returned_us};
}

std::string DescribeAll(const RegisterHistory& history) {
  return absl::StrJoin(history, "\n", [](std::string* out, const Operation& operation) {
    absl::StrAppend(out, Describe(operation));
  });
}

void ExpectLinearizable(const RegisterHistory& history) {
  EXPECT_EQ(CheckRegister(history), absl::OkStatus()) << DescribeAll(history);
}

void ExpectNotLinearizable(const RegisterHistory& history) {
  EXPECT_TRUE(absl::IsFailedPrecondition(CheckRegister(history))) << CheckRegister(history) << "\n"
                                                                  << DescribeAll(history);
}

TEST(RegisterChecker, AcceptsNothingAndReadsOfNothing) {
  ExpectLinearizable({});
  ExpectLinearizable({Read(kAbsent, 1, 2), Read(kAbsent, 1, 9)});
}

TEST(RegisterChecker, AcceptsOneClientThatReadsWhatItWrote) {
  ExpectLinearizable({Read(kAbsent, 0, 1), Write(1, 2, 3), Read(1, 4, 5), Write(2, 6, 7),
                      Read(2, 8, 9), Read(2, 10, 11)});
}

TEST(RegisterChecker, RefusesAStaleRead) {
  ExpectNotLinearizable({Write(1, 0, 1), Write(2, 2, 3), Read(1, 4, 5)});
  ExpectNotLinearizable({Write(1, 0, 1), Read(kAbsent, 2, 3)});
}

TEST(RegisterChecker, RefusesALostUpdate) {
  ExpectNotLinearizable({Write(1, 0, 1), Write(2, 2, 3), Read(2, 4, 5), Read(1, 6, 7)});
}

TEST(RegisterChecker, RefusesAValueThatNobodyWrote) {
  ExpectNotLinearizable({Write(1, 0, 1), Read(7, 2, 3)});
}

TEST(RegisterChecker, RefusesAReadThatIsAheadOfItsWrite) {
  ExpectNotLinearizable({Read(1, 0, 1), Write(1, 2, 3)});
  ExpectNotLinearizable({Read(1, 0, 1), Write(1, 2, kNever)});
}

TEST(RegisterChecker, AcceptsEitherAnswerWhileAWriteIsUnderWay) {
  ExpectLinearizable({Write(1, 0, 1), Write(2, 2, 9), Read(1, 3, 4), Read(2, 5, 6)});
  ExpectNotLinearizable({Write(1, 0, 1), Write(2, 2, 9), Read(2, 3, 4), Read(1, 5, 6)});
}

TEST(RegisterChecker, TakesOperationsThatTouchForConcurrent) {
  ExpectLinearizable({Write(1, 0, 5), Read(kAbsent, 5, 6)});
  ExpectNotLinearizable({Write(1, 0, 5), Read(kAbsent, 6, 7)});
}

TEST(RegisterChecker, OrdersConcurrentWritesAsReadersSawThem) {
  ExpectLinearizable({Write(1, 0, 10), Write(2, 0, 10), Read(2, 11, 12)});
  ExpectLinearizable({Write(1, 0, 10), Write(2, 0, 10), Read(2, 3, 4), Read(1, 11, 12)});
  // Two readers who saw them in different orders.
  ExpectNotLinearizable(
      {Write(1, 0, 20), Write(2, 0, 20), Read(1, 1, 2), Read(2, 3, 4), Read(1, 5, 6)});
}

TEST(RegisterChecker, LetsAnUnknownWriteTakeEffectLateOrNever) {
  const Operation unknown = Write(2, 2, kNever);
  ExpectLinearizable({Write(1, 0, 1), unknown, Read(1, 3, 4), Read(1, 100, 101)});
  ExpectLinearizable({Write(1, 0, 1), unknown, Read(1, 3, 4), Read(2, 100, 101)});
  // After a later write too, as long as nobody has read it before.
  ExpectLinearizable({Write(1, 0, 1), unknown, Write(3, 5, 6), Read(3, 7, 8), Read(2, 9, 10)});
}

TEST(RegisterChecker, LetsAnUnknownWriteTakeEffectOnceOnly) {
  const Operation unknown = Write(2, 2, kNever);
  ExpectNotLinearizable({Write(1, 0, 1), unknown, Read(2, 3, 4), Read(1, 5, 6)});
  ExpectNotLinearizable(
      {Write(1, 0, 1), unknown, Read(2, 3, 4), Write(3, 5, 6), Read(3, 7, 8), Read(2, 9, 10)});
}

TEST(RegisterChecker, NamesTheOperationsThatNoOrderExplains) {
  EXPECT_EQ(CheckRegister({Write(1, 0, 1), Write(2, 2, 3), Read(1, 40, 50), Read(2, 60, 70)}),
            absl::FailedPreconditionError(
                "1 of 4 operations can be ordered, but not the write of 2, from 2 us to 3 us, "
                "before the read of 1, from 40 us to 50 us"));
  EXPECT_EQ(CheckRegister({Write(1, 0, 1), Read(7, 2, 3)}),
            absl::FailedPreconditionError(
                "1 of 2 operations can be ordered, but not the read of 7, from 2 us to 3 us, "
                "when the register holds 1"));
}

TEST(RegisterChecker, RefusesHistoriesItCannotJudge) {
  EXPECT_TRUE(absl::IsInvalidArgument(CheckRegister({Write(1, 0, 1), Write(1, 2, 3)})));
  EXPECT_TRUE(absl::IsInvalidArgument(CheckRegister({Write(kAbsent, 0, 1)})));
  EXPECT_TRUE(absl::IsInvalidArgument(CheckRegister({Read(kAbsent, 2, 1)})));
}

TEST(RegisterChecker, SaysWhenItHasNotDecided) {
  const RegisterHistory history = {Write(1, 0, 10), Write(2, 0, 10), Write(3, 0, 10),
                                   Read(9, 11, 12)};
  EXPECT_TRUE(absl::IsResourceExhausted(CheckRegister(history, /*configurations_max=*/3)));
  ExpectNotLinearizable(history);
}

// A register and its clients: each operation takes effect somewhere between call and return.
class RandomRun {
 public:
  RandomRun(uint64_t seed, size_t clients, double unknown_share)
      : engine_(seed), unknown_share_(unknown_share), client_free_us_(clients, 0) {}

  // Calls and returns overlap, answers are those of one register.
  RegisterHistory Make(size_t operations) {
    RegisterHistory history;
    for (size_t i = 0; i < operations; ++i) {
      now_us_ += 1 + Below(20);  // when this one takes effect
      uint64_t& free_us = client_free_us_[i % client_free_us_.size()];
      const uint64_t called_us = now_us_ - std::min(now_us_ - free_us, Below(100));
      const uint64_t returned_us = now_us_ + Below(100);
      free_us = returned_us + 1;
      now_us_ = std::max(now_us_, NextFree());
      Add(called_us, returned_us, history);
    }
    return history;
  }

  uint64_t Below(uint64_t bound) { return engine_() % bound; }

 private:
  // The next one's client must have had its last answer.
  uint64_t NextFree() const {
    return *std::min_element(client_free_us_.begin(), client_free_us_.end());
  }

  void Add(uint64_t called_us, uint64_t returned_us, RegisterHistory& history) {
    if (Below(2) == 0) return history.push_back(Read(value_, called_us, returned_us));
    const uint64_t written = ++last_written_;
    const bool is_unknown = static_cast<double>(Below(1000)) < unknown_share_ * 1000;
    if (!is_unknown || Below(2) == 0) value_ = written;
    history.push_back(Write(written, called_us, is_unknown ? kNever : returned_us));
  }

  std::mt19937_64 engine_;
  const double unknown_share_;
  std::vector<uint64_t> client_free_us_;
  uint64_t now_us_ = 0;
  uint64_t value_ = kAbsent;
  uint64_t last_written_ = 0;
};

TEST(RegisterChecker, AcceptsADeepHistoryOfManyClients) {
  RandomRun run(/*seed=*/1, /*clients=*/12, /*unknown_share=*/0.05);
  const RegisterHistory history = run.Make(50'000);
  EXPECT_EQ(CheckRegister(history), absl::OkStatus());
}

TEST(RegisterChecker, FindsOneStaleReadAtTheEndOfADeepHistory) {
  RandomRun run(/*seed=*/2, /*clients=*/12, /*unknown_share=*/0.05);
  RegisterHistory history = run.Make(50'000);
  const uint64_t end_us = history.back().returned_us + 1000;
  history.push_back(Write(1'000'000, end_us, end_us + 1));
  history.push_back(Read(history[0].value, end_us + 2, end_us + 3));
  EXPECT_TRUE(absl::IsFailedPrecondition(CheckRegister(history)));
}

// The slow, obvious twin: every order of every choice of unknown writes.
bool IsLinearizableByTrial(const RegisterHistory& rest, uint64_t value) {
  const bool all_done = std::all_of(rest.begin(), rest.end(), [](const Operation& operation) {
    return operation.returned_us == kNever;
  });
  if (all_done) return true;
  for (size_t i = 0; i < rest.size(); ++i) {
    const bool may_be_next = std::all_of(rest.begin(), rest.end(), [&](const Operation& other) {
      return other.returned_us >= rest[i].called_us;
    });
    if (!may_be_next || (!rest[i].is_write() && rest[i].value != value)) continue;
    RegisterHistory others = rest;
    others.erase(others.begin() + static_cast<ptrdiff_t>(i));
    if (IsLinearizableByTrial(others, rest[i].value)) return true;
  }
  return false;
}

TEST(RegisterChecker, AgreesWithTrialOfAllOrdersOnSmallHistories) {
  size_t good = 0;
  size_t bad = 0;
  for (uint64_t seed = 0; seed < 3000; ++seed) {
    RandomRun run(seed, /*clients=*/3, /*unknown_share=*/0.3);
    RegisterHistory history = run.Make(7);
    // A wrong answer now and then, at a place of its own.
    Operation& spoiled = history[run.Below(history.size())];
    if (!spoiled.is_write()) spoiled.value = run.Below(4);
    const bool expected = IsLinearizableByTrial(history, kAbsent);
    ++(expected ? good : bad);
    ASSERT_EQ(CheckRegister(history).ok(), expected) << "seed " << seed << "\n"
                                                     << DescribeAll(history);
  }
  EXPECT_GT(good, 300U);
  EXPECT_GT(bad, 300U);
}

}  // namespace
}  // namespace kiln::linearizability
