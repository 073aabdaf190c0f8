// What a store refuses to open, and what it says then.
#include <filesystem>
#include <fstream>
#include <map>
#include <utility>

#include "consensus/codec.h"
#include "consensus/safety_rules.h"
#include "crypto/encoding.h"
#include "tests/storage/store_fixture.h"

namespace kiln::storage {
namespace {

namespace fs = std::filesystem;
using Opening = StoreFixture;

TEST_F(Opening, CreatesAFolderThatOnlyItsOwnerMayEnter) {
  Open();
  EXPECT_EQ(fs::status(data_dir()).permissions() & fs::perms::mask, fs::perms::owner_all);
}

TEST_F(Opening, RefusesAFileInPlaceOfTheFolder) {
  std::ofstream(data_dir()) << "not a folder";
  ExpectRefusal(TryOpen().status(), absl::StatusCode::kUnavailable, {data_dir(), "not a folder"});
}

TEST_F(Opening, RefusesASecondOpener) {
  Open();
  const std::vector<std::string> words = {data_dir(), "another process has", "stop it first"};
  ExpectRefusal(TryOpen().status(), absl::StatusCode::kFailedPrecondition, words);
  ExpectRefusal(TryOpen(/*read_only=*/true).status(), absl::StatusCode::kFailedPrecondition, words);
  Close();
  EXPECT_TRUE(TryOpen().ok());
}

TEST_F(Opening, RefusesAnotherChain) {
  MakeLedger(3);
  Genesis other = world_.genesis();
  other.chain_name = "another-chain";
  ExpectRefusal(OpenRocksDbStore({.data_dir = data_dir(), .genesis = other}).status(),
                absl::StatusCode::kFailedPrecondition,
                {"holds chain " + world_.chain_id().Short(), other.ChainId().Short(), "--home"});
}

TEST_F(Opening, RefusesANewerFormat) {
  MakeLedger(3);
  WriteRaw([](const Database& /*raw*/, WriteBatch* batch) {
    crypto::Encoder encoder;
    encoder.U64(kFormatVersionWithBase + 1);
    batch->PutSealed(Family::kMetadata, kFormatVersionKey, std::move(encoder).Take());
  });
  ExpectRefusal(
      TryOpen().status(), absl::StatusCode::kFailedPrecondition,
      {absl::StrCat("format ", kFormatVersionWithBase + 1), "use the version that wrote it"});
}

TEST_F(Opening, RefusesALedgerWithoutItsSafetyRecord) {
  MakeLedger(3);
  DeleteRaw(Family::kSafety, std::string(kSafetyKey));
  ExpectRefusal(TryOpen().status(), absl::StatusCode::kFailedPrecondition,
                {data_dir(), "safety record is missing", "could sign twice"});
}

TEST_F(Opening, RefusesADamagedSafetyRecord) {
  MakeLedger(3);
  FlipRaw(Family::kSafety, std::string(kSafetyKey), 20);
  ExpectRefusal(TryOpen().status(), absl::StatusCode::kDataLoss,
                {data_dir(), "safety/safety", "checksum", "could sign twice"});
}

TEST_F(Opening, RefusesASafetyRecordOlderThanTheLedger) {
  MakeLedger(6);
  WriteRaw([&](const Database& /*raw*/, WriteBatch* batch) {
    batch->PutSealed(Family::kSafety, kSafetyKey,
                     consensus::Encode(consensus::InitialSafetyRecord(world_.genesis_qc())));
  });
  ExpectRefusal(TryOpen().status(), absl::StatusCode::kFailedPrecondition,
                {"older than the ledger", "could sign twice"});
}

TEST_F(Opening, RefusesALedgerOlderThanTheSafetyRecord) {
  MakeLedger(6);
  (void)driver_.Extend({"voted for, but not stored"});
  WriteRaw([&](const Database& /*raw*/, WriteBatch* batch) {
    batch->PutSealed(Family::kSafety, kSafetyKey, consensus::Encode(driver_.safety()));
  });
  ExpectRefusal(TryOpen().status(), absl::StatusCode::kFailedPrecondition,
                {"ledger is older than the record", "could sign twice"});
}

TEST_F(Opening, RefusesASafetyRecordThatContradictsItself) {
  MakeLedger(6);
  const auto open_with = [&](const consensus::SafetyRecord& safety) {
    WriteRaw([&](const Database& /*raw*/, WriteBatch* batch) {
      batch->PutSealed(Family::kSafety, kSafetyKey, consensus::Encode(safety));
    });
    return TryOpen().status();
  };
  EXPECT_TRUE(open_with(driver_.safety()).ok());
  consensus::SafetyRecord locked_too_high = driver_.safety();
  locked_too_high.locked_qc_round.value = locked_too_high.high_qc.round.value + 1;
  ExpectRefusal(open_with(locked_too_high), absl::StatusCode::kDataLoss, {"locked round is"});
  consensus::SafetyRecord forgot_its_vote = driver_.safety();
  forgot_its_vote.last_voted_round.value -= 1;
  ExpectRefusal(open_with(forgot_its_vote), absl::StatusCode::kDataLoss,
                {"last voted round is", "could sign twice"});
}

TEST_F(Opening, RefusesALedgerWithoutMetadata) {
  MakeLedger(3);
  WriteRaw([](const Database& /*raw*/, WriteBatch* batch) {
    for (const absl::string_view key :
         {kFormatVersionKey, kChainIdKey, kCommittedKey, kExecutedKey}) {
      batch->Delete(Family::kMetadata, key);
    }
  });
  ExpectRefusal(TryOpen().status(), absl::StatusCode::kDataLoss,
                {"metadata is missing", "could sign twice"});
}

TEST_F(Opening, RefusesEachMissingPieceOfMetadata) {
  MakeLedger(3);
  for (const absl::string_view key :
       {kFormatVersionKey, kChainIdKey, kCommittedKey, kExecutedKey}) {
    std::string kept;
    WriteRaw([&](const Database& raw, WriteBatch* batch) {
      const absl::StatusOr<std::string> value = raw.Get(Family::kMetadata, key);
      KILN_CHECK_OK(value.status());
      kept = *value;
      batch->Delete(Family::kMetadata, key);
    });
    ExpectRefusal(TryOpen().status(), absl::StatusCode::kDataLoss, {std::string(key)});
    WriteRaw([&](const Database& /*raw*/, WriteBatch* batch) {
      batch->Put(Family::kMetadata, key, kept);
    });
  }
  EXPECT_TRUE(TryOpen().ok());
}

TEST_F(Opening, RefusesTablesWhoseCurrentFileIsGone) {
  MakeLedger(3);
  fs::remove(fs::path(data_dir()) / "CURRENT");
  const std::vector<std::string> words = {data_dir(), "CURRENT is missing", "could sign twice"};
  ExpectRefusal(TryOpen().status(), absl::StatusCode::kDataLoss, words);
  ExpectRefusal(TryOpen(/*read_only=*/true).status(), absl::StatusCode::kDataLoss, words);
}

TEST_F(Opening, RefusesAMissingTableAndADamagedManifest) {
  MakeLedger(3);
  Open();  // recovery writes what was in the log into tables
  Close();
  for (const std::string kind : {".sst", "MANIFEST-"}) {
    const fs::path copy = dir_.At(absl::StrCat("copy", kind));
    fs::copy(data_dir(), copy, fs::copy_options::recursive);
    bool is_damaged = false;
    for (const fs::directory_entry& entry : fs::directory_iterator(copy)) {
      if (entry.path().filename().string().find(kind) == std::string::npos) continue;
      if (kind == ".sst") {
        fs::remove(entry.path());
      } else {
        fs::resize_file(entry.path(), fs::file_size(entry.path()) / 2);
      }
      is_damaged = true;
    }
    ASSERT_TRUE(is_damaged);
    ExpectRefusal(TryOpen(copy.string()).status(), absl::StatusCode::kDataLoss,
                  {copy.string(), "restore the folder"});
  }
}

TEST_F(Opening, StartsAnewAfterACrashDuringTheVeryFirstOne) {
  fs::create_directory(data_dir());
  std::ofstream(fs::path(data_dir()) / "MANIFEST-000001") << "";
  std::ofstream(fs::path(data_dir()) / "LOG") << "";
  EXPECT_TRUE(TryOpen().ok());
  // Families, but not yet a ledger.
  const std::string blank = dir_.At("blank");
  ASSERT_TRUE(OpenRocksDbDatabase(blank, Access::kReadWrite, nullptr).ok());
  EXPECT_TRUE(absl::IsNotFound(TryOpen(blank, /*read_only=*/true).status()));
  EXPECT_TRUE(TryOpen(blank).ok());
}

// Name, size and time of every file.
std::map<std::string, std::pair<uintmax_t, fs::file_time_type>> FilesOf(const std::string& dir) {
  std::map<std::string, std::pair<uintmax_t, fs::file_time_type>> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(dir)) {
    files[entry.path().filename()] = {entry.file_size(), entry.last_write_time()};
  }
  return files;
}

TEST_F(Opening, ReadsOnlyWithoutWritingAnything) {
  MakeLedger(6);
  const auto before = FilesOf(data_dir());
  {
    absl::StatusOr<std::unique_ptr<Store>> store = TryOpen(/*read_only=*/true);
    ASSERT_TRUE(store.ok()) << store.status();
    EXPECT_EQ((*store)->committed_height(), Height{driver_.committed()});
    EXPECT_EQ((*store)->executed_state(), driver_.StateAt(driver_.committed()));
    EXPECT_TRUE((*store)->BlockAt(Height{2}).ok());
    EXPECT_EQ((*store)->Recover().safety, driver_.safety());
    ExpectRefusal((*store)->Persist(driver_.Extend()), absl::StatusCode::kUnavailable, {"stop"});
  }
  EXPECT_EQ(FilesOf(data_dir()), before);
}

TEST_F(Opening, SaysNotFoundWhenThereIsNothingToRead) {
  ExpectRefusal(TryOpen(/*read_only=*/true).status(), absl::StatusCode::kNotFound,
                {"no ledger in " + data_dir()});
  EXPECT_FALSE(fs::exists(data_dir()));
}

}  // namespace
}  // namespace kiln::storage
