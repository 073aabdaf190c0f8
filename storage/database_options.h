// RocksDB's settings for a node that runs for months on one disk. Include from .cc files of this
// folder.
#ifndef KILN_STORAGE_DATABASE_OPTIONS_H_
#define KILN_STORAGE_DATABASE_OPTIONS_H_

#include <rocksdb/options.h>

#include <cstddef>
#include <vector>

#include "storage/schema.h"

namespace kiln::storage {

rocksdb::DBOptions MakeDatabaseOptions(rocksdb::Env* env);
// One for each family, in order of their numbers. `write_buffer_bytes` is every family's; 0: each
// has its own.
std::vector<rocksdb::ColumnFamilyOptions> MakeFamilyOptions(size_t write_buffer_bytes = 0);

}  // namespace kiln::storage

#endif  // KILN_STORAGE_DATABASE_OPTIONS_H_
