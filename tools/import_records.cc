#include "tools/import_records.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "tools/kv_application.h"

namespace kiln::tools {
namespace {

constexpr size_t kReadBytes = 64 << 10;

absl::StatusOr<Record> ParseRecord(absl::string_view line) {
  size_t split = line.find('\t');
  if (split == absl::string_view::npos) {
    split = line.find(' ');
    if (split == absl::string_view::npos || split + 1 == line.size()) {
      return absl::InvalidArgumentError("expected KEY VALUE or KEY<tab>VALUE");
    }
  }
  const absl::string_view key = line.substr(0, split);
  KILN_RETURN_IF_ERROR(CheckKvKey(key));
  return Record{std::string(key), std::string(line.substr(split + 1))};
}

absl::StatusOr<std::string> ReadBounded(std::istream& input, absl::string_view name) {
  std::string text;
  std::string piece(kReadBytes, '\0');
  while (input.read(piece.data(), static_cast<std::streamsize>(piece.size())), input.gcount() > 0) {
    text.append(piece, 0, static_cast<size_t>(input.gcount()));
    if (text.size() > kImportBytesMax) {
      return absl::ResourceExhaustedError(absl::StrCat(name, ": more than ", kImportBytesMax >> 20,
                                                       " MiB; split it and import the parts"));
    }
  }
  if (input.bad()) return absl::DataLossError(absl::StrCat(name, ": cannot be read to its end"));
  return text;
}

}  // namespace

absl::StatusOr<std::vector<Record>> ParseRecords(absl::string_view text) {
  std::vector<Record> records;
  size_t number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    absl::ConsumeSuffix(&line, "\r");
    if (line.empty()) continue;
    absl::StatusOr<Record> record = ParseRecord(line);
    if (!record.ok()) return Annotate(record.status(), absl::StrCat("line ", number));
    records.push_back(*std::move(record));
  }
  return records;
}

absl::StatusOr<std::string> ReadImport(const std::string& path, std::istream& standard_input) {
  if (path == "-") return ReadBounded(standard_input, "standard input");
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat(path, ": ", std::strerror(errno)));
  return ReadBounded(file, path);
}

}  // namespace kiln::tools
