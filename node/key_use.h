// Remembers, beside a consensus key and away from the data folder, that the key has signed.
#ifndef KILN_NODE_KEY_USE_H_
#define KILN_NODE_KEY_USE_H_

#include <string>

#include "absl/status/status.h"
#include "kiln/types.h"

namespace kiln::node {

// An empty data folder is that of a validator that never ran, or of one that lost all it had. The
// second must not start anew: it has forgotten what it signed. A file beside the key tells the two
// apart; its name is the key file's with ".used-on-" and the chain's short id behind it.
//
// FailedPrecondition when the key was used on this chain, and no ledger is in `data_dir`.
absl::Status CheckKeyUse(const std::string& key_file, const Hash& chain_id,
                         const std::string& data_dir);
// Durable when it returns; does nothing when it is noted already. An error when the folder of the
// key cannot be written: what is left then is what others show
// (consensus::ReplicaOptions::listen_us).
absl::Status NoteKeyUse(const std::string& key_file, const Hash& chain_id);

}  // namespace kiln::node

#endif  // KILN_NODE_KEY_USE_H_
