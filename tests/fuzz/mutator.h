// Bytes made from a corpus: deterministic, blind to structure.
#ifndef KILN_TESTS_FUZZ_MUTATOR_H_
#define KILN_TESTS_FUZZ_MUTATOR_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace kiln::fuzz {

// Every input follows from corpus, seed and its number alone. Not thread-safe.
class Mutator {
 public:
  // REQUIRES: the corpus is not empty.
  Mutator(std::vector<std::string> corpus, uint64_t seed);

  // The input with this number: a file of the corpus after one to eight mutations, at most
  // kInputBytesMax long.
  std::string Make(uint64_t number);

 private:
  uint64_t Next();
  size_t Below(size_t bound);  // REQUIRES: bound > 0
  const std::string& AnyFile() { return corpus_[Below(corpus_.size())]; }
  void MutateOnce(std::string* bytes);

  void FlipBit(std::string* bytes);
  void SetByte(std::string* bytes);
  void AddToByte(std::string* bytes);
  void SetInteger(std::string* bytes);
  void Erase(std::string* bytes);
  void Insert(std::string* bytes);
  void InsertToken(std::string* bytes);
  void Duplicate(std::string* bytes);
  void Truncate(std::string* bytes);
  void Overwrite(std::string* bytes);  // with a piece of another file
  void Splice(std::string* bytes);     // the front of this, the back of another

  const std::vector<std::string> corpus_;
  const uint64_t seed_;
  uint64_t state_ = 0;
};

}  // namespace kiln::fuzz

#endif  // KILN_TESTS_FUZZ_MUTATOR_H_
