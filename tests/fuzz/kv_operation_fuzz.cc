#include <string>

#include "tests/fuzz/fuzz.h"
#include "tools/kv_application.h"

namespace kiln::fuzz {

KILN_FUZZ_TARGET(kv_operation) {
  return IsCanonical(input, tools::DecodeKvOperation(input),
                     [](const tools::KvOperation& operation) {
                       return operation.is_put ? tools::EncodeKvPut(operation.key, operation.value)
                                               : tools::EncodeKvDelete(operation.key);
                     });
}

}  // namespace kiln::fuzz
