// A home's validator as a process: signals, passphrase, exit status. RunNode and `kiln node` share
// it.
#ifndef KILN_NODE_RUN_NODE_H_
#define KILN_NODE_RUN_NODE_H_

#include <memory>

#include "absl/status/status.h"
#include "kiln/application.h"
#include "node/run_arguments.h"

namespace kiln::node {

// Runs until SIGTERM or SIGINT, once per process. OK after a graceful stop; otherwise why it could
// not start. A node that stopped itself ends the process by FailStop.
absl::Status RunHome(const RunRequest& request, std::unique_ptr<Application> application);

}  // namespace kiln::node

#endif  // KILN_NODE_RUN_NODE_H_
