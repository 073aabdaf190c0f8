// One bit flips, anywhere: what is read is what was written, or an error that names the place.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "consensus/codec.h"
#include "storage/ledger_store.h"
#include "tests/storage/store_fixture.h"

namespace kiln::storage {
namespace {

namespace fs = std::filesystem;

constexpr size_t kRottenBlocks = 20;  // the oldest are neither cached nor checked by a start
constexpr size_t kSectorBytes = 512;

void FlipBit(const fs::path& path, size_t byte, int bit) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(byte));
  const char changed = static_cast<char>(file.get() ^ (1 << bit));
  file.seekp(static_cast<std::streamoff>(byte));
  file.put(changed);
  KILN_CHECK(file.flush().good());
}

class BitRot : public StoreFixture {
 protected:
  BitRot() : StoreFixture(MemoryFolder()) {}

  // What every read returned, and the errors of those that failed.
  struct Reads {
    std::map<std::string, std::string> values;
    std::vector<absl::Status> errors;
  };

  Reads ReadAll(const Store& store) const {
    Reads reads;
    const auto note = [&](const std::string& what, const auto& read, auto encode) {
      if (read.ok()) {
        reads.values[what] = encode(*read);
      } else {
        reads.errors.push_back(read.status());
      }
    };
    const auto block_bytes = [](const consensus::BlockPtr& block) {
      return absl::StrCat(EncodeBlockRecord(*block), *block->payload);
    };
    const auto results_bytes = [](const BlockResults& results) {
      return absl::StrCat(EncodeResultIds(results), EncodeReplies(results.replies));
    };
    const auto same = [](const std::string& bytes) { return bytes; };
    const RecoveredLedger recovered = store.Recover();
    reads.values["safety"] = consensus::Encode(recovered.safety);
    reads.values["executed"] = consensus::Encode(store.executed_state());
    reads.values["committed"] = absl::StrCat(store.committed_height().value);
    for (const consensus::BlockPtr& block : recovered.uncommitted) {
      reads.values[absl::StrCat("uncommitted ", block->id.ToHex())] = block_bytes(block);
    }
    for (uint64_t height = 0; height <= driver_.committed(); ++height) {
      const std::string at = absl::StrCat(" at ", height);
      note("block" + at, store.BlockAt({height}), block_bytes);
      note("block by id" + at, store.BlockById(driver_.at(height)->id), block_bytes);
      if (height == 0) continue;
      note("finality" + at, store.FinalityAt({height}), same);
      note("results" + at, store.ResultsAt({height}), results_bytes);
      note("entry" + at, store.state_view().state->Get(absl::StrCat("block ", height)), same);
    }
    return reads;
  }

  // Everything that was read is as it was. An error says where: a file, a family's key, a height.
  static bool AreSafe(const Reads& reads, const Reads& written) {
    const bool is_same =
        std::all_of(reads.values.begin(), reads.values.end(), [&](const auto& read) {
          const auto found = written.values.find(read.first);
          return found != written.values.end() && found->second == read.second;
        });
    const bool is_complete = !reads.errors.empty() || reads.values.size() == written.values.size();
    return is_same && is_complete &&
           std::all_of(reads.errors.begin(), reads.errors.end(), &NamesThePlace);
  }
  static bool NamesThePlace(const absl::Status& status) {
    if (absl::IsNotFound(status)) return false;  // what is there is not denied
    for (const absl::string_view place :
         {"blocks/", "payloads/", "certificates/", "index_by_height/", "transaction_index/",
          "safety/", "application_state/", "metadata/", ".sst", ".blob", ".log", "MANIFEST",
          "CURRENT", "height "}) {
      if (absl::StrContains(status.message(), place)) return true;
    }
    return false;
  }

