// The subcommands of `kiln ledger`, one function each, in the files of their names.
#ifndef KILN_TOOLS_LEDGER_SUBCOMMANDS_H_
#define KILN_TOOLS_LEDGER_SUBCOMMANDS_H_

#include "tools/command.h"

namespace kiln::tools {

// `ledger` is the command they are added to; it and `context` outlive the parsing.
void AddLedgerInspect(CLI::App* ledger, CommandContext& context);
void AddLedgerExport(CLI::App* ledger, CommandContext& context);
void AddLedgerImport(CLI::App* ledger, CommandContext& context);
void AddLedgerRepair(CLI::App* ledger, CommandContext& context);
void AddLedgerPrune(CLI::App* ledger, CommandContext& context);
void AddLedgerCompact(CLI::App* ledger, CommandContext& context);
void AddLedgerRollback(CLI::App* ledger, CommandContext& context);

}  // namespace kiln::tools

#endif  // KILN_TOOLS_LEDGER_SUBCOMMANDS_H_
