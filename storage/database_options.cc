#include "storage/database_options.h"

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <memory>

#include "storage/hash_memtable.h"

namespace kiln::storage {
namespace {

constexpr size_t kMiB = 1 << 20;
constexpr size_t kBlockCacheBytes = 32 * kMiB;
// Memory of unflushed writes of all families together, then of one of them.
constexpr size_t kWriteBuffersBytesMax = 128 * kMiB;
constexpr size_t kPayloadWriteBufferBytes = 32 * kMiB;
constexpr size_t kWriteBufferBytes = 8 * kMiB;
// Of the application's state.
constexpr size_t kStateWriteBufferBytes = 4 * kMiB;
constexpr int kStateWriteBuffersPerTable = 8;
constexpr int kStateWriteBuffersMax = 20;
constexpr size_t kStateWriteBufferBytesPerBucket = 128;
// A restart replays at most this much.
constexpr size_t kWriteAheadLogBytesMax = 192 * kMiB;
constexpr size_t kInfoLogBytesMax = 4 * kMiB;
constexpr size_t kInfoLogFilesMax = 4;
constexpr int kOpenFilesMax = 512;
// Values from this size on lie beside the sorted tables, so that compaction does not copy them.
constexpr size_t kBlobBytesMin = 4 << 10;
constexpr size_t kBlobFileBytes = 256 * kMiB;
constexpr double kFilterBitsPerKey = 10;

rocksdb::CompressionType FastCompression() {
  const std::vector<rocksdb::CompressionType> known = rocksdb::GetSupportedCompressions();
  const bool has_lz4 =
      std::find(known.begin(), known.end(), rocksdb::kLZ4Compression) != known.end();
  return has_lz4 ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
}

// Values that are large, written once in order of height, and hardly ever deleted.
void KeepValuesInBlobFiles(rocksdb::ColumnFamilyOptions* options) {
  options->enable_blob_files = true;
  options->min_blob_size = kBlobBytesMin;
  options->blob_file_size = kBlobFileBytes;
  options->blob_compression_type = rocksdb::kNoCompression;
  options->write_buffer_size = kPayloadWriteBufferBytes;
}

// Keys in no order, many in each block, found by their hashes while they are in memory. A table
// that fits into a processor's cache is put in order faster than a large one; several are written
// out as one, so that compaction has no more to do (docs/performance.md).
void KeepStateInSmallBuffers(rocksdb::ColumnFamilyOptions* options) {
  options->write_buffer_size = kStateWriteBufferBytes;
  options->min_write_buffer_number_to_merge = kStateWriteBuffersPerTable;
  options->max_write_buffer_number = kStateWriteBuffersMax;
}

}  // namespace

rocksdb::DBOptions MakeDatabaseOptions(rocksdb::Env* env) {
  rocksdb::DBOptions options;
  if (env != nullptr) options.env = env;
  options.create_if_missing = true;
  options.create_missing_column_families = true;

  // Damage is refused, not worked around. A torn tail of the log is normal after a crash; any other
  // damage of it, or a log that is missing, refuses to open.
  options.paranoid_checks = true;
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.track_and_verify_wals_in_manifest = true;
  options.recycle_log_file_num =
      0;  // old records behind a torn tail could not be told from new ones
  options.max_bgerror_resume_count = 0;  // an I/O error is final

  options.max_total_wal_size = kWriteAheadLogBytesMax;
  options.db_write_buffer_size = kWriteBuffersBytesMax;
  options.max_background_jobs = 2;
  options.allow_concurrent_memtable_write = false;  // storage/hash_memtable.h cannot
  options.max_open_files = kOpenFilesMax;
  options.bytes_per_sync = kMiB;  // tables are written out evenly, beside the log's syncs

  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  options.max_log_file_size = kInfoLogBytesMax;
  options.keep_log_file_num = kInfoLogFilesMax;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  return options;
}

std::vector<rocksdb::ColumnFamilyOptions> MakeFamilyOptions(size_t write_buffer_bytes) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(kBlockCacheBytes);
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(kFilterBitsPerKey));

  rocksdb::ColumnFamilyOptions common;
  common.compression = FastCompression();
  common.write_buffer_size = kWriteBufferBytes;
  common.max_write_buffer_number = 3;
  common.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));

  std::vector<rocksdb::ColumnFamilyOptions> families(kFamilyCount, common);
  for (const Family family : {Family::kPayloads, Family::kTransactionIndex}) {
    KeepValuesInBlobFiles(&families[static_cast<size_t>(family)]);
  }
  rocksdb::ColumnFamilyOptions& state = families[static_cast<size_t>(Family::kApplicationState)];
  KeepStateInSmallBuffers(&state);
  if (write_buffer_bytes != 0) {
    for (rocksdb::ColumnFamilyOptions& family : families) {
      family.write_buffer_size = write_buffer_bytes;
    }
  }
  state.memtable_factory =
      NewHashMemTableFactory(state.write_buffer_size / kStateWriteBufferBytesPerBucket);
  return families;
}

}  // namespace kiln::storage
