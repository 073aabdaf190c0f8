// The commands that look into a stopped validator's folder, or mend it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <random>
#include <string>

#include "storage/rocksdb_database.h"
#include "storage/schema.h"
#include "tests/tools/run_kiln.h"
#include "tests/tools/stopped_net.h"

namespace kiln::tools {
namespace {

using testing::HasSubstr;

// Bytes that do not get smaller by compression, the same in every run.
std::string Incompressible(size_t count) {
  std::mt19937_64 engine(1);
  std::string bytes(count, '\0');
  for (char& byte : bytes) byte = static_cast<char>(engine());
  return bytes;
}

// One bit of the table that has `value`. False when none has it.
bool FlipWithin(const std::string& data_dir, const std::string& value) {
  for (const auto& file : std::filesystem::directory_iterator(data_dir)) {
    if (file.path().extension() != ".sst") continue;
    std::string bytes = node::ReadText(file.path());
    const size_t at = bytes.find(value);
    if (at == std::string::npos) continue;
    bytes[at + value.size() / 2] ^= 1;
    node::WriteText(file.path(), bytes);
    return true;
  }
  return false;
}

class OfflineCommands : public testing::Test {
 protected:
  static constexpr int kBlocks = 14;  // two of them are not committed

  OfflineCommands() : home_(net_.MakeHome(0)) { net_.Grow(home_, kBlocks); }

  consensus::TestWorld& world() { return net_.world(); }
  storage::LedgerDriver& driver() { return net_.driver(); }
  uint64_t committed() { return driver().committed(); }

  void Delete(const std::string& home, storage::Family family, const std::string& key) {
    const auto database = storage::OpenRocksDbDatabase(node::HomePaths(home).data_dir,
                                                       storage::Access::kReadWrite, nullptr);
    KILN_CHECK_OK(database.status());
    const std::unique_ptr<storage::WriteBatch> batch = (*database)->NewBatch(0);
    batch->Delete(family, key);
    KILN_CHECK_OK((*database)->Write(batch.get(), storage::Durability::kSynced));
  }

