#include "node/home.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <set>
#include <string>

#include "crypto/key_file.h"
#include "kiln/client.h"
#include "node/config.h"
#include "node/node_options.h"
#include "tests/node/temp_dir.h"

namespace kiln::node {
namespace {

Testnet MakeTestnet(const std::string& output, std::vector<uint64_t> powers = {1, 1, 1, 1}) {
  absl::StatusOr<Testnet> testnet = WriteTestnet(
      {.output = output, .powers = std::move(powers), .chain_name = "tests", .time_us = 1});
  EXPECT_TRUE(testnet.ok()) << testnet.status();
  return *std::move(testnet);
}

TEST(WriteTestnet, MakesHomesThatNodesAccept) {
  const TempDir dir;
  const Testnet testnet = MakeTestnet(dir / "net", {5, 3, 2});
  ASSERT_EQ(testnet.homes.size(), 3U);
  for (size_t i = 0; i < testnet.homes.size(); ++i) {
    const absl::StatusOr<NodeOptions> options = NodeOptions::FromHome(testnet.homes[i]);
    ASSERT_TRUE(options.ok()) << options.status();
    EXPECT_EQ(options->genesis.ChainId(), testnet.genesis.ChainId());
    EXPECT_EQ(options->genesis.validators[0].power, 5U);
    EXPECT_EQ(options->peers.size(), 2U);
    const absl::StatusOr<NodeKeys> keys = LoadNodeKeys(*options);
    ASSERT_TRUE(keys.ok()) << keys.status();
    EXPECT_EQ(keys->self.value, i);
  }
}

TEST(WriteTestnet, GivesNoPortTwice) {
  const TempDir dir;
  const Testnet testnet = MakeTestnet(dir / "net", std::vector<uint64_t>(7, 1));
  std::set<std::string> addresses(testnet.peer_addresses.begin(), testnet.peer_addresses.end());
  addresses.insert(testnet.client_addresses.begin(), testnet.client_addresses.end());
  EXPECT_EQ(addresses.size(), 14U);
  EXPECT_EQ(testnet.peer_addresses[2], "127.0.0.1:26620");
  EXPECT_EQ(testnet.client_addresses[2], "127.0.0.1:26621");
}

TEST(WriteTestnet, KeepsSecretsToTheOwner) {
  const TempDir dir;
  const Testnet testnet = MakeTestnet(dir / "net");
  const HomePaths paths(testnet.homes[1]);
  EXPECT_EQ(ModeOf(testnet.homes[1]), 0700U);
  EXPECT_EQ(ModeOf(paths.keys_dir), 0700U);
  EXPECT_EQ(ModeOf(paths.consensus_key), 0600U);
  EXPECT_EQ(ModeOf(paths.node_key), 0600U);
}

TEST(WriteTestnet, RefusesToOverwrite) {
  const TempDir dir;
  const Testnet testnet = MakeTestnet(dir / "net");
  const std::string config = ReadText(HomePaths(testnet.homes[0]).config);
  const absl::Status again = WriteTestnet({.output = dir / "net", .powers = {1}}).status();
  EXPECT_EQ(again.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(again.message(), (dir / "net") + ": exists and is not empty; nothing was changed");
  EXPECT_EQ(ReadText(HomePaths(testnet.homes[0]).config), config);
}

TEST(WriteTestnet, FillsAnEmptyFolder) {
  const TempDir dir;
  std::filesystem::create_directory(dir / "net");
  EXPECT_EQ(MakeTestnet(dir / "net/").homes.size(), 4U);
}

TEST(WriteTestnet, LeavesNothingBehindWhenItFails) {
  const TempDir dir;
  const absl::Status status =
      WriteTestnet({.output = dir / "net", .powers = {INT64_MAX, INT64_MAX}}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST(WriteTestnet, NamesTheAllowedRanges) {
  const TempDir dir;
  EXPECT_EQ(WriteTestnet({.output = dir / "a", .powers = {}}).status().message(),
            "validators: must be from 1 to 256 (is 0)");
  EXPECT_EQ(
      WriteTestnet({.output = dir / "a", .powers = {1, 1}, .base_port = 65530}).status().message(),
      "base port: must be from 1024 to 65524 for 2 validators, or 0 (is 65530)");
  EXPECT_TRUE(WriteTestnet({.output = dir / "a", .powers = {1, 1}, .base_port = 65524}).ok());
}

TEST(WriteTestnet, LooksForFreePorts) {
  const TempDir dir;
  const absl::StatusOr<Testnet> testnet =
      WriteTestnet({.output = dir / "net", .powers = {1, 1}, .base_port = 0});
  ASSERT_TRUE(testnet.ok()) << testnet.status();
  EXPECT_NE(testnet->peer_addresses[0], "127.0.0.1:0");
}

TEST(FindTestnetHomes, FindsThemByIndex) {
  const TempDir dir;
  const Testnet testnet = MakeTestnet(dir / "net", std::vector<uint64_t>(11, 1));
  EXPECT_EQ(*FindTestnetHomes(dir / "net"), testnet.homes);
}

TEST(FindTestnetHomes, SaysWhatIsMissing) {
  const TempDir dir;
  EXPECT_EQ(FindTestnetHomes(dir.path()).status().code(), absl::StatusCode::kNotFound);
  std::filesystem::create_directory(dir / "validator-0");
  EXPECT_EQ(FindTestnetHomes(dir.path()).status().message(),
            (dir / "validator-0") + ": has no kiln.toml");
}

TEST(ClientOptions, FindsTheValidatorsOfATestnet) {
  const TempDir dir;
  const Testnet testnet = MakeTestnet(dir / "net");
  const absl::StatusOr<ClientOptions> options = ClientOptions::FromTestnet(dir / "net");
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->endpoints, testnet.client_addresses);
  EXPECT_EQ(options->genesis.ChainId(), testnet.genesis.ChainId());
  EXPECT_TRUE(options->tls);
}

TEST(ClientOptions, RefusesATestnetWithAMissingHome) {
  const TempDir dir;
  const Testnet testnet = MakeTestnet(dir / "net");
  std::filesystem::remove_all(testnet.homes[3]);
  EXPECT_EQ(ClientOptions::FromTestnet(dir / "net").status().message(),
            (dir / "net") + ": has 3 homes, but the genesis has 4 validators");
}

TEST(InitHome, MakesKeysFirstAndTakesTheGenesisLater) {
  const TempDir dir;
  const absl::StatusOr<HomeKeys> keys = WriteHomeKeys(dir / "v0", "");
  ASSERT_TRUE(keys.ok()) << keys.status();
  Genesis genesis = MakeTestnet(dir / "net").genesis;
  genesis.validators[2].name = "oslo";
  genesis.validators[1].consensus_key = keys->consensus_key;
  genesis.validators[1].node_key = keys->node_key;
  genesis.validators[1].power = 7;
  WriteText(dir / "genesis.json", genesis.ToJson());

  const absl::StatusOr<GenesisValidator> self = InitHome({.home = dir / "v0",
                                                          .genesis_file = dir / "genesis.json",
                                                          .peers = {{"oslo", "10.0.0.2:26600"}}});
  ASSERT_TRUE(self.ok()) << self.status();
  EXPECT_EQ(self->name, "validator-1");
  EXPECT_EQ(self->power, 7U);
  const absl::StatusOr<NodeOptions> options = NodeOptions::FromHome(dir / "v0");
  ASSERT_TRUE(options.ok()) << options.status();
  ASSERT_EQ(options->peers.size(), 1U);
  EXPECT_EQ(options->peers[0].address, "10.0.0.2:26600");
  EXPECT_EQ(LoadNodeKeys(*options)->self.value, 1U);
}

TEST(InitHome, WorksWithoutAGenesis) {
  const TempDir dir;
  const absl::StatusOr<GenesisValidator> self =
      InitHome({.home = dir / "v0", .validator_name = "berlin"});
  ASSERT_TRUE(self.ok()) << self.status();
  EXPECT_EQ(self->name, "berlin");
  EXPECT_TRUE(ReadConfig(dir / "v0").ok());
  EXPECT_EQ(ReadHomeKeys(dir / "v0")->consensus_key, self->consensus_key);
  EXPECT_NE(GenesisEntryJson(*self).find(Hash{self->node_key}.ToHex()), std::string::npos);
}

TEST(InitHome, RefusesASecondTime) {
  const TempDir dir;
  ASSERT_TRUE(InitHome({.home = dir / "v0"}).ok());
  EXPECT_EQ(InitHome({.home = dir / "v0"}).status().message(),
            (dir / "v0/kiln.toml") + ": exists already; nothing was changed");
}

TEST(InitHome, RefusesAGenesisWithoutItsKeys) {
  const TempDir dir;
  const Testnet testnet = MakeTestnet(dir / "net");
  const std::string genesis = HomePaths(testnet.homes[0]).genesis;
  EXPECT_EQ(InitHome({.home = dir / "v0", .genesis_file = genesis}).status().message(),
            "the keys of this home belong to no validator of the genesis of \"tests\": have their "
            "entry added (`kiln keys show` prints it), then run this again");
  EXPECT_FALSE(std::filesystem::exists(dir / "v0/kiln.toml"));
}

TEST(InitHome, RefusesUnknownPeersAndWrongAddresses) {
  const TempDir dir;
  const Testnet testnet = MakeTestnet(dir / "net");
  std::filesystem::remove(HomePaths(testnet.homes[0]).config);
  const std::string genesis = HomePaths(testnet.homes[1]).genesis;
  EXPECT_EQ(InitHome({.home = testnet.homes[0], .genesis_file = genesis, .peers = {{"x", "a:1"}}})
                .status()
                .message(),
            "peer \"x\" is not another validator of the genesis");
  EXPECT_EQ(InitHome({.home = testnet.homes[0], .peers = {{"x", "a"}}}).status().message(),
            "peer x: \"a\" is not host:port");
}

TEST(HomeKeys, AreNeverOverwritten) {
  const TempDir dir;
  const absl::StatusOr<HomeKeys> keys = WriteHomeKeys(dir / "v0", "");
  ASSERT_TRUE(keys.ok()) << keys.status();
  EXPECT_EQ(WriteHomeKeys(dir / "v0", "").status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(ReadHomeKeys(dir / "v0")->node_key, keys->node_key);
}

TEST(HomeKeys, AreRefusedInEachOthersPlace) {
  const TempDir dir;
  ASSERT_TRUE(WriteHomeKeys(dir / "v0", "").ok());
  const HomePaths paths(dir / "v0");
  std::filesystem::rename(paths.consensus_key, dir / "swap");
  std::filesystem::rename(paths.node_key, paths.consensus_key);
  std::filesystem::rename(dir / "swap", paths.node_key);
  EXPECT_EQ(ReadHomeKeys(dir / "v0").status().message(),
            paths.consensus_key + ": is a node key, a consensus key belongs here");
}

TEST(Passphrase, IsTheFirstLineOfAFileThatNobodyElseReads) {
  const TempDir dir;
  const std::string path = dir / "secret";
  WriteText(path, "correct horse\nbattery\n");
  ASSERT_EQ(chmod(path.c_str(), 0600), 0);
  EXPECT_EQ(*ReadPassphraseFile(path), "correct horse");
  ASSERT_EQ(chmod(path.c_str(), 0640), 0);
  EXPECT_EQ(ReadPassphraseFile(path).status().message(),
            path + ": others can read the passphrase: chmod 600 " + path);
}

TEST(Passphrase, ComesFromADescriptor) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(write(ends[1], "secret\nrest", 11), 11);
  EXPECT_EQ(*ReadPassphraseDescriptor(ends[0]), "secret");
  char rest[5] = {};
  EXPECT_EQ(read(ends[0], rest, 4), 4);
  EXPECT_STREQ(rest, "rest");
  close(ends[0]);
  close(ends[1]);
}

TEST(Passphrase, RefusesEmptyAndOverlongOnes) {
  const TempDir dir;
  const std::string path = dir / "secret";
  WriteText(path, "\nsecret");
  ASSERT_EQ(chmod(path.c_str(), 0600), 0);
  EXPECT_EQ(ReadPassphraseFile(path).status().message(), path + ": the passphrase is empty");
  WriteText(path, std::string(1025, 'x'));
  EXPECT_EQ(ReadPassphraseFile(path).status().message(),
            path + ": the passphrase is longer than 1024 bytes");
}

}  // namespace
}  // namespace kiln::node
