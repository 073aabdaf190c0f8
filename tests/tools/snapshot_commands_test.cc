// kiln ledger prune and kiln snapshot, on the folder of a stopped validator.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "consensus/safety_rules.h"
#include "node/key_use.h"
#include "storage/lost_record.h"
#include "storage/rocksdb_database.h"
#include "storage/snapshot_stream.h"
#include "tests/tools/run_kiln.h"
#include "tests/tools/stopped_net.h"

namespace kiln::tools {
namespace {

using testing::HasSubstr;

constexpr uint64_t kBetweenSnapshots = 16;

class SnapshotCommands : public testing::Test {
 protected:
  SnapshotCommands() : home_(net_.MakeHome(0)) { GrowTo(60); }

  storage::LedgerDriver& driver() { return net_.driver(); }
  // Executed as a node would: with the snapshots that are due, and their roots in what names them.
  void GrowTo(uint64_t height) {
    const std::unique_ptr<storage::Store> store = net_.Open(home_);
    while (driver().committed() < height) {
      KILN_CHECK_OK(
          store->Persist(driver().Extend({absl::StrCat("a", driver().chain().size()), "b"})));
      for (uint64_t at = store->executed_state().height.value + 1; at <= driver().committed();
           ++at) {
        if (at % kBetweenSnapshots == 0 && at > kBetweenSnapshots) {
          const auto index =
              storage::IndexSnapshot(*store, {at - kBetweenSnapshots}, 16, [] { return false; });
          driver().SetSnapshotRoot((*index)->root());
        }
        KILN_CHECK_OK(
            store->ApplyBlock(storage::LedgerDriver::WritesAt(at), driver().ResultsAt(at)));
        if (at % kBetweenSnapshots == 0) KILN_CHECK_OK(store->TakeSnapshot());
      }
    }
  }
  // Of a validator that has not been there yet.
  std::string NewHome() { return net_.MakeHome(3); }
  std::string CreateFile() {
    const std::string file = net_.At("net.snapshot");
    const Outcome outcome = Kiln({"snapshot", "create", "--home", home_, "--output", file});
    EXPECT_EQ(outcome.exit_status, 0) << outcome.error;
    return file;
  }
  void Change(const std::string& path, size_t from_end) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(-static_cast<std::streamoff>(from_end), std::ios::end);
    const char byte = static_cast<char>(file.get());
    file.seekp(-static_cast<std::streamoff>(from_end), std::ios::end);
    file.put(static_cast<char>(byte ^ 1));
  }

