// RocksDB's table in memory for keys that come in no order and are hardly ever scanned. Include
// from .cc files of this folder.
#ifndef KILN_STORAGE_HASH_MEMTABLE_H_
#define KILN_STORAGE_HASH_MEMTABLE_H_

#include <rocksdb/memtablerep.h>

#include <cstddef>
#include <memory>

namespace kiln::storage {

// Makes tables in which a key is found, and written, by its hash, whatever the number of keys; they
// are put in order when somebody scans them, or when they are written to disk. A scan of a table
// that has taken n keys since the last one sorts those n. RocksDB's own skip list compares a new
// key with a dozen others that are in no cache (docs/performance.md).
//
// For families with RocksDB's bytewise comparator, in databases without
// `allow_concurrent_memtable_write`. `buckets`: about as many as a table will have keys, rounded up
// to a power of two; each takes 8 bytes.
std::shared_ptr<rocksdb::MemTableRepFactory> NewHashMemTableFactory(size_t buckets);

}  // namespace kiln::storage

#endif  // KILN_STORAGE_HASH_MEMTABLE_H_
