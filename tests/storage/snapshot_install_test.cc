#include "storage/snapshot_install.h"

#include <utility>

#include "consensus/safety_rules.h"
#include "storage/ledger_audit.h"
#include "storage/ledger_rebuild.h"
#include "storage/ledger_store.h"
#include "storage/snapshot_proof.h"
#include "storage/snapshot_stream.h"
#include "tests/storage/store_fixture.h"

namespace kiln::storage {
namespace {

constexpr uint64_t kSnapshotEvery = 16;
constexpr uint64_t kIdsOf = 16;

// A chain of which a snapshot is certified, and an empty disk beside it.
class SnapshotInstall : public testing::Test {
 protected:
  SnapshotInstall() {
    store_ = OpenRocksDbStore({.data_dir = dir_.At("from"), .genesis = world_.genesis()}).value();
    verifier_ = ChainVerifier::Create(world_.genesis(), &world_.signatures()).value();
  }

  void Extend(uint64_t rounds_skipped = 0) {
    KILN_CHECK_OK(store_->Persist(
        driver_.Extend({absl::StrCat("x", driver_.chain().size())}, rounds_skipped)));
  }
  // Commits and executes; a snapshot's root is in the states that name it.
  void RunTo(uint64_t height) {
    while (driver_.committed() < height) {
      Extend();
      ApplyAll();
    }
  }
  void ApplyAll() {
    for (uint64_t at = store_->executed_state().height.value + 1; at <= driver_.committed(); ++at) {
      if (at % kSnapshotEvery == 0 && at > kSnapshotEvery) {
        driver_.SetSnapshotRoot(Index(at - kSnapshotEvery)->root());
      }
      KILN_CHECK_OK(store_->ApplyBlock(LedgerDriver::WritesAt(at), driver_.ResultsAt(at)));
      if (at % kSnapshotEvery == 0) KILN_CHECK_OK(store_->TakeSnapshot());
    }
  }
  std::shared_ptr<const SnapshotIndex> Index(uint64_t height) {
    return IndexSnapshot(*store_, {height}, kIdsOf, [] { return false; }).value();
  }
  SnapshotProof Proof(uint64_t height) {
    const auto proof = MakeSnapshotProof(*store_, world_.genesis(), {height});
    KILN_CHECK_OK(proof.status());
    return *proof;
  }
  absl::StatusOr<ProvedSnapshot> Verify(const SnapshotProof& proof) {
    return VerifySnapshotProof(proof, world_.genesis(), verifier_.get());
  }
  std::string Stream(uint64_t height) {
    const auto stream = SnapshotStream::Open(store_.get(), {height}, kIdsOf).value();
    std::string all;
    for (;;) {
      const std::string chunk = stream->NextChunk().value();
      if (chunk.empty()) return all;
      all += chunk;
    }
  }
  std::vector<consensus::BlockPtr> Blocks(const ProvedSnapshot& proved) {
    std::vector<consensus::BlockPtr> blocks;
    for (const consensus::Header& header : proved.above) {
      blocks.push_back(driver_.at(header.height.value));
    }
    return blocks;
  }
  consensus::SafetyRecord Record(const ProvedSnapshot& proved) {
    consensus::SafetyRecord record = consensus::InitialSafetyRecord(world_.genesis_qc());
    record.high_qc = proved.commit.certificate;
    return record;
  }
  // All of a stream, in pieces of this size.
  absl::Status Install(const ProvedSnapshot& proved, const std::string& stream,
                       size_t piece_bytes = 1000) {
    const auto database = OpenRocksDbDatabase(dir_.At("to"), Access::kReadWrite, nullptr).value();
    SnapshotInstaller installer(database.get(), &world_.genesis(), proved);
    KILN_CHECK_OK(installer.Begin());
    for (size_t at = 0; at < stream.size(); at += piece_bytes) {
      KILN_RETURN_IF_ERROR(installer.Add(absl::string_view(stream).substr(at, piece_bytes)));
    }
    return installer.Finish(Blocks(proved), Record(proved));
  }
  std::unique_ptr<Store> OpenInstalled() {
    return OpenRocksDbStore({.data_dir = dir_.At("to"), .genesis = world_.genesis()}).value();
  }

