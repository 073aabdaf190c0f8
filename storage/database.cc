#include "storage/database.h"

#include "absl/strings/str_cat.h"
#include "base/mark.h"
#include "base/status_macros.h"

namespace kiln::storage {

absl::Status Database::Write(WriteBatch* batch, Durability durability) {
  KILN_RETURN_IF_ERROR(failure());
  const size_t bytes = batch->bytes();
  if (const absl::Status status = DoWrite(batch, durability); !status.ok()) {
    Fail(status);
    return failure();
  }
  bytes_written_.fetch_add(bytes, std::memory_order_relaxed);
  if (durability == Durability::kSynced) syncs_.fetch_add(1, std::memory_order_relaxed);
  return absl::OkStatus();
}

absl::Status Database::failure() const {
  absl::MutexLock lock(&mutex_);
  return failure_;
}

void Database::Fail(const absl::Status& cause) {
  absl::MutexLock lock(&mutex_);
  if (!failure_.ok()) return;
  const std::string message = absl::StrCat("writing to ", dir_, " failed (", cause.message(),
                                           "); nothing more is written and the node must stop");
  KILN_MARK("a write fails for good");
  failure_ = absl::IsResourceExhausted(cause) ? absl::ResourceExhaustedError(message)
                                              : absl::UnavailableError(message);
}

absl::StatusOr<std::string> Database::GetSealed(Family family, absl::string_view key,
                                                const Snapshot* snapshot) const {
  KILN_ASSIGN_OR_RETURN(std::string sealed, Get(family, key, snapshot));
  KILN_ASSIGN_OR_RETURN(const absl::string_view value, Unseal(family, key, sealed));
  sealed.resize(value.size());
  return sealed;
}

absl::StatusOr<bool> Database::IsEmpty(Family family) const {
  const std::unique_ptr<Iterator> iterator = NewIterator(family);
  iterator->Seek("");
  KILN_RETURN_IF_ERROR(iterator->status());
  return !iterator->Valid();
}

}  // namespace kiln::storage
