// The command line as a user meets it: what is printed where, and the exit status.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "node/home.h"
#include "tests/node/temp_dir.h"
#include "tests/tools/run_kiln.h"

namespace kiln::tools {
namespace {

using node::TempDir;

size_t Lines(const std::string& text) {
  return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST(CommandLine, PrintsHelpWithExamplesForEveryCommand) {
  const std::vector<std::vector<std::string>> commands = {{"testnet"},
                                                          {"init"},
                                                          {"keys", "show"},
                                                          {"keys", "new"},
                                                          {"node"},
                                                          {"status"},
                                                          {"kv", "put"},
                                                          {"kv", "get"},
                                                          {"kv", "import"},
                                                          {"block"},
                                                          {"tx"},
                                                          {"ledger", "verify"},
                                                          {"ledger", "inspect"},
                                                          {"ledger", "export"},
                                                          {"ledger", "import"},
                                                          {"ledger", "repair"},
                                                          {"ledger", "compact"},
                                                          {"ledger", "rollback-application"},
                                                          {"safety", "show"},
                                                          {"safety", "export"},
                                                          {"safety", "import"},
                                                          {"bench"},
                                                          {"sim"},
                                                          {"recover"}};
  for (std::vector<std::string> command : commands) {
    command.push_back("--help");
    const Outcome outcome = Kiln(command);
    EXPECT_EQ(outcome.exit_status, 0) << command[0];
    EXPECT_EQ(outcome.error, "") << command[0];
    EXPECT_NE(outcome.out.find("Example"), std::string::npos) << command[0] << outcome.out;
  }
}

TEST(CommandLine, RefusesInOneLineThatSaysWhereHelpIs) {
  const std::vector<std::vector<std::string>> wrong = {
      {},
      {"nonsense"},
      {"keys"},
      {"testnet"},
      {"testnet", "--output", "x", "--validators", "0"},
      {"node", "--home", "x", "--log-level", "loud"},
      {"kv", "put", "--nonsense"}};
  for (const std::vector<std::string>& arguments : wrong) {
    const Outcome outcome = Kiln(arguments);
    EXPECT_EQ(outcome.exit_status, 1);
    EXPECT_EQ(Lines(outcome.error), 1U) << outcome.error;
    EXPECT_EQ(outcome.error.rfind("kiln", 0), 0U) << outcome.error;
    EXPECT_NE(outcome.error.find("--help)"), std::string::npos) << outcome.error;
  }
  EXPECT_EQ(Kiln({"testnet"}).error,
            "kiln testnet: --output is required (see: kiln testnet --help)\n");
}

TEST(CommandLine, NamesTheRangeOfANumberInAFewDigits) {
  const std::vector<std::vector<std::string>> wrong = {
      {"kv", "put", "a", "b", "--testnet", "x", "--timeout", "5s"},
      {"kv", "get", "a", "--testnet", "x", "--via", "-1"},
      {"ledger", "export", "--home", "x", "--output", "y", "--from", "0"},
      {"testnet", "--output", "x", "--power", "1,0"}};
  for (const std::vector<std::string>& arguments : wrong) {
    const Outcome outcome = Kiln(arguments);
    EXPECT_EQ(outcome.exit_status, 1);
    EXPECT_THAT(outcome.error, HasSubstr("not in range"));
    EXPECT_LT(outcome.error.size(), 160u) << outcome.error;
  }
}

TEST(CommandLine, RefusesBenchOptionsThatContradictEachOther) {
  for (const std::vector<std::string>& options :
       std::vector<std::vector<std::string>>{{"--sweep", "--rate", "100"},
                                             {"--sweep", "--in-flight", "100"},
                                             {"--sweep", "--keep"},
                                             {"--html", "report.html"},
                                             {"--rate", "100", "--in-flight", "100"},
                                             {"--rate", "0"},
                                             {"--dead", "2"},
                                             {"--dead", "1", "--testnet", "net"},
                                             {"--profile-stages", "--validators", "65"}}) {
    std::vector<std::string> arguments = {"bench"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const Outcome outcome = Kiln(arguments);
    EXPECT_EQ(outcome.exit_status, 1) << options[0];
    EXPECT_EQ(Lines(outcome.error), 1U) << outcome.error;
    EXPECT_THAT(outcome.error, HasSubstr(options.front() == "--html" ? "--sweep" : "--"));
  }
}

TEST(CommandLine, RefusesAPageThatExistsBeforeItMeasures) {
  const TempDir dir;
  const std::string page = dir / "page.html";
  std::ofstream(page) << "precious";
  const Outcome outcome = Kiln({"bench", "--sweep", "--html", page});
  EXPECT_EQ(outcome.exit_status, 1);
  EXPECT_THAT(outcome.error, HasSubstr(page));
  EXPECT_EQ(node::ReadText(page), "precious");
}

TEST(CommandLine, MakesATestnetAndShowsItsKeys) {
  const TempDir dir;
  const std::string net = dir / "net";
  const Outcome made =
      Kiln({"testnet", "--validators", "2", "--power", "3,2", "--output", net, "--json"});
  ASSERT_EQ(made.exit_status, 0) << made.error;
  const nlohmann::json testnet = nlohmann::json::parse(made.out);
  EXPECT_EQ(testnet["validators"][0]["power"], 3);
  EXPECT_EQ(testnet["validators"][1]["client_address"], "127.0.0.1:26611");

  const std::string home = testnet["validators"][1]["home"];
  const Outcome shown = Kiln({"keys", "show", "--home", home, "--json"});
  ASSERT_EQ(shown.exit_status, 0) << shown.error;
  const nlohmann::json keys = nlohmann::json::parse(shown.out);
  const nlohmann::json genesis =
      nlohmann::json::parse(node::ReadText(node::HomePaths(home).genesis));
  EXPECT_EQ(keys["consensus_key"], genesis["validators"][1]["consensus_key"]);
  EXPECT_EQ(keys["node_key"], genesis["validators"][1]["node_key"]);
  EXPECT_EQ(keys["encrypted"], false);
}

TEST(CommandLine, RefusesPowersThatDoNotMatchTheValidators) {
  const TempDir dir;
  const std::string net = dir / "net";
  const Outcome outcome = Kiln({"testnet", "--power", "1,2", "--output", net});
  EXPECT_EQ(outcome.exit_status, 1);
  EXPECT_EQ(outcome.error,
            "kiln testnet: --power names 2 powers for 4 validators: give one for each\n");
  EXPECT_FALSE(std::filesystem::exists(net));
}

TEST(CommandLine, InitialisesAHome) {
  const TempDir dir;
  const std::string home = dir / "v0";
  const Outcome made = Kiln({"init", "--home", home, "--name", "berlin", "--json"});
  ASSERT_EQ(made.exit_status, 0) << made.error;
  const nlohmann::json entry = nlohmann::json::parse(made.out)["validator"];
  EXPECT_EQ(entry["name"], "berlin");
  const Outcome again = Kiln({"init", "--home", home});
  EXPECT_EQ(again.exit_status, 1);
  EXPECT_EQ(again.error,
            "kiln init: " + home + "/kiln.toml: exists already; nothing was changed\n");
  const Outcome malformed = Kiln({"init", "--home", (dir / "v1"), "--peer", "oslo"});
  EXPECT_EQ(malformed.error, "kiln init: --peer \"oslo\": must be NAME=HOST:PORT\n");
}

TEST(CommandLine, ShowsThePublicKeysAndNothingElse) {
  const TempDir dir;
  const std::string home = dir / "v0";
  const Outcome made = Kiln({"keys", "new", "--home", home});
  ASSERT_EQ(made.exit_status, 0) << made.error;
  const node::HomeKeys keys = *node::ReadHomeKeys(home);
  const std::string expected = "consensus_key " + Hash{keys.consensus_key}.ToHex() +
                               "\nnode_key      " + Hash{keys.node_key}.ToHex() +
                               "\nencrypted     no\n";
  EXPECT_EQ(made.out, expected);
  EXPECT_EQ(Kiln({"keys", "show", "--home", home}).out, expected);
  const Outcome again = Kiln({"keys", "new", "--home", home});
  EXPECT_EQ(again.error, "kiln keys new: " + home +
                             "/keys/consensus.key: exists already; keys are never overwritten\n");
}

TEST(CommandLine, RefusesToVerifyALedgerThatIsNotThere) {
  const TempDir dir;
  const std::string net = dir / "net";
  ASSERT_EQ(Kiln({"testnet", "--output", net}).exit_status, 0);
  const std::string home = net + "/validator-0";
  const Outcome outcome = Kiln({"ledger", "verify", "--home", home, "--json"});
  EXPECT_EQ(outcome.exit_status, 1);
  EXPECT_EQ(Lines(outcome.error), 1U) << outcome.error;
  const nlohmann::json verdict = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(verdict["good"], false);
  EXPECT_EQ(verdict["ledgers"].size(), 0U);
}

TEST(CommandLine, RecoversNothingWhereTheOthersAreNoQuorum) {
  const TempDir dir;
  const std::string net = dir / "net";
  ASSERT_EQ(Kiln({"testnet", "--validators", "3", "--output", net.c_str()}).exit_status, 0);
  const std::string home = net + "/validator-1";
  const Outcome outcome = Kiln({"recover", "--home", home.c_str(), "--yes"});
  EXPECT_EQ(outcome.exit_status, 1);
  EXPECT_EQ(
      outcome.error,
      "kiln recover: without validator-1 the other validators have no more than two thirds of "
      "the voting power: they cannot vouch for what it signed\n");
  EXPECT_FALSE(std::filesystem::exists(home + "/data"));
}

TEST(CommandLine, PrintsItsVersion) {
  EXPECT_EQ(Kiln({"version"}).out.rfind("kiln ", 0), 0U);
  EXPECT_EQ(nlohmann::json::parse(Kiln({"version", "--json"}).out)["version"],
            BuildInformation()["version"]);
}

}  // namespace
}  // namespace kiln::tools
