// A replicated key-value store, all of it. Transactions are key=value; a query is a key.
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "kiln/application.h"
#include "kiln/node.h"

class Kv final : public kiln::Application {
  absl::StatusOr<kiln::Effects> Execute(const kiln::Block& block, kiln::State& state) override {
    kiln::Effects effects;
    for (absl::string_view transaction : block.transactions) {
      const std::vector<absl::string_view> parts =
          absl::StrSplit(transaction, absl::MaxSplits('=', 1));
      const bool is_put = parts.size() == 2 && parts[0].size() <= kiln::kStateKeyBytesMax;
      if (is_put) state.Put(parts[0], parts[1]);
      effects.replies.push_back(is_put ? kiln::Reply::Ok()
                                       : kiln::Reply::Refused("expected key=value"));
    }
    return effects;
  }

  absl::StatusOr<std::string> Query(const kiln::StateView& state,
                                    absl::string_view key) const override {
    return state.Get(key);
  }
};

int main(int argc, char** argv) {
  return kiln::RunNode(argc, argv, std::make_unique<Kv>());
}
