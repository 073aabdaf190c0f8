// The command line as a user meets it: what is printed where, and the exit status.
#ifndef KILN_TESTS_TOOLS_RUN_KILN_H_
#define KILN_TESTS_TOOLS_RUN_KILN_H_

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tools/command.h"

namespace kiln::tools {

struct Outcome {
  int exit_status = 0;
  std::string out;
  std::string error;

  nlohmann::json json() const { return nlohmann::json::parse(out, nullptr, false); }
};

// `kiln ARGUMENTS` in this process.
inline Outcome Kiln(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "kiln");
  std::vector<const char*> pointers;
  for (const std::string& argument : arguments) pointers.push_back(argument.c_str());
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Outcome outcome;
  outcome.exit_status = RunCommandLine(static_cast<int>(pointers.size()), pointers.data());
  outcome.out = testing::internal::GetCapturedStdout();
  outcome.error = testing::internal::GetCapturedStderr();
  return outcome;
}

}  // namespace kiln::tools

#endif  // KILN_TESTS_TOOLS_RUN_KILN_H_