  consensus::TestWorld world_{
      {1, 1, 1, 1},
      {.duplicate_window_blocks = kIdsOf, .snapshot_interval_blocks = kSnapshotEvery}};
  LedgerDriver driver_{&world_};
  TemporaryDir dir_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<ChainVerifier> verifier_;
};

// --- The proof

TEST_F(SnapshotInstall, AProofNamesWhatAQuorumCertified) {
  RunTo(40);
  const absl::StatusOr<ProvedSnapshot> proved = Verify(Proof(16));
  ASSERT_TRUE(proved.ok()) << proved.status();
  EXPECT_EQ(proved->height, Height{16});
  EXPECT_EQ(proved->root, Index(16)->root());
  EXPECT_EQ(proved->header, driver_.at(16)->header);
  EXPECT_EQ(proved->commits_height, Height{14});
  ASSERT_EQ(proved->above.size(), 1u);
  EXPECT_EQ(proved->above[0], driver_.at(17)->header);
}

TEST_F(SnapshotInstall, AProofSurvivesItsEncoding) {
  RunTo(40);
  const std::string bytes = Encode(Proof(16));
  const absl::StatusOr<SnapshotProof> decoded = DecodeSnapshotProof(bytes);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(Encode(*decoded), bytes);
  for (size_t cut = 0; cut < bytes.size(); cut += 7) {
    EXPECT_FALSE(DecodeSnapshotProof(bytes.substr(0, cut)).ok());
  }
}

TEST_F(SnapshotInstall, NoProofExistsBeforeTheRootIsCertified) {
  RunTo(32);
  EXPECT_TRUE(absl::IsNotFound(MakeSnapshotProof(*store_, world_.genesis(), {16}).status()));
  EXPECT_TRUE(absl::IsNotFound(NewestCertifiedSnapshot(*store_, world_.genesis().limits).status()));
  RunTo(40);
  EXPECT_EQ(NewestCertifiedSnapshot(*store_, world_.genesis().limits).value(), Height{16});
}

// Byte by byte: whatever changes is refused, or is no part of what is shown.
TEST_F(SnapshotInstall, AChangedProofShowsNothingElse) {
  RunTo(40);
  const std::string bytes = Encode(Proof(16));
  const ProvedSnapshot honest = Verify(Proof(16)).value();
  size_t refused = 0;
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::string changed = bytes;
    changed[at] ^= 1;
    const absl::StatusOr<SnapshotProof> decoded = DecodeSnapshotProof(changed);
    if (!decoded.ok()) {
      ++refused;
      continue;
    }
    const absl::StatusOr<ProvedSnapshot> proved = Verify(*decoded);
    if (!proved.ok()) {
      ++refused;
      continue;
    }
    EXPECT_EQ(proved->root, honest.root) << at;
    EXPECT_EQ(proved->header, honest.header) << at;
    EXPECT_EQ(proved->commits_height, honest.commits_height) << at;
  }
  // The oldest header below is only looked at for its rounds when it is the genesis.
  EXPECT_EQ(refused, bytes.size());
}

TEST_F(SnapshotInstall, RefusesARootThatNobodyCertified) {
  RunTo(40);
  SnapshotProof proof = Proof(16);
  proof.naming.snapshot_root.bytes[0] ^= 1;
  ExpectRefusal(Verify(proof).status(), absl::StatusCode::kInvalidArgument, {"no quorum"});
}

TEST_F(SnapshotInstall, RefusesACertifiedStateThatNamesAnotherSnapshot) {
  RunTo(60);
  SnapshotProof proof = Proof(16);
  const SnapshotProof other = Proof(32);
  proof.naming = other.naming;
  proof.naming_finality = other.naming_finality;
  ExpectRefusal(Verify(proof).status(), absl::StatusCode::kInvalidArgument, {"another snapshot"});
}

TEST_F(SnapshotInstall, RefusesABlockThatIsNotTheSnapshots) {
  RunTo(60);
  SnapshotProof proof = Proof(16);
  proof.below = Proof(32).below;
  ExpectRefusal(Verify(proof).status(), absl::StatusCode::kInvalidArgument, {"not the one above"});
  proof = Proof(16);
  proof.above_finality = Proof(32).above_finality;
  ExpectRefusal(Verify(proof).status(), absl::StatusCode::kInvalidArgument, {"not the one above"});
}

TEST_F(SnapshotInstall, RefusesHeadersBelowThatDoNotShowWhatIsCommitted) {
  RunTo(40);
  SnapshotProof proof = Proof(16);
  proof.below.pop_back();
  ExpectRefusal(Verify(proof).status(), absl::StatusCode::kInvalidArgument, {"do not show"});
  proof = Proof(16);
  proof.below.push_back(driver_.at(14)->header);
  ExpectRefusal(Verify(proof).status(), absl::StatusCode::kInvalidArgument, {"more headers"});
  proof = Proof(16);
  proof.below[1] = driver_.at(13)->header;
  ExpectRefusal(Verify(proof).status(), absl::StatusCode::kInvalidArgument, {"not the parent"});
}

TEST_F(SnapshotInstall, RefusesAnotherChain) {
  RunTo(40);
  SnapshotProof proof = Proof(16);
  proof.chain_id = Hash{};
  ExpectRefusal(Verify(proof).status(), absl::StatusCode::kFailedPrecondition,
                {"of chain", "other home"});
}

// --- The installation

TEST_F(SnapshotInstall, MakesALedgerThatGoesOn) {
  RunTo(40);
  const ProvedSnapshot proved = Verify(Proof(16)).value();
  ASSERT_TRUE(Install(proved, Stream(16)).ok());
  std::unique_ptr<Store> installed = OpenInstalled();
  EXPECT_EQ(installed->base().header, driver_.at(16)->header);
  EXPECT_EQ(installed->committed_height(), Height{17});
  EXPECT_EQ(installed->executed_state(), driver_.StateAt(16));
  EXPECT_EQ(installed->state_view().state->Get("height").value(), "16");
  EXPECT_TRUE(absl::IsNotFound(installed->state_view().state->Get("at 15").status()));
  for (uint64_t height = 1; height <= 16; ++height) {
    EXPECT_EQ(installed->ExecutedIdsAt({height}).value(), driver_.ResultsAt(height).ids);
  }
  // The snapshot is taken again when the next block is about to be executed, and is the same.
  ASSERT_TRUE(installed->TakeSnapshot().ok());
  EXPECT_EQ(IndexSnapshot(*installed, {16}, kIdsOf, [] { return false; }).value()->root(),
            proved.root);
  KILN_CHECK_OK(installed->ApplyBlock(LedgerDriver::WritesAt(17), driver_.ResultsAt(17)));
  EXPECT_EQ(installed->executed_state(), driver_.StateAt(17));
}

TEST_F(SnapshotInstall, CutsAnywhere) {
  RunTo(40);
  const ProvedSnapshot proved = Verify(Proof(16)).value();
  ASSERT_TRUE(Install(proved, Stream(16), /*piece_bytes=*/1).ok());
  EXPECT_EQ(OpenInstalled()->executed_state(), driver_.StateAt(16));
}

TEST_F(SnapshotInstall, TakesTheBlocksUpToTheFirstThatIsCommittedDirectly) {
  RunTo(15);
  // Blocks 17 and 18 stand alone in their rounds: what follows commits them.
  while (driver_.chain().size() < 17) Extend();
  Extend(/*rounds_skipped=*/1);
  Extend(/*rounds_skipped=*/1);
  RunTo(44);
  const ProvedSnapshot proved = Verify(Proof(16)).value();
  ASSERT_GT(proved.above.size(), 1u);
  ASSERT_TRUE(Install(proved, Stream(16)).ok());
  const std::unique_ptr<Store> installed = OpenInstalled();
  EXPECT_EQ(installed->committed_height().value, 16 + proved.above.size());
  EXPECT_TRUE(installed->FinalityAt({17}).ok());
}

TEST_F(SnapshotInstall, IsAGoodLedger) {
  RunTo(40);
  ASSERT_TRUE(Install(Verify(Proof(16)).value(), Stream(16)).ok());
  const auto raw = OpenRocksDbDatabase(dir_.At("to"), Access::kReadOnly, nullptr).value();
  const LedgerAudit audit =
      AuditLedger(*raw, world_.genesis(), world_.signatures(), [](Height, Height) {}).value();
  EXPECT_TRUE(audit.good()) << audit.start << (audit.damage.empty() ? "" : audit.damage[0].cause);
  EXPECT_EQ(audit.lowest, Height{17});
}

// The state of such a ledger lies in the second space.
TEST_F(SnapshotInstall, IsCopiedWithItsState) {
  RunTo(40);
  ASSERT_TRUE(Install(Verify(Proof(16)).value(), Stream(16)).ok());
  {
    const auto from = OpenRocksDbDatabase(dir_.At("to"), Access::kReadOnly, nullptr).value();
    const auto to = OpenRocksDbDatabase(dir_.At("copy"), Access::kReadWrite, nullptr).value();
    const absl::Status copied = CopyReadable(*from, world_.genesis(), to.get());
    ASSERT_TRUE(copied.ok()) << copied;
  }
  const auto copy =
      OpenRocksDbStore({.data_dir = dir_.At("copy"), .genesis = world_.genesis()}).value();
  EXPECT_EQ(copy->executed_state(), driver_.StateAt(16));
  EXPECT_EQ(copy->state_view().state->Get("height").value(), "16");
  EXPECT_EQ(copy->ExecutedIdsAt({3}).value(), driver_.ResultsAt(3).ids);
}

TEST_F(SnapshotInstall, IsNoLedgerBeforeItIsWhole) {
  RunTo(40);
  const ProvedSnapshot proved = Verify(Proof(16)).value();
  {
    const auto database = OpenRocksDbDatabase(dir_.At("to"), Access::kReadWrite, nullptr).value();
    SnapshotInstaller installer(database.get(), &world_.genesis(), proved);
    KILN_CHECK_OK(installer.Begin());
    KILN_CHECK_OK(installer.Add(std::string(9 << 20, '\0').substr(0, 0)));
    const std::string stream = Stream(16);
    KILN_CHECK_OK(installer.Add(absl::string_view(stream).substr(0, stream.size() - 1)));
    ExpectRefusal(installer.Finish(Blocks(proved), Record(proved)),
                  absl::StatusCode::kInvalidArgument, {"end is missing"});
  }
  const auto raw = OpenRocksDbDatabase(dir_.At("to"), Access::kReadWrite, nullptr).value();
  EXPECT_TRUE(absl::IsNotFound(raw->Get(Family::kMetadata, kCommittedKey).status()));
}

// A stream that a quorum certified is none of these; what is installed is checked all the same.
TEST_F(SnapshotInstall, RefusesAStreamThatIsNone) {
  RunTo(40);
  const ProvedSnapshot proved = Verify(Proof(16)).value();
  const std::string stream = Stream(16);
  const auto refuses = [&](const std::string& changed, const std::string& why) {
    ExpectRefusal(Install(proved, changed), absl::StatusCode::kInvalidArgument, {why});
  };
  crypto::Encoder state;
  state.Bytes("ukey").Bytes("value");
  refuses(std::string(state.view()) + stream, "head is misplaced");
  refuses(stream + stream, "head is misplaced");
  crypto::Encoder late;
  late.Bytes("ukey").Bytes("value");
  refuses(stream + std::string(late.view()), "not in order");
  crypto::Encoder unknown;
  unknown.Bytes("x").Bytes("");
  refuses(stream + std::string(unknown.view()), "no kind");
  crypto::Encoder beyond;
  beyond.Bytes("w" + HeightKey({17})).Bytes("");
  refuses(stream + std::string(beyond.view()), "duplicate window");
  refuses(std::string(8, '\0'), "wrong length");
  refuses(std::string(8, '\xFF'), "wrong length");
}

}  // namespace
}  // namespace kiln::storage
