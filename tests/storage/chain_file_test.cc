// Blocks go through a file from one ledger into another, whoever may have changed the file.
#include "storage/chain_file.h"

#include <optional>
#include <sstream>

#include "storage/chain_export.h"
#include "storage/chain_import.h"
#include "storage/ledger_audit.h"
#include "tests/storage/store_fixture.h"

namespace kiln::storage {
namespace {

class ChainFile : public StoreFixture {
 protected:
  // The whole ledger of `store`, or up to `end`.
  std::string Export(const Store& store, uint64_t first = 1,
                     std::optional<ChainEnd> end = std::nullopt) {
    if (!end.has_value()) {
      const absl::StatusOr<ChainEnd> highest = FindHighestEnd(store);
      KILN_CHECK_OK(highest.status());
      end = *highest;
    }
    std::string file;
    const auto output = [&file](absl::string_view bytes) {
      file.append(bytes.data(), bytes.size());
      return absl::OkStatus();
    };
    ChainFileWriter writer(output);
    KILN_CHECK_OK(ExportChain(store, world_.chain_id(), {first}, *end, &writer, [](Height) {}));
    EXPECT_EQ(writer.bytes(), file.size());
    return file;
  }

  absl::StatusOr<ImportedChain> Import(const std::string& file, Store* store, bool write = true,
                                       std::optional<ValidatorIndex> self = std::nullopt) {
    std::istringstream input(file);
    return ImportChain({.genesis = &world_.genesis(),
                        .signatures = &world_.signatures(),
                        .self = self,
                        .store = store,
                        .write = write},
                       &input, [](Height, Height) {});
  }

