// How a validator's process is to run, and what its command line says about it.
#ifndef KILN_NODE_RUN_ARGUMENTS_H_
#define KILN_NODE_RUN_ARGUMENTS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/log.h"

namespace kiln::node {

struct RunRequest {
  std::string home;
  std::string passphrase_file;  // at most one of the two; neither for unencrypted keys
  int passphrase_descriptor = -1;
  std::string log_level = "info";  // debug, info, warning or error
  std::string trust;               // HEIGHT:ID of a block that is known to be right; may be empty
  bool is_debuggable = false;  // lets debuggers attach and core dumps be written: both show secrets
};

// What RunNode understands of `argv`. Empty `home` when --help was asked for. InvalidArgument says
// what is wrong with which argument.
absl::StatusOr<RunRequest> ParseRunArguments(int argc, const char* const* argv);

// debug, info, warning or error.
absl::StatusOr<LogLevel> ParseLogLevel(absl::string_view text);

}  // namespace kiln::node

#endif  // KILN_NODE_RUN_ARGUMENTS_H_
