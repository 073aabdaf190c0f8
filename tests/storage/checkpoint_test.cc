#include <filesystem>
#include <fstream>

#include "storage/checkpoint_folders.h"
#include "tests/storage/store_fixture.h"

namespace kiln::storage {
namespace {

namespace fs = std::filesystem;

class Checkpoint : public StoreFixture {
 protected:
  // A ledger of five blocks with a snapshot of height 3; closed.
  void MakeSnapshot() {
    Open();
    for (int i = 0; i < 7; ++i) Extend({absl::StrCat("x", i)});
    for (uint64_t height = 1; height <= 3; ++height) Apply(height);
    ASSERT_TRUE(store_->TakeSnapshot().ok());
    for (uint64_t height = 4; height <= 5; ++height) Apply(height);
    Close();
  }
  std::string Folder(const std::string& name) const {
    return absl::StrCat(data_dir(), "/snapshots/", name);
  }
};

TEST_F(Checkpoint, NeedsNoLogAndSharesTablesWithTheLedger) {
  MakeSnapshot();
  uint64_t shared = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(Folder("3"))) {
    if (entry.path().extension() == ".log") {
      EXPECT_EQ(fs::file_size(entry.path()), 0u);
    }
    if (entry.path().extension() == ".sst" && fs::hard_link_count(entry.path()) > 1) ++shared;
  }
  EXPECT_GT(shared, 0u);
}

TEST_F(Checkpoint, ThatWasNotCompletedOrNotRemovedIsGoneAfterAStart) {
  MakeSnapshot();
  fs::create_directories(Folder("5.tmp"));
  fs::create_directories(Folder("2.removed"));
  std::ofstream(Folder("2.removed/CURRENT")) << "MANIFEST-000001";
  Open();
  EXPECT_THAT(store_->Snapshots().value(), testing::ElementsAre(Height{3}));
  EXPECT_FALSE(fs::exists(Folder("5.tmp")));
  EXPECT_FALSE(fs::exists(Folder("2.removed")));
}

TEST_F(Checkpoint, OfAnotherHeightIsRefused) {
  MakeSnapshot();
  fs::rename(Folder("3"), Folder("4"));
  Open();
  ExpectRefusal(store_->OpenSnapshot({4}).status(), absl::StatusCode::kDataLoss,
                {"snapshots/4", "height 4", "height 3"});
}

TEST_F(Checkpoint, CanBeReadByManyAtOnce) {
  MakeSnapshot();
  Open();
  const auto one = store_->OpenSnapshot({3});
  const auto other = store_->OpenSnapshot({3});
  ASSERT_TRUE(one.ok()) << one.status();
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_TRUE((*one)->Seek("height").value());
  EXPECT_TRUE((*other)->Seek("height").value());
  EXPECT_EQ((*one)->value(), (*other)->value());
}

TEST_F(Checkpoint, IsReadWhileNobodyMayWrite) {
  MakeSnapshot();
  store_ = TryOpen(/*read_only=*/true).value();
  const auto cursor = store_->OpenSnapshot({3});
  ASSERT_TRUE(cursor.ok()) << cursor.status();
  EXPECT_TRUE((*cursor)->Seek("height").value());
  EXPECT_EQ((*cursor)->value(), "3");
}

TEST(CheckpointFolders, AreTakenOverByAnotherDatabaseAsTheyAre) {
  const TemporaryDir dir;
  const CheckpointFolders old(dir.At("data"));
  const CheckpointFolders repaired(dir.At("data.copy"));
  ASSERT_TRUE(repaired.LinkFrom(old).ok()) << "there are none";
  ASSERT_TRUE(old.Prepare().ok());
  fs::create_directories(old.PathOf(64));
  std::ofstream(old.PathOf(64) + "/CURRENT") << "MANIFEST-000001";
  ASSERT_TRUE(repaired.LinkFrom(old).ok());
  fs::remove_all(old.PathOf(64));
  EXPECT_THAT(repaired.Numbers().value(), testing::ElementsAre(64));
  std::string content;
  std::ifstream(repaired.PathOf(64) + "/CURRENT") >> content;
  EXPECT_EQ(content, "MANIFEST-000001");
}

TEST(CheckpointFolders, TakesNothingButNumbersForCheckpoints) {
  const TemporaryDir dir;
  const CheckpointFolders folders(dir.At("data"));
  EXPECT_TRUE(folders.Numbers().value().empty());
  ASSERT_TRUE(folders.Prepare().ok());
  for (const char* name : {"/7", "/32", "/007", "/8.tmp", "/-1", "/x"}) {
    fs::create_directories(absl::StrCat(dir.At("data"), "/snapshots", name));
  }
  EXPECT_THAT(folders.Numbers().value(), testing::ElementsAre(7, 32));
  ASSERT_TRUE(folders.Remove(7).ok());
  ASSERT_TRUE(folders.Remove(7).ok());
  EXPECT_THAT(folders.Numbers().value(), testing::ElementsAre(32));
}

}  // namespace
}  // namespace kiln::storage
