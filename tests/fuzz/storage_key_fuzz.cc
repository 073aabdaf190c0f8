#include <string>

#include "storage/schema.h"
#include "tests/fuzz/fuzz.h"

namespace kiln::fuzz {

KILN_FUZZ_TARGET(storage_key) {
  const bool block =
      IsCanonical(input, storage::ParseBlockKey(input), [](const storage::BlockKeyParts& parts) {
        return storage::BlockKey(parts.height, parts.id);
      });
  const bool height = IsCanonical(input, storage::ParseHeightKey(input), &storage::HeightKey);
  Expect(!block || !height, "no key is of two shapes");
  return block || height;
}

}  // namespace kiln::fuzz
