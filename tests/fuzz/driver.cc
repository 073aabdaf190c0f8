// kiln_fuzz: every target in one program, for builds without libFuzzer. Replays a corpus, then runs
// a fixed number of mutations of it. The same arguments run the same inputs everywhere.
//
//   kiln_fuzz --list
//   kiln_fuzz TARGET CORPUS_DIR [--runs N] [--seed S]
//   kiln_fuzz TARGET --hex BYTES
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "tests/fuzz/allocation_meter.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/mutator.h"

namespace kiln::fuzz {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kRunsDefault = 10000;
constexpr unsigned kSecondsMax = 20;  // for one input
// What one input may make a decoder hold: documents of many small values cost the most per byte.
constexpr size_t kHeldBytesBase = 256 << 10;
constexpr size_t kHeldBytesPerByte = 256;

std::map<std::string, Target>& Targets() {
  static auto* const targets = new std::map<std::string, Target>;
  return *targets;
}

struct CorpusFile {
  std::string name;
  std::string bytes;
  // Kept for what it once did, rather than as an example of what is well-formed.
  bool may_be_refused() const { return absl::StartsWith(name, "refused"); }
};

struct Options {
  std::string target;
  std::vector<CorpusFile> corpus;
  uint64_t runs = kRunsDefault;
  uint64_t seed = 1;
};

// What the process that runs inputs tells the one that watches it, in memory of both.
struct Progress {
  size_t input_bytes = 0;
  char input[kInputBytesMax];  // the one that is running
  uint64_t runs = 0;
  uint64_t accepted = 0;
};

[[noreturn]] void Fail(absl::string_view why) {
  std::fprintf(stderr, "kiln_fuzz: %.*s\n", static_cast<int>(why.size()), why.data());
  std::exit(2);
}

// Runs inputs of one target. A finding ends the process.
class Runner {
 public:
  Runner(Target target, Progress* progress) : target_(target), progress_(progress) {
    RunUnmeasured("");  // fills what is made once and kept
    progress_->runs = 0;
    progress_->accepted = 0;
  }

  bool Run(absl::string_view input) {
    const AllocationMeter meter;
    const bool accepted = RunUnmeasured(input);
    Expect(meter.peak_bytes() <= kHeldBytesBase + kHeldBytesPerByte * input.size(),
           absl::StrCat("memory is proportional to the input; ", meter.peak_bytes(), " bytes for ",
                        input.size()));
    return accepted;
  }

 private:
  bool RunUnmeasured(absl::string_view input) {
    KILN_CHECK_LE(input.size(), kInputBytesMax);
    std::copy(input.begin(), input.end(), progress_->input);
    progress_->input_bytes = input.size();
    // Of exactly this size, so that AddressSanitizer sees the first byte that is read beyond it.
    const std::unique_ptr<char[]> copy(new char[input.size()]);
    std::copy(input.begin(), input.end(), copy.get());
    alarm(kSecondsMax);
    const bool accepted = target_({copy.get(), input.size()});
    alarm(0);
    ++progress_->runs;
    progress_->accepted += accepted ? 1 : 0;
    return accepted;
  }

  const Target target_;
  Progress* const progress_;
};

void RunAll(const Options& options, Target target, Progress* progress) {
  Runner runner(target, progress);
  std::vector<std::string> seeds;
  for (const CorpusFile& file : options.corpus) {
    Expect(runner.Run(file.bytes) || file.may_be_refused(),
           absl::StrCat("corpus file ", file.name, " is accepted"));
    seeds.push_back(file.bytes);
  }
  Mutator mutator(std::move(seeds), options.seed);
  for (uint64_t i = 0; i < options.runs; ++i) runner.Run(mutator.Make(i));
}

void Report(const Options& options, const Progress& progress, int status) {
  const std::string hex = absl::BytesToHexString({progress.input, progress.input_bytes});
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
    std::fprintf(stderr, "property does not hold: an input takes at most %u s\n", kSecondsMax);
  }
  std::fprintf(stderr,
               "FAILED %s, seed %llu, after %llu inputs (%s %d)\n"
               "input, %zu bytes: %s\n"
               "to repeat it: kiln_fuzz %s --hex %s\n",
               options.target.c_str(), static_cast<unsigned long long>(options.seed),
               static_cast<unsigned long long>(progress.runs),
               WIFSIGNALED(status) ? "signal" : "exit status",
               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), progress.input_bytes,
               hex.c_str(), options.target.c_str(), hex.empty() ? "\"\"" : hex.c_str());
}