  StoppedNet net_;
  const std::string home_;
};

TEST_F(OfflineCommands, InspectShowsWhatAFolderHolds) {
  const Outcome outcome = Kiln({"ledger", "inspect", "--home", home_, "--json"});
  ASSERT_EQ(outcome.exit_status, 0) << outcome.error;
  const nlohmann::json json = outcome.json();
  EXPECT_EQ(json["starts"], true);
  EXPECT_EQ(json["chain_id"], world().chain_id().ToHex());
  EXPECT_EQ(json["committed_height"], committed());
  EXPECT_EQ(json["committed_id"], driver().at(committed())->id.ToHex());
  EXPECT_EQ(json["executed_height"], committed());
  EXPECT_EQ(json["state_root"], driver().StateAt(committed()).Root().ToHex());
  EXPECT_EQ(json["committed_blocks"], committed());
  EXPECT_EQ(json["lowest_height"], 1);
  EXPECT_EQ(json["uncommitted"].size(), kBlocks - committed());
  EXPECT_EQ(json["safety"]["last_voted_round"], driver().safety().last_voted_round.value);
  EXPECT_EQ(json["families"].size(), storage::kFamilyCount);
  EXPECT_EQ(json["problems"].size(), 0u);

  const Outcome text = Kiln({"ledger", "inspect", "--home", home_});
  EXPECT_EQ(text.exit_status, 0);
  EXPECT_THAT(text.out, HasSubstr(absl::StrCat("committed      height ", committed(), ", block ")));
  EXPECT_THAT(text.out, HasSubstr("a node starts from this"));
}

TEST_F(OfflineCommands, InspectShowsOneHeight) {
  const Outcome outcome = Kiln({"ledger", "inspect", "--home", home_, "--height", "5", "--json"});
  ASSERT_EQ(outcome.exit_status, 0) << outcome.error;
  const nlohmann::json json = outcome.json();
  EXPECT_EQ(json["id"], driver().at(5)->id.ToHex());
  EXPECT_EQ(json["parent_id"], driver().at(4)->id.ToHex());
  EXPECT_EQ(json["certificate"]["block"], driver().at(4)->id.ToHex());
  EXPECT_EQ(json["transactions"], 2);
  EXPECT_EQ(json["final_by_height"], 5);
  EXPECT_EQ(json["results"]["reply_codes"], nlohmann::json({0, 0}));
  const Outcome above = Kiln({"ledger", "inspect", "--home", home_, "--height", "500"});
  EXPECT_EQ(above.exit_status, 1);
}

TEST_F(OfflineCommands, InspectShowsWhatIsLeftOfAFolderThatNoNodeStartsFrom) {
  Delete(home_, storage::Family::kSafety, std::string(storage::kSafetyKey));
  const Outcome outcome = Kiln({"ledger", "inspect", "--home", home_, "--json"});
  EXPECT_EQ(outcome.exit_status, 1);
  EXPECT_THAT(outcome.error, HasSubstr("a node does not start from this"));
  const nlohmann::json json = outcome.json();
  EXPECT_EQ(json["starts"], false);
  EXPECT_THAT(json["refusal"].get<std::string>(), HasSubstr("the safety record is missing"));
  EXPECT_EQ(json["committed_height"], committed());
  EXPECT_FALSE(json.contains("safety"));
  EXPECT_EQ(json["problems"].size(), 1u);
}

TEST_F(OfflineCommands, SafetyImportRaisesARecordAndNeverLowersIt) {
  // The copy goes on: it gives up on a round above.
  const std::string newer = net_.CopyHome(home_, "newer");
  consensus::SafetyRecord record = driver().safety();
  const Round round{record.last_voted_round.value + 1};
  record.high_qc = world().QcFor(driver().chain().back());
  record.last_timeout = world().TimeoutOf({0}, round, record.high_qc);
  record.last_voted_round = round;
  KILN_CHECK_OK(net_.Open(newer)->Persist({.safety = record, .blocks = {}, .commits = {}}));
  const std::string file = net_.At("record");
  const Outcome exported = Kiln({"safety", "export", "--home", newer, "--output", file});
  ASSERT_EQ(exported.exit_status, 0) << exported.error;

  const std::vector<std::string> import = {"safety", "import", "--home", home_,
                                           "--from", file,     "--json"};
  const Outcome dry = Kiln(import);
  ASSERT_EQ(dry.exit_status, 0) << dry.error;
  EXPECT_EQ(dry.json()["changes"], true);
  EXPECT_EQ(dry.json()["written"], false);
  EXPECT_EQ(net_.Open(home_)->Recover().safety, driver().safety());

  std::vector<std::string> with_yes = import;
  with_yes.emplace_back("--yes");
  const Outcome done = Kiln(with_yes);
  ASSERT_EQ(done.exit_status, 0) << done.error;
  EXPECT_EQ(done.json()["before"]["last_voted_round"], round.value - 1);
  EXPECT_EQ(done.json()["after"]["last_voted_round"], round.value);
  EXPECT_EQ(done.json()["written"], true);
  EXPECT_EQ(net_.Open(home_)->Recover().safety, record);

  const std::string old_file = net_.At("old record");
  ASSERT_EQ(Kiln({"safety", "export", "--home", home_, "--output", old_file}).exit_status, 0);
  record.last_proposed_round.value += 5;
  KILN_CHECK_OK(net_.Open(home_)->Persist({.safety = record, .blocks = {}, .commits = {}}));
  const Outcome older =
      Kiln({"safety", "import", "--home", home_, "--from", old_file, "--yes", "--json"});
  ASSERT_EQ(older.exit_status, 0) << older.error;
  EXPECT_EQ(older.json()["changes"], false);
  EXPECT_EQ(net_.Open(home_)->Recover().safety, record);
}

TEST_F(OfflineCommands, SafetyImportRefusesAnotherValidatorsRecord) {
  const std::string file = net_.At("record");
  ASSERT_EQ(Kiln({"safety", "export", "--home", home_, "--output", file}).exit_status, 0);
  const Outcome refused =
      Kiln({"safety", "import", "--home", net_.MakeHome(1), "--from", file, "--yes"});
  EXPECT_EQ(refused.exit_status, 1);
  EXPECT_THAT(refused.error, HasSubstr("a record is good for its own key alone"));
}

TEST_F(OfflineCommands, ExportAndImportCarryTheLedgerIntoANewHome) {
  const std::string file = net_.At("chain");
  const Outcome exported =
      Kiln({"ledger", "export", "--home", home_, "--output", file, "--head", "--json"});
  ASSERT_EQ(exported.exit_status, 0) << exported.error;
  EXPECT_EQ(exported.json()["last_height"], committed());
  EXPECT_EQ(exported.json()["bytes"], std::filesystem::file_size(file));
  EXPECT_EQ(node::ModeOf(file), 0600U);

  const std::string fresh = net_.MakeHome(3);  // who signed none of it
  const Outcome dry = Kiln({"ledger", "import", file, "--home", fresh, "--json"});
  ASSERT_EQ(dry.exit_status, 0) << dry.error;
  EXPECT_EQ(dry.json()["blocks_added"], committed());
  EXPECT_EQ(dry.json()["written"], false);
  EXPECT_FALSE(std::filesystem::exists(node::HomePaths(fresh).data_dir));
  const Outcome done = Kiln({"ledger", "import", file, "--home", fresh, "--yes", "--json"});
  ASSERT_EQ(done.exit_status, 0) << done.error;
  EXPECT_EQ(done.json()["written"], true);
  EXPECT_EQ(net_.Open(fresh)->committed_height().value, committed());
  EXPECT_EQ(Kiln({"ledger", "verify", "--home", home_, "--against", fresh}).exit_status, 0);
  const Outcome again = Kiln({"ledger", "import", file, "--home", fresh, "--yes"});
  EXPECT_THAT(again.out, HasSubstr("The ledger has all of it"));
}

TEST_F(OfflineCommands, ExportNeverOverwritesAndLeavesNoHalfFile) {
  const std::string file = net_.At("chain");
  node::WriteText(file, "mine");
  const Outcome exists = Kiln({"ledger", "export", "--home", home_, "--output", file});
  EXPECT_EQ(exists.exit_status, 1);
  EXPECT_EQ(node::ReadText(file), "mine");
  const std::string other = net_.At("other");
  const Outcome above =
      Kiln({"ledger", "export", "--home", home_, "--output", other, "--to", "500"});
  EXPECT_EQ(above.exit_status, 1);
  EXPECT_THAT(above.error, HasSubstr("leave --to out"));
  EXPECT_FALSE(std::filesystem::exists(other));
}

TEST_F(OfflineCommands, ImportRefusesTheHomeOfAKeyThatSignedWhatItForgot) {
  const std::string file = net_.At("chain");
  ASSERT_EQ(Kiln({"ledger", "export", "--home", home_, "--output", file}).exit_status, 0);
  const std::string amnesiac = net_.MakeHome(1);
  const Outcome refused = Kiln({"ledger", "import", file, "--home", amnesiac, "--yes"});
  EXPECT_EQ(refused.exit_status, 1);
  EXPECT_THAT(refused.error, HasSubstr("could sign twice"));
  EXPECT_FALSE(std::filesystem::exists(node::HomePaths(amnesiac).data_dir));
  // Nobody signs from a home without keys: it is an archive.
  std::filesystem::remove_all(node::HomePaths(amnesiac).keys_dir);
  EXPECT_EQ(Kiln({"ledger", "import", file, "--home", amnesiac, "--yes"}).exit_status, 0);
}

TEST_F(OfflineCommands, VerifyNamesAllDamageWithItsHeight) {
  Delete(home_, storage::Family::kBlocks, storage::BlockKey({3}, driver().at(3)->id));
  Delete(home_, storage::Family::kPayloads, storage::BlockKey({6}, driver().at(6)->id));
  Delete(home_, storage::Family::kTransactionIndex, storage::ResultIdsKey({8}));
  const Outcome outcome = Kiln({"ledger", "verify", "--home", home_, "--json"});
  EXPECT_EQ(outcome.exit_status, 1);
  EXPECT_THAT(outcome.error, HasSubstr("block 1, payload 1, results 1"));
  EXPECT_THAT(outcome.error, HasSubstr("kiln ledger repair"));
  const nlohmann::json damage = outcome.json()["ledgers"][0]["damage"];
  ASSERT_EQ(damage.size(), 3u) << outcome.out;
  EXPECT_EQ(damage[0]["part"], "block");
  EXPECT_EQ(damage[0]["height"], 3);
  EXPECT_EQ(damage[1]["part"], "payload");
  EXPECT_EQ(damage[1]["height"], 6);
  EXPECT_EQ(damage[2]["part"], "results");
  EXPECT_EQ(damage[2]["height"], 8);
}

TEST_F(OfflineCommands, RepairHasNothingToDoWithAGoodLedger) {
  const Outcome outcome =
      Kiln({"ledger", "repair", "--home", home_, "--from", "127.0.0.1:1", "--yes"});
  EXPECT_EQ(outcome.exit_status, 0) << outcome.error;
  EXPECT_THAT(outcome.out, HasSubstr("no block to put back"));
}

TEST_F(OfflineCommands, RepairNamesTheValidatorThatDoesNotAnswer) {
  Delete(home_, storage::Family::kBlocks, storage::BlockKey({3}, driver().at(3)->id));
  const Outcome outcome =
      Kiln({"ledger", "repair", "--home", home_, "--from", "127.0.0.1:1", "--yes"});
  EXPECT_EQ(outcome.exit_status, 1);
  EXPECT_THAT(outcome.error, HasSubstr("height 3: 127.0.0.1:1: "));
}

TEST_F(OfflineCommands, RepairMakesAFolderAnewAndKeepsTheDamagedOne) {
  Delete(home_, storage::Family::kMetadata, std::string(storage::kCommittedKey));
  const std::vector<std::string> repair = {"ledger", "repair",     "--home", home_,
                                           "--from", "127.0.0.1:1"};  // nobody has to be asked
  const Outcome dry = Kiln(repair);
  EXPECT_EQ(dry.exit_status, 0) << dry.error;
  EXPECT_THAT(dry.out, HasSubstr("Nothing was changed"));
  EXPECT_EQ(Kiln({"ledger", "verify", "--home", home_}).exit_status, 1);

  std::vector<std::string> with_yes = repair;
  with_yes.emplace_back("--yes");
  const Outcome done = Kiln(with_yes);
  ASSERT_EQ(done.exit_status, 0) << done.error;
  const std::string data_dir = node::HomePaths(home_).data_dir;
  EXPECT_TRUE(std::filesystem::exists(data_dir + ".damaged"));
  EXPECT_FALSE(std::filesystem::exists(data_dir + ".repaired"));
  EXPECT_EQ(Kiln({"ledger", "verify", "--home", home_}).exit_status, 0);
  const std::unique_ptr<storage::Store> store = net_.Open(home_);
  EXPECT_EQ(store->committed_height().value, committed());
  EXPECT_EQ(store->Recover().safety, driver().safety());
  EXPECT_EQ(store->executed_state().height.value, 0u);
}

// Damage in what was deleted is no loss, but whoever reads past it fails.
TEST_F(OfflineCommands, RepairMakesAFolderAnewOfWhichATableCannotBeReadThoughNothingIsLost) {
  const std::string data_dir = node::HomePaths(home_).data_dir;
  const std::string junk = Incompressible(20'000);
  {
    const auto database =
        storage::OpenRocksDbDatabase(data_dir, storage::Access::kReadWrite, nullptr);
    KILN_CHECK_OK(database.status());
    const std::unique_ptr<storage::WriteBatch> batch = (*database)->NewBatch(0);
    batch->Put(storage::Family::kMetadata, "zzy", std::string(20'000, 'x'));  // ends a block
    batch->Put(storage::Family::kMetadata, "zzz", junk);
    KILN_CHECK_OK((*database)->Write(batch.get(), storage::Durability::kSynced));
    KILN_CHECK_OK((*database)->Compact());
  }
  for (const char* const key : {"zzy", "zzz"}) Delete(home_, storage::Family::kMetadata, key);
  EXPECT_EQ(Kiln({"ledger", "verify", "--home", home_}).exit_status, 0);
  ASSERT_TRUE(FlipWithin(data_dir, junk));
  const std::vector<std::string> repair = {"ledger", "repair", "--home",
                                           home_,    "--from", "127.0.0.1:1"};
  EXPECT_THAT(Kiln({"ledger", "verify", "--home", home_}).error, HasSubstr("kiln ledger repair"));
  EXPECT_THAT(Kiln(repair).out, HasSubstr("repeat it with --yes"));
  std::vector<std::string> with_yes = repair;
  with_yes.emplace_back("--yes");
  const Outcome done = Kiln(with_yes);
  ASSERT_EQ(done.exit_status, 0) << done.error;
  EXPECT_EQ(Kiln({"ledger", "verify", "--home", home_}).exit_status, 0);
  const std::unique_ptr<storage::Store> store = net_.Open(home_);
  EXPECT_EQ(store->Recover().safety, driver().safety());
  EXPECT_EQ(store->executed_state().height.value, committed()) << "the state was whole";
}

// One word more than looking, and the same as `repair --yes`.
TEST_F(OfflineCommands, VerifyRepairsWhenItIsToldTo) {
  Delete(home_, storage::Family::kMetadata, std::string(storage::kCommittedKey));
  EXPECT_EQ(Kiln({"ledger", "verify", "--home", home_, "--repair"}).exit_status, 1) << "from whom?";
  EXPECT_EQ(Kiln({"ledger", "verify", "--home", home_, "--from", "127.0.0.1:1"}).exit_status, 1);
  const std::vector<std::string> repair = {"ledger",   "verify", "--home",     home_,
                                           "--repair", "--from", "127.0.0.1:1"};
  const Outcome done = Kiln(repair);
  ASSERT_EQ(done.exit_status, 0) << done.error;
  EXPECT_THAT(done.out, HasSubstr("Written, and verified again: 0 damaged"));
  EXPECT_EQ(Kiln({"ledger", "verify", "--home", home_}).exit_status, 0);
  Delete(home_, storage::Family::kBlocks, storage::BlockKey({3}, driver().at(3)->id));
  EXPECT_THAT(Kiln(repair).error, HasSubstr("height 3: 127.0.0.1:1: "))
      << "it asks whom it is told";
}

TEST_F(OfflineCommands, RepairDoesNothingWithoutTheSafetyRecord) {
  Delete(home_, storage::Family::kMetadata, std::string(storage::kCommittedKey));
  Delete(home_, storage::Family::kSafety, std::string(storage::kSafetyKey));
  const Outcome outcome =
      Kiln({"ledger", "repair", "--home", home_, "--from", "127.0.0.1:1", "--yes"});
  EXPECT_EQ(outcome.exit_status, 1);
  EXPECT_THAT(outcome.error, HasSubstr("run kiln recover"));
  EXPECT_FALSE(std::filesystem::exists(node::HomePaths(home_).data_dir + ".damaged"));
}

TEST_F(OfflineCommands, CompactSaysWhatItSaves) {
  const Outcome dry = Kiln({"ledger", "compact", "--home", home_});
  EXPECT_EQ(dry.exit_status, 0) << dry.error;
  EXPECT_THAT(dry.out, HasSubstr("Nothing was changed"));
  const Outcome done = Kiln({"ledger", "compact", "--home", home_, "--yes", "--json"});
  ASSERT_EQ(done.exit_status, 0) << done.error;
  EXPECT_GT(done.json()["bytes_before"], 0);
  EXPECT_GT(done.json()["bytes_after"], 0);
  EXPECT_EQ(Kiln({"ledger", "verify", "--home", home_}).exit_status, 0);
}

TEST_F(OfflineCommands, RollbackSetsTheApplicationBackAndNothingElse) {
  const Outcome dry = Kiln({"ledger", "rollback-application", "--home", home_});
  EXPECT_EQ(dry.exit_status, 0) << dry.error;
  EXPECT_THAT(dry.out, HasSubstr(absl::StrCat("executes ", committed(), " blocks again")));
  EXPECT_EQ(net_.Open(home_)->executed_state().height.value, committed());
  const Outcome done = Kiln({"ledger", "rollback-application", "--home", home_, "--yes", "--json"});
  ASSERT_EQ(done.exit_status, 0) << done.error;
  EXPECT_EQ(done.json()["executed_height_before"], committed());
  const std::unique_ptr<storage::Store> store = net_.Open(home_);
  EXPECT_EQ(store->executed_state().height.value, 0u);
  EXPECT_EQ(store->committed_height().value, committed());
  EXPECT_EQ(store->Recover().safety, driver().safety());
}

}  // namespace
}  // namespace kiln::tools
