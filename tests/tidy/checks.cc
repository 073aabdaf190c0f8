#include "checks.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace kiln::tidy {
namespace {

using Folders = std::vector<std::string>;

// Which folders' headers a folder may include, besides its own. Tests and examples are free.
const std::map<std::string, Folders>& Layers() {
  static const auto* const layers = new std::map<std::string, Folders>{
      {"include", {}},
      {"proto", {}},
      {"base", {"include"}},
      {"crypto", {"base", "include"}},
      {"consensus", {"crypto", "base", "include"}},
      {"storage", {"consensus", "crypto", "base", "include", "proto"}},
      {"network", {"consensus", "crypto", "base", "include", "proto"}},
      {"node", {"storage", "network", "consensus", "crypto", "base", "include", "proto"}},
      {"sim", {"node", "storage", "network", "consensus", "crypto", "base", "include"}},
      {"tools",
       {"sim", "node", "storage", "network", "consensus", "crypto", "base", "include", "proto"}},
      {"bench",  // and the rigs of tests/
       {"tools", "node", "storage", "network", "consensus", "crypto", "base", "include"}},
  };
  return *layers;
}

std::string FolderOf(absl::string_view path) {
  return std::string(path.substr(0, std::min(path.find('/'), path.size())));
}

struct Include {
  std::string header;
};

std::optional<Include> IncludeOn(absl::string_view line) {
  line = absl::StripLeadingAsciiWhitespace(line);
  if (!absl::ConsumePrefix(&line, "#")) return std::nullopt;
  line = absl::StripLeadingAsciiWhitespace(line);
  if (!absl::ConsumePrefix(&line, "include")) return std::nullopt;
  line = absl::StripLeadingAsciiWhitespace(line);
  const bool quoted = absl::ConsumePrefix(&line, "\"");
  if (!quoted && !absl::ConsumePrefix(&line, "<")) return std::nullopt;
  return Include{.header = std::string(line.substr(0, line.find(quoted ? '"' : '>')))};
}

// The folder of ours that a header is in; nothing for other libraries' headers.
std::optional<std::string> OwnFolderOf(const Include& include) {
  if (absl::StartsWith(include.header, "kiln/v1/")) return "proto";
  if (absl::StartsWith(include.header, "kiln/")) return "include";
  const std::string folder = FolderOf(include.header);
  if (Layers().contains(folder)) return folder;
  return std::nullopt;
}

std::string At(const SourceFile& file, size_t index, absl::string_view what) {
  return absl::StrCat(file.path, ":", index + 1, " ", what);
}

// Runs `judge` on every line; what it returns is what is wrong, empty when nothing is.
template <typename Judge>
Complaints ForEachLine(const SourceFile& file, Judge judge) {
  Complaints complaints;
  for (size_t i = 0; i < file.lines.size(); ++i) {
    const std::string wrong = judge(file.lines[i]);
    if (!wrong.empty()) complaints.push_back(At(file, i, wrong));
  }
  return complaints;
}

bool In(const std::string& folder, const std::set<std::string>& folders) {
  return folders.contains(folder);
}

bool IsCode(const SourceFile& file) {
  return absl::EndsWith(file.path, ".h") || absl::EndsWith(file.path, ".cc");
}

bool IsWordCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_';
}

// Whether `word` stands in `text` with no letter, digit or underscore at either side.
bool HasWord(absl::string_view text, absl::string_view word) {
  for (size_t at = text.find(word); at != absl::string_view::npos; at = text.find(word, at + 1)) {
    const size_t end = at + word.size();
    const bool starts = at == 0 || !IsWordCharacter(text[at - 1]);
    const bool ends = end == text.size() || !IsWordCharacter(text[end]);
    if (starts && ends) return true;
  }
  return false;
}

// The checks' own sources have to spell what they look for.
bool SpellsBadExamples(const SourceFile& file) {
  return absl::StartsWith(file.path, "tests/tidy/");
}

std::string WithoutComment(const std::string& line) {
  return line.substr(0, line.find("//"));
}

// --- The core

