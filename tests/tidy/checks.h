// What must hold of the sources as text. Each check takes one file and returns what is wrong with
// it.
#ifndef KILN_TESTS_TIDY_CHECKS_H_
#define KILN_TESTS_TIDY_CHECKS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace kiln::tidy {

inline constexpr size_t kColumnsMax = 100;
inline constexpr size_t kFileLinesMax = 900;

// A source file: its path from the top of the repository ("consensus/block.h"), and its lines.
struct SourceFile {
  std::string path;
  std::vector<std::string> lines;
};

SourceFile FromText(absl::string_view path, absl::string_view text);

// Complaints: "path:line what is wrong".
using Complaints = std::vector<std::string>;

// Includes point only to the folders that the file's own folder may use.
Complaints CheckLayers(const SourceFile& file);
// The protocol's core is pure: no clock, thread, lock, file, socket or randomness, and no iteration
// in an order that differs from run to run. A hash table is allowed on a line that says "lookup
// only".
Complaints CheckConsensusIsPure(const SourceFile& file);
// absl::string_view is the one string view.
Complaints CheckStringView(const SourceFile& file);
// Generated headers stay in network/, node/ and tools/.
Complaints CheckGeneratedHeaders(const SourceFile& file);
// Only base/clock.cc reads a clock; node/ and network/ may take absl::Now for deadlines.
Complaints CheckClocks(const SourceFile& file);
// No line above kColumnsMax, but for lines with an address; no file above kFileLinesMax.
Complaints CheckSize(const SourceFile& file);
// No words that mark unfinished work.
Complaints CheckLeftovers(const SourceFile& file);
// A header's guard is its path: KILN_FOLDER_FILE_H_.
Complaints CheckIncludeGuard(const SourceFile& file);

}  // namespace kiln::tidy

#endif  // KILN_TESTS_TIDY_CHECKS_H_
