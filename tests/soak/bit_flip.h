// One flipped bit in a data folder, and its repair.
#ifndef KILN_TESTS_SOAK_BIT_FLIP_H_
#define KILN_TESTS_SOAK_BIT_FLIP_H_

#include <cstdint>
#include <string>

#include "tests/soak/fault_deck.h"

namespace kiln::soak {

// In a table, blob file, log, CURRENT or MANIFEST; each kind of file that is there has an equal
// chance. Made and repaired while nobody has the folder open. Not thread-safe.
class BitFlip {
 public:
  BitFlip(const std::string& data_dir, Chance* chance);

  // "bit 3 of byte 1042 in 000012.sst"
  std::string Describe() const;
  // Flips it back. Whatever was written since stays: this is the newest state. False when the bit
  // is not there any more: the file was deleted, or written anew.
  bool Repair() const;

 private:
  std::string path_;
  uint64_t offset_ = 0;
  int bit_ = 0;
  char flipped_ = 0;  // the whole byte
};

}  // namespace kiln::soak

#endif  // KILN_TESTS_SOAK_BIT_FLIP_H_