  std::unique_ptr<Store> OpenOther(const std::string& name = "other") {
    absl::StatusOr<std::unique_ptr<Store>> store = TryOpen(dir_.At(name));
    KILN_CHECK_OK(store.status());
    return *std::move(store);
  }
  void Reopen() {
    Close();
    Open();
  }
  // Fills store_: with gaps between rounds, empty blocks and large ones.
  void MakeChain(int blocks) {
    Open();
    for (int i = 0; i < blocks; ++i) {
      const std::vector<std::string> transactions = {absl::StrCat("x", i), std::string(5000, 'y')};
      KILN_CHECK_OK(store_->Persist(driver_.Extend(
          i % 3 == 0 ? std::vector<std::string>() : transactions, i % 4 == 3 ? 2 : 0)));
    }
  }
};

TEST_F(ChainFile, CarriesALedgerIntoANewFolder) {
  MakeChain(20);
  const std::string file = Export(*store_);
  std::unique_ptr<Store> other = OpenOther();
  const absl::StatusOr<ImportedChain> imported = Import(file, other.get());
  ASSERT_TRUE(imported.ok()) << imported.status();
  EXPECT_EQ(imported->before, Height{0});
  EXPECT_EQ(imported->after, imported->file.last);
  EXPECT_EQ(imported->blocks_added, imported->after.value);
  other.reset();

  other = OpenOther();  // what a node would start from
  EXPECT_EQ(other->committed_height(), imported->after);
  EXPECT_GE(other->Recover().safety.high_qc.round, other->Recover().committed->header.round);
  EXPECT_EQ(other->Recover().safety.last_voted_round, Round{0});
  EXPECT_EQ(Export(*other, 1, FindEnd(*other, {1}).value()),
            Export(*store_, 1, FindEnd(*store_, {1}).value()));
  const absl::StatusOr<LedgerComparison> same = CompareLedgers(*store_, *other);
  ASSERT_TRUE(same.ok()) << same.status();
  EXPECT_EQ(same->blocks_equal_to, imported->after);
}

TEST_F(ChainFile, IsTheSameFromReplicasThatCommittedWithOtherCertificatesAndInOtherSteps) {
  Open();
  const std::unique_ptr<Store> other = OpenOther();
  DurableWrite collected;
  for (int i = 0; i < 12; ++i) {
    DurableWrite write = driver_.Extend({absl::StrCat(i)}, i % 5 == 4 ? 1 : 0);
    KILN_CHECK_OK(store_->Persist(write));
    for (const consensus::BlockPtr& block : write.blocks) collected.blocks.push_back(block);
    for (Commit& commit : write.commits) {
      const consensus::BlockPtr& child = driver_.at(commit.child.height.value);
      commit.certificate = world_.QcFor(child, {{1}, {2}, {3}});
      ASSERT_NE(commit.certificate, driver_.at(child->header.height.value + 1)->justify);
      collected.commits.push_back(commit);
    }
    collected.safety = write.safety;
    if (i % 4 != 3) continue;
    KILN_CHECK_OK(other->Persist(collected));
    collected = {};
  }
  ASSERT_EQ(other->committed_height(), store_->committed_height());
  EXPECT_EQ(Export(*store_), Export(*other));
  const Height end = FindHighestEnd(*store_)->height;
  for (Height height{1}; height <= end; ++height.value) {
    EXPECT_EQ(Export(*store_, 1, FindEnd(*store_, height).value()),
              Export(*other, 1, FindEnd(*other, height).value()))
        << "up to height " << height.value;
  }
  EXPECT_NE(HeadEnd(*store_)->commit.certificate, HeadEnd(*other)->commit.certificate);
}

TEST_F(ChainFile, TakesTheHeadAlongWhenAsked) {
  MakeChain(9);
  const absl::StatusOr<ChainEnd> head = HeadEnd(*store_);
  ASSERT_TRUE(head.ok()) << head.status();
  EXPECT_GT(head->height, FindHighestEnd(*store_)->height);
  const std::unique_ptr<Store> other = OpenOther();
  const absl::StatusOr<ImportedChain> imported = Import(Export(*store_, 1, *head), other.get());
  ASSERT_TRUE(imported.ok()) << imported.status();
  EXPECT_EQ(other->committed_height(), store_->committed_height());
}

TEST_F(ChainFile, HasNoEndBeforeTheChainProvesOne) {
  MakeChain(3);
  EXPECT_EQ(FindHighestEnd(*store_).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(FindEnd(*store_, {1}).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(ChainFile, AppendsOnlyWhatIsAboveTheCommittedHeight) {
  MakeChain(24);
  const std::unique_ptr<Store> other = OpenOther();
  const ChainEnd middle = FindEnd(*store_, {8}).value();
  ASSERT_TRUE(Import(Export(*store_, 1, middle), other.get()).ok());
  const absl::StatusOr<ImportedChain> rest = Import(Export(*store_, 5), other.get());
  ASSERT_TRUE(rest.ok()) << rest.status();
  EXPECT_EQ(rest->before, middle.height);
  EXPECT_EQ(rest->blocks_added, rest->after.value - middle.height.value);
  const absl::StatusOr<ImportedChain> again = Import(Export(*store_), other.get());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->blocks_added, 0u);
  EXPECT_EQ(again->after, rest->after);
}

TEST_F(ChainFile, IsRefusedWhenItBeginsAboveTheLedger) {
  MakeChain(12);
  const std::unique_ptr<Store> other = OpenOther();
  ExpectRefusal(Import(Export(*store_, 4), other.get()).status(),
                absl::StatusCode::kFailedPrecondition, {"begins at height 4", "ends at height 0"});
}

TEST_F(ChainFile, ChangesNothingUnlessAskedTo) {
  MakeChain(12);
  const absl::StatusOr<ImportedChain> without = Import(Export(*store_), nullptr, /*write=*/false);
  ASSERT_TRUE(without.ok()) << without.status();
  EXPECT_GT(without->blocks_added, 0u);
  const std::unique_ptr<Store> other = OpenOther();
  ASSERT_TRUE(Import(Export(*store_), other.get(), /*write=*/false).ok());
  EXPECT_EQ(other->committed_height(), Height{0});
  EXPECT_EQ(other->counters().syncs, 1u);  // that of making it
}

TEST_F(ChainFile, RaisesTheHighestCertificateAndNothingElseOfTheSafetyRecord) {
  MakeChain(6);
  Close();
  std::filesystem::copy(data_dir(), dir_.At("behind"));
  Open();
  for (int i = 0; i < 20; ++i) Extend({absl::StrCat("later ", i)});
  const std::string file = Export(*store_);
  std::unique_ptr<Store> behind = OpenOther("behind");
  const consensus::SafetyRecord before = behind->Recover().safety;
  ASSERT_TRUE(before.last_vote.has_value());
  ASSERT_TRUE(Import(file, behind.get(), /*write=*/true, ValidatorIndex{3}).ok());
  behind.reset();
  behind = OpenOther("behind");
  consensus::SafetyRecord expected = before;
  expected.high_qc = behind->Recover().safety.high_qc;
  EXPECT_EQ(behind->Recover().safety, expected);
  EXPECT_GT(expected.high_qc.round, before.high_qc.round);
}

TEST_F(ChainFile, LeavesAHigherSafetyRecordAsItIs) {
  MakeChain(16);
  const std::string part = Export(*store_, 1, FindEnd(*store_, {4}).value());
  const consensus::SafetyRecord before = driver_.safety();
  ASSERT_TRUE(Import(part, store_.get(), /*write=*/true, ValidatorIndex{0}).ok());
  Reopen();
  EXPECT_EQ(store_->Recover().safety, before);
}

TEST_F(ChainFile, IsRefusedByAFolderThatForgotWhatItsKeySigned) {
  MakeChain(12);
  const std::string file = Export(*store_);
  const std::unique_ptr<Store> other = OpenOther();
  // Certificates of the test world are signed by validators 0, 1 and 2.
  for (const bool write : {false, true}) {
    ExpectRefusal(Import(file, other.get(), write, ValidatorIndex{1}).status(),
                  absl::StatusCode::kFailedPrecondition, {"does not know", "sign twice"});
  }
  EXPECT_EQ(other->committed_height(), Height{0});
  EXPECT_TRUE(Import(file, other.get(), /*write=*/true, ValidatorIndex{3}).ok());
}

TEST_F(ChainFile, IsRefusedWhenTheLedgerHasAnotherBlock) {
  MakeChain(10);
  const std::unique_ptr<Store> other = OpenOther();
  LedgerDriver forked(&world_);
  for (int i = 0; i < 10; ++i) KILN_CHECK_OK(other->Persist(forked.Extend({"fork"})));
  ExpectRefusal(Import(Export(*store_), other.get()).status(),
                absl::StatusCode::kFailedPrecondition, {"height 1", "another block"});
}

TEST_F(ChainFile, IsRefusedByAnotherChain) {
  MakeChain(8);
  std::istringstream input(Export(*store_));
  Genesis genesis = world_.genesis();
  genesis.chain_name = "another";
  const absl::StatusOr<ImportedChain> imported = ImportChain(
      {.genesis = &genesis, .signatures = &world_.signatures()}, &input, [](Height, Height) {});
  ExpectRefusal(imported.status(), absl::StatusCode::kFailedPrecondition, {"is of chain"});
}

// Rewrites the frames so that their checksums are right: what a liar would do.
TEST_F(ChainFile, IsRefusedWhenSomebodyPutsTogetherWhatNobodyCertified) {
  MakeChain(10);
  const ChainEnd end = FindEnd(*store_, {6}).value();
  const auto forge = [&](const std::vector<consensus::BlockPtr>& blocks,
                         const CommitRecord& commit) {
    std::string file;
    const auto output = [&file](absl::string_view bytes) {
      file.append(bytes.data(), bytes.size());
      return absl::OkStatus();
    };
    ChainFileWriter writer(output);
    KILN_CHECK_OK(
        writer.Begin({.chain_id = world_.chain_id(), .first = {1}, .last = {blocks.size()}}));
    for (const consensus::BlockPtr& block : blocks) KILN_CHECK_OK(writer.Add(*block));
    KILN_CHECK_OK(writer.End(commit));
    return Import(file, nullptr, /*write=*/false).status();
  };
  const auto honest_from = driver_.chain().begin() + 1;
  const std::vector<consensus::BlockPtr> honest(
      honest_from, honest_from + static_cast<ptrdiff_t>(end.height.value));
  EXPECT_TRUE(forge(honest, end.commit).ok());

  std::vector<consensus::BlockPtr> gap = honest;
  gap.erase(gap.begin() + 2);
  EXPECT_FALSE(forge(gap, end.commit).ok());

  std::vector<consensus::BlockPtr> another = honest;
  another[2] = world_.Child(another[1], another[2]->header.round, {.transactions = {"forged"}});
  EXPECT_FALSE(forge(another, end.commit).ok());

  CommitRecord unsigned_end = end.commit;
  unsigned_end.certificate.signatures[0][3] ^= 1;
  ExpectRefusal(forge(honest, unsigned_end), absl::StatusCode::kInvalidArgument,
                {absl::StrCat("height ", end.height.value), "finality proof"});

  CommitRecord other_child = end.commit;
  other_child.child.time_us += 1;
  EXPECT_FALSE(forge(honest, other_child).ok());
}

TEST_F(ChainFile, IsRefusedWhereverABitFlippedOrTheEndIsGone) {
  MakeChain(7);
  const std::string file = Export(*store_);
  ASSERT_TRUE(Import(file, nullptr, /*write=*/false).ok());
  for (size_t at = 0; at < file.size(); at += 7) {
    std::string flipped = file;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << (at % 8)));
    EXPECT_FALSE(Import(flipped, nullptr, /*write=*/false).ok()) << "bit in byte " << at;
    EXPECT_FALSE(Import(file.substr(0, at), nullptr, /*write=*/false).ok()) << "cut at " << at;
  }
  EXPECT_FALSE(Import(file + "x", nullptr, /*write=*/false).ok());
}

TEST_F(ChainFile, RefusesALengthThatNoBlockHasWithoutReservingIt) {
  MakeChain(7);
  std::string file = Export(*store_);
  file.replace(8, 4, "\xff\xff\xff\xff");
  ExpectRefusal(Import(file, nullptr, /*write=*/false).status(), absl::StatusCode::kDataLoss,
                {"from byte 8", "4294967295 bytes"});
}

}  // namespace
}  // namespace kiln::storage
