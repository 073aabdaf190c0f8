// Leaves of trees under test.
#ifndef KILN_TESTS_CRYPTO_MERKLE_LEAVES_H_
#define KILN_TESTS_CRYPTO_MERKLE_LEAVES_H_

#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crypto/merkle.h"
#include "kiln/types.h"

namespace kiln::crypto {

inline std::vector<Hash> Leaves(uint32_t count) {
  std::vector<Hash> leaves;
  for (uint32_t i = 0; i < count; ++i) leaves.push_back(MerkleLeaf(absl::StrCat("leaf ", i)));
  return leaves;
}

}  // namespace kiln::crypto

#endif  // KILN_TESTS_CRYPTO_MERKLE_LEAVES_H_
