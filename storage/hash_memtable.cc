#include "storage/hash_memtable.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/hash/hash.h"
#include "absl/numeric/bits.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "base/check.h"
#include "storage/rocksdb_bytes.h"

namespace kiln::storage {
namespace {

// What RocksDB appends to a user's key: its sequence number and what is done to it, 8 bytes.
constexpr size_t kTagBytes = 8;

// A key as RocksDB orders them: by the user's key, and equal ones from the newest to the oldest.
struct VersionedKey {
  absl::string_view key;
  uint64_t tag = 0;

  friend bool operator<(const VersionedKey& a, const VersionedKey& b) {
    const int order = a.key.compare(b.key);
    return order != 0 ? order < 0 : a.tag > b.tag;
  }
};

VersionedKey ParseInternalKey(const rocksdb::Slice& slice) {
  const absl::string_view bytes = ToView(slice);
  KILN_CHECK_GE(bytes.size(), kTagBytes);
  const size_t key_bytes = bytes.size() - kTagBytes;
  return {.key = bytes.substr(0, key_bytes), .tag = LittleEndian(bytes.substr(key_bytes))};
}

// The key of an entry, which begins with the internal key behind its length.
VersionedKey KeyOf(const char* entry) {
  return ParseInternalKey(rocksdb::GetLengthPrefixedSlice(entry));
}

bool InOrder(const char* a, const char* b) {
  return KeyOf(a) < KeyOf(b);
}

// As many bytes as the two have in common at their beginnings.
size_t CommonBytes(absl::string_view a, absl::string_view b) {
  const size_t bytes = std::min(a.size(), b.size());
  return static_cast<size_t>(
      std::mismatch(a.begin(), a.begin() + static_cast<ptrdiff_t>(bytes), b.begin()).first -
      a.begin());
}

// Eight bytes of the key from `from` on as a number that orders as they do; those it lacks are
// zeros.
uint64_t OrderOf(absl::string_view key, size_t from) {
  uint64_t order = 0;
  for (size_t i = from; i < from + 8; ++i) {
    order = order << 8 | (i < key.size() ? static_cast<uint8_t>(key[i]) : 0u);
  }
  return order;
}

// Most comparisons are of eight bytes at hand, behind what all keys have in common, instead of keys
// elsewhere in memory.
void Sort(absl::Span<const char*> entries) {
  if (entries.empty()) return;
  const absl::string_view first = KeyOf(entries.front()).key;
  size_t common = first.size();
  for (const char* entry : entries) {
    common = std::min(common, CommonBytes(first.substr(0, common), KeyOf(entry).key));
  }
  std::vector<std::pair<uint64_t, const char*>> ordered;
  ordered.reserve(entries.size());
  for (const char* entry : entries) ordered.emplace_back(OrderOf(KeyOf(entry).key, common), entry);
  std::sort(ordered.begin(), ordered.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : InOrder(a.second, b.second);
  });
  std::transform(ordered.begin(), ordered.end(), entries.begin(),
                 [](const auto& entry) { return entry.second; });
}

// An entry with its places. In RocksDB's memory, the entry's bytes behind it.
struct Node {
  // The next of the same bucket with another key: newer ones take the place of older ones.
  std::atomic<Node*> next{nullptr};
  const Node* older = nullptr;     // of the same key
  const Node* previous = nullptr;  // the one that was inserted before
  size_t hash = 0;

  char* entry() { return reinterpret_cast<char*>(this + 1); }
  const char* entry() const { return reinterpret_cast<const char*>(this + 1); }
};

using Entries = std::vector<const char*>;

class HashMemTable;

// The versions of one key, from the one sought to the oldest.
class VersionIterator final : public rocksdb::MemTableRep::Iterator {
 public:
  explicit VersionIterator(const HashMemTable* table) : table_(table) {}

  bool Valid() const override { return node_ != nullptr; }
  const char* key() const override { return node_->entry(); }
  void Next() override { node_ = node_->older; }
  void Seek(const rocksdb::Slice& internal_key, const char* /*memtable_key*/) override;
  void Prev() override { KILN_CHECK(false) << "versions are read from the newest to the oldest"; }
  void SeekForPrev(const rocksdb::Slice& /*key*/, const char* /*memtable_key*/) override { Prev(); }
  void SeekToFirst() override { Prev(); }
  void SeekToLast() override { Prev(); }

  // It lives in a frame of the stack. RocksDB may or may not delete what it reads from.
  static void operator delete(void* /*self*/) {}

