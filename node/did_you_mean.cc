#include "node/did_you_mean.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace kiln::node {
namespace {

constexpr size_t kKeyBytesShown = 64;  // of a key that somebody else chose

// Insertions, deletions and replacements that turn `a` into `b` (Levenshtein's distance).
size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string UnknownKey(absl::string_view key, absl::Span<const absl::string_view> known) {
  const absl::string_view shown = key.substr(0, kKeyBytesShown);
  absl::string_view nearest;
  size_t nearest_distance = shown.size() / 3 + 1;  // farther ones would only confuse
  for (absl::string_view candidate : known) {
    const size_t distance = EditDistance(shown, candidate);
    if (distance > nearest_distance || (!nearest.empty() && distance == nearest_distance)) continue;
    nearest = candidate;
    nearest_distance = distance;
  }
  const std::string quoted = absl::StrCat("unknown key \"", absl::Utf8SafeCEscape(shown), "\"");
  if (!nearest.empty()) return absl::StrCat(quoted, " (did you mean \"", nearest, "\"?)");
  return absl::StrCat(quoted, " (known: \"", absl::StrJoin(known, "\", \""), "\")");
}

}  // namespace kiln::node
