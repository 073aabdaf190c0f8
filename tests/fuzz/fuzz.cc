#include "tests/fuzz/fuzz.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/check.h"

namespace kiln::fuzz {
namespace {

constexpr size_t kMessageBytesMax = 2048;

bool IsControl(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

}  // namespace

void Broken(absl::string_view property) {
  std::fprintf(stderr, "property does not hold: %.*s\n", static_cast<int>(property.size()),
               property.data());
  std::abort();
}

void ExpectReadable(const absl::Status& refusal) {
  const absl::string_view message = refusal.message();
  Expect(!message.empty(), "a refusal says why");
  Expect(message.size() <= kMessageBytesMax, "a refusal's message is bounded");
  Expect(std::none_of(message.begin(), message.end(), IsControl),
         "a refusal's message has no control characters in it");
}

absl::string_view TakePart(absl::string_view* input) {
  size_t length = TakeByte(input);
  length |= size_t{TakeByte(input)} << 8;
  const absl::string_view part = input->substr(0, length);
  input->remove_prefix(part.size());
  return part;
}

uint8_t TakeByte(absl::string_view* input) {
  if (input->empty()) return 0;
  const auto byte = static_cast<uint8_t>(input->front());
  input->remove_prefix(1);
  return byte;
}

std::string AsPart(absl::string_view part) {
  KILN_CHECK_LE(part.size(), size_t{0xFFFF});
  std::string bytes = {static_cast<char>(part.size()), static_cast<char>(part.size() >> 8)};
  bytes.append(part.data(), part.size());
  return bytes;
}

}  // namespace kiln::fuzz

#ifdef KILN_LIBFUZZER
// KILN_CHECK ends a process by _exit, which libFuzzer takes for a wish of its user; the linker
// sends it here instead.
extern "C" [[noreturn]] void __wrap__exit(int status);
void __wrap__exit(int) {
  std::abort();
}
#endif