 private:
  const HashMemTable* const table_;
  const Node* node_ = nullptr;
};

// Where RocksDB asks for an iterator within memory of its own, it ends it without freeing it; that
// memory cannot be had through RocksDB's public headers. This gives back `memory`, null for none,
// that of the object whose first base it is, and with which it is thus destroyed last.
class OwnMemory {
 public:
  explicit OwnMemory(void* memory) : memory_(memory) {}
  OwnMemory(const OwnMemory&) = delete;
  OwnMemory& operator=(const OwnMemory&) = delete;

 protected:
  ~OwnMemory() { ::operator delete(memory_); }

 private:
  void* const memory_;
};

// All entries in order, as they were when the first one was sought.
class OrderedIterator final : private OwnMemory, public rocksdb::MemTableRep::Iterator {
 public:
  OrderedIterator(HashMemTable* table, bool frees_itself)
      : OwnMemory(frees_itself ? this : nullptr), table_(table) {}

  bool Valid() const override { return entries_ != nullptr && at_ < entries_->size(); }
  const char* key() const override { return (*entries_)[at_]; }
  void Next() override { ++at_; }
  void Prev() override { --at_; }  // before the first: beyond the last, not valid
  void Seek(const rocksdb::Slice& internal_key, const char* /*memtable_key*/) override {
    Load();
    const auto found = std::lower_bound(
        entries_->begin(), entries_->end(), ParseInternalKey(internal_key),
        [](const char* entry, const VersionedKey& key) { return KeyOf(entry) < key; });
    at_ = static_cast<size_t>(found - entries_->begin());
  }
  void SeekForPrev(const rocksdb::Slice& internal_key, const char* /*memtable_key*/) override {
    Load();
    const auto above = std::upper_bound(
        entries_->begin(), entries_->end(), ParseInternalKey(internal_key),
        [](const VersionedKey& key, const char* entry) { return key < KeyOf(entry); });
    at_ = static_cast<size_t>(above - entries_->begin()) - 1;
  }
  void SeekToFirst() override {
    Load();
    at_ = 0;
  }
  void SeekToLast() override {
    Load();
    at_ = entries_->size() - 1;
  }

 private:
  void Load();

  HashMemTable* const table_;
  std::shared_ptr<const Entries> entries_;
  size_t at_ = 0;
};

// A chained hash table of nodes. One thread inserts; any may read meanwhile, without locks but for
// the sorting. A reader that is at a node when a newer version takes its place goes on from the
// older one, and misses only what is newer than it asked for.
class HashMemTable final : public rocksdb::MemTableRep {
 public:
  HashMemTable(rocksdb::Allocator* allocator, size_t buckets)
      : MemTableRep(allocator), buckets_(absl::bit_ceil(buckets)) {}

  rocksdb::KeyHandle Allocate(size_t bytes, char** entry) override {
    size_t room = sizeof(Node) + alignof(Node) - 1 + bytes;
    char* unaligned = nullptr;
    MemTableRep::Allocate(room, &unaligned);
    void* memory = unaligned;
    std::align(alignof(Node), sizeof(Node) + bytes, memory, room);
    Node* node = new (memory) Node;
    *entry = node->entry();
    return node;
  }

  void Insert(rocksdb::KeyHandle handle) override {
    Node* node = static_cast<Node*>(handle);
    const VersionedKey inserted = KeyOf(node->entry());
    node->hash = HashOf(inserted.key);
    std::atomic<Node*>* place = &BucketOf(node->hash);
    Node* const first = place->load(std::memory_order_relaxed);
    Node* same = first;
    while (same != nullptr && !HasKey(*same, node->hash, inserted.key)) {
      place = &same->next;
      same = place->load(std::memory_order_relaxed);
    }
    if (same == nullptr) {
      place = &BucketOf(node->hash);
      node->next.store(first, std::memory_order_relaxed);
    } else {
      KILN_CHECK(inserted < KeyOf(same->entry())) << "an older version came after a newer one";
      node->older = same;
      node->next.store(same->next.load(std::memory_order_relaxed), std::memory_order_relaxed);
    }
    node->previous = newest_.load(std::memory_order_relaxed);
    place->store(node, std::memory_order_release);
    newest_.store(node, std::memory_order_release);
  }

  bool Contains(const char* entry) const override {
    const VersionedKey sought = KeyOf(entry);
    const Node* node = Find(sought);
    return node != nullptr && KeyOf(node->entry()).tag == sought.tag;
  }

