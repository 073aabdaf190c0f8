// The `kiln` command.
#include "base/lock_cycles.h"
#include "tools/command.h"

int main(int argc, char** argv) {
  kiln::StopSearchingForLockCycles();
  return kiln::tools::RunCommandLine(argc, argv);
}
