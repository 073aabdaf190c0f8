// A folder that takes another one's place.
#ifndef KILN_TOOLS_FOLDER_SWAP_H_
#define KILN_TOOLS_FOLDER_SWAP_H_

#include <string>

#include "absl/status/status.h"

namespace kiln::tools {

// Exchanges the two names, in one step that a crash cannot cut in half: at no moment is either of
// them missing. Durable when it returns OK. Both are in the same parent folder.
absl::Status ExchangeFolders(const std::string& a, const std::string& b);

}  // namespace kiln::tools

#endif  // KILN_TOOLS_FOLDER_SWAP_H_
