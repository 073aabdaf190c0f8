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
  SnapshotView(std::shared_ptr<Database> database, StateSpace space)
      : database_(std::move(database)), space_(space), snapshot_(database_->TakeSnapshot()) {}

  absl::StatusOr<std::string> Get(absl::string_view key) const override {
    return database_->GetSealed(Family::kApplicationState, StateKey(key, space_), snapshot_.get());
  }

  absl::StatusOr<std::vector<std::pair<std::string, std::string>>> Scan(
      absl::string_view from, size_t count_max) const override {
    const std::string first = StateKey(from, space_);
    const std::unique_ptr<Iterator> iterator =
        database_->NewIterator(Family::kApplicationState, StateKeyEnd(space_), snapshot_.get());
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
  const StateSpace space_;
  const std::unique_ptr<const Snapshot> snapshot_;
};

class DatabaseCursor final : public StateCursor {
 public:
  DatabaseCursor(std::shared_ptr<const Database> database, StateSpace space)
      : database_(std::move(database)),
        space_(space),
        iterator_(database_->NewIterator(Family::kApplicationState, StateKeyEnd(space))) {}

  absl::StatusOr<bool> Seek(absl::string_view key) override {
    iterator_->Seek(StateKey(key, space_));
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
  const StateSpace space_;
  const std::unique_ptr<Iterator> iterator_;
  absl::string_view value_;
};

}  // namespace

std::unique_ptr<StateCursor> MakeStateCursor(std::shared_ptr<const Database> database,
                                             StateSpace space) {
  return std::make_unique<DatabaseCursor>(std::move(database), space);
}

std::shared_ptr<const StateView> MakeStateView(std::shared_ptr<Database> database,
                                               StateSpace space) {
  return std::make_shared<const SnapshotView>(std::move(database), space);
}

}  // namespace kiln::storage
