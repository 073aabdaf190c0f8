// A file system under RocksDB that remembers all that was asked of the disk, and can fail one call.
#ifndef KILN_TESTS_STORAGE_FAULT_FILE_SYSTEM_H_
#define KILN_TESTS_STORAGE_FAULT_FILE_SYSTEM_H_

#include <rocksdb/file_system.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace kiln::storage {

// One call that changes the disk, or makes a change durable, or (kOpen) could fail.
struct DiskCall {
  enum class Kind {
    kOpen,  // of a file to read, or of a folder
    kCreate,
    kAppend,
    kTruncate,
    kSync,
    kRangeSync,  // starts writing out, promises nothing
    kRename,
    kDelete,
    kSyncFolder,
  };
  Kind kind;
  std::string name;    // of the file in its folder
  std::string data;    // what was appended; the new name
  uint64_t bytes = 0;  // after a truncation
};

absl::string_view NameOf(DiskCall::Kind kind);
// "append 000012.log, 4711 bytes".
std::string Describe(const DiskCall& call);

// The machine's file system, watched. One folder's files at a time: they are known by their names
// in it. RocksDB's own log and lock are not watched. Thread-safe: calls are recorded in an order in
// which a call that began after another one had returned comes later.
class FaultFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  FaultFileSystem();
  ~FaultFileSystem() override;
  const char* Name() const override { return "FaultFileSystem"; }

  // Of the calls so far those that took effect; a failed append as far as it came.
  std::vector<DiskCall> Record() const;
  size_t record_size() const;

  // Calls so far, failed ones too: the index of the next one.
  size_t call_count() const;

  // The call of this index fails, an append in the middle; those after it are well again.
  void FailCall(size_t index, const rocksdb::IOStatus& fault);
  // What failed, once it did.
  std::optional<DiskCall> failed_call() const;
  // Syncs take so long from now on.
  void SlowSyncs(absl::Duration duration);

  rocksdb::IOStatus NewSequentialFile(const std::string& path, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSSequentialFile>* file,
                                      rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewRandomAccessFile(const std::string& path,
                                        const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                                        rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewDirectory(const std::string& path, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* folder,
                                 rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus DeleteFile(const std::string& path, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  // What nothing here uses: a change that would not be recorded.
  rocksdb::IOStatus ReopenWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* file,
                                       rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReuseWritableFile(const std::string& path, const std::string& old_path,
                                      const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSWritableFile>* file,
                                      rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus LinkFile(const std::string& from, const std::string& to,
                             const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* debug) override;

  // Does `perform`, unless the call is the one to fail, and records it. For the files made here.
  using Perform = absl::FunctionRef<rocksdb::IOStatus(const DiskCall& call)>;
  rocksdb::IOStatus Do(DiskCall call, Perform perform);

 private:
  // The fault of this call, if it has one; takes an index for it.
  std::optional<rocksdb::IOStatus> Begin(const DiskCall& call) ABSL_LOCKS_EXCLUDED(mutex_);

  mutable absl::Mutex mutex_;
  size_t calls_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<DiskCall> record_ ABSL_GUARDED_BY(mutex_);
  size_t failing_index_ ABSL_GUARDED_BY(mutex_) = SIZE_MAX;
  rocksdb::IOStatus fault_ ABSL_GUARDED_BY(mutex_);
  std::optional<DiskCall> failed_ ABSL_GUARDED_BY(mutex_);
  absl::Duration sync_duration_ ABSL_GUARDED_BY(mutex_) = absl::ZeroDuration();
};

}  // namespace kiln::storage

#endif  // KILN_TESTS_STORAGE_FAULT_FILE_SYSTEM_H_
