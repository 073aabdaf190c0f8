// A home's place among the validators, and safety records that are meant for it.
#ifndef KILN_TOOLS_OWN_RECORD_H_
#define KILN_TOOLS_OWN_RECORD_H_

#include <string>

#include "absl/status/statusor.h"
#include "base/ids.h"
#include "consensus/safety_record.h"
#include "crypto/ed25519.h"
#include "tools/offline_home.h"

namespace kiln::tools {

struct OwnKey {
  crypto::PublicKey consensus_key{};
  ValidatorIndex index;
};
// From the home's key file; no passphrase is needed. FailedPrecondition when the genesis does not
// have the key.
absl::StatusOr<OwnKey> ReadOwnKey(const OfflineHome& home);

// The record in a file that `kiln safety export` wrote. FailedPrecondition when it is of another
// chain or key; InvalidArgument when something in it is not what this validator can have signed.
absl::StatusOr<consensus::SafetyRecord> ReadOwnRecord(const std::string& path,
                                                      const OfflineHome& home, const OwnKey& key);

}  // namespace kiln::tools

#endif  // KILN_TOOLS_OWN_RECORD_H_
