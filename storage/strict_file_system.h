// What RocksDB leaves to the file system, and a validator cannot: the order in which files reach
// the disk, and what a failed sync means. Include from .cc files of this folder.
#ifndef KILN_STORAGE_STRICT_FILE_SYSTEM_H_
#define KILN_STORAGE_STRICT_FILE_SYSTEM_H_

#include <rocksdb/file_system.h>

#include <memory>

namespace kiln::storage {

// `target`, with three promises. The first two hold after a power failure at any moment, whatever
// the file system does with what is not synced.
//   - A write-ahead log has something in it only if all logs before it are there to their last
//     byte. Writes that nobody waits for (Store::ApplyBlock) may be the last ones of a log; without
//     this the first ones of the next log could survive them, and the state would be that of no
//     prefix.
//   - CURRENT names a file that is there, with all tables that it names.
//   - After the first sync that fails every other one fails likewise: what it should have written
//     may be lost, though the next one succeeds. RocksDB ignores some.
// For one open database. Thread-safe.
std::shared_ptr<rocksdb::FileSystem> MakeStrictFileSystem(
    std::shared_ptr<rocksdb::FileSystem> target);

}  // namespace kiln::storage

#endif  // KILN_STORAGE_STRICT_FILE_SYSTEM_H_
