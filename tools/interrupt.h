// Ctrl-C for commands that have something to clean up.
#ifndef KILN_TOOLS_INTERRUPT_H_
#define KILN_TOOLS_INTERRUPT_H_

namespace kiln::tools {

// From now on the first SIGINT or SIGTERM only makes Interrupted() true; the second ends the
// process.
void WatchForInterrupts();

// Long loops ask this between steps and return. Thread-safe.
bool Interrupted();

}  // namespace kiln::tools

#endif  // KILN_TOOLS_INTERRUPT_H_
