// The background check of what a validator stored, and the mending of what decayed.
#ifndef KILN_NODE_SCRUB_H_
#define KILN_NODE_SCRUB_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "base/ids.h"
#include "consensus/messages.h"
#include "consensus/signing.h"
#include "kiln/genesis.h"
#include "kiln/types.h"
#include "node/snapshots.h"
#include "node/state_scrub.h"
#include "storage/chain_verifier.h"
#include "storage/database.h"
#include "storage/ledger_audit.h"
#include "storage/store.h"

namespace kiln::node {

// Reads the ledger from block 1 to the newest committed ones again and again, a little at a time,
// with the checks of `kiln ledger verify` (storage/ledger_audit.h). A block, certificate or index
// entry that is not what was written is asked of the other validators in turn, proved, and written
// anew; results, which come from executing, are named only. Damage that nobody mended is tried
// again with each pass. After the blocks come the state and its snapshots (node/state_scrub.h), at
// the same rate; damage in the state ends the validator. Starts no thread and reads no clock:
// whoever drives it calls Step when it says so. Step is for one thread; the rest is thread-safe.
class Scrub {
 public:
  struct Options {
    Genesis genesis;
    ValidatorIndex self;
    uint64_t bytes_per_second = 0;  // above 0
    uint64_t rest_us = 0;           // from one pass to the next
  };
  // What is borrowed outlives it.
  struct Environment {
    const storage::Store* store = nullptr;
    storage::Database* database = nullptr;  // of that store
    const consensus::SignatureVerifier* signatures = nullptr;
    Snapshots* snapshots = nullptr;  // null: none are read
    std::function<void(ValidatorIndex to, const consensus::BlockRequest&)> ask;
    // An entry of the state is not what was written: nothing may be executed on it. Once.
    std::function<void(absl::Status why)> state_lost;
    std::function<void(const storage::Damage&)> found;              // for logs; may be null
    std::function<void(Height, ValidatorIndex from)> mended;        // likewise
    std::function<void(uint64_t blocks, uint64_t damaged)> passed;  // likewise: a pass is over
  };

  static absl::StatusOr<std::unique_ptr<Scrub>> Create(const Options& options,
                                                       const Environment& environment);

  // Checks some heights, or goes on with mending. Returns when to call it again, in monotonic
  // microseconds; earlier calls do no harm.
  uint64_t Step(Now now);
  // Whether these blocks, which passed MessageVerifier, were asked for here and are taken.
  bool Offer(ValidatorIndex from, const consensus::Blocks& answer);
  ScrubStatus status() const;

 private:
  // A block of few bytes costs reads and signature checks too.
  static constexpr uint64_t kBlockBytesMin = 64 << 10;
  static constexpr uint64_t kStepBytes = 256 << 10;
  // The newest blocks have no proof yet that runs through committed blocks alone.
  static constexpr uint64_t kNewestBlocks = 8;
  static constexpr uint64_t kAnswerWaitUs = 1'000'000;

  struct Question {
    Height height;
    ValidatorIndex to;
    uint64_t due_us = 0;
    std::optional<consensus::Blocks> answer;
  };

  Scrub(const Options& options, const Environment& environment,
        std::unique_ptr<storage::ChainVerifier> verifier);

  // When to go on after so many bytes were read.
  uint64_t Charge(Now now, uint64_t bytes);
  uint64_t CheckBlocks(Now now);
  uint64_t CheckState(Now now);
  uint64_t EndPass(Now now);
  // As many as one step takes; next_ is then the one after. Bytes to be charged for them.
  uint64_t CheckHeights(Height last);
  // That one height.
  void CheckAgain(Height height);
  void NoteFound(Height height, absl::Span<const storage::Damage> found);
  // What was pruned needs no mending, and must not come back.
  void ForgetPruned();
  // When to go on with it; none when there is nothing to mend now.
  std::optional<uint64_t> Mend(Now now);
  void TakeAnswer(const Question& question);
  std::optional<uint64_t> AskNext(Now now);
  void Note(Height height, std::optional<storage::Damage> damage);

  const Options options_;
  const Environment environment_;
  const std::unique_ptr<storage::ChainVerifier> verifier_;
  StateScrub state_;
  Height next_{1};
  bool are_blocks_done_ = false;  // in this pass
  bool is_state_lost_ = false;
  uint64_t resumes_us_ = 0;  // the next heights
  // Of what is being mended.
  std::optional<Height> mending_;
  uint32_t asked_ = 0;      // of the others, for that height
  uint32_t next_peer_ = 0;  // whose turn it is
  Height tried_up_to_;      // nobody could help up to here, in this pass

  mutable absl::Mutex mutex_;
  ScrubStatus status_ ABSL_GUARDED_BY(mutex_);
  absl::btree_map<Height, storage::Damage> damage_ ABSL_GUARDED_BY(mutex_);
  std::optional<Question> question_ ABSL_GUARDED_BY(mutex_);
};

// A proof that the first of these blocks is final, of nothing but them. NotFound when no two
// certified ones of consecutive rounds are among them.
absl::StatusOr<std::string> FinalityWithin(const consensus::Blocks& answer);

}  // namespace kiln::node

#endif  // KILN_NODE_SCRUB_H_
