#include "storage/state_views.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "storage/database.h"
#include "storage/schema.h"

namespace kiln::storage {
namespace {

class SnapshotView final : public StateView {
 public:
  explicit SnapshotView(std::shared_ptr<Database> database)
      : database_(std::move(database)), snapshot_(database_->TakeSnapshot()) {}
  ~SnapshotView() override { database_->ReleaseSnapshot(snapshot_); }
  SnapshotView(const SnapshotView&) = delete;
  SnapshotView& operator=(const SnapshotView&) = delete;

  absl::StatusOr<std::string> Get(absl::string_view key) const override {
    return database_->GetSealed(Family::kApplicationState, StateKey(key), snapshot_);
  }

  absl::StatusOr<std::vector<std::pair<std::string, std::string>>> Scan(
      absl::string_view from, size_t count_max) const override {
    const std::string first = StateKey(from);
    const std::string end = StateKeyEnd();
    const rocksdb::Slice end_slice(end);
    const auto iterator = database_->NewIterator(Family::kApplicationState, &end_slice, snapshot_);
    std::vector<std::pair<std::string, std::string>> entries;
    for (iterator->Seek(first); iterator->Valid() && entries.size() < count_max; iterator->Next()) {
      const absl::string_view key = ToView(iterator->key());
      KILN_ASSIGN_OR_RETURN(const absl::string_view value,
                            Unseal(Family::kApplicationState, key, ToView(iterator->value())));
      entries.emplace_back(key.substr(1), value);
    }
    if (!iterator->status().ok()) {
      return absl::DataLossError(
          absl::StrCat("scanning the application state: ", iterator->status().ToString()));
    }
    return entries;
  }

 private:
  const std::shared_ptr<Database> database_;
  const rocksdb::Snapshot* const snapshot_;
};

}  // namespace

std::shared_ptr<const StateView> MakeStateView(std::shared_ptr<Database> database) {
  return std::make_shared<const SnapshotView>(std::move(database));
}

}  // namespace kiln::storage
