#include <memory>
#include <string>

#include "consensus/payload.h"
#include "kiln/client.h"
#include "kiln/v1/client.pb.h"
#include "network/check_transaction.h"
#include "network/client_service.h"
#include "network/submit_stream.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/samples.h"

namespace kiln::fuzz {

// What the service lets through makes a batch that mempools and blocks take.
KILN_FUZZ_TARGET(submit_request) {
  v1::SubmitRequest request;
  if (!request.ParseFromArray(input.data(), static_cast<int>(input.size()))) return false;
  const absl::Status checked =
      network::CheckTransaction(request.payload(), request.key(), SampleLimits());
  if (!checked.ok()) {
    ExpectReadable(checked);
    return false;
  }
  const std::string batch = network::BatchOfOne(request.key(), request.payload());
  const absl::StatusOr<uint32_t> count = consensus::CountBatch(batch, SampleLimits());
  Expect(count.ok() && *count == 1, "a batch of one counts as one");
  const auto index = consensus::IndexBatch(batch, SampleLimits());
  Expect(index.ok() && (*index)->entries.size() == 1, "a batch of one has one entry");
  const Hash id = TransactionId({.payload = request.payload(), .key = request.key()});
  Expect((*index)->entries.front().id == id, "an entry's id is the transaction's");
  return true;
}

}  // namespace kiln::fuzz
