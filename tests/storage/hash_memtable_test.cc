// RocksDB with the hashed table in memory against an ordered map.
#include "storage/hash_memtable.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/db.h>
#include <rocksdb/iterator.h>
#include <rocksdb/write_batch.h>

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/storage/temporary_dir.h"

namespace kiln::storage {
namespace {

using Model = std::map<std::string, std::string>;
using Pairs = std::vector<std::pair<std::string, std::string>>;

constexpr size_t kFewBuckets = 3;  // so that keys share them

class HashMemTableTest : public testing::Test {
 protected:
  HashMemTableTest() { Open(kFewBuckets); }

  void Open(size_t buckets) {
    db_.reset();
    rocksdb::Options options;
    options.create_if_missing = true;
    options.allow_concurrent_memtable_write = false;
    options.memtable_factory = NewHashMemTableFactory(buckets);
    rocksdb::DB* db = nullptr;
    const rocksdb::Status status = rocksdb::DB::Open(options, dir_.At("db"), &db);
    ASSERT_TRUE(status.ok()) << status.ToString();
    db_.reset(db);
  }

  void Put(const std::string& key, const std::string& value) {
    ASSERT_TRUE(db_->Put({}, key, value).ok());
  }
  void Flush() { ASSERT_TRUE(db_->Flush({}).ok()); }

  std::optional<std::string> Get(const std::string& key,
                                 const rocksdb::Snapshot* snapshot = nullptr) {
    std::string value;
    const rocksdb::Status status = db_->Get(At(snapshot), key, &value);
    EXPECT_TRUE(status.ok() || status.IsNotFound()) << status.ToString();
    return status.ok() ? std::optional(value) : std::nullopt;
  }

  Pairs Scan(const rocksdb::Snapshot* snapshot = nullptr) {
    Pairs pairs;
    const std::unique_ptr<rocksdb::Iterator> iterator(db_->NewIterator(At(snapshot)));
    for (iterator->SeekToFirst(); iterator->Valid(); iterator->Next()) {
      pairs.emplace_back(iterator->key().ToString(), iterator->value().ToString());
    }
    return pairs;
  }

  Pairs ScanBack() {
    Pairs pairs;
    const std::unique_ptr<rocksdb::Iterator> iterator(db_->NewIterator({}));
    for (iterator->SeekToLast(); iterator->Valid(); iterator->Prev()) {
      pairs.emplace_back(iterator->key().ToString(), iterator->value().ToString());
    }
    return pairs;
  }

  static rocksdb::ReadOptions At(const rocksdb::Snapshot* snapshot) {
    rocksdb::ReadOptions options;
    options.snapshot = snapshot;
    return options;
  }

