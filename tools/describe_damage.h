// The audit of a ledger, for people and programs.
#ifndef KILN_TOOLS_DESCRIBE_DAMAGE_H_
#define KILN_TOOLS_DESCRIBE_DAMAGE_H_

#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/database.h"
#include "storage/ledger_audit.h"

namespace kiln::tools {

// With a line on stderr that says how far it is, on a terminal. `what` names the ledger there.
absl::StatusOr<storage::LedgerAudit> AuditWithProgress(const std::string& what,
                                                       const storage::Database& database,
                                                       const Genesis& genesis);

// One line for each thing that is damaged; nothing when all is good.
void PrintDamage(const storage::LedgerAudit& audit);
nlohmann::ordered_json DamageJson(const storage::LedgerAudit& audit);

// OK, or in one line how much is damaged, and which commands mend it.
absl::Status AuditVerdict(const storage::LedgerAudit& audit, const std::string& home);

}  // namespace kiln::tools

#endif  // KILN_TOOLS_DESCRIBE_DAMAGE_H_
