// A RocksDB store in a folder of its own, with a driver that fills it and ways to look under it.
#ifndef KILN_TESTS_STORAGE_STORE_FIXTURE_H_
#define KILN_TESTS_STORAGE_STORE_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "storage/database.h"
#include "storage/records.h"
#include "storage/rocksdb_database.h"
#include "storage/rocksdb_store.h"
#include "storage/schema.h"
#include "tests/storage/ledger_driver.h"
#include "tests/storage/temporary_dir.h"

namespace kiln::storage {

class StoreFixture : public testing::Test {
 protected:
  StoreFixture() = default;
  // With its files below another folder than that for temporary ones.
  explicit StoreFixture(const std::filesystem::path& parent) : dir_(parent) {}

  std::string data_dir() const { return dir_.At("data"); }

  absl::StatusOr<std::unique_ptr<Store>> TryOpen(bool read_only = false,
                                                 rocksdb::Env* env = nullptr) const {
    return TryOpen(data_dir(), read_only, env);
  }
  absl::StatusOr<std::unique_ptr<Store>> TryOpen(const std::string& data_dir,
                                                 bool read_only = false,
                                                 rocksdb::Env* env = nullptr) const {
    return OpenRocksDbStore(
        {.data_dir = data_dir, .genesis = world_.genesis(), .read_only = read_only, .env = env});
  }
  void Open() {
    absl::StatusOr<std::unique_ptr<Store>> opened = TryOpen();
    KILN_CHECK_OK(opened.status());
    store_ = *std::move(opened);
  }
  void Close() { store_.reset(); }

  void Extend(const std::vector<std::string>& transactions = {}) {
    KILN_CHECK_OK(store_->Persist(driver_.Extend(transactions)));
  }
  void Apply(uint64_t height) {
    KILN_CHECK_OK(store_->ApplyBlock(driver_.WritesAt(height), driver_.ResultsAt(height)));
  }
  // A ledger with `blocks` blocks of two transactions each, all committed ones executed; closed.
  void MakeLedger(size_t blocks) {
    Open();
    for (size_t i = 0; i < blocks; ++i) {
      Extend({absl::StrCat("x", i), std::string(10'000, static_cast<char>('a' + i % 26))});
    }
    for (uint64_t height = 1; height <= driver_.committed(); ++height) Apply(height);
    Close();
  }

  // Writes past the store, as damage or another program would.
  void WriteRaw(const std::function<void(const Database&, WriteBatch*)>& change) const {
    absl::StatusOr<std::shared_ptr<Database>> raw =
        OpenRocksDbDatabase(data_dir(), Access::kReadWrite, nullptr);
    KILN_CHECK_OK(raw.status());
    const std::unique_ptr<WriteBatch> batch = (*raw)->NewBatch(/*bytes=*/0);
    change(**raw, batch.get());
    KILN_CHECK_OK((*raw)->Write(batch.get(), Durability::kSynced));
  }
  void DeleteRaw(Family family, const std::string& key) const {
    WriteRaw([&](const Database& /*raw*/, WriteBatch* batch) { batch->Delete(family, key); });
  }
  void FlipRaw(Family family, const std::string& key, size_t byte) const {
    WriteRaw([&](const Database& raw, WriteBatch* batch) {
      const absl::StatusOr<std::string> value = raw.Get(family, key);
      KILN_CHECK_OK(value.status());
      std::string changed = *value;
      changed.at(byte % changed.size()) ^= 1;
      batch->Put(family, key, changed);
    });
  }

  consensus::TestWorld world_;
  LedgerDriver driver_{&world_};
  TemporaryDir dir_;
  std::unique_ptr<Store> store_;
};

// Whether `status` has this code and all of these words.
inline void ExpectRefusal(const absl::Status& status, absl::StatusCode code,
                          const std::vector<std::string>& words) {
  EXPECT_EQ(status.code(), code) << status;
  for (const std::string& word : words) {
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr(word));
  }
}

}  // namespace kiln::storage

#endif  // KILN_TESTS_STORAGE_STORE_FIXTURE_H_
