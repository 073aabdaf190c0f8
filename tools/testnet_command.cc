// kiln testnet
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "node/home.h"
#include "tools/command.h"

namespace kiln::tools {
namespace {

struct TestnetArguments {
  size_t validators = 4;
  std::vector<uint64_t> powers;  // empty: 1 for each
  node::TestnetRequest request;
  bool json = false;
};

absl::Status FillPowers(TestnetArguments& arguments) {
  std::vector<uint64_t>& powers = arguments.request.powers;
  powers = arguments.powers;
  if (powers.empty()) powers.assign(arguments.validators, 1);
  if (powers.size() == arguments.validators) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("--power names ", powers.size(), " powers for ",
                                                 arguments.validators,
                                                 " validators: give one for each"));
}

nlohmann::ordered_json TestnetJson(const node::Testnet& testnet) {
  nlohmann::ordered_json validators = nlohmann::ordered_json::array();
  for (size_t i = 0; i < testnet.homes.size(); ++i) {
    validators.push_back({{"name", testnet.genesis.validators[i].name},
                          {"power", testnet.genesis.validators[i].power},
                          {"home", testnet.homes[i]},
                          {"peer_address", testnet.peer_addresses[i]},
                          {"client_address", testnet.client_addresses[i]}});
  }
  return {{"chain_name", testnet.genesis.chain_name},
          {"chain_id", testnet.genesis.ChainId().ToHex()},
          {"validators", std::move(validators)}};
}

void PrintTestnet(const node::Testnet& testnet) {
  std::printf("Chain \"%s\", id %s\n", testnet.genesis.chain_name.c_str(),
              testnet.genesis.ChainId().ToHex().c_str());
  for (size_t i = 0; i < testnet.homes.size(); ++i) {
    std::printf("%s: power %llu, peers %s, clients %s\n",
                testnet.genesis.validators[i].name.c_str(),
                static_cast<unsigned long long>(testnet.genesis.validators[i].power),
                testnet.peer_addresses[i].c_str(), testnet.client_addresses[i].c_str());
  }
  std::printf("Start each of them with: kiln node --home %s\n", testnet.homes[0].c_str());
}

absl::Status MakeTestnet(TestnetArguments& arguments) {
  KILN_RETURN_IF_ERROR(FillPowers(arguments));
  arguments.request.time_us = SystemClock()->Read().wall_us;
  KILN_ASSIGN_OR_RETURN(const node::Testnet testnet, node::WriteTestnet(arguments.request));
  if (arguments.json) {
    PrintJson(TestnetJson(testnet));
  } else {
    PrintTestnet(testnet);
  }
  return absl::OkStatus();
}

}  // namespace

void AddTestnetCommand(CLI::App& app, CommandContext& context) {
  auto arguments = std::make_shared<TestnetArguments>();
  CLI::App* command = app.add_subcommand(
      "testnet", "Make genesis, keys and one home per validator, all on this machine");
  command->add_option("--validators", arguments->validators, "How many, 1 to 256")
      ->check(CLI::Range(size_t{1}, node::kTestnetValidatorsMax))
      ->capture_default_str();
  command
      ->add_option("--output", arguments->request.output, "Folder to make; must be absent or empty")
      ->required();
  command->add_option("--power", arguments->powers, "Voting powers, one per validator: 1,1,1,1")
      ->delimiter(',')
      ->check(CLI::Range(uint64_t{1}, UINT64_MAX));
  command
      ->add_option(
          "--base-port", arguments->request.base_port,
          "Validator i listens on this + 10 i (peers) and the next port (clients); 0 looks "
          "for free ports")
      ->capture_default_str();
  command->add_option("--chain-name", arguments->request.chain_name, "Readable name of the chain")
      ->capture_default_str();
  AddJsonOption(command, &arguments->json);
  command->footer(
      "Examples:\n"
      "  kiln testnet --validators 4 --output net\n"
      "  kiln testnet --validators 3 --power 5,3,2 --base-port 0 --output net");
  SetAction(command, context, [arguments] { return MakeTestnet(*arguments); });
}

}  // namespace kiln::tools
