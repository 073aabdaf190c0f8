// A safety record as a small JSON file that knows whose it is.
#ifndef KILN_TOOLS_SAFETY_FILE_H_
#define KILN_TOOLS_SAFETY_FILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "consensus/safety_record.h"
#include "crypto/ed25519.h"
#include "kiln/types.h"

namespace kiln::tools {

struct SafetyFile {
  Hash chain_id;
  crypto::PublicKey consensus_key{};
  consensus::SafetyRecord record;
};

// Rounds for people; "record" is the whole record in its canonical bytes, with their checksum, and
// is what counts.
std::string SafetyFileText(const SafetyFile& file);

// InvalidArgument for anything that SafetyFileText does not write, rounds that are not those of the
// record included: somebody changed them by hand.
absl::StatusOr<SafetyFile> ParseSafetyFile(absl::string_view text);

}  // namespace kiln::tools

#endif  // KILN_TOOLS_SAFETY_FILE_H_
