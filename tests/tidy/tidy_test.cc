// The checks on the sources as they are.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "checks.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kiln::tidy {
namespace {

namespace fs = std::filesystem;

// Build folders and hidden ones are not sources.
bool IsSkippedFolder(const std::string& name) {
  return absl::StartsWith(name, "build") || absl::StartsWith(name, ".");
}

bool IsRead(const fs::path& path) {
  static const auto* const kinds =
      new std::set<std::string>{".h", ".cc", ".proto", ".sh", ".md", ".cmake", ".txt", ".in"};
  return kinds->contains(path.extension().string());
}

SourceFile ReadSource(const fs::path& root, const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return FromText(fs::relative(path, root).generic_string(), text);
}

std::vector<SourceFile> ReadSources() {
  const fs::path root = KILN_SOURCE_DIR;
  std::vector<SourceFile> sources;
  for (fs::recursive_directory_iterator at(root), end; at != end; ++at) {
    if (at->is_directory() && IsSkippedFolder(at->path().filename().string())) {
      at.disable_recursion_pending();
    } else if (at->is_regular_file() && IsRead(at->path())) {
      sources.push_back(ReadSource(root, at->path()));
    }
  }
  return sources;
}

const std::vector<SourceFile>& Sources() {
  static const auto* const sources = new std::vector<SourceFile>(ReadSources());
  return *sources;
}

void ExpectNoComplaints(Complaints (*check)(const SourceFile&)) {
  Complaints complaints;
  for (const SourceFile& source : Sources()) {
    const Complaints more = check(source);
    complaints.insert(complaints.end(), more.begin(), more.end());
  }
  EXPECT_TRUE(complaints.empty()) << absl::StrJoin(complaints, "\n");
}

TEST(Sources, AreFoundInEveryFolder) {
  for (const std::string folder :
       {"include/", "base/", "crypto/", "consensus/", "storage/", "network/", "node/", "tools/"}) {
    EXPECT_TRUE(std::any_of(Sources().begin(), Sources().end(), [&](const SourceFile& source) {
      return absl::StartsWith(source.path, folder);
    })) << folder;
  }
}

TEST(Sources, IncludeOnlyWhatTheirLayerMay) {
  ExpectNoComplaints(&CheckLayers);
}
TEST(Sources, KeepTheConsensusPure) {
  ExpectNoComplaints(&CheckConsensusIsPure);
}
TEST(Sources, UseOneStringView) {
  ExpectNoComplaints(&CheckStringView);
}
TEST(Sources, KeepGeneratedHeadersInTheirFolders) {
  ExpectNoComplaints(&CheckGeneratedHeaders);
}
TEST(Sources, ReadNoClockButTheOne) {
  ExpectNoComplaints(&CheckClocks);
}
TEST(Sources, StayWithinTheirSize) {
  ExpectNoComplaints(&CheckSize);
}
TEST(Sources, HaveNoLeftovers) {
  ExpectNoComplaints(&CheckLeftovers);
}
TEST(Sources, HaveGuardsThatAreTheirPaths) {
  ExpectNoComplaints(&CheckIncludeGuard);
}

}  // namespace
}  // namespace kiln::tidy
