// The `kiln` command.
#include "tools/command.h"

int main(int argc, char** argv) {
  return kiln::tools::RunCommandLine(argc, argv);
}