// In a process of its own, so that whatever ends it, the input that did is known.
int RunWatched(const Options& options, Target target) {
  void* const shared =
      mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  KILN_CHECK(shared != MAP_FAILED);
  auto* const progress = new (shared) Progress;
  const pid_t child = fork();
  KILN_CHECK_GE(child, 0);
  if (child == 0) {
    RunAll(options, target, progress);
    std::exit(0);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) KILN_CHECK_EQ(errno, EINTR);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    Report(options, *progress, status);
    return 1;
  }
  std::printf("%s: %zu files, %llu inputs, %llu accepted\n", options.target.c_str(),
              options.corpus.size(), static_cast<unsigned long long>(progress->runs),
              static_cast<unsigned long long>(progress->accepted));
  return 0;
}

std::vector<CorpusFile> ReadCorpus(const std::string& folder) {
  std::vector<CorpusFile> corpus;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    std::ifstream file(entry.path(), std::ios::binary);
    corpus.push_back({.name = entry.path().filename().string(),
                      .bytes = {std::istreambuf_iterator<char>(file), {}}});
    if (corpus.back().bytes.size() > kInputBytesMax) {
      Fail(absl::StrCat(entry.path().string(), ": larger than ", kInputBytesMax, " bytes"));
    }
  }
  if (corpus.empty()) Fail(absl::StrCat(folder, ": no corpus"));
  std::sort(corpus.begin(), corpus.end(),
            [](const CorpusFile& a, const CorpusFile& b) { return a.name < b.name; });
  return corpus;
}

uint64_t NumberArgument(absl::string_view name, const char* text) {
  uint64_t value = 0;
  if (text == nullptr || !absl::SimpleAtoi(text, &value)) {
    Fail(absl::StrCat(name, " needs a number"));
  }
  return value;
}

std::string HexArgument(const char* text) {
  const absl::string_view digits = text == nullptr ? "" : text;
  if (text == nullptr || digits.size() % 2 != 0 || digits.size() / 2 > kInputBytesMax ||
      digits.find_first_not_of("0123456789abcdefABCDEF") != absl::string_view::npos) {
    Fail(absl::StrCat("--hex needs an even number of hexadecimal digits, for at most ",
                      kInputBytesMax, " bytes"));
  }
  return absl::HexStringToBytes(digits);
}

constexpr char kUsage[] =
    "usage: kiln_fuzz --list | TARGET CORPUS_DIR [--runs N] [--seed S] | TARGET --hex BYTES";

int Main(int argc, char** argv) {
  if (argc < 2) Fail(kUsage);
  if (absl::string_view(argv[1]) == "--list") {
    for (const auto& [name, target] : Targets()) std::printf("%s\n", name.c_str());
    return 0;
  }
  if (argc < 3) Fail(kUsage);
  Options options{.target = argv[1]};
  const auto target = Targets().find(options.target);
  if (target == Targets().end()) Fail(absl::StrCat(options.target, ": no such target; see --list"));
  if (absl::string_view(argv[2]) == "--hex") {
    options.corpus = {
        {.name = "refused or not", .bytes = HexArgument(argc > 3 ? argv[3] : nullptr)}};
    options.runs = 0;
    return RunWatched(options, target->second);
  }
  options.corpus = ReadCorpus(argv[2]);
  for (int i = 3; i < argc; i += 2) {
    const absl::string_view name = argv[i];
    if (name != "--runs" && name != "--seed") Fail(kUsage);
    (name == "--runs" ? options.runs : options.seed) = NumberArgument(name, argv[i + 1]);
  }
  return RunWatched(options, target->second);
}

}  // namespace

bool Register(const char* name, Target target) {
  KILN_CHECK(Targets().emplace(name, target).second) << name;
  return true;
}

}  // namespace kiln::fuzz

int main(int argc, char** argv) {
  return kiln::fuzz::Main(argc, argv);
}
