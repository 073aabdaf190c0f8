// Each check finds what it is for, and lets the nearest right thing pass: a check that cannot fail
// proves nothing.
#include "checks.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kiln::tidy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(CheckLayers, FindsAnIncludeThatReachesUp) {
  EXPECT_THAT(
      CheckLayers(FromText("crypto/hash.h", "// A hash.\n#include \"consensus/block.h\"\n")),
      ElementsAre("crypto/hash.h:2 includes consensus/block.h, but crypto/ may only include "
                  "base, include"));
  EXPECT_THAT(CheckLayers(FromText("base/log.h", "#include \"crypto/hash.h\"")), SizeIs(1));
  EXPECT_THAT(CheckLayers(FromText("base/log.h", "#  include <crypto/hash.h>")), SizeIs(1));
  EXPECT_THAT(CheckLayers(FromText("include/kiln/a.h", "#include \"base/log.h\"")), SizeIs(1));
  EXPECT_THAT(CheckLayers(FromText("consensus/a.h", "#include \"storage/store.h\"")), SizeIs(1));
  EXPECT_THAT(CheckLayers(FromText("consensus/a.h", "#include \"kiln/v1/peer.pb.h\"")), SizeIs(1));
  EXPECT_THAT(CheckLayers(FromText("node/a.h", "#include \"tools/command.h\"")), SizeIs(1));
}

TEST(CheckLayers, FindsStorageAndNetworkIncludingEachOther) {
  EXPECT_THAT(CheckLayers(FromText("storage/a.cc", "#include \"network/frames.h\"")), SizeIs(1));
  EXPECT_THAT(CheckLayers(FromText("network/a.cc", "#include \"storage/store.h\"")), SizeIs(1));
}

TEST(CheckLayers, LetsIncludesPointDown) {
  EXPECT_THAT(CheckLayers(FromText("node/a.cc",
                                   "#include \"node/b.h\"\n#include \"network/c.h\"\n"
                                   "#include \"storage/d.h\"\n#include \"kiln/types.h\"\n"
                                   "#include \"absl/status/status.h\"\n#include <vector>\n"
                                   "// #include \"tools/command.h\"\n")),
              IsEmpty());
  EXPECT_THAT(CheckLayers(FromText("tests/base/a.cc", "#include \"node/b.h\"")), IsEmpty());
}

TEST(CheckConsensusIsPure, FindsImpureIncludes) {
  for (const std::string header :
       {"<thread>", "<mutex>", "<chrono>", "<random>", "<fstream>", "<iostream>", "<atomic>",
        "<unistd.h>", "<unordered_map>", "<filesystem>", "<sodium.h>", "<grpcpp/grpcpp.h>",
        "\"absl/synchronization/mutex.h\"", "\"absl/time/clock.h\"", "\"absl/random/random.h\"",
        "\"base/random.h\"", "\"base/log.h\"", "\"crypto/key_file.h\""}) {
    EXPECT_THAT(CheckConsensusIsPure(FromText("consensus/a.cc", "#include " + header)), SizeIs(1))
        << header;
  }
}

TEST(CheckConsensusIsPure, FindsImpureWords) {
  for (const std::string code :
       {"Clock* clock;", "SystemClock()->Read();", "absl::Mutex mutex_;", "std::mutex m;",
        "std::unordered_set<int> s;", "absl::flat_hash_map<Hash, Node> nodes_;",
        "absl::flat_hash_set<Hash> s;  // iterated"}) {
    EXPECT_THAT(CheckConsensusIsPure(FromText("consensus/a.h", code)), SizeIs(1)) << code;
  }
}

TEST(CheckConsensusIsPure, LetsPureThingsPass) {
  EXPECT_THAT(
      CheckConsensusIsPure(FromText("consensus/a.h",
                                    "#include <vector>\n#include \"absl/container/btree_map.h\"\n"
                                    "#include \"base/clock.h\"\n#include \"crypto/hash.h\"\n"
                                    "// A Clock is not read here.\nNow now;\n"
                                    "absl::flat_hash_set<Hash> known_;  // lookup only\n")),
      IsEmpty());
  EXPECT_THAT(CheckConsensusIsPure(FromText("node/a.cc", "#include <thread>")), IsEmpty());
}

