#include "storage/snapshot_stream.h"

#include "crypto/encoding.h"
#include "storage/schema.h"
#include "tests/storage/store_fixture.h"

namespace kiln::storage {
namespace {

constexpr uint64_t kWindow = 4;

bool NeverStops() {
  return false;
}

class SnapshotStreamTest : public StoreFixture {
 protected:
  SnapshotStreamTest() {
    Open();
    for (int i = 0; i < 8; ++i) Extend({absl::StrCat("x", i)});
  }

  // Applies the blocks up to this height, with the writes in the last, and takes a snapshot.
  void Take(uint64_t height, const std::vector<StateWrite>& writes = {}) {
    for (uint64_t at = store_->executed_state().height.value + 1; at <= height; ++at) {
      KILN_CHECK_OK(store_->ApplyBlock(at == height ? writes : std::vector<StateWrite>(),
                                       driver_.ResultsAt(at)));
    }
    KILN_CHECK_OK(store_->TakeSnapshot());
  }
  std::shared_ptr<const SnapshotIndex> Index(uint64_t height) {
    auto index = IndexSnapshot(*store_, {height}, kWindow, &NeverStops);
    KILN_CHECK_OK(index.status());
    return *index;
  }
  std::string Chunk(uint64_t height, const SnapshotPlace& place) {
    const auto stream = SnapshotStream::Open(store_.get(), {height}, kWindow);
    KILN_CHECK_OK(stream.status());
    KILN_CHECK_OK((*stream)->Seek(place));
    return (*stream)->NextChunk().value();
  }
  std::string All(uint64_t height) {
    std::string all;
    const auto index = Index(height);
    for (const SnapshotPlace& place : index->places) all += Chunk(height, place);
    return all;
  }
};

// The state, then the ids of the window, as the header comment has it.
TEST_F(SnapshotStreamTest, IsHeadStateAndWindowInOrderOfKeys) {
  Take(6, {{.key = "b", .value = "2"}, {.key = "", .value = "empty"}, {.key = "a", .value = ""}});
  crypto::Encoder expected;
  const auto add = [&expected](absl::string_view key, absl::string_view value) {
    expected.Bytes(key).Bytes(value);
  };
  crypto::Encoder head;
  head.Raw(consensus::Encode(driver_.StateAt(6))).U64(driver_.ResultsAt(6).total_transactions);
  add("e", head.view());
  add("u", "empty");
  add("ua", "");
  add("ub", "2");
  for (uint64_t height = 3; height <= 6; ++height) {
    const TransactionIdPrefix id = driver_.ResultsAt(height).ids.at(0);
    add(absl::StrCat("w", HeightKey({height})),
        absl::string_view(reinterpret_cast<const char*>(id.data()), id.size()));
  }
  EXPECT_EQ(All(6), expected.view());
  EXPECT_EQ(Index(6)->root(), crypto::MerkleRoot({crypto::MerkleLeaf(expected.view())}));
}

TEST_F(SnapshotStreamTest, LeavesOutIdsThatWereSetAside) {
  BlockResults results = driver_.ResultsAt(1);
  results.replies[0] = {.code = Reply::kDuplicate, .bytes = ""};
  KILN_CHECK_OK(store_->ApplyBlock({}, results));
  KILN_CHECK_OK(store_->TakeSnapshot());
  EXPECT_THAT(All(1), testing::EndsWith(std::string("\0\0\0\0\0\0\0\1\0\0\0\0", 12)));
}

TEST_F(SnapshotStreamTest, CutsLongValuesSoThatNoChunkIsLonger) {
  const std::string value(3 * kSnapshotChunkBytes + 5, 'v');
  Take(2, {{.key = "long", .value = value}, {.key = "next", .value = "n"}});
  const auto index = Index(2);
  ASSERT_EQ(index->places.size(), 4u);
  EXPECT_EQ(index->chunks.leaf_count(), 4u);
  for (size_t i = 0; i < index->places.size(); ++i) {
    const std::string chunk = Chunk(2, index->places[i]);
    if (i < 3) {
      EXPECT_EQ(chunk.size(), kSnapshotChunkBytes);
    }
    const auto proved = crypto::VerifyMerkleProof(index->root(), crypto::MerkleLeaf(chunk),
                                                  index->chunks.Prove(static_cast<uint32_t>(i)));
    ASSERT_TRUE(proved.ok()) << proved.status();
    EXPECT_EQ(proved->index, i);
  }
  EXPECT_EQ(index->places[2].key, "ulong");
}

TEST_F(SnapshotStreamTest, BeginsAtAnyOfManyChunks) {
  std::vector<StateWrite> writes;
  for (int i = 0; i < 300; ++i) {
    writes.push_back({.key = absl::StrCat("key ", i * 7919 % 1000),
                      .value = std::string(static_cast<size_t>(i * 37 % 9000), 'x')});
  }
  Take(5, writes);
  const auto index = Index(5);
  ASSERT_GT(index->places.size(), 3u);
  const auto stream = SnapshotStream::Open(store_.get(), {5}, kWindow).value();
  for (const SnapshotPlace& place : index->places) {
    EXPECT_EQ(stream->place().key, place.key);
    EXPECT_EQ(stream->NextChunk().value(), Chunk(5, place));
  }
  EXPECT_EQ(stream->NextChunk().value(), "");
  EXPECT_EQ(stream->place().key, "");
}

TEST_F(SnapshotStreamTest, HasAnotherRootForAnotherState) {
  Take(3, {{.key = "a", .value = "1"}});
  Take(4);
  Take(5, {{.key = "a", .value = "2"}});
  EXPECT_NE(Index(3)->root(), Index(4)->root());
  EXPECT_NE(Index(4)->root(), Index(5)->root());
  EXPECT_EQ(Index(4)->root(), Index(4)->root());
}

TEST_F(SnapshotStreamTest, RefusesAPlaceThatIsNotThere) {
  Take(3, {{.key = "a", .value = "1"}});
  const auto stream = SnapshotStream::Open(store_.get(), {3}, kWindow).value();
  EXPECT_TRUE(absl::IsDataLoss(stream->Seek({.key = "ub", .skipped = 0})));
  EXPECT_TRUE(absl::IsDataLoss(stream->Seek({.key = "ua", .skipped = 100})));
  EXPECT_TRUE(absl::IsDataLoss(stream->Seek({.key = "w", .skipped = 0})));
  EXPECT_TRUE(stream->Seek({.key = "ua", .skipped = 3}).ok());
}

TEST_F(SnapshotStreamTest, StopsWhenAsked) {
  Take(3);
  const auto index = IndexSnapshot(*store_, {3}, kWindow, [] { return true; });
  EXPECT_TRUE(absl::IsCancelled(index.status())) << index.status();
}

}  // namespace
}  // namespace kiln::storage
