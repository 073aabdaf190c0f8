#include <string>

#include "storage/schema.h"
#include "tests/fuzz/fuzz.h"

namespace kiln::fuzz {
namespace {

using storage::Family;

void ExpectSealIsForOnePlace(Family family, absl::string_view key, const std::string& sealed) {
  const Family other = family == Family::kSafety ? Family::kMetadata : Family::kSafety;
  Expect(!storage::Unseal(other, key, sealed).ok(), "a seal is of one family");
  Expect(!storage::Unseal(family, std::string(key) + '\0', sealed).ok(), "a seal is of one key");
}

}  // namespace

// A family, the key as a part, the sealed value.
KILN_FUZZ_TARGET(sealed_value) {
  const auto family = static_cast<Family>(TakeByte(&input) % storage::kFamilyCount);
  const absl::string_view key = TakePart(&input);
  const std::string sealed = storage::Seal(family, key, std::string(input));
  const absl::StatusOr<absl::string_view> own = storage::Unseal(family, key, sealed);
  Expect(own.ok() && *own == input, "what was sealed is unsealed");
  ExpectSealIsForOnePlace(family, key, sealed);
  return IsCanonical(input, storage::Unseal(family, key, input), [&](absl::string_view value) {
    return storage::Seal(family, key, std::string(value));
  });
}

}  // namespace kiln::fuzz
