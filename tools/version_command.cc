// kiln version
#include <cstdio>
#include <memory>
#include <string>

#include "tools/command.h"

namespace kiln::tools {

nlohmann::ordered_json BuildInformation() {
  return {{"version", KILN_VERSION},
          {"build_type", KILN_BUILD_TYPE},
          {"compiler", __VERSION__},
          {"checks", "on"}};
}

void AddVersionCommand(CLI::App& app, CommandContext& context) {
  auto json = std::make_shared<bool>(false);
  CLI::App* command = app.add_subcommand("version", "Print the version and how it was built");
  AddJsonOption(command, json.get());
  SetAction(command, context, [json] {
    const nlohmann::ordered_json build = BuildInformation();
    if (*json) {
      PrintJson(build);
    } else {
      std::printf("kiln %s (%s, %s)\n", KILN_VERSION, KILN_BUILD_TYPE, __VERSION__);
    }
    return absl::OkStatus();
  });
}

}  // namespace kiln::tools
