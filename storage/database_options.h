// RocksDB's settings for a node that runs for months on one disk. Include from .cc files of this
// folder.
#ifndef KILN_STORAGE_DATABASE_OPTIONS_H_
#define KILN_STORAGE_DATABASE_OPTIONS_H_

#include <rocksdb/options.h>

#include <vector>

#include "storage/schema.h"

namespace kiln::storage {

rocksdb::DBOptions MakeDatabaseOptions(rocksdb::Env* env);
// One for each family, in order of their numbers.
std::vector<rocksdb::ColumnFamilyOptions> MakeFamilyOptions();

}  // namespace kiln::storage

#endif  // KILN_STORAGE_DATABASE_OPTIONS_H_
