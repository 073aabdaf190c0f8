#include "storage/state_views.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "storage/database.h"
#include "storage/schema.h"

namespace kiln::storage {
namespace {

class SnapshotView final : public StateView {
 public:
  explicit SnapshotView(std::shared_ptr<Database> database)
      : database_(std::move(database)), snapshot_(database_->TakeSnapshot()) {}

  absl::StatusOr<std::string> Get(absl::string_view key) const override {
    return database_->GetSealed(Family::kApplicationState, StateKey(key), snapshot_.get());
  }

  absl::StatusOr<std::vector<std::pair<std::string, std::string>>> Scan(
      absl::string_view from, size_t count_max) const override {
    const std::string first = StateKey(from);
    const std::unique_ptr<Iterator> iterator =
        database_->NewIterator(Family::kApplicationState, StateKeyEnd(), snapshot_.get());
    std::vector<std::pair<std::string, std::string>> entries;
    for (iterator->Seek(first); iterator->Valid() && entries.size() < count_max; iterator->Next()) {
      const absl::string_view key = iterator->key();
      KILN_ASSIGN_OR_RETURN(const absl::string_view value,
                            Unseal(Family::kApplicationState, key, iterator->value()));
      entries.emplace_back(key.substr(1), value);
    }
    KILN_RETURN_IF_ERROR(Annotate(iterator->status(), "scanning the application state"));
    return entries;
  }

 private:
  const std::shared_ptr<Database> database_;
  const std::unique_ptr<const Snapshot> snapshot_;
};

class DatabaseCursor final : public StateCursor {
 public:
  explicit DatabaseCursor(std::shared_ptr<const Database> database)
      : database_(std::move(database)),
        iterator_(database_->NewIterator(Family::kApplicationState, StateKeyEnd())) {}

  absl::StatusOr<bool> Seek(absl::string_view key) override {
    iterator_->Seek(StateKey(key));
    return Look();
  }
  absl::StatusOr<bool> Next() override {
    iterator_->Next();
    return Look();
  }
  absl::string_view key() const override { return iterator_->key().substr(1); }
  absl::string_view value() const override { return value_; }

 private:
  absl::StatusOr<bool> Look() {
    if (!iterator_->Valid()) {
      KILN_RETURN_IF_ERROR(Annotate(iterator_->status(), "reading a snapshot"));
      return false;
    }
    KILN_ASSIGN_OR_RETURN(value_,
                          Unseal(Family::kApplicationState, iterator_->key(), iterator_->value()));
    return true;
  }

  const std::shared_ptr<const Database> database_;
  const std::unique_ptr<Iterator> iterator_;
  absl::string_view value_;
};

}  // namespace

std::unique_ptr<StateCursor> MakeStateCursor(std::shared_ptr<const Database> database) {
  return std::make_unique<DatabaseCursor>(std::move(database));
}

std::shared_ptr<const StateView> MakeStateView(std::shared_ptr<Database> database) {
  return std::make_shared<const SnapshotView>(std::move(database));
}

}  // namespace kiln::storage