  // RocksDB's own way to look a key up, with an iterator that goes through the key's versions: what
  // is sought can be read by RocksDB only.
  void Get(const rocksdb::LookupKey& key, void* argument,
           bool (*visit)(void* argument, const char* entry)) override {
    class Lookup final : public MemTableRep {
     public:
      explicit Lookup(const HashMemTable* table) : MemTableRep(nullptr), iterator_(table) {}
      Iterator* GetIterator(rocksdb::Arena* /*arena*/) override { return &iterator_; }
      void Insert(rocksdb::KeyHandle /*handle*/) override {}
      bool Contains(const char* /*entry*/) const override { return false; }
      size_t ApproximateMemoryUsage() override { return 0; }

     private:
      VersionIterator iterator_;
    };
    Lookup(this).MemTableRep::Get(key, argument, visit);
  }

  // What is beside RocksDB's memory. That of an empty table does not count: nothing is unflushed.
  size_t ApproximateMemoryUsage() override {
    const bool is_empty = newest_.load(std::memory_order_relaxed) == nullptr;
    return is_empty ? 0 : buckets_.size() * sizeof(buckets_[0]);
  }

  Iterator* GetIterator(rocksdb::Arena* arena) override {
    return new OrderedIterator(this, /*frees_itself=*/arena != nullptr);
  }

  // The newest version of the key that is not newer than sought; null: none.
  const Node* Find(const VersionedKey& sought) const {
    const size_t hash = HashOf(sought.key);
    const Node* node = BucketOf(hash).load(std::memory_order_acquire);
    while (node != nullptr && !HasKey(*node, hash, sought.key)) {
      node = node->next.load(std::memory_order_acquire);
    }
    while (node != nullptr && KeyOf(node->entry()).tag > sought.tag) node = node->older;
    return node;
  }

  // All entries that are there now, in order.
  std::shared_ptr<const Entries> Ordered() {
    absl::MutexLock lock(&mutex_);
    const Node* const newest = newest_.load(std::memory_order_acquire);
    if (newest == ordered_up_to_) return ordered_;
    const size_t ordered_before = ordered_->size();
    auto ordered = std::make_shared<Entries>(*ordered_);
    for (const Node* node = newest; node != ordered_up_to_; node = node->previous) {
      ordered->push_back(node->entry());
    }
    const auto added = ordered->begin() + static_cast<ptrdiff_t>(ordered_before);
    Sort(absl::MakeSpan(*ordered).subspan(ordered_before));
    std::inplace_merge(ordered->begin(), added, ordered->end(), InOrder);
    ordered_ = std::move(ordered);
    ordered_up_to_ = newest;
    return ordered_;
  }

 private:
  static size_t HashOf(absl::string_view key) { return absl::HashOf(key); }
  static bool HasKey(const Node& node, size_t hash, absl::string_view key) {
    return node.hash == hash && KeyOf(node.entry()).key == key;
  }
  std::atomic<Node*>& BucketOf(size_t hash) { return buckets_[hash & (buckets_.size() - 1)]; }
  const std::atomic<Node*>& BucketOf(size_t hash) const {
    return buckets_[hash & (buckets_.size() - 1)];
  }

  std::vector<std::atomic<Node*>> buckets_;
  std::atomic<Node*> newest_{nullptr};
  absl::Mutex mutex_;
  std::shared_ptr<const Entries> ordered_ ABSL_GUARDED_BY(mutex_) = std::make_shared<Entries>();
  const Node* ordered_up_to_ ABSL_GUARDED_BY(mutex_) = nullptr;
};

void VersionIterator::Seek(const rocksdb::Slice& internal_key, const char* /*memtable_key*/) {
  node_ = table_->Find(ParseInternalKey(internal_key));
}

void OrderedIterator::Load() {
  if (entries_ == nullptr) entries_ = table_->Ordered();
}

class HashMemTableFactory final : public rocksdb::MemTableRepFactory {
 public:
  explicit HashMemTableFactory(size_t buckets) : buckets_(buckets) {}

  using MemTableRepFactory::CreateMemTableRep;
  rocksdb::MemTableRep* CreateMemTableRep(const rocksdb::MemTableRep::KeyComparator& /*order*/,
                                          rocksdb::Allocator* allocator,
                                          const rocksdb::SliceTransform* /*prefix*/,
                                          rocksdb::Logger* /*logger*/) override {
    return new HashMemTable(allocator, buckets_);
  }
  const char* Name() const override { return "kiln.HashMemTable"; }

 private:
  const size_t buckets_;
};

}  // namespace

std::shared_ptr<rocksdb::MemTableRepFactory> NewHashMemTableFactory(size_t buckets) {
  return std::make_shared<HashMemTableFactory>(buckets);
}

}  // namespace kiln::storage