  StoppedNet net_{{.duplicate_window_blocks = 16, .snapshot_interval_blocks = kBetweenSnapshots}};
  const std::string home_;
};

// --- kiln ledger prune

TEST_F(SnapshotCommands, PruneSaysWhatItWouldDoAndDoesItWhenAsked) {
  const Outcome dry = Kiln({"ledger", "prune", "--home", home_, "--keep", "50", "--json"});
  ASSERT_EQ(dry.exit_status, 0) << dry.error;
  const uint64_t lowest = driver().committed() - 50 + 1;
  // The snapshots of heights 16, 32 and 48 are kept, the oldest needs what is before it.
  EXPECT_EQ(dry.json()["lowest_height_after"], 1);
  std::filesystem::remove_all(node::HomePaths(home_).data_dir + "/snapshots/16");
  std::filesystem::remove_all(node::HomePaths(home_).data_dir + "/snapshots/32");
  const Outcome plan = Kiln({"ledger", "prune", "--home", home_, "--keep", "50", "--json"});
  EXPECT_EQ(plan.json()["lowest_height_after"], 1) << "the last snapshot is not certified yet";
  GrowTo(70);
  const Outcome done =
      Kiln({"ledger", "prune", "--home", home_, "--keep", "50", "--json", "--yes"});
  ASSERT_EQ(done.exit_status, 0) << done.error;
  EXPECT_EQ(done.json()["written"], true);
  EXPECT_EQ(done.json()["lowest_height_after"], driver().committed() - 50 + 1);
  EXPECT_GT(driver().committed() - 50 + 1, lowest);
  EXPECT_EQ(done.json()["blocks_kept"], 50);
  const Outcome verified = Kiln({"ledger", "verify", "--home", home_});
  EXPECT_EQ(verified.exit_status, 0) << verified.error;
  EXPECT_THAT(verified.out,
              HasSubstr(absl::StrCat("pruned       below height ", driver().committed() - 50 + 1)));
  EXPECT_THAT(Kiln({"ledger", "inspect", "--home", home_, "--height", "3"}).error,
              HasSubstr("pruned: the lowest height here is"));
  EXPECT_THAT(
      Kiln({"ledger", "export", "--home", home_, "--from", "3", "--output", net_.At("part.chain")})
          .error,
      HasSubstr("pruned: the lowest height here is"));
  EXPECT_EQ(
      Kiln({"ledger", "export", "--home", home_, "--output", net_.At("net.chain")}).exit_status, 0);
}

TEST_F(SnapshotCommands, PruneKeepsWhatTheSnapshotsNeed) {
  std::filesystem::remove_all(node::HomePaths(home_).data_dir + "/snapshots/16");
  const Outcome outcome = Kiln({"ledger", "prune", "--home", home_, "--keep", "1", "--yes"});
  ASSERT_EQ(outcome.exit_status, 0) << outcome.error;
  EXPECT_THAT(outcome.out, HasSubstr("more than asked for: the snapshots need them"));
  EXPECT_EQ(Kiln({"ledger", "verify", "--home", home_}).exit_status, 0);
}

// The blocks that the state came from are gone: whoever is asked says the same, and what works.
TEST_F(SnapshotCommands, NameTheWayOutOfADamagedStateWhoseFirstBlocksWerePruned) {
  for (const char* const old : {"16", "32"}) {
    std::filesystem::remove_all(node::HomePaths(home_).data_dir + "/snapshots/" + old);
  }
  GrowTo(70);
  ASSERT_EQ(
      Kiln({"ledger", "prune", "--home", home_, "--keep", "50", "--json", "--yes"}).exit_status, 0);
  {
    const auto database = storage::OpenRocksDbDatabase(node::HomePaths(home_).data_dir,
                                                       storage::Access::kReadWrite, nullptr);
    KILN_CHECK_OK(database.status());
    const auto entries = (*database)->NewIterator(storage::Family::kApplicationState);
    entries->Seek("");
    ASSERT_TRUE(entries->Valid());
    const std::unique_ptr<storage::WriteBatch> batch = (*database)->NewBatch(0);
    batch->Put(storage::Family::kApplicationState, entries->key(), "not what was written");
    KILN_CHECK_OK((*database)->Write(batch.get(), storage::Durability::kSynced));
  }
  const std::vector<std::string> repair = {"ledger", "repair", "--home",
                                           home_,    "--from", "127.0.0.1:1"};
  std::vector<std::string> repair_with_yes = repair;
  repair_with_yes.emplace_back("--yes");
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"ledger", "verify", "--home", home_},
        std::vector<std::string>{"ledger", "rollback-application", "--home", home_, "--yes"},
        repair, repair_with_yes}) {
    const Outcome outcome = Kiln(command);
    EXPECT_EQ(outcome.exit_status, 1) << command[1];
    EXPECT_THAT(outcome.error, HasSubstr("move the data folder away, run `kiln recover`"));
    EXPECT_THAT(outcome.error, testing::Not(HasSubstr("execute all blocks again")));
  }
  EXPECT_THAT(Kiln(repair).out, testing::Not(HasSubstr("repeat it with --yes")));
  EXPECT_EQ(net_.Open(home_)->executed_state().height.value, driver().committed());
}

// --- kiln snapshot

