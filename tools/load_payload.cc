#include "tools/load_payload.h"

#include <array>
#include <random>

#include "absl/strings/str_format.h"
#include "base/check.h"
#include "tools/kv_application.h"

namespace kiln::tools {
namespace {

constexpr size_t kPutHeaderBytes = 3;
constexpr size_t kKeyBytes = 8;
constexpr size_t kMarkBytes = 16;  // run and sequence, which make every payload different
constexpr size_t kFillerStarts = 4096;
static_assert(kPutHeaderBytes + kKeyBytes + kMarkBytes <= kLoadPayloadBytesMin);
static_assert(kLoadKeys <= 100'000'000, "keys have eight digits");

void AppendNumber(uint64_t number, std::string* to) {
  for (size_t shift = 0; shift < 64; shift += 8) to->push_back(static_cast<char>(number >> shift));
}

std::string MakeFiller(uint64_t seed, size_t bytes) {
  std::mt19937_64 generator(seed);
  std::string filler;
  filler.reserve(bytes + sizeof(uint64_t));
  while (filler.size() < bytes) AppendNumber(generator(), &filler);
  return filler;
}

}  // namespace

LoadPayload::LoadPayload(uint64_t run, size_t bytes)
    : run_(run), bytes_(bytes), filler_(MakeFiller(run, bytes + kFillerStarts)) {
  KILN_CHECK_GE(bytes, kLoadPayloadBytesMin);
}

Transaction LoadPayload::Make(uint64_t sequence) const {
  const size_t filler_bytes = bytes_ - kPutHeaderBytes - kKeyBytes - kMarkBytes;
  std::string value;
  value.reserve(kMarkBytes + filler_bytes);
  AppendNumber(run_, &value);
  AppendNumber(sequence, &value);
  value.append(filler_, sequence % kFillerStarts, filler_bytes);
  std::array<char, kKeyBytes + 1> key{};
  absl::SNPrintF(key.data(), key.size(), "%08d", sequence % kLoadKeys);
  return {EncodeKvPut(absl::string_view(key.data(), kKeyBytes), value), ""};
}

}  // namespace kiln::tools
