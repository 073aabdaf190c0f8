// The records that `kiln kv import` reads: one per line.
#ifndef KILN_TOOLS_IMPORT_RECORDS_H_
#define KILN_TOOLS_IMPORT_RECORDS_H_

#include <istream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kiln::tools {

inline constexpr size_t kImportBytesMax = size_t{256} << 20;  // of one import; it is held in memory

struct Record {
  std::string key;
  std::string value;

  friend bool operator==(const Record&, const Record&) = default;
};

// "KEY<tab>VALUE", or without a tab "KEY VALUE": the value is all that follows the first tab or
// space and may be empty only after a tab. Lines end in LF or CRLF; empty ones are left out.
// InvalidArgument names the first line that is no record, so that nothing of a malformed file is
// imported.
absl::StatusOr<std::vector<Record>> ParseRecords(absl::string_view text);

// All of `path`, or of `standard_input` when it is "-". ResourceExhausted above kImportBytesMax.
absl::StatusOr<std::string> ReadImport(const std::string& path, std::istream& standard_input);

}  // namespace kiln::tools

#endif  // KILN_TOOLS_IMPORT_RECORDS_H_