TEST_F(SnapshotCommands, ListShowsWhichAreCertified) {
  const Outcome outcome = Kiln({"snapshot", "list", "--home", home_, "--json"});
  ASSERT_EQ(outcome.exit_status, 0) << outcome.error;
  const nlohmann::json snapshots = outcome.json()["snapshots"];
  ASSERT_EQ(snapshots.size(), 3u);
  EXPECT_EQ(snapshots[0]["height"], 16);
  EXPECT_EQ(snapshots[0]["certified"], true);
  EXPECT_EQ(snapshots[1]["certified"], true);
  EXPECT_EQ(snapshots[1]["root"].get<std::string>().size(), 64u);
  EXPECT_EQ(snapshots[2]["certified"], false);
  EXPECT_EQ(snapshots[2]["root"], "");
  EXPECT_GT(snapshots[2]["bytes"], 0);
  EXPECT_THAT(Kiln({"snapshot", "list", "--home", home_}).out, HasSubstr("not yet"));
}

TEST_F(SnapshotCommands, CreateTakesTheNewestThatIsCertified) {
  const Outcome outcome =
      Kiln({"snapshot", "create", "--home", home_, "--output", net_.At("s"), "--json"});
  ASSERT_EQ(outcome.exit_status, 0) << outcome.error;
  EXPECT_EQ(outcome.json()["height"], 32);
  EXPECT_THAT(
      Kiln({"snapshot", "create", "--home", home_, "--output", net_.At("t"), "--height", "48"})
          .error,
      HasSubstr("not certified yet"));
  EXPECT_THAT(
      Kiln({"snapshot", "create", "--home", home_, "--output", net_.At("t"), "--height", "20"})
          .error,
      HasSubstr("no snapshot of height 20 is kept"));
}

TEST_F(SnapshotCommands, RestoreMakesALedgerThatANodeStartsFrom) {
  const std::string file = CreateFile();
  const std::string home = NewHome();
  const Outcome dry = Kiln({"snapshot", "restore", file, "--home", home, "--json"});
  ASSERT_EQ(dry.exit_status, 0) << dry.error;
  EXPECT_EQ(dry.json()["written"], false);
  EXPECT_FALSE(std::filesystem::exists(node::HomePaths(home).data_dir));
  const Outcome outcome = Kiln({"snapshot", "restore", file, "--home", home, "--json", "--yes"});
  ASSERT_EQ(outcome.exit_status, 0) << outcome.error;
  EXPECT_EQ(outcome.json()["height"], 32);
  EXPECT_EQ(outcome.json()["committed_height"], 33);
  const Outcome verified = Kiln({"ledger", "verify", "--home", home});
  EXPECT_EQ(verified.exit_status, 0) << verified.error;
  const Outcome inspected = Kiln({"ledger", "inspect", "--home", home, "--json"});
  EXPECT_EQ(inspected.json()["starts"], true);
  EXPECT_EQ(inspected.json()["lowest_height"], 33);
  EXPECT_EQ(inspected.json()["state_root"], net_.Open(home_)->StateAt({32})->state.Root().ToHex());
  EXPECT_EQ(inspected.json()["safety"]["last_voted_round"], 0);
  const Outcome again = Kiln({"snapshot", "restore", file, "--home", home, "--yes"});
  EXPECT_THAT(again.error, HasSubstr("a snapshot begins a ledger, it does not replace one"));
}

TEST_F(SnapshotCommands, RestoreRefusesASnapshotThatTheTrustedBlockIsNotIn) {
  const std::string file = CreateFile();
  const std::string home = NewHome();
  const auto restore = [&](uint64_t height, const Hash& id) {
    return Kiln({"snapshot", "restore", file, "--home", home, "--yes", "--trust",
                 absl::StrCat(height, ":", id.ToHex())});
  };
  const Hash& other = driver().at(31)->id;
  EXPECT_THAT(restore(32, other).error, HasSubstr("is the trusted one"));
  EXPECT_THAT(restore(33, other).error, HasSubstr("is the trusted one"))
      << "of the blocks above it, too";
  EXPECT_THAT(restore(3, driver().at(3)->id).error, HasSubstr("cannot be compared"));
  EXPECT_THAT(Kiln({"snapshot", "restore", file, "--home", home, "--yes", "--trust", "32"}).error,
              HasSubstr("--trust: must be HEIGHT:ID"));
  EXPECT_FALSE(std::filesystem::exists(node::HomePaths(home).data_dir));
  const Outcome outcome = restore(32, driver().at(32)->id);
  EXPECT_EQ(outcome.exit_status, 0) << outcome.error;
}

