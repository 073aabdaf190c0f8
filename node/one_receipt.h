// One transaction's outcome as the public API gives it.
#ifndef KILN_NODE_ONE_RECEIPT_H_
#define KILN_NODE_ONE_RECEIPT_H_

#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "kiln/types.h"
#include "network/client_service.h"

namespace kiln::node {

// A sink for a submission of one transaction: runs `done` once, on the thread that delivers.
class OneReceipt final : public network::SubmitSink {
 public:
  explicit OneReceipt(absl::AnyInvocable<void(absl::StatusOr<Receipt>) &&> done)
      : done_(std::move(done)) {}

  void Deliver(network::SubmitOutcomes outcomes) override {
    std::move(done_)(network::TakeReceipt(std::move(outcomes)));
  }

 private:
  absl::AnyInvocable<void(absl::StatusOr<Receipt>) &&> done_;
};

}  // namespace kiln::node

#endif  // KILN_NODE_ONE_RECEIPT_H_
