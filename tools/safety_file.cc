#include "tools/safety_file.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "consensus/codec.h"
#include "tools/describe_safety.h"

namespace kiln::tools {
namespace {

using SafetyDocument = nlohmann::ordered_json;

constexpr char kKind[] = "kiln safety record";
constexpr uint64_t kSafetyFileVersion = 1;

SafetyDocument DocumentOf(const SafetyFile& file) {
  SafetyDocument document = {{"kind", kKind},
                             {"version", kSafetyFileVersion},
                             {"chain_id", file.chain_id.ToHex()},
                             {"consensus_key", Hash{file.consensus_key}.ToHex()}};
  document.update(SafetyJson(file.record));
  document["high_qc"] = absl::BytesToHexString(consensus::Encode(file.record.high_qc));
  document["record"] = absl::BytesToHexString(consensus::Encode(file.record));
  return document;
}

absl::StatusOr<std::string> TextOf(const SafetyDocument& document, const char* key) {
  if (!document.is_object() || !document.contains(key) || !document[key].is_string()) {
    return absl::InvalidArgumentError(absl::StrCat("not a safety file: \"", key, "\" is missing"));
  }
  return document[key].get<std::string>();
}

absl::StatusOr<Hash> HashFrom(const SafetyDocument& document, const char* key) {
  KILN_ASSIGN_OR_RETURN(const std::string text, TextOf(document, key));
  absl::StatusOr<Hash> hash = Hash::FromHex(text);
  if (!hash.ok()) return Annotate(hash.status(), key);
  return hash;
}

absl::StatusOr<consensus::SafetyRecord> RecordFrom(const SafetyDocument& document) {
  KILN_ASSIGN_OR_RETURN(const std::string text, TextOf(document, "record"));
  if (text.size() % 2 != 0 || text.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return absl::InvalidArgumentError("\"record\" is not hexadecimal");
  }
  return consensus::DecodeSafetyRecord(absl::HexStringToBytes(text));
}

}  // namespace

std::string SafetyFileText(const SafetyFile& file) {
  return absl::StrCat(DocumentOf(file).dump(2), "\n");
}

absl::StatusOr<SafetyFile> ParseSafetyFile(absl::string_view text) {
  const SafetyDocument document =
      SafetyDocument::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  SafetyFile file;
  KILN_ASSIGN_OR_RETURN(file.chain_id, HashFrom(document, "chain_id"));
  KILN_ASSIGN_OR_RETURN(const Hash key, HashFrom(document, "consensus_key"));
  file.consensus_key = key.bytes;
  KILN_ASSIGN_OR_RETURN(file.record, RecordFrom(document));
  if (document == DocumentOf(file)) return file;
  return absl::InvalidArgumentError(
      "its rounds, kind or version are not those of the record in it: it was changed by hand, or "
      "another version of Kiln wrote it");
}

}  // namespace kiln::tools
