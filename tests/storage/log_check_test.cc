// A log that is cut is what a crash leaves; one in which a bit flipped is damage, wherever it is.
#include "storage/log_check.h"

#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "tests/storage/store_fixture.h"

namespace kiln::storage {
namespace {

namespace fs = std::filesystem;

class LogCheck : public StoreFixture {
 protected:
  // A log that spans two blocks.
  void SetUp() override {
    Open();
    for (int i = 0; i < 4; ++i) Extend({absl::StrCat(i), std::string(9'000, 'x')});
    Close();
  }
  fs::path PathOf(absl::string_view part) const {
    for (const fs::directory_entry& entry : fs::directory_iterator(data_dir())) {
      if (absl::StrContains(entry.path().filename().string(), part)) return entry.path();
    }
    KILN_CHECK(false) << part;
    return {};
  }
  // The whole file, which must be intact at first.
  static void ExpectEveryFlipIsFound(const std::string& contents) {
    ASSERT_TRUE(CheckLog(contents).ok()) << CheckLog(contents);
    for (size_t byte = 0; byte < contents.size(); ++byte) {
      std::string flipped = contents;
      flipped[byte] = static_cast<char>(flipped[byte] ^ (1 << (byte % 8)));
      EXPECT_TRUE(absl::IsDataLoss(CheckLog(flipped))) << byte;
    }
  }
};

TEST_F(LogCheck, AcceptsALogThatIsCutAnywhere) {
  const std::string log = ContentsOf(PathOf(".log"));
  ASSERT_GT(log.size(), 32u << 10);
  for (size_t bytes = 0; bytes <= log.size(); bytes += 7) {
    EXPECT_TRUE(CheckLog(log.substr(0, bytes)).ok()) << bytes << ": " << CheckLog(log);
  }
}

TEST_F(LogCheck, FindsAFlippedBitInEveryByteOfAManifest) {
  ExpectEveryFlipIsFound(ContentsOf(PathOf("MANIFEST-")));
}

TEST_F(LogCheck, FindsAFlippedBitInEveryByteOfTheLastRecords) {
  const std::string log = ContentsOf(PathOf(".log"));
  ExpectEveryFlipIsFound(log.substr(32 << 10));
}

TEST_F(LogCheck, RefusesToStartFromALogWhoseLastRecordHasADamagedLength) {
  const fs::path path = PathOf(".log");
  std::string log = ContentsOf(path);
  // The lengths of records that end with the log: a record in its last block is one of them.
  size_t header = 32 << 10;
  for (size_t next = header; next + 7 <= log.size();) {
    header = next;
    next += 7 + static_cast<uint8_t>(log[next + 4]) + 256 * static_cast<uint8_t>(log[next + 5]);
  }
  log[header + 5] = static_cast<char>(log[header + 5] ^ 0x40);  // 16 KiB more
  std::ofstream(path, std::ios::binary | std::ios::trunc) << log;
  const std::vector<std::string> words = {path.string(), absl::StrCat("offset ", header),
                                          "its length is damaged", "restore the folder"};
  ExpectRefusal(TryOpen().status(), absl::StatusCode::kDataLoss, words);
  ExpectRefusal(TryOpen(/*read_only=*/true).status(), absl::StatusCode::kDataLoss, words);
}

}  // namespace
}  // namespace kiln::storage