TEST(CheckStringView, FindsTheStandardOne) {
  EXPECT_THAT(CheckStringView(FromText("base/a.h", "void F(std::string_view s);")),
              ElementsAre(HasSubstr("base/a.h:1 ")));
  EXPECT_THAT(CheckStringView(FromText("base/a.h", "void F(absl::string_view s);")), IsEmpty());
}

TEST(CheckGeneratedHeaders, FindsThemOutsideTheirFolders) {
  const std::string code = "#include \"kiln/v1/peer.pb.h\"";
  for (const std::string path : {"consensus/a.cc", "storage/a.cc", "include/kiln/a.h"}) {
    EXPECT_THAT(CheckGeneratedHeaders(FromText(path, code)), SizeIs(1)) << path;
  }
  for (const std::string path : {"network/a.cc", "node/a.cc", "tools/a.cc"}) {
    EXPECT_THAT(CheckGeneratedHeaders(FromText(path, code)), IsEmpty()) << path;
  }
}

TEST(CheckClocks, FindsReadingsOutsideTheClock) {
  for (const std::string call : {"std::chrono::steady_clock::now()", "absl::Now()",
                                 "std::chrono::system_clock::now()", "clock_gettime(id, &t)"}) {
    EXPECT_THAT(CheckClocks(FromText("crypto/a.cc", "const auto t = " + call + ";")), SizeIs(1));
    EXPECT_THAT(CheckClocks(FromText("base/clock.cc", "const auto t = " + call + ";")), IsEmpty());
  }
  EXPECT_THAT(CheckClocks(FromText("node/a.cc", "x(absl::Now() + timeout);")), IsEmpty());
  EXPECT_THAT(CheckClocks(FromText("node/a.cc", "x(std::chrono::steady_clock::now());")),
              SizeIs(1));
}

TEST(CheckSize, FindsLongLinesAndLongFiles) {
  const std::string fits(kColumnsMax, 'x');
  EXPECT_THAT(CheckSize(FromText("base/a.h", fits)), IsEmpty());
  EXPECT_THAT(CheckSize(FromText("base/a.h", fits + "x")),
              ElementsAre("base/a.h:1 has 101 columns, more than 100"));
  EXPECT_THAT(CheckSize(FromText("base/a.h", absl::StrCat("// https://", fits))), IsEmpty());
  EXPECT_THAT(CheckSize(FromText("docs/a.md", fits + "x")), IsEmpty());
  EXPECT_THAT(CheckSize(FromText("base/a.h", fits.substr(1) + "\xC3\xA9")), IsEmpty());
  std::string lines;
  for (size_t i = 0; i < kFileLinesMax; ++i) lines += "x\n";
  EXPECT_THAT(CheckSize(FromText("base/a.cc", lines)), IsEmpty());
  EXPECT_THAT(CheckSize(FromText("base/a.cc", lines + "x\n")), SizeIs(1));
}

TEST(CheckLeftovers, FindsMarksOfUnfinishedWork) {
  for (const std::string line : {"// TODO: later", "// FIXME", "return 1;  // XXX",
                                 "// a placeholder", "// For now, nothing", "not implemented"}) {
    EXPECT_THAT(CheckLeftovers(FromText("base/a.h", line)), SizeIs(1)) << line;
  }
  EXPECT_THAT(CheckLeftovers(FromText("base/a.h", "// waits for nowhere; mastodon; kXXXL")),
              IsEmpty());
}

TEST(CheckIncludeGuard, FindsAGuardThatIsNotThePath) {
  const auto guarded = [](absl::string_view guard) {
    return absl::StrCat("#ifndef ", guard, "\n#define ", guard, "\n#endif\n");
  };
  EXPECT_THAT(CheckIncludeGuard(FromText("base/a_b.h", guarded("KILN_BASE_A_B_H_"))), IsEmpty());
  EXPECT_THAT(CheckIncludeGuard(FromText("include/kiln/a.h", guarded("KILN_A_H_"))), IsEmpty());
  EXPECT_THAT(CheckIncludeGuard(FromText("base/a.h", guarded("KILN_A_H_"))),
              ElementsAre("base/a.h:1 has no include guard KILN_BASE_A_H_"));
  EXPECT_THAT(CheckIncludeGuard(FromText("base/a.h", "#pragma once\n")), SizeIs(1));
  EXPECT_THAT(CheckIncludeGuard(FromText("base/a.cc", "")), IsEmpty());
}

}  // namespace
}  // namespace kiln::tidy
