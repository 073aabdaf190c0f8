// What a fuzz target is, and what it may say about its decoder.
//
//   KILN_FUZZ_TARGET(vote) {
//     return IsCanonical(input, consensus::DecodeVote(input));
//   }
//
// in vote_fuzz.cc. The same file is built twice: into kiln_fuzz, whose driver replays the corpus
// and mutates it, and with libFuzzer into fuzz_vote.
#ifndef KILN_TESTS_FUZZ_FUZZ_H_
#define KILN_TESTS_FUZZ_FUZZ_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kiln::fuzz {

// Inputs are never longer: what a decoder does with more follows from its named limits.
inline constexpr size_t kInputBytesMax = 32 << 10;

// Feeds one input to a decoder and ends the process when a property does not hold. Returns whether
// the decoder accepted the input: files of the corpus must be accepted (README.md). A function of
// the input alone, so that any input can be repeated by itself.
using Target = bool (*)(absl::string_view input);

// Called before main for each target of the program; returns true.
bool Register(const char* name, Target target);

// Ends the process by abort(), which both drivers take for a finding.
[[noreturn]] void Broken(absl::string_view property);

inline void Expect(bool holds, absl::string_view property) {
  if (!holds) Broken(property);
}

// A refusal has a message of bounded size on one line, as it ends up in logs and on terminals.
void ExpectReadable(const absl::Status& refusal);

// For canonical encodings: what decodes encodes to the very same bytes.
template <typename T, typename EncodeFunction>
bool IsCanonical(absl::string_view input, const absl::StatusOr<T>& decoded, EncodeFunction encode) {
  if (!decoded.ok()) {
    ExpectReadable(decoded.status());
    return false;
  }
  Expect(encode(*decoded) == input, "what decodes encodes to the very same bytes");
  return true;
}
// With the Encode that stands beside the type.
template <typename T>
bool IsCanonical(absl::string_view input, const absl::StatusOr<T>& decoded) {
  return IsCanonical(input, decoded, [](const T& value) { return Encode(value); });
}

// --- Inputs of several parts: each part but the last has its length in front, in two bytes, least
// significant first. Any bytes are such an input: a length beyond the end means "all the rest".

// Takes the first part off `input`.
absl::string_view TakePart(absl::string_view* input);
// Takes the first byte off; 0 when there is none.
uint8_t TakeByte(absl::string_view* input);
// `part` with its length in front. REQUIRES: at most 65535 bytes.
std::string AsPart(absl::string_view part);

}  // namespace kiln::fuzz

#ifdef KILN_LIBFUZZER
#define KILN_FUZZ_TARGET(name)                                                   \
  static bool Fuzz_##name(absl::string_view input);                              \
  extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {      \
    if (size <= ::kiln::fuzz::kInputBytesMax) {                                  \
      Fuzz_##name(absl::string_view(reinterpret_cast<const char*>(data), size)); \
    }                                                                            \
    return 0;                                                                    \
  }                                                                              \
  static bool Fuzz_##name(absl::string_view input)
#else
#define KILN_FUZZ_TARGET(name)                                \
  static bool Fuzz_##name(absl::string_view input);           \
  [[maybe_unused]] static const bool fuzz_registered_##name = \
      ::kiln::fuzz::Register(#name, &Fuzz_##name);            \
  static bool Fuzz_##name(absl::string_view input)
#endif

#endif  // KILN_TESTS_FUZZ_FUZZ_H_
