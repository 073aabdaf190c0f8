#include "tests/storage/fault_file_system.h"

#include <array>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/check.h"

namespace kiln::storage {
namespace {

using Kind = DiskCall::Kind;
using rocksdb::IOStatus;

std::string NameIn(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

class WatchedFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  WatchedFile(std::unique_ptr<rocksdb::FSWritableFile> file, std::string name,
              FaultFileSystem* disk)
      : rocksdb::FSWritableFileOwnerWrapper(std::move(file)), name_(std::move(name)), disk_(disk) {}

  IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                  rocksdb::IODebugContext* debug) override {
    return disk_->Do(
        {.kind = Kind::kAppend, .name = name_, .data = data.ToString()},
        [&](const DiskCall& call) { return target()->Append(call.data, options, debug); });
  }
  IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                  const rocksdb::DataVerificationInfo& /*info*/,
                  rocksdb::IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  IOStatus Truncate(uint64_t size, const rocksdb::IOOptions& options,
                    rocksdb::IODebugContext* debug) override {
    return disk_->Do(
        {.kind = Kind::kTruncate, .name = name_, .bytes = size},
        [&](const DiskCall& call) { return target()->Truncate(call.bytes, options, debug); });
  }
  IOStatus Sync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
    return disk_->Do({.kind = Kind::kSync, .name = name_},
                     [&](const DiskCall& /*call*/) { return target()->Sync(options, debug); });
  }
  IOStatus Fsync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
    return disk_->Do({.kind = Kind::kSync, .name = name_},
                     [&](const DiskCall& /*call*/) { return target()->Fsync(options, debug); });
  }
  IOStatus RangeSync(uint64_t offset, uint64_t bytes, const rocksdb::IOOptions& options,
                     rocksdb::IODebugContext* debug) override {
    return disk_->Do({.kind = Kind::kRangeSync, .name = name_}, [&](const DiskCall& /*call*/) {
      return target()->RangeSync(offset, bytes, options, debug);
    });
  }
  IOStatus PositionedAppend(const rocksdb::Slice& /*data*/, uint64_t /*offset*/,
                            const rocksdb::IOOptions& /*options*/,
                            rocksdb::IODebugContext* /*debug*/) override {
    return IOStatus::NotSupported("direct writes are not watched");
  }

 private:
  const std::string name_;
  FaultFileSystem* const disk_;
};

class WatchedFolder final : public rocksdb::FSDirectoryWrapper {
 public:
  WatchedFolder(std::unique_ptr<rocksdb::FSDirectory> folder, FaultFileSystem* disk)
      : rocksdb::FSDirectoryWrapper(folder.get()), folder_(std::move(folder)), disk_(disk) {}

  IOStatus Fsync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
    return disk_->Do({.kind = Kind::kSyncFolder},
                     [&](const DiskCall& /*call*/) { return folder_->Fsync(options, debug); });
  }
  IOStatus FsyncWithDirOptions(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug,
                               const rocksdb::DirFsyncOptions& /*reason*/) override {
    return Fsync(options, debug);
  }

 private:
  const std::unique_ptr<rocksdb::FSDirectory> folder_;
  FaultFileSystem* const disk_;
};

}  // namespace

absl::string_view NameOf(DiskCall::Kind kind) {
  static constexpr std::array<absl::string_view, 9> kNames = {
      "open",       "create", "append", "truncate",          "sync",
      "range sync", "rename", "delete", "sync of the folder"};
  return kNames.at(static_cast<size_t>(kind));
}

std::string Describe(const DiskCall& call) {
  std::string text(NameOf(call.kind));
  if (!call.name.empty()) absl::StrAppend(&text, " ", call.name);
  if (call.kind == Kind::kAppend) absl::StrAppend(&text, ", ", call.data.size(), " bytes");
  if (call.kind == Kind::kTruncate) absl::StrAppend(&text, " to ", call.bytes, " bytes");
  if (call.kind == Kind::kRename) absl::StrAppend(&text, " to ", call.data);
  return text;
}

FaultFileSystem::FaultFileSystem() : rocksdb::FileSystemWrapper(rocksdb::FileSystem::Default()) {}
FaultFileSystem::~FaultFileSystem() = default;

size_t FaultFileSystem::call_count() const {
  absl::MutexLock lock(&mutex_);
  return calls_;
}

size_t FaultFileSystem::record_size() const {
  absl::MutexLock lock(&mutex_);
  return record_.size();
}

std::vector<DiskCall> FaultFileSystem::Record() const {
  absl::MutexLock lock(&mutex_);
  return record_;
}

void FaultFileSystem::FailCall(size_t index, const IOStatus& fault) {
  absl::MutexLock lock(&mutex_);
  failing_index_ = index;
  fault_ = fault;
}

std::optional<DiskCall> FaultFileSystem::failed_call() const {
  absl::MutexLock lock(&mutex_);
  return failed_;
}