TEST_F(SnapshotCommands, RestoreRefusesADamagedFile) {
  const std::string file = CreateFile();
  const std::string home = NewHome();
  Change(file, 40);  // within the last chunk
  const Outcome outcome = Kiln({"snapshot", "restore", file, "--home", home, "--yes"});
  EXPECT_EQ(outcome.exit_status, 1);
  EXPECT_THAT(outcome.error, HasSubstr("damaged"));
  EXPECT_FALSE(std::filesystem::exists(node::HomePaths(home).data_dir));
  EXPECT_FALSE(std::filesystem::exists(node::HomePaths(home).data_dir + ".restoring"));
}

TEST_F(SnapshotCommands, RestoreRefusesAnythingElse) {
  const std::string home = NewHome();
  EXPECT_THAT(Kiln({"snapshot", "restore", net_.At("nothing"), "--home", home}).error,
              HasSubstr("No such file"));
  EXPECT_THAT(Kiln({"snapshot", "restore", node::HomePaths(home).genesis, "--home", home}).error,
              HasSubstr("not a file that `kiln snapshot create` wrote"));
}

// A record that was lost is not made anew by a snapshot.
TEST_F(SnapshotCommands, RestoreRefusesAKeyThatHasSigned) {
  const std::string file = CreateFile();
  const std::string home = NewHome();
  KILN_CHECK_OK(node::NoteKeyUse(node::HomePaths(home).consensus_key, net_.world().chain_id()));
  const Outcome outcome = Kiln({"snapshot", "restore", file, "--home", home, "--yes"});
  EXPECT_EQ(outcome.exit_status, 1);
  EXPECT_THAT(outcome.error, HasSubstr("kiln recover"));
}

// The certificates in the file show that the key was used, wherever that was.
TEST_F(SnapshotCommands, RestoreRefusesAKeyWhoseSignatureIsInTheFile) {
  const std::string file = CreateFile();
  const std::string home = net_.MakeHome(1);  // its votes are in the certificates
  const Outcome outcome = Kiln({"snapshot", "restore", file, "--home", home, "--yes"});
  EXPECT_EQ(outcome.exit_status, 1);
  EXPECT_THAT(outcome.error, HasSubstr("has signed on this chain; run `kiln recover` first"));
}

// As `kiln recover` leaves it: a record, and no blocks.
TEST_F(SnapshotCommands, RestoreKeepsTheRecordThatARecoveryLeft) {
  const std::string file = CreateFile();
  const std::string home = net_.MakeHome(1);
  consensus::SafetyRecord record = consensus::InitialSafetyRecord(net_.world().genesis_qc());
  record.high_qc = driver().safety().high_qc;
  record.last_voted_round = Round{500};
  record.locked_qc_round = record.high_qc.round;
  record.last_proposed_round = Round{500};
  {
    const auto database = storage::OpenRocksDbDatabase(node::HomePaths(home).data_dir,
                                                       storage::Access::kReadWrite, nullptr)
                              .value();
    KILN_CHECK_OK(storage::WriteRecoveredRecord(database.get(), net_.world().genesis(), {1}, record,
                                                net_.world().signatures()));
  }
  const Outcome outcome = Kiln({"snapshot", "restore", file, "--home", home, "--yes"});
  ASSERT_EQ(outcome.exit_status, 0) << outcome.error;
  EXPECT_EQ(net_.Open(home)->Recover().safety, record);
  EXPECT_FALSE(std::filesystem::exists(node::HomePaths(home).data_dir + ".replaced"));
}

}  // namespace
}  // namespace kiln::tools
