#include "tools/folder_swap.h"

#include <fcntl.h>
#include <stdio.h>

#include "node/files.h"

namespace kiln::tools {

absl::Status ExchangeFolders(const std::string& a, const std::string& b) {
  if (renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) != 0) {
    return node::ErrnoStatus(a, "exchange it with " + b);
  }
  return node::SyncParentOf(a);
}

}  // namespace kiln::tools
