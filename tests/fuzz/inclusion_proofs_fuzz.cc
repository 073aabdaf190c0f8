#include <string>
#include <vector>

#include "crypto/merkle.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/samples.h"

namespace kiln::fuzz {
namespace {

const consensus::Block& BlockOfProofs() {
  return *CheapSamples().ledger.at(2);
}

void ExpectTrue(const Hash& leaf, const crypto::MerklePosition& position) {
  const auto& entries = BlockOfProofs().index->entries;
  Expect(position.leaf_count == entries.size(), "a proof that verifies has the tree's leaf count");
  Expect(position.index < entries.size() && entries[position.index].leaf == leaf,
         "a proof that verifies shows where its leaf is");
}

}  // namespace

// Any number of: the leaf, by its index in the block, and its proof as a part. Checked one by one,
// and by a verifier that remembers what earlier ones have shown.
KILN_FUZZ_TARGET(inclusion_proofs) {
  const auto& entries = BlockOfProofs().index->entries;
  crypto::MerkleProofVerifier verifier(BlockOfProofs().header.payload_root);
  bool all_accepted = !input.empty();
  while (!input.empty()) {
    const uint8_t which = TakeByte(&input);
    const Hash leaf = which < entries.size() ? entries[which].leaf : Hash{};
    const absl::string_view proof = TakePart(&input);
    const auto alone = crypto::VerifyMerkleProof(BlockOfProofs().header.payload_root, leaf, proof);
    const auto remembered = verifier.Verify(leaf, proof);
    if (alone.ok()) ExpectTrue(leaf, *alone);
    if (remembered.ok()) ExpectTrue(leaf, *remembered);
    if (!alone.ok()) ExpectReadable(alone.status());
    if (!remembered.ok()) ExpectReadable(remembered.status());
    Expect(remembered.ok() || !alone.ok(), "what was remembered makes no proof fail");
    all_accepted = all_accepted && alone.ok();
  }
  return all_accepted;
}

}  // namespace kiln::fuzz
