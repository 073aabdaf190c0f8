#include "storage/strict_file_system.h"

#include <filesystem>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"

namespace kiln::storage {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

constexpr absl::string_view kLogSuffix = ".log";
constexpr absl::string_view kCurrentSuffix = "/CURRENT";

// Lets syncs through until one fails. Thread-safe.
class SyncGate {
 public:
  IOStatus Pass(absl::FunctionRef<IOStatus()> sync) {
    {
      absl::MutexLock lock(&mutex_);
      if (!failure_.ok()) return failure_;
    }
    IOStatus status = sync();
    absl::MutexLock lock(&mutex_);
    if (failure_.ok() && !status.ok()) failure_ = status;
    return failure_;
  }

 private:
  absl::Mutex mutex_;
  IOStatus failure_ ABSL_GUARDED_BY(mutex_);
};

// A file that RocksDB and, if it is a log, the next log's creation share. As thread-safe as its
// target is.
class StrictFile final : public rocksdb::FSWritableFileWrapper {
 public:
  StrictFile(std::shared_ptr<rocksdb::FSWritableFile> file, std::shared_ptr<SyncGate> gate)
      : rocksdb::FSWritableFileWrapper(file.get()),
        file_(std::move(file)),
        gate_(std::move(gate)) {}

  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    return gate_->Pass([&] { return file_->Sync(options, debug); });
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return gate_->Pass([&] { return file_->Fsync(options, debug); });
  }

 private:
  const std::shared_ptr<rocksdb::FSWritableFile> file_;
  const std::shared_ptr<SyncGate> gate_;
};

class StrictFolder final : public rocksdb::FSDirectoryWrapper {
 public:
  StrictFolder(std::unique_ptr<rocksdb::FSDirectory> folder, std::shared_ptr<SyncGate> gate)
      : rocksdb::FSDirectoryWrapper(folder.get()),
        folder_(std::move(folder)),
        gate_(std::move(gate)) {}

  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return gate_->Pass([&] { return folder_->Fsync(options, debug); });
  }
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* debug,
                               const rocksdb::DirFsyncOptions& reason) override {
    return gate_->Pass([&] { return folder_->FsyncWithDirOptions(options, debug, reason); });
  }

 private:
  const std::unique_ptr<rocksdb::FSDirectory> folder_;
  const std::shared_ptr<SyncGate> gate_;
};

class StrictFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  explicit StrictFileSystem(std::shared_ptr<rocksdb::FileSystem> target)
      : rocksdb::FileSystemWrapper(std::move(target)) {}
  const char* Name() const override { return "StrictFileSystem"; }

  IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* file,
                           IODebugContext* debug) override;
  IOStatus NewDirectory(const std::string& path, const IOOptions& options,
                        std::unique_ptr<rocksdb::FSDirectory>* folder,
                        IODebugContext* debug) override;
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                      IODebugContext* debug) override;

 private:
  IOStatus SyncNewestLog(const std::string& folder);
  IOStatus SyncFolder(const std::string& path);

  const std::shared_ptr<SyncGate> gate_ = std::make_shared<SyncGate>();
  absl::Mutex mutex_;
  // By folder: a checkpoint's has copies of logs in it.
  absl::btree_map<std::string, std::weak_ptr<rocksdb::FSWritableFile>> newest_logs_
      ABSL_GUARDED_BY(mutex_);
};

std::string FolderOf(const std::string& path) {
  return std::filesystem::path(path).parent_path().string();
}

IOStatus StrictFileSystem::SyncFolder(const std::string& path) {
  std::unique_ptr<rocksdb::FSDirectory> folder;
  IOStatus status = NewDirectory(path, {}, &folder, nullptr);
  return status.ok() ? folder->Fsync({}, nullptr) : status;
}

// There is none at first: what was in the logs of before RocksDB has put into tables by then.
IOStatus StrictFileSystem::SyncNewestLog(const std::string& folder) {
  std::shared_ptr<rocksdb::FSWritableFile> log;
  {
    absl::MutexLock lock(&mutex_);
    log = newest_logs_[folder].lock();
  }
  if (log == nullptr) return IOStatus::OK();
  IOStatus status = gate_->Pass([&] { return log->Sync({}, nullptr); });
  return status.ok() ? SyncFolder(folder) : status;
}

IOStatus StrictFileSystem::NewWritableFile(const std::string& path,
                                           const rocksdb::FileOptions& options,
                                           std::unique_ptr<rocksdb::FSWritableFile>* file,
                                           IODebugContext* debug) {
  const bool is_log = absl::EndsWith(path, kLogSuffix);
  if (is_log) {
    IOStatus status = SyncNewestLog(FolderOf(path));
    if (!status.ok()) return status;
  }
  IOStatus status = target()->NewWritableFile(path, options, file, debug);
  if (!status.ok()) return status;
  const std::shared_ptr<rocksdb::FSWritableFile> made = std::move(*file);
  *file = std::make_unique<StrictFile>(made, gate_);
  if (!is_log) return status;
  absl::MutexLock lock(&mutex_);
  absl::erase_if(newest_logs_, [](const auto& log) { return log.second.expired(); });
  newest_logs_[FolderOf(path)] = made;
  return status;
}

IOStatus StrictFileSystem::NewDirectory(const std::string& path, const IOOptions& options,
                                        std::unique_ptr<rocksdb::FSDirectory>* folder,
                                        IODebugContext* debug) {
  IOStatus status = target()->NewDirectory(path, options, folder, debug);
  if (status.ok()) *folder = std::make_unique<StrictFolder>(std::move(*folder), gate_);
  return status;
}

IOStatus StrictFileSystem::RenameFile(const std::string& from, const std::string& to,
                                      const IOOptions& options, IODebugContext* debug) {
  if (absl::EndsWith(to, kCurrentSuffix)) {
    IOStatus status = SyncFolder(FolderOf(to));
    if (!status.ok()) return status;
  }
  return target()->RenameFile(from, to, options, debug);
}

}  // namespace

std::shared_ptr<rocksdb::FileSystem> MakeStrictFileSystem(
    std::shared_ptr<rocksdb::FileSystem> target) {
  return std::make_shared<StrictFileSystem>(std::move(target));
}

}  // namespace kiln::storage