  // With values in tables, blob files and the log.
  void MakeRottenLedger() {
    Open();
    for (size_t i = 0; i < kRottenBlocks; ++i) {
      Extend({absl::StrCat("x", i), std::string(10'000, static_cast<char>('a' + i))});
    }
    for (uint64_t height = 1; height <= driver_.committed(); ++height) Apply(height);
    Close();
    Open();  // recovery writes what was in the log into tables
    for (int i = 0; i < 3; ++i) Extend({absl::StrCat("in the log ", i), std::string(5000, 'x')});
    for (uint64_t height = store_->executed_state().height.value + 1; height <= driver_.committed();
         ++height) {
      Apply(height);
    }
    Close();
  }
  void Apply(uint64_t height) {
    std::vector<StateWrite> writes = LedgerDriver::WritesAt(height);
    writes.push_back({.key = absl::StrCat("block ", height), .value = std::string(100, 'v')});
    KILN_CHECK_OK(store_->ApplyBlock(writes, driver_.ResultsAt(height)));
  }

  // What is wrong after a flip, if anything; `detected` counts flips that were refused or named.
  std::string WrongAfterOpening(const absl::StatusOr<std::unique_ptr<Store>>& store,
                                const Reads& written, size_t* detected) const {
    if (!store.ok()) {
      ++*detected;
      return NamesThePlace(store.status()) ? "" : store.status().ToString();
    }
    const Reads reads = ReadAll(**store);
    *detected += reads.errors.empty() ? 0 : 1;
    if (AreSafe(reads, written)) return "";
    std::string wrong = absl::StrCat(reads.values.size(), " values of ", written.values.size());
    for (const absl::Status& error : reads.errors) absl::StrAppend(&wrong, "; ", error.ToString());
    return absl::StrCat("read ", wrong);
  }
};

// Values are changed beneath an open database, and a new store is opened over it each time.
class BitRotInValues : public BitRot {
 protected:
  void SetUp() override {
    MakeRottenLedger();
    absl::StatusOr<std::shared_ptr<Database>> opened =
        OpenRocksDbDatabase(data_dir(), Access::kReadWrite, nullptr);
    KILN_CHECK_OK(opened.status());
    database_ = *std::move(opened);
    const absl::StatusOr<std::unique_ptr<Store>> store = OpenOver();
    KILN_CHECK_OK(store.status());
    written_ = ReadAll(**store);
    KILN_CHECK(written_.errors.empty()) << written_.errors.front();
  }

  absl::StatusOr<std::unique_ptr<Store>> OpenOver() const {
    return OpenStore(database_, world_.genesis(), /*read_only=*/true);
  }
  void Put(Family family, const std::string& key, const std::string& value) {
    const std::unique_ptr<WriteBatch> batch = database_->NewBatch(/*bytes=*/0);
    batch->Put(family, key, value);
    KILN_CHECK_OK(database_->Write(batch.get(), Durability::kUnsynced));
  }
  // One bit in every `step`-th byte of a value. What is in memory since the start is not read
  // again.
  void FlipEach(Family family, const std::string& key, size_t step, bool is_cached = false) {
    const absl::StatusOr<std::string> value = database_->Get(family, key);
    KILN_CHECK_OK(value.status());
    for (size_t byte = 0; byte < value->size(); byte += step) {
      SCOPED_TRACE(absl::StrCat(Describe(family, key), ", byte ", byte));
      std::string changed = *value;
      changed[byte] = static_cast<char>(changed[byte] ^ (1 << (byte % 8)));
      Put(family, key, changed);
      const size_t before = detected_;
      EXPECT_EQ(WrongAfterOpening(OpenOver(), written_, &detected_), "");
      EXPECT_TRUE(detected_ > before || is_cached);
      ++flips_;
    }
    Put(family, key, *value);
  }
  void FlipBlock(uint64_t height, bool is_cached) {
    const Hash& id = driver_.at(height)->id;
    FlipEach(Family::kIndexByHeight, HeightOfIdKey(id), 1, is_cached);
    FlipEach(Family::kBlocks, BlockKey({height}, id), 7, is_cached);
    FlipEach(Family::kPayloads, BlockKey({height}, id), 997, is_cached);
  }
  void FlipCommitted(uint64_t height) {
    FlipEach(Family::kIndexByHeight, IdAtHeightKey({height}), 1);
    FlipEach(Family::kCertificates, HeightKey({height}), 11);
    FlipEach(Family::kTransactionIndex, ResultIdsKey({height}), 11);
    FlipEach(Family::kTransactionIndex, ResultRepliesKey({height}), 5);
    FlipEach(Family::kApplicationState, StateKey(absl::StrCat("block ", height)), 11);
  }

  std::shared_ptr<Database> database_;
  Reads written_;
  size_t flips_ = 0;
  size_t detected_ = 0;
};

TEST_F(BitRotInValues, IsFoundInEveryByteOfTheSafetyRecordAndTheMetadata) {
  FlipEach(Family::kSafety, std::string(kSafetyKey), 1);
  for (const absl::string_view key :
       {kFormatVersionKey, kChainIdKey, kCommittedKey, kExecutedKey}) {
    FlipEach(Family::kMetadata, std::string(key), 1);
  }
  std::cout << flips_ << " flips, " << detected_ << " detected\n";
}

TEST_F(BitRotInValues, IsFoundInTheIndexAndInBlocksAndResults) {
  FlipBlock(2, /*is_cached=*/false);
  FlipBlock(driver_.committed(), /*is_cached=*/true);
  FlipBlock(driver_.chain().size() - 1, /*is_cached=*/true);
  for (const uint64_t height : {uint64_t{2}, driver_.committed()}) FlipCommitted(height);
  std::cout << flips_ << " flips, " << detected_ << " detected\n";
}

// Each looks at every kShards-th sector.
constexpr size_t kShards = 3;
class BitRotInFiles : public BitRot, public testing::WithParamInterface<size_t> {};
INSTANTIATE_TEST_SUITE_P(Shards, BitRotInFiles, testing::Range(size_t{0}, kShards));

TEST_P(BitRotInFiles, IsFoundInEveryFileOrChangesNothing) {
  MakeRottenLedger();
  const std::string copy = dir_.At("copy");
  fs::copy(data_dir(), copy);
  const absl::StatusOr<std::unique_ptr<Store>> intact = TryOpen(copy);
  KILN_CHECK_OK(intact.status());
  const Reads written = ReadAll(**intact);
  ASSERT_TRUE(written.errors.empty()) << written.errors.front();
  size_t flips = 0;
  size_t detected = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(data_dir())) {
    const std::string name = entry.path().filename().string();
    const size_t bytes = ContentsOf(entry.path()).size();
    const size_t first = bytes <= kSectorBytes ? 0 : GetParam() * kSectorBytes;
    for (size_t sector = first; sector < bytes; sector += kShards * kSectorBytes) {
      const size_t byte = std::min(bytes - 1, sector + (sector * 7) % kSectorBytes);
      const std::string rotten = dir_.At("rotten");
      fs::remove_all(rotten);
      fs::copy(data_dir(), rotten);
      FlipBit(fs::path(rotten) / name, byte, static_cast<int>(sector / kSectorBytes % 8));
      const std::string wrong = WrongAfterOpening(TryOpen(rotten), written, &detected);
      EXPECT_EQ(wrong, "") << name << ", byte " << byte << " of " << bytes;
      ++flips;
    }
  }
  std::cout << flips << " flips in files, " << detected
            << " detected, the others changed nothing\n";
}

}  // namespace
}  // namespace kiln::storage
