// A validator of the key-value store with an application that goes wrong on request: a put of the
// key "fail" makes its Execute fail, a put of the key "diverge" gives it another state than the
// application has elsewhere.
#include <memory>

#include "absl/status/status.h"
#include "kiln/application.h"
#include "kiln/node.h"
#include "tools/kv_application.h"

namespace kiln {
namespace {

class MisbehavingApplication final : public Application {
 public:
  absl::StatusOr<Effects> Execute(const Block& block, State& state) override {
    for (const absl::string_view transaction : block.transactions) {
      const absl::StatusOr<tools::KvOperation> operation = tools::DecodeKvOperation(transaction);
      if (!operation.ok()) continue;
      if (operation->key == "fail") return absl::InternalError("told to fail");
      if (operation->key == "diverge") state.Put("only here", "of all validators");
    }
    return application_.Execute(block, state);
  }

  absl::StatusOr<std::string> Query(const StateView& state,
                                    absl::string_view query) const override {
    return application_.Query(state, query);
  }

 private:
  tools::KvApplication application_;
};

}  // namespace
}  // namespace kiln

int main(int argc, char** argv) {
  return kiln::RunNode(argc, argv, std::make_unique<kiln::MisbehavingApplication>());
}