void FaultFileSystem::SlowSyncs(absl::Duration duration) {
  absl::MutexLock lock(&mutex_);
  sync_duration_ = duration;
}

std::optional<IOStatus> FaultFileSystem::Begin(const DiskCall& call) {
  absl::Duration wait;
  {
    absl::MutexLock lock(&mutex_);
    if (calls_++ == failing_index_) {
      failed_ = call;
      return fault_;
    }
    if (call.kind == Kind::kSync) wait = sync_duration_;
  }
  absl::SleepFor(wait);
  return std::nullopt;
}

IOStatus FaultFileSystem::Do(DiskCall call, Perform perform) {
  std::optional<IOStatus> fault = Begin(call);
  if (fault.has_value()) {
    if (call.kind != Kind::kAppend) return *std::move(fault);
    call.data.resize(call.data.size() / 2);
  }
  IOStatus status = perform(call);
  absl::MutexLock lock(&mutex_);
  if (status.ok()) record_.push_back(std::move(call));
  return fault.has_value() ? *std::move(fault) : status;
}

IOStatus FaultFileSystem::NewSequentialFile(const std::string& path,
                                            const rocksdb::FileOptions& options,
                                            std::unique_ptr<rocksdb::FSSequentialFile>* file,
                                            rocksdb::IODebugContext* debug) {
  return Do({.kind = Kind::kOpen, .name = NameIn(path)}, [&](const DiskCall& /*call*/) {
    return target()->NewSequentialFile(path, options, file, debug);
  });
}

IOStatus FaultFileSystem::NewRandomAccessFile(const std::string& path,
                                              const rocksdb::FileOptions& options,
                                              std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                                              rocksdb::IODebugContext* debug) {
  return Do({.kind = Kind::kOpen, .name = NameIn(path)}, [&](const DiskCall& /*call*/) {
    return target()->NewRandomAccessFile(path, options, file, debug);
  });
}

IOStatus FaultFileSystem::NewWritableFile(const std::string& path,
                                          const rocksdb::FileOptions& options,
                                          std::unique_ptr<rocksdb::FSWritableFile>* file,
                                          rocksdb::IODebugContext* debug) {
  std::string name = NameIn(path);
  IOStatus status = Do({.kind = Kind::kCreate, .name = name}, [&](const DiskCall& /*call*/) {
    return target()->NewWritableFile(path, options, file, debug);
  });
  if (status.ok()) {
    *file = std::make_unique<WatchedFile>(std::move(*file), std::move(name), this);
  }
  return status;
}

IOStatus FaultFileSystem::NewDirectory(const std::string& path, const rocksdb::IOOptions& options,
                                       std::unique_ptr<rocksdb::FSDirectory>* folder,
                                       rocksdb::IODebugContext* debug) {
  IOStatus status = Do({.kind = Kind::kOpen}, [&](const DiskCall& /*call*/) {
    return target()->NewDirectory(path, options, folder, debug);
  });
  if (status.ok()) *folder = std::make_unique<WatchedFolder>(std::move(*folder), this);
  return status;
}

IOStatus FaultFileSystem::DeleteFile(const std::string& path, const rocksdb::IOOptions& options,
                                     rocksdb::IODebugContext* debug) {
  return Do({.kind = Kind::kDelete, .name = NameIn(path)},
            [&](const DiskCall& /*call*/) { return target()->DeleteFile(path, options, debug); });
}

IOStatus FaultFileSystem::RenameFile(const std::string& from, const std::string& to,
                                     const rocksdb::IOOptions& options,
                                     rocksdb::IODebugContext* debug) {
  return Do(
      {.kind = Kind::kRename, .name = NameIn(from), .data = NameIn(to)},
      [&](const DiskCall& /*call*/) { return target()->RenameFile(from, to, options, debug); });
}

IOStatus FaultFileSystem::ReopenWritableFile(const std::string& /*path*/,
                                             const rocksdb::FileOptions& /*options*/,
                                             std::unique_ptr<rocksdb::FSWritableFile>* /*file*/,
                                             rocksdb::IODebugContext* /*debug*/) {
  return IOStatus::NotSupported("reopening is not watched");
}

IOStatus FaultFileSystem::ReuseWritableFile(const std::string& /*path*/,
                                            const std::string& /*old_path*/,
                                            const rocksdb::FileOptions& /*options*/,
                                            std::unique_ptr<rocksdb::FSWritableFile>* /*file*/,
                                            rocksdb::IODebugContext* /*debug*/) {
  return IOStatus::NotSupported("reusing is not watched");
}

IOStatus FaultFileSystem::LinkFile(const std::string& /*from*/, const std::string& /*to*/,
                                   const rocksdb::IOOptions& /*options*/,
                                   rocksdb::IODebugContext* /*debug*/) {
  return IOStatus::NotSupported("links are not watched");
}

}  // namespace kiln::storage
