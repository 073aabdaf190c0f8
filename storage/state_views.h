// The application's state as one snapshot of the database shows it.
#ifndef KILN_STORAGE_STATE_VIEWS_H_
#define KILN_STORAGE_STATE_VIEWS_H_

#include <memory>

#include "kiln/state.h"
#include "storage/schema.h"
#include "storage/store.h"

namespace kiln::storage {

class Database;

// Over what is in `database`, to which nobody writes; keeps it open.
std::unique_ptr<StateCursor> MakeStateCursor(std::shared_ptr<const Database> database,
                                             StateSpace space);

// What is in `database` now. The view keeps the database open; it may outlive the store.
std::shared_ptr<const StateView> MakeStateView(std::shared_ptr<Database> database,
                                               StateSpace space);

}  // namespace kiln::storage

#endif  // KILN_STORAGE_STATE_VIEWS_H_
