#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/fuzz/fuzz.h"
#include "tools/import_records.h"

namespace kiln::fuzz {

KILN_FUZZ_TARGET(import_records) {
  const absl::StatusOr<std::vector<tools::Record>> records = tools::ParseRecords(input);
  if (!records.ok()) {
    ExpectReadable(records.status());
    return false;
  }
  std::string text;
  for (const tools::Record& record : *records) {
    absl::StrAppend(&text, record.key, "\t", record.value, "\r\n");
  }
  const absl::StatusOr<std::vector<tools::Record>> again = tools::ParseRecords(text);
  Expect(again.ok() && *again == *records, "records survive writing");
  return true;
}

}  // namespace kiln::fuzz