  TemporaryDir dir_;
  std::unique_ptr<rocksdb::DB> db_;
};

TEST_F(HashMemTableTest, IsEmptyAtFirst) {
  EXPECT_EQ(Get("a"), std::nullopt);
  EXPECT_THAT(Scan(), testing::IsEmpty());
  EXPECT_THAT(ScanBack(), testing::IsEmpty());
}

TEST_F(HashMemTableTest, ReadsTheNewestOfAKey) {
  Put("a", "1");
  Put("b", "2");
  Put("a", "3");
  EXPECT_EQ(Get("a"), "3");
  EXPECT_EQ(Get("b"), "2");
  EXPECT_EQ(Get("c"), std::nullopt);
}

TEST_F(HashMemTableTest, ForgetsWhatIsDeleted) {
  Put("a", "1");
  ASSERT_TRUE(db_->Delete({}, "a").ok());
  EXPECT_EQ(Get("a"), std::nullopt);
  Put("a", "2");
  EXPECT_EQ(Get("a"), "2");
}

TEST_F(HashMemTableTest, ForgetsARange) {
  for (const char* key : {"a", "b", "c"}) Put(key, "1");
  ASSERT_TRUE(db_->DeleteRange({}, db_->DefaultColumnFamily(), "b", "c").ok());
  EXPECT_THAT(Scan(), testing::ElementsAre(testing::Pair("a", "1"), testing::Pair("c", "1")));
  EXPECT_EQ(Get("b"), std::nullopt);
  Put("b", "2");
  EXPECT_EQ(Get("b"), "2");
}

TEST_F(HashMemTableTest, TakesAKeyTwiceInABatch) {
  rocksdb::WriteBatch batch;
  ASSERT_TRUE(batch.Put("a", "1").ok());
  ASSERT_TRUE(batch.Put("a", "2").ok());
  ASSERT_TRUE(db_->Write({}, &batch).ok());
  EXPECT_EQ(Get("a"), "2");
}

TEST_F(HashMemTableTest, OrdersKeysByTheirBytes) {
  const std::vector<std::string> keys = {std::string("\0", 1),
                                         std::string("\0\0", 2),
                                         "",
                                         "\xFF",
                                         "a",
                                         "a\xFF",
                                         std::string("a\0", 2),
                                         "aaaaaaaaa",
                                         "aaaaaaaab",
                                         std::string(300, 'a')};
  Model model;
  for (const std::string& key : keys) {
    Put(key, "of " + key);
    model[key] = "of " + key;
  }
  EXPECT_THAT(Scan(), testing::ElementsAreArray(model.begin(), model.end()));
  EXPECT_THAT(ScanBack(), testing::ElementsAreArray(model.rbegin(), model.rend()));
  for (const std::string& key : keys) EXPECT_EQ(Get(key), "of " + key);
}

TEST_F(HashMemTableTest, AScanSeesWhatWasWrittenBeforeItBegan) {
  Put("a", "1");
  const std::unique_ptr<rocksdb::Iterator> iterator(db_->NewIterator({}));
  Put("a", "2");
  Put("b", "2");
  iterator->SeekToFirst();
  ASSERT_TRUE(iterator->Valid());
  EXPECT_EQ(iterator->value().ToString(), "1");
  iterator->Next();
  EXPECT_FALSE(iterator->Valid());
  EXPECT_THAT(Scan(), testing::ElementsAre(testing::Pair("a", "2"), testing::Pair("b", "2")));
}

TEST_F(HashMemTableTest, FindsPlacesFromBothSides) {
  for (const char* key : {"b", "d"}) Put(key, key);
  const std::unique_ptr<rocksdb::Iterator> iterator(db_->NewIterator({}));
  const auto found = [&] { return iterator->Valid() ? iterator->key().ToString() : "none"; };
  iterator->Seek("c");
  EXPECT_EQ(found(), "d");
  iterator->SeekForPrev("c");
  EXPECT_EQ(found(), "b");
  iterator->SeekForPrev("a");
  EXPECT_EQ(found(), "none");
  iterator->Seek("e");
  EXPECT_EQ(found(), "none");
  iterator->SeekForPrev("e");
  EXPECT_EQ(found(), "d");
  iterator->Prev();
  EXPECT_EQ(found(), "b");
  iterator->Next();
  EXPECT_EQ(found(), "d");
}

// Random writes, each now and then looked at: now, through a snapshot, in order, from disk.
TEST_F(HashMemTableTest, AgreesWithAnOrderedMap) {
  constexpr int kSteps = 20000;
  for (const uint32_t seed : {1u, 2u, 3u}) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    Open(seed == 1 ? kFewBuckets : 1 << 10);
    std::mt19937 random(seed);
    Model model;
    for (const auto& [key, value] : Scan()) model[key] = value;
    Model then = model;
    const rocksdb::Snapshot* snapshot = db_->GetSnapshot();
    for (int step = 0; step < kSteps; ++step) {
      const std::string key = absl::StrCat("key-", random() % 500);
      const uint32_t choice = random() % 1000;
      if (choice < 700) {
        model[key] = absl::StrCat(step);
        Put(key, model[key]);
      } else if (choice < 850) {
        model.erase(key);
        ASSERT_TRUE(db_->Delete({}, key).ok());
      } else if (choice < 985) {
        ASSERT_EQ(Get(key), model.contains(key) ? std::optional(model[key]) : std::nullopt);
        ASSERT_EQ(Get(key, snapshot), then.contains(key) ? std::optional(then[key]) : std::nullopt);
      } else if (choice < 990) {
        ASSERT_THAT(Scan(), testing::ElementsAreArray(model.begin(), model.end()));
        ASSERT_THAT(Scan(snapshot), testing::ElementsAreArray(then.begin(), then.end()));
      } else if (choice < 995) {
        ASSERT_THAT(ScanBack(), testing::ElementsAreArray(model.rbegin(), model.rend()));
      } else if (choice < 998) {
        db_->ReleaseSnapshot(snapshot);
        snapshot = db_->GetSnapshot();
        then = model;
      } else {
        Flush();
      }
    }
    db_->ReleaseSnapshot(snapshot);
    Open(kFewBuckets);
    EXPECT_THAT(Scan(), testing::ElementsAreArray(model.begin(), model.end()));
  }
}

// Versions of a key only rise, for readers and scans beside the writer.
TEST_F(HashMemTableTest, IsReadWhileItIsWritten) {
  constexpr uint64_t kRounds = 2000;
  const std::vector<std::string> keys = {"a", "b", "c", "d", "e", "f"};
  for (const std::string& key : keys) Put(key, "0");
  std::atomic<bool> ended = false;
  const auto read = [&] {
    std::map<std::string, uint64_t> seen;
    const auto rises = [&](const std::string& key, const std::string& value) {
      const uint64_t version = std::stoull(value);
      EXPECT_GE(version, std::exchange(seen[key], version)) << key;
    };
    while (!ended) {
      for (const std::string& key : keys) {
        const std::optional<std::string> value = Get(key);
        ASSERT_TRUE(value.has_value()) << key;
        rises(key, *value);
      }
      const Pairs pairs = Scan();
      ASSERT_EQ(pairs.size(), keys.size());
      for (const auto& [key, value] : pairs) rises(key, value);
    }
  };
  std::thread one(read);
  std::thread other(read);
  for (uint64_t round = 1; round <= kRounds; ++round) {
    for (const std::string& key : keys) Put(key, absl::StrCat(round));
    if (round % 500 == 0) Flush();
  }
  ended = true;
  one.join();
  other.join();
  for (const std::string& key : keys) EXPECT_EQ(Get(key), absl::StrCat(kRounds));
}

}  // namespace
}  // namespace kiln::storage
