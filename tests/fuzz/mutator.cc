#include "tests/fuzz/mutator.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "tests/fuzz/fuzz.h"

namespace kiln::fuzz {
namespace {

constexpr size_t kMutationsMax = 8;
constexpr size_t kPieceBytesMax = 256;

// Lengths, counts, rounds and limits at which arithmetic turns, and their neighbours.
constexpr uint64_t kIntegers[] = {0,
                                  1,
                                  2,
                                  63,
                                  64,
                                  65,
                                  127,
                                  128,
                                  255,
                                  256,
                                  1023,
                                  1024,
                                  1025,
                                  0x7FFF,
                                  0x8000,
                                  0xFFFF,
                                  0x10000,
                                  1 << 20,
                                  (1 << 20) + 1,
                                  0x7FFFFFFF,
                                  0x80000000,
                                  0xFFFF0000,
                                  0xFFFFFFFF,
                                  0x100000000,
                                  0x7FFFFFFFFFFFFFFE,
                                  0x7FFFFFFFFFFFFFFF,
                                  0x8000000000000000,
                                  0xFFFFFFFFFFFFFFFE,
                                  0xFFFFFFFFFFFFFFFF};

// What means something to JSON, TOML, addresses, records and Protocol Buffers.
constexpr absl::string_view kTokens[] = {"{",
                                         "}",
                                         "[",
                                         "]",
                                         "[[",
                                         "]]",
                                         "\"",
                                         "\"\"\"",
                                         "'''",
                                         "\\",
                                         ":",
                                         ",",
                                         "=",
                                         ".",
                                         "#",
                                         "\n",
                                         "\r\n",
                                         "\t",
                                         " ",
                                         "null",
                                         "true",
                                         "false",
                                         "-1",
                                         "1e9",
                                         "0x",
                                         "1_0",
                                         "nan",
                                         "\\u00",
                                         "inf",
                                         "\\u0000",
                                         "\\n",
                                         "::",
                                         "[::]",
                                         "255.",
                                         "0.0.0.0",
                                         "65535",
                                         "65536",
                                         "\x0A",
                                         "\xFF\xFE",
                                         "\xC0\x80",
                                         "\xED\xA0\x80",
                                         "1979-05-27",
                                         "{}",
                                         "a.b"};

}  // namespace

Mutator::Mutator(std::vector<std::string> corpus, uint64_t seed)
    : corpus_(std::move(corpus)), seed_(seed) {
  KILN_CHECK(!corpus_.empty());
}

std::string Mutator::Make(uint64_t number) {
  state_ = seed_ * 0x9E3779B97F4A7C15 + number;
  std::string bytes = AnyFile();
  for (size_t left = 1 + Below(kMutationsMax); left > 0; --left) MutateOnce(&bytes);
  if (bytes.size() > kInputBytesMax) bytes.resize(kInputBytesMax);
  return bytes;
}

// SplitMix64 (Steele, Lea and Flood, OOPSLA'14).
uint64_t Mutator::Next() {
  state_ += 0x9E3779B97F4A7C15;
  uint64_t z = state_;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
  z = (z ^ z >> 27) * 0x94D049BB133111EB;
  return z ^ z >> 31;
}

size_t Mutator::Below(size_t bound) {
  return static_cast<size_t>(Next() % bound);
}

void Mutator::MutateOnce(std::string* bytes) {
  static constexpr void (Mutator::*kMutations[])(std::string*) = {
      &Mutator::FlipBit,     &Mutator::FlipBit,    &Mutator::SetByte,  &Mutator::AddToByte,
      &Mutator::SetInteger,  &Mutator::SetInteger, &Mutator::Erase,    &Mutator::Insert,
      &Mutator::InsertToken, &Mutator::Duplicate,  &Mutator::Truncate, &Mutator::Overwrite,
      &Mutator::Splice};
  if (bytes->empty()) return Insert(bytes);
  (this->*kMutations[Below(std::size(kMutations))])(bytes);
}

void Mutator::FlipBit(std::string* bytes) {
  (*bytes)[Below(bytes->size())] ^= static_cast<char>(1 << Below(8));
}

void Mutator::SetByte(std::string* bytes) {
  (*bytes)[Below(bytes->size())] = static_cast<char>(Next());
}

void Mutator::AddToByte(std::string* bytes) {
  char& byte = (*bytes)[Below(bytes->size())];
  byte = static_cast<char>(byte + static_cast<int>(Below(7)) - 3);
}

void Mutator::SetInteger(std::string* bytes) {
  const uint64_t value = kIntegers[Below(std::size(kIntegers))];
  const size_t width = size_t{1} << Below(4);
  if (bytes->size() < width) return SetByte(bytes);
  const size_t at = Below(bytes->size() - width + 1);
  for (size_t i = 0; i < width; ++i) (*bytes)[at + i] = static_cast<char>(value >> (8 * i));
}

void Mutator::Erase(std::string* bytes) {
  const size_t at = Below(bytes->size());
  bytes->erase(at, 1 + Below(std::min(bytes->size() - at, kPieceBytesMax)));
}

void Mutator::Insert(std::string* bytes) {
  std::string piece(1 + Below(16), '\0');
  const bool random = Below(2) == 0;
  for (char& c : piece) c = random ? static_cast<char>(Next()) : '\0';
  bytes->insert(Below(bytes->size() + 1), piece);
}

void Mutator::InsertToken(std::string* bytes) {
  const absl::string_view token = kTokens[Below(std::size(kTokens))];
  const size_t at = Below(bytes->size() + 1);
  for (size_t times = Below(8) == 0 ? 1 + Below(kPieceBytesMax) : 1; times > 0; --times) {
    bytes->insert(at, token.data(), token.size());
  }
}

void Mutator::Duplicate(std::string* bytes) {
  const size_t at = Below(bytes->size());
  const std::string piece = bytes->substr(at, 1 + Below(kPieceBytesMax));
  for (size_t times = 1 + Below(3); times > 0; --times) bytes->insert(at, piece);
}

void Mutator::Truncate(std::string* bytes) {
  bytes->resize(Below(bytes->size()));
}

void Mutator::Overwrite(std::string* bytes) {
  const std::string& other = AnyFile();
  if (other.empty()) return FlipBit(bytes);
  const std::string piece = other.substr(Below(other.size()), 1 + Below(kPieceBytesMax));
  const size_t at = Below(bytes->size());
  bytes->replace(at, std::min(piece.size(), bytes->size() - at), piece);
}

void Mutator::Splice(std::string* bytes) {
  const std::string& other = AnyFile();
  bytes->resize(Below(bytes->size() + 1));
  bytes->append(other, Below(other.size() + 1));
}

}  // namespace kiln::fuzz
