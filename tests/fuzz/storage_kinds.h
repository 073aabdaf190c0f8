// The records of one target share a corpus: the first byte says which.
#ifndef KILN_TESTS_FUZZ_STORAGE_KINDS_H_
#define KILN_TESTS_FUZZ_STORAGE_KINDS_H_

#include <cstdint>

namespace kiln::fuzz {

enum class StorageKind : uint8_t {
  kBlock = 0,
  kCommit = 1,
  kResultIds = 2,
  kReplies = 3,
  kHead = 4,
};

}  // namespace kiln::fuzz

#endif  // KILN_TESTS_FUZZ_STORAGE_KINDS_H_
