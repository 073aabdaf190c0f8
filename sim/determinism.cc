#include "sim/determinism.h"

#include <algorithm>
#include <exception>
#include <map>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "node/state_overlay.h"
#include "sim/heap_noise.h"

namespace kiln::sim {
namespace {

constexpr size_t kShownBytesMax = 80;
constexpr uint64_t kTransactionsPerBlockMax = 8;
// Blocks between two changes of the heap's layout.
constexpr uint64_t kBlocksPerStir = 16;

std::string Shown(absl::string_view bytes) {
  std::string text = absl::StrCat("\"", absl::CHexEscape(bytes.substr(0, kShownBytesMax)), "\"");
  if (bytes.size() > kShownBytesMax) absl::StrAppend(&text, "... of ", bytes.size(), " bytes");
  return text;
}

// --- Random blocks

std::string RandomBytes(size_t bytes, SimRandom* random) {
  std::string text;
  for (size_t i = 0; i < bytes; ++i) text.push_back(static_cast<char>(random->Next()));
  return text;
}

void Damage(std::string* bytes, SimRandom* random) {
  const uint64_t choice = random->Below(4);
  const size_t at = random->Below(bytes->size());
  if (choice == 0) {
    (*bytes)[at] = static_cast<char>(random->Next());
  } else if (choice == 1) {
    bytes->resize(at);
  } else if (choice == 2) {
    bytes->insert(at, RandomBytes(random->Between(1, 4), random));
  } else {
    bytes->erase(at, random->Between(1, 4));
  }
}

std::string RandomTransaction(const std::vector<std::string>& known, uint64_t bytes_max,
                              SimRandom* random) {
  std::string bytes;
  const uint64_t choice = random->Below(100);
  if (choice < 2) {
    bytes = RandomBytes(random->Between(1, bytes_max), random);
  } else if (choice < 30 || known.empty()) {
    bytes = RandomBytes(random->Between(1, 64), random);
  } else {
    bytes = random->Pick(known);
    if (choice >= 60) Damage(&bytes, random);
    if (choice >= 90) bytes += random->Pick(known);
  }
  if (bytes.size() > bytes_max) bytes.resize(bytes_max);
  return bytes.empty() ? std::string(1, '\0') : bytes;
}

// --- Executing

class MapView final : public StateView {
 public:
  absl::StatusOr<std::string> Get(absl::string_view key) const override {
    const auto found = entries_.find(std::string(key));
    if (found == entries_.end()) return absl::NotFoundError("no such key");
    return found->second;
  }
  absl::StatusOr<std::vector<std::pair<std::string, std::string>>> Scan(
      absl::string_view from, size_t count_max) const override {
    std::vector<std::pair<std::string, std::string>> entries;
    for (auto at = entries_.lower_bound(std::string(from));
         at != entries_.end() && entries.size() < count_max; ++at) {
      entries.push_back(*at);
    }
    return entries;
  }
  void Apply(const std::vector<storage::StateWrite>& writes) {
    for (const storage::StateWrite& write : writes) {
      if (write.value.has_value()) {
        entries_[write.key] = *write.value;
      } else {
        entries_.erase(write.key);
      }
    }
  }

 private:
  std::map<std::string, std::string> entries_;
};

struct Outcome {
  Effects effects;
  std::vector<storage::StateWrite> writes;
};

absl::StatusOr<Effects> CallExecute(Application& application, const Block& block, State& state) {
  try {
    return application.Execute(block, state);
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("the application threw: ", error.what()));
  } catch (...) {
    return absl::InternalError("the application threw something that is no std::exception");
  }
}

absl::Status NotAccepted(const ShownBlock& block, absl::string_view why) {
  std::string text = absl::StrCat("the application does not accept height ", block.height, ": ",
                                  why, "; transactions:");
  for (const std::string& transaction : block.transactions) {
    absl::StrAppend(&text, " ", Shown(transaction));
  }
  return absl::InvalidArgumentError(text);
}

// One execution of all blocks.
class Run {
 public:
  Run(const ExecutionRuns* runs, uint32_t number, SimRandom random)
      : runs_(runs),
        is_noisy_(number > 0),
        is_restarted_(number % 2 == 1),
        noise_(random.Fork()),
        random_(random) {}

  absl::StatusOr<Outcome> Execute(const ShownBlock& shown) {
    Prepare(shown);
    const std::vector<absl::string_view> transactions(shown.transactions.begin(),
                                                      shown.transactions.end());
    node::StateOverlay overlay(state_);
    absl::StatusOr<Effects> effects = CallExecute(
        *application_, {.height = shown.height, .time = shown.time, .transactions = transactions},
        overlay);
    if (!effects.ok()) return NotAccepted(shown, effects.status().ToString());
    if (!overlay.status().ok()) return NotAccepted(shown, overlay.status().ToString());
    if (effects->replies.size() != transactions.size()) {
      return NotAccepted(shown, absl::StrCat("it gave ", effects->replies.size(), " replies for ",
                                             transactions.size(), " transactions"));
    }
    Outcome outcome{*std::move(effects), std::move(overlay).TakeWrites()};
    state_->Apply(outcome.writes);
    return outcome;
  }

