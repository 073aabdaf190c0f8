// Damaged blocks of a stopped node, fetched again: `kiln ledger repair` and `verify --repair`.
#ifndef KILN_TOOLS_LEDGER_REPAIR_H_
#define KILN_TOOLS_LEDGER_REPAIR_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "tools/command.h"

namespace kiln::tools {

struct RepairArguments {
  std::string home;
  std::vector<std::string> from;  // HOST:PORT of validators' client services
  bool yes = false;
  bool json = false;
};

// Looks at all of the ledger, fetches what is damaged of blocks, certificates and index, checks it,
// and writes it if `yes` is set; prints what it found and did. An error when something is damaged
// still, or was not fetched.
absl::Status RunLedgerRepair(const RepairArguments& arguments);

// The option --from; may be given several times.
CLI::Option* AddRepairSourceOption(CLI::App* command, std::vector<std::string>* from);

}  // namespace kiln::tools

#endif  // KILN_TOOLS_LEDGER_REPAIR_H_
