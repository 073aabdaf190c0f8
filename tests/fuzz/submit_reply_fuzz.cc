#include <memory>
#include <string>
#include <utility>

#include "consensus/receipt.h"
#include "kiln/v1/client.pb.h"
#include "network/convert.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/samples.h"

namespace kiln::fuzz {
namespace {

consensus::ReceiptVerifier& Verifier() {
  static auto* const verifier =
      consensus::ReceiptVerifier::Create(RealSamples().world.genesis())->release();
  return *verifier;
}

bool IsWhereTheReceiptSays(const Transaction& transaction, const Receipt& receipt) {
  const storage::LedgerDriver& ledger = RealSamples().ledger;
  if (receipt.height >= ledger.chain().size()) return false;
  const consensus::Block& block = *ledger.at(receipt.height);
  return block.id == receipt.proof.block_id && receipt.index < block.index->entries.size() &&
         block.index->entries[receipt.index].id == TransactionId(transaction);
}

}  // namespace

// Which transaction was submitted, the answer to it. A client believes no receipt but the true one.
KILN_FUZZ_TARGET(submit_reply) {
  const auto transactions = Samples::SampleTransactions();
  const Transaction transaction{.payload = transactions[TakeByte(&input) % transactions.size()]};
  v1::SubmitReply reply;
  if (!reply.ParseFromArray(input.data(), static_cast<int>(input.size()))) return false;
  const absl::StatusOr<Receipt> receipt = network::FromProto(std::move(reply));
  if (!receipt.ok()) {
    ExpectReadable(receipt.status());
    return false;
  }
  const absl::Status verified = Verifier().Verify(transaction, *receipt);
  if (!verified.ok()) {
    ExpectReadable(verified);
    return false;
  }
  Expect(IsWhereTheReceiptSays(transaction, *receipt), "a receipt that verifies is true");
  return true;
}

}  // namespace kiln::fuzz
