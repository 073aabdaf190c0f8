// kiln.toml: how one validator runs. What the chain must agree on is in genesis.json.
#ifndef KILN_NODE_CONFIG_H_
#define KILN_NODE_CONFIG_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kiln/node.h"

namespace kiln::node {

inline constexpr size_t kConfigFileBytesMax = 1 << 20;

// HOME/kiln.toml as options without a genesis, paths resolved against the home. Errors name file,
// line, key and what is allowed; a key left out has its default, a wrong value never has.
absl::StatusOr<NodeOptions> ReadConfig(const std::string& home);
// The same from text; `path` is what errors call it.
absl::StatusOr<NodeOptions> ParseConfig(absl::string_view text, const std::string& home,
                                        const std::string& path);

// What a new kiln.toml starts with.
struct NewConfig {
  std::string peer_listen_address;
  std::string client_listen_address;
  std::vector<PeerAddress> peers;  // those without an address are written as comments to fill in
};
// The text of a kiln.toml with every key in it, explained.
std::string ConfigText(const NewConfig& config);

}  // namespace kiln::node

#endif  // KILN_NODE_CONFIG_H_
