#include "node/run_arguments.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace kiln::node {
namespace {

absl::Status SetTextOption(absl::string_view name, absl::string_view value, RunRequest& request) {
  if (value.empty()) return absl::InvalidArgumentError(absl::StrCat(name, ": a value is missing"));
  if (name == "--home") {
    request.home = std::string(value);
  } else if (name == "--passphrase-file") {
    request.passphrase_file = std::string(value);
  } else if (name == "--trust") {
    request.trust = std::string(value);
  } else if (name == "--log-level") {
    request.log_level = std::string(value);
  } else if (name == "--passphrase-fd") {
    if (!absl::SimpleAtoi(value, &request.passphrase_descriptor) ||
        request.passphrase_descriptor < 0) {
      return absl::InvalidArgumentError(
          "--passphrase-fd: must be the number of an open descriptor");
    }
  } else {
    return absl::InvalidArgumentError(absl::StrCat("unknown option \"", name, "\" (see --help)"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<LogLevel> ParseLogLevel(absl::string_view text) {
  if (text == "debug") return LogLevel::kDebug;
  if (text == "info") return LogLevel::kInfo;
  if (text == "warning") return LogLevel::kWarning;
  if (text == "error") return LogLevel::kError;
  return absl::InvalidArgumentError(
      absl::StrCat("log level: must be debug, info, warning or error (is \"", text, "\")"));
}

absl::StatusOr<RunRequest> ParseRunArguments(int argc, const char* const* argv) {
  RunRequest request;
  for (int i = 1; i < argc; ++i) {
    const absl::string_view argument = argv[i];
    if (argument == "--help" || argument == "-h") return RunRequest{};
    if (argument == "--debuggable") {
      request.is_debuggable = true;
      continue;
    }
    const size_t equals = argument.find('=');
    const bool has_value = equals != absl::string_view::npos;
    const absl::string_view name = argument.substr(0, equals);
    if (!absl::StartsWith(name, "--")) {
      return absl::InvalidArgumentError(absl::StrCat("unexpected \"", argument, "\" (see --help)"));
    }
    const absl::string_view next = i + 1 < argc ? absl::string_view(argv[i + 1]) : "";
    KILN_RETURN_IF_ERROR(
        SetTextOption(name, has_value ? argument.substr(equals + 1) : next, request));
    if (!has_value) ++i;
  }
  if (request.home.empty())
    return absl::InvalidArgumentError("--home DIR is required (see --help)");
  if (!request.passphrase_file.empty() && request.passphrase_descriptor >= 0) {
    return absl::InvalidArgumentError("--passphrase-file and --passphrase-fd exclude each other");
  }
  KILN_RETURN_IF_ERROR(ParseLogLevel(request.log_level).status());
  return request;
}

}  // namespace kiln::node
