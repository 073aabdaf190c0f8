#include "consensus/verified_certificates.h"

namespace kiln::consensus {

bool VerifiedCertificates::Contains(const Hash& certificate) const {
  absl::MutexLock lock(&mutex_);
  return known_.contains(certificate);
}

void VerifiedCertificates::Remember(const Hash& certificate) {
  absl::MutexLock lock(&mutex_);
  if (!known_.insert(certificate).second) return;
  order_.push_back(certificate);
  if (order_.size() <= kCertificatesRememberedMax) return;
  known_.erase(order_.front());
  order_.pop_front();
}

}  // namespace kiln::consensus