 private:
  void Prepare(const ShownBlock& shown) {
    if (is_noisy_ && shown.height % kBlocksPerStir == 1) noise_.Stir();
    if (application_ == nullptr || (is_restarted_ && random_.Below(3) == 0)) {
      application_.reset();
      application_ = runs_->make_application();
    }
    if (!is_restarted_) return;
    // What they answer is advice, and may be anything.
    for (const std::string& transaction : shown.transactions) {
      application_->Check(*state_, transaction).IgnoreError();
      application_->Query(*state_, transaction).status().IgnoreError();
    }
  }

  const ExecutionRuns* const runs_;
  const bool is_noisy_;
  const bool is_restarted_;
  HeapNoise noise_;
  SimRandom random_;
  std::unique_ptr<Application> application_;
  const std::shared_ptr<MapView> state_ = std::make_shared<MapView>();
};

// --- Comparing

std::string Shown(const Reply& reply) {
  return absl::StrCat("code ", reply.code, " ", Shown(reply.bytes));
}

std::string Shown(const Event& event) {
  return absl::StrCat(Shown(event.type), " ", Shown(event.data));
}

std::string Shown(const storage::StateWrite& write) {
  return absl::StrCat(Shown(write.key), write.value.has_value()
                                            ? absl::StrCat(" = ", Shown(*write.value))
                                            : " deleted");
}

bool Equal(const Event& a, const Event& b) {
  return a.type == b.type && a.data == b.data;
}

bool Equal(const storage::StateWrite& a, const storage::StateWrite& b) {
  return a.key == b.key && a.value == b.value;
}

// The first place where they differ, with what both have there. Empty: nowhere.
template <typename T>
std::string FirstDifference(absl::string_view what, const std::vector<T>& first,
                            const std::vector<T>& other) {
  for (size_t i = 0; i < std::max(first.size(), other.size()); ++i) {
    if (i < first.size() && i < other.size() && Equal(first[i], other[i])) continue;
    return absl::StrCat(what, " ", i, ": first ", i < first.size() ? Shown(first[i]) : "nothing",
                        ", then ", i < other.size() ? Shown(other[i]) : "nothing");
  }
  return "";
}

std::string Difference(const ShownBlock& block, const Outcome& first, const Outcome& other) {
  for (size_t i = 0; i < block.transactions.size(); ++i) {
    if (first.effects.replies[i] == other.effects.replies[i]) continue;
    return absl::StrCat("transaction ", i, " of ", block.transactions.size(), ", ",
                        Shown(block.transactions[i]), ": first it replied ",
                        Shown(first.effects.replies[i]), ", then ",
                        Shown(other.effects.replies[i]));
  }
  const std::string event = FirstDifference("event", first.effects.events, other.effects.events);
  if (!event.empty()) return event;
  return FirstDifference("write", first.writes, other.writes);
}

std::string NameOf(uint32_t run) {
  return absl::StrCat("run ", run + 1,
                      run % 2 == 1 ? ", with new instances as after a restart, Check and Query"
                                   : ", with one instance");
}

absl::Status CompareWith(const std::vector<Outcome>& first, const std::vector<ShownBlock>& blocks,
                         uint32_t number, Run run) {
  for (size_t i = 0; i < blocks.size(); ++i) {
    KILN_ASSIGN_OR_RETURN(const Outcome outcome, run.Execute(blocks[i]));
    const std::string difference = Difference(blocks[i], first[i], outcome);
    if (difference.empty()) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("the application is not deterministic: height ", blocks[i].height, ", ",
                     difference, " (", NameOf(number), ")"));
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<ShownBlock> RandomBlocksAfter(const std::vector<ShownBlock>& history, uint32_t count,
                                          uint64_t transaction_bytes_max, SimRandom* random) {
  std::vector<std::string> known;
  for (const ShownBlock& block : history) {
    known.insert(known.end(), block.transactions.begin(), block.transactions.end());
  }
  uint64_t height = history.empty() ? 0 : history.back().height;
  absl::Time time = history.empty() ? absl::FromUnixSeconds(1'700'000'000) : history.back().time;
  std::vector<ShownBlock> blocks;
  for (uint32_t i = 0; i < count; ++i) {
    time += absl::Milliseconds(random->Between(1, 100));
    ShownBlock block{.height = ++height, .time = time, .transactions = {}};
    const uint64_t transactions = random->Below(kTransactionsPerBlockMax + 1);
    for (uint64_t t = 0; t < transactions; ++t) {
      block.transactions.push_back(RandomTransaction(known, transaction_bytes_max, random));
    }
    blocks.push_back(std::move(block));
  }
  return blocks;
}

absl::Status CompareExecutions(const std::vector<ShownBlock>& blocks, const ExecutionRuns& runs,
                               SimRandom random) {
  KILN_CHECK_GE(runs.count, 2u);
  std::vector<Outcome> first;
  Run run(&runs, 0, random.Fork());
  for (const ShownBlock& block : blocks) {
    KILN_ASSIGN_OR_RETURN(Outcome outcome, run.Execute(block));
    first.push_back(std::move(outcome));
  }
  absl::SleepFor(runs.apart);
  for (uint32_t number = 1; number < runs.count; ++number) {
    KILN_RETURN_IF_ERROR(CompareWith(first, blocks, number, Run(&runs, number, random.Fork())));
  }
  return absl::OkStatus();
}

}  // namespace kiln::sim