// The headers of other libraries that the core may include are listed; whatever is not, is refused.
bool IsPureHeader(const std::string& header) {
  static const auto* const allowed = new std::set<std::string>{
      "algorithm", "array",   "bit",         "compare",          "concepts", "cstddef", "cstdint",
      "cstring",   "deque",   "functional",  "initializer_list", "iterator", "limits",  "map",
      "memory",    "numeric", "optional",    "ostream",          "set",      "span",    "sstream",
      "string",    "tuple",   "type_traits", "utility",          "variant",  "vector"};
  static const auto* const refused_absl =
      new std::set<std::string>{"absl/time/clock.h", "absl/base/call_once.h"};
  if (absl::StartsWith(header, "absl/synchronization/")) return false;
  if (absl::StartsWith(header, "absl/random/")) return false;
  if (refused_absl->contains(header)) return false;
  return absl::StartsWith(header, "absl/") || allowed->contains(header);
}

// base/clock.h has the plain reading `Now` that events carry; the word check below refuses the
// clock.
bool IsImpureOwnHeader(const std::string& header) {
  return header == "base/random.h" || header == "base/log.h" || header == "base/bounded_queue.h" ||
         header == "crypto/key_file.h" || header == "crypto/nonce.h";
}

std::string ImpureWordOn(const std::string& line) {
  const std::string code = WithoutComment(line);
  for (const absl::string_view word :
       {"SystemClock", "Clock", "absl::Mutex", "std::mutex", "std::thread", "std::jthread",
        "std::atomic", "std::unordered_map", "std::unordered_set", "std::unordered_multimap",
        "std::unordered_multiset", "rand", "srand", "getenv", "fopen", "randombytes_buf"}) {
    if (HasWord(code, word)) return std::string(word);
  }
  const bool hash_table =
      absl::StrContains(code, "absl::flat_hash_") || absl::StrContains(code, "absl::node_hash_");
  if (hash_table && !absl::StrContains(line, "lookup only")) {
    return "a hash table without \"lookup only\"";
  }
  return "";
}

}  // namespace

SourceFile FromText(absl::string_view path, absl::string_view text) {
  SourceFile file = {.path = std::string(path), .lines = absl::StrSplit(text, '\n')};
  if (file.lines.back().empty()) file.lines.pop_back();
  return file;
}

Complaints CheckLayers(const SourceFile& file) {
  const std::string folder = FolderOf(file.path);
  const auto layer = Layers().find(folder);
  if (layer == Layers().end()) return {};
  return ForEachLine(file, [&](const std::string& line) -> std::string {
    const std::optional<Include> include = IncludeOn(line);
    if (!include.has_value()) return "";
    const std::optional<std::string> target = OwnFolderOf(*include);
    if (!target.has_value() || *target == folder) return "";
    if (std::count(layer->second.begin(), layer->second.end(), *target) > 0) return "";
    return absl::StrCat(
        "includes ", include->header, ", but ", folder, "/ may only include ",
        layer->second.empty() ? "its own headers" : absl::StrJoin(layer->second, ", "));
  });
}

Complaints CheckConsensusIsPure(const SourceFile& file) {
  if (FolderOf(file.path) != "consensus" || !IsCode(file)) return {};
  return ForEachLine(file, [](const std::string& line) -> std::string {
    if (const std::optional<Include> include = IncludeOn(line)) {
      const bool pure = OwnFolderOf(*include).has_value() ? !IsImpureOwnHeader(include->header)
                                                          : IsPureHeader(include->header);
      return pure ? "" : absl::StrCat("includes ", include->header, ", which is not pure");
    }
    const std::string word = ImpureWordOn(line);
    return word.empty() ? "" : absl::StrCat("uses ", word, ", which is not pure");
  });
}

Complaints CheckStringView(const SourceFile& file) {
  if (!IsCode(file) || SpellsBadExamples(file)) return {};
  return ForEachLine(file, [](const std::string& line) -> std::string {
    const bool wrong = absl::StrContains(WithoutComment(line), "std::string_view");
    return wrong ? "uses std::string_view instead of absl::string_view" : "";
  });
}

