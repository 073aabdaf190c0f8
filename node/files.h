// Small files, read with a bound and written for good.
#ifndef KILN_NODE_FILES_H_
#define KILN_NODE_FILES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kiln::node {

// The whole of a regular file. Errors name the path: NotFound, PermissionDenied, InvalidArgument
// for something else than a regular file or one of more than `bytes_max` bytes.
absl::StatusOr<std::string> ReadSmallFile(const std::string& path, size_t bytes_max);

// Writes and syncs a file of mode 0600 that must not exist yet.
absl::Status WriteNewFile(const std::string& path, absl::string_view contents);
// Makes a folder of mode 0700; an existing one is fine.
absl::Status MakeDirectory(const std::string& path);
// Makes the entries of a folder durable.
absl::Status SyncDirectory(const std::string& path);
// Makes the name of `path` durable: that of a new or renamed file or folder.
absl::Status SyncParentOf(const std::string& path);

// "DIR: cannot do WHAT: reason" for the current errno, with the status code that fits it.
absl::Status ErrnoStatus(absl::string_view path, absl::string_view what);

// `path` itself when it is absolute, else below `base`.
std::string ResolvePath(const std::string& base, const std::string& path);

}  // namespace kiln::node

#endif  // KILN_NODE_FILES_H_
