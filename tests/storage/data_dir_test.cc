// The ledger's folder after a power failure: it must not be less durable than what is in it.
#include "storage/data_dir.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "tests/storage/store_fixture.h"

namespace kiln::storage {
namespace {

namespace fs = std::filesystem;

// The paths that this process synced, in order. Thread-safe.
class SyncedPaths {
 public:
  void Add(int descriptor) {
    std::error_code error;
    const fs::path path = fs::read_symlink(absl::StrCat("/proc/self/fd/", descriptor), error);
    absl::MutexLock lock(&mutex_);
    paths_.push_back(path.string());
  }
  std::vector<std::string> Take() {
    absl::MutexLock lock(&mutex_);
    return std::exchange(paths_, {});
  }

 private:
  absl::Mutex mutex_;
  std::vector<std::string> paths_ ABSL_GUARDED_BY(mutex_);
};

SyncedPaths& Synced() {
  static SyncedPaths* const paths = new SyncedPaths;
  return *paths;
}

}  // namespace
}  // namespace kiln::storage

// Stands before the C library's for everything in this program.
extern "C" int fsync(int descriptor) {
  kiln::storage::Synced().Add(descriptor);
  return static_cast<int>(syscall(SYS_fsync, descriptor));
}

namespace kiln::storage {
namespace {

class DataDir : public testing::Test {
 protected:
  // Those of `folders`, given below the test's own, that one call of PrepareDataDir synced.
  std::vector<std::string> SyncedBy(const std::string& data_dir) {
    Synced().Take();
    KILN_CHECK_OK(PrepareDataDir(data_dir));
    std::vector<std::string> synced = Synced().Take();
    std::erase_if(synced, [&](const std::string& path) { return !path.starts_with(dir_.At("")); });
    return synced;
  }

  TemporaryDir dir_;
};

TEST_F(DataDir, SyncsTheParentOfEveryFolderThatItMakes) {
  fs::create_directory(dir_.At("there"));
  EXPECT_THAT(SyncedBy(dir_.At("there/home/data")),
              testing::ElementsAre(dir_.At("there"), dir_.At("there/home")));
  EXPECT_TRUE(fs::is_directory(dir_.At("there/home/data")));
}

TEST_F(DataDir, SyncsTheParentOfAFolderThatSomebodyMadeAndDidNotFill) {
  fs::create_directories(dir_.At("home/data"));
  EXPECT_THAT(SyncedBy(dir_.At("home/data")), testing::ElementsAre(dir_.At("home")));
  EXPECT_EQ(fs::status(dir_.At("home/data")).permissions() & fs::perms::mask, fs::perms::owner_all);
}

TEST_F(DataDir, LeavesTheFolderOfALedgerAsItIs) {
  fs::create_directories(dir_.At("data"));
  std::ofstream(dir_.At("data/CURRENT")) << "MANIFEST-000001\n";
  EXPECT_THAT(SyncedBy(dir_.At("data")), testing::IsEmpty());
}

TEST_F(DataDir, TakesAPathThatEndsInASlash) {
  KILN_CHECK_OK(PrepareDataDir(dir_.At("home/data/")));
  EXPECT_TRUE(fs::is_directory(dir_.At("home/data")));
}

}  // namespace
}  // namespace kiln::storage