Complaints CheckGeneratedHeaders(const SourceFile& file) {
  if (In(FolderOf(file.path), {"network", "node", "tools", "tests"})) return {};
  return ForEachLine(file, [](const std::string& line) -> std::string {
    const std::optional<Include> include = IncludeOn(line);
    if (!include.has_value() || !absl::EndsWith(include->header, ".pb.h")) return "";
    return absl::StrCat("includes the generated header ", include->header,
                        ", which belongs in network/, node/ or tools/");
  });
}

Complaints CheckClocks(const SourceFile& file) {
  const std::string folder = FolderOf(file.path);
  if (!IsCode(file) || file.path == "base/clock.cc" || In(folder, {"tests", "tools", "examples"})) {
    return {};
  }
  const bool deadlines = In(folder, {"node", "network"});
  return ForEachLine(file, [&](const std::string& line) -> std::string {
    const std::string code = WithoutComment(line);
    for (const absl::string_view call :
         {"system_clock::now", "steady_clock::now", "high_resolution_clock::now", "clock_gettime",
          "gettimeofday", "absl::Now("}) {
      if (call == "absl::Now(" && deadlines) continue;
      if (absl::StrContains(code, call)) return absl::StrCat("reads a clock with ", call);
    }
    return "";
  });
}

namespace {

// Characters rather than bytes: continuation bytes of UTF-8 do not count.
size_t ColumnsOf(const std::string& line) {
  return static_cast<size_t>(std::count_if(line.begin(), line.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

bool HasAddress(const std::string& line) {
  return absl::StrContains(line, "://");
}

std::string LeftoverOn(const std::string& line) {
  for (const absl::string_view word : {"TODO", "FIXME", "XXX", "HACK"}) {
    if (HasWord(line, word)) return std::string(word);
  }
  const std::string lower = absl::AsciiStrToLower(line);
  for (const absl::string_view phrase :
       {"fixme", "placeholder", "not implemented", "for now", "temporarily", "work in progress"}) {
    if (HasWord(lower, phrase)) return std::string(phrase);
  }
  return "";
}

bool ColumnsCount(const SourceFile& file) {
  return IsCode(file) || absl::EndsWith(file.path, ".proto");
}

}  // namespace

Complaints CheckSize(const SourceFile& file) {
  Complaints complaints;
  if (ColumnsCount(file)) {
    complaints = ForEachLine(file, [](const std::string& line) -> std::string {
      if (ColumnsOf(line) <= kColumnsMax || HasAddress(line)) return "";
      return absl::StrCat("has ", ColumnsOf(line), " columns, more than ", kColumnsMax);
    });
  }
  if (IsCode(file) && file.lines.size() > kFileLinesMax) {
    complaints.push_back(
        At(file, kFileLinesMax,
           absl::StrCat("is a file of ", file.lines.size(), " lines, more than ", kFileLinesMax)));
  }
  return complaints;
}

Complaints CheckLeftovers(const SourceFile& file) {
  if (SpellsBadExamples(file)) return {};
  return ForEachLine(file, [](const std::string& line) -> std::string {
    const std::string mark = LeftoverOn(line);
    return mark.empty() ? "" : absl::StrCat("says \"", mark, "\": finish it or leave it out");
  });
}

Complaints CheckIncludeGuard(const SourceFile& file) {
  if (!absl::EndsWith(file.path, ".h")) return {};
  std::string path = file.path;
  if (absl::StartsWith(path, "include/kiln/")) path = path.substr(sizeof("include/kiln/") - 1);
  const std::string guard = absl::StrCat(
      "KILN_",
      absl::AsciiStrToUpper(absl::StrReplaceAll(path, {{"/", "_"}, {".", "_"}, {"-", "_"}})), "_");
  const auto has = [&](const std::string& line) {
    return std::count(file.lines.begin(), file.lines.end(), line) > 0;
  };
  if (has("#ifndef " + guard) && has("#define " + guard)) return {};
  return {At(file, 0, absl::StrCat("has no include guard ", guard))};
}

}  // namespace kiln::tidy
