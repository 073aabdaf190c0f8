// One small chain with fixed keys that the corpora are made of and that targets verify against.
#ifndef KILN_TESTS_FUZZ_SAMPLES_H_
#define KILN_TESTS_FUZZ_SAMPLES_H_

#include <string>

#include "kiln/genesis.h"
#include "tests/consensus/test_world.h"
#include "tests/storage/ledger_driver.h"

namespace kiln::fuzz {

// Four validators of unequal power, and limits low enough for inputs to reach them.
inline ChainLimits SampleLimits() {
  return {.block_bytes_max = 64 << 10,
          .transaction_bytes_max = 1 << 10,
          .block_transactions_max = 64,
          .duplicate_window_blocks = 16};
}

// Heights 1 to 6. Height 2 has the transactions of SampleTransactions, height 4 has one; round 5 is
// skipped. Not thread-safe.
struct Samples {
  explicit Samples(consensus::Signatures kind)
      : world({3, 2, 2, 1}, SampleLimits(), kind), ledger(&world) {
    ledger.Extend();
    ledger.Extend(SampleTransactions());
    ledger.Extend();
    ledger.Extend({"the only one"});
    ledger.Extend({}, /*rounds_skipped=*/1);
    ledger.Extend();
  }
  static std::vector<std::string> SampleTransactions() {
    return {"first", "second", "third", std::string("\0\xFF", 2), "fifth", "sixth", "seventh"};
  }

  consensus::TestWorld world;
  storage::LedgerDriver ledger;
};

// Made on first use. With signatures that only signing makes, at a fraction of the cost: mutations
// do not find them either.
inline Samples& CheapSamples() {
  static auto* const samples = new Samples(consensus::Signatures::kCheap);
  return *samples;
}
// With Ed25519, for what brings its own verifier.
inline Samples& RealSamples() {
  static auto* const samples = new Samples(consensus::Signatures::kReal);
  return *samples;
}

}  // namespace kiln::fuzz

#endif  // KILN_TESTS_FUZZ_SAMPLES_H_
