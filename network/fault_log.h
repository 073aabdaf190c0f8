// What a client last held against a validator.
#ifndef KILN_NETWORK_FAULT_LOG_H_
#define KILN_NETWORK_FAULT_LOG_H_

#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"

namespace kiln::network {

// Thread-safe.
class FaultLog {
 public:
  void Record(absl::string_view endpoint, absl::string_view what) {
    absl::MutexLock lock(&mutex_);
    last_ = absl::StrCat(endpoint, ": ", what);
  }
  // "host:port: what"; empty when there was none.
  std::string last() const {
    absl::MutexLock lock(&mutex_);
    return last_;
  }

 private:
  mutable absl::Mutex mutex_;
  std::string last_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kiln::network

#endif  // KILN_NETWORK_FAULT_LOG_H_
