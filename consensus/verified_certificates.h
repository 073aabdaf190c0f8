// Certificates that were verified once need no second look.
#ifndef KILN_CONSENSUS_VERIFIED_CERTIFICATES_H_
#define KILN_CONSENSUS_VERIFIED_CERTIFICATES_H_

#include <cstddef>
#include <deque>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/synchronization/mutex.h"
#include "kiln/types.h"

namespace kiln::consensus {

// The certificates that verified, by hash, the newest kCertificatesRememberedMax of them, so that
// the one QC which every proposal, timeout and answer repeats costs its signatures once. The hash
// covers the signatures too: a certificate that differs in any byte is another one. Thread-safe.
class VerifiedCertificates {
 public:
  static constexpr size_t kCertificatesRememberedMax = 1024;
  bool Contains(const Hash& certificate) const;
  void Remember(const Hash& certificate);

 private:
  mutable absl::Mutex mutex_;
  absl::flat_hash_set<Hash> known_ ABSL_GUARDED_BY(mutex_);  // lookup only
  std::deque<Hash> order_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kiln::consensus

#endif  // KILN_CONSENSUS_VERIFIED_CERTIFICATES_H_
