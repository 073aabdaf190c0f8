// genesis.json: the one place that knows its JSON.
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "consensus/validator_set.h"
#include "kiln/genesis.h"
#include "node/did_you_mean.h"
#include "node/files.h"
#include "node/home.h"
#include "node/node_options.h"

namespace kiln {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kGenesisFileBytesMax = 1 << 20;  // 1,024 validators take less than half of it
constexpr int kGenesisDepthMax = 4;               // document, list, validator, and one to spare

absl::Status Invalid(const std::string& path, absl::string_view what) {
  return absl::InvalidArgumentError(path.empty() ? std::string(what)
                                                 : absl::StrCat(path, ": ", what));
}

std::string Member(const std::string& path, absl::string_view key) {
  return path.empty() ? std::string(key) : absl::StrCat(path, ".", key);
}

// Watches the parser for what the parsed document no longer shows: keys given twice, absurd depth.
class ParseWatch {
 public:
  bool operator()(int depth, Json::parse_event_t event, const Json& parsed) {
    if (depth > kGenesisDepthMax && problem_.empty()) problem_ = "nested too deeply";
    if (event == Json::parse_event_t::object_start) keys_.emplace_back();
    if (event == Json::parse_event_t::object_end) keys_.pop_back();
    if (event == Json::parse_event_t::key && !keys_.back().insert(parsed).second &&
        problem_.empty()) {
      const std::string key = parsed.get<std::string>();
      problem_ =
          absl::StrCat("key \"", absl::Utf8SafeCEscape(key.substr(0, 64)), "\" is given twice");
    }
    return true;
  }
  const std::string& problem() const { return problem_; }

 private:
  std::vector<std::set<std::string>> keys_;  // of the objects that are open
  std::string problem_;
};

// The parser's message without its own prefix: "line 3, column 7: syntax error ...".
std::string ParserMessage(absl::string_view what) {
  const size_t at = what.find("parse error at ");
  if (at != absl::string_view::npos) what.remove_prefix(at + 15);
  return absl::Utf8SafeCEscape(what.substr(0, 200));
}

absl::StatusOr<Json> ParseDocument(absl::string_view text) {
  if (text.size() > kGenesisFileBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("larger than ", kGenesisFileBytesMax, " bytes, the most that is read"));
  }
  ParseWatch watch;
  try {
    Json document = Json::parse(text.begin(), text.end(),
                                [&watch](int depth, Json::parse_event_t event, Json& parsed) {
                                  return watch(depth, event, parsed);
                                });
    if (!watch.problem().empty()) return absl::InvalidArgumentError(watch.problem());
    return document;
  } catch (const Json::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat("not JSON: ", ParserMessage(error.what())));
  }
}

absl::Status CheckObject(const Json& json, const std::string& path,
                         absl::Span<const absl::string_view> known) {
  if (!json.is_object()) return Invalid(path, "must be an object");
  for (const auto& [key, value] : json.items()) {
    bool is_known = false;
    for (absl::string_view candidate : known) is_known = is_known || candidate == key;
    if (!is_known) return Invalid(path, node::UnknownKey(key, known));
  }
  return absl::OkStatus();
}

absl::StatusOr<const Json*> Required(const Json& json, const std::string& path,
                                     absl::string_view key) {
  const auto found = json.find(std::string(key));
  if (found == json.end()) return Invalid(Member(path, key), "is missing");
  return &*found;
}

absl::StatusOr<std::string> ReadString(const Json& json, const std::string& path,
                                       absl::string_view key) {
  KILN_ASSIGN_OR_RETURN(const Json* value, Required(json, path, key));
  if (!value->is_string()) return Invalid(Member(path, key), "must be a string");
  return value->get<std::string>();
}

absl::StatusOr<uint64_t> ReadWhole(const Json& json, const std::string& path, absl::string_view key,
                                   node::WholeRange range) {
  KILN_ASSIGN_OR_RETURN(const Json* value, Required(json, path, key));
  if (value->is_number_unsigned() && range.Contains(value->get<uint64_t>())) {
    return value->get<uint64_t>();
  }
  const std::string shown = value->is_number() ? absl::StrCat(" (is ", value->dump(), ")") : "";
  return Invalid(Member(path, key),
                 absl::StrCat("must be a whole number from ", range.min, " to ", range.max, shown));
}

absl::StatusOr<std::array<uint8_t, 32>> ReadKey(const Json& json, const std::string& path,
                                                absl::string_view key) {
  KILN_ASSIGN_OR_RETURN(const std::string text, ReadString(json, path, key));
  const absl::StatusOr<Hash> bytes = Hash::FromHex(text);
  if (!bytes.ok()) return Invalid(Member(path, key), "must be 64 lower-case hexadecimal digits");
  return bytes->bytes;
}

absl::StatusOr<GenesisValidator> ReadValidator(const Json& json, const std::string& path) {
  KILN_RETURN_IF_ERROR(CheckObject(json, path, {"name", "consensus_key", "node_key", "power"}));
  GenesisValidator validator;
  KILN_ASSIGN_OR_RETURN(validator.name, ReadString(json, path, "name"));
  KILN_ASSIGN_OR_RETURN(validator.consensus_key, ReadKey(json, path, "consensus_key"));
  KILN_ASSIGN_OR_RETURN(validator.node_key, ReadKey(json, path, "node_key"));
  KILN_ASSIGN_OR_RETURN(validator.power,
                        ReadWhole(json, path, "power", {1, consensus::kTotalPowerMax}));
  return validator;
}

absl::StatusOr<std::vector<GenesisValidator>> ReadValidators(const Json& document) {
  KILN_ASSIGN_OR_RETURN(const Json* list, Required(document, "", "validators"));
  if (!list->is_array() || list->empty() || list->size() > consensus::kValidatorsMax) {
    return Invalid("validators", absl::StrCat("must be a list of 1 to ", consensus::kValidatorsMax,
                                              " validators"));
  }
  std::vector<GenesisValidator> validators;
  for (const Json& entry : *list) {
    const std::string path = absl::StrCat("validators[", validators.size(), "]");
    KILN_ASSIGN_OR_RETURN(GenesisValidator validator, ReadValidator(entry, path));
    validators.push_back(std::move(validator));
  }
  return validators;
}

// The keys of "limits", what they set and what is allowed (include/kiln/genesis.h).
struct Limit {
  absl::string_view key;
  uint64_t ChainLimits::*field;
  node::WholeRange range;
};
constexpr Limit kLimits[] = {
    {"block_bytes_max", &ChainLimits::block_bytes_max, {64 << 10, 8 << 20}},
    {"transaction_bytes_max", &ChainLimits::transaction_bytes_max, {1, 4 << 20}},
    {"block_transactions_max", &ChainLimits::block_transactions_max, {1, 65536}},
    {"duplicate_window_blocks", &ChainLimits::duplicate_window_blocks, {16, 65536}},
    {"execution_lag_max", &ChainLimits::execution_lag_max, {4, 64}},
    {"clock_skew_max_ms", &ChainLimits::clock_skew_max_ms, {100, 60000}},
    {"snapshot_interval_blocks", &ChainLimits::snapshot_interval_blocks, {16, 1'000'000}},
};

// Limits left out have their defaults.
absl::StatusOr<ChainLimits> ReadLimits(const Json& document) {
  ChainLimits limits;
  const auto found = document.find("limits");
  if (found == document.end()) return limits;
  std::vector<absl::string_view> known;
  for (const Limit& limit : kLimits) known.push_back(limit.key);
  KILN_RETURN_IF_ERROR(CheckObject(*found, "limits", known));
  for (const Limit& limit : kLimits) {
    if (!found->contains(std::string(limit.key))) continue;
    KILN_ASSIGN_OR_RETURN(limits.*limit.field, ReadWhole(*found, "limits", limit.key, limit.range));
  }
  return limits;
}

std::string Hex(const std::array<uint8_t, 32>& key) {
  return Hash{key}.ToHex();
}

Json ValidatorJson(const GenesisValidator& validator) {
  return {{"name", validator.name},
          {"consensus_key", Hex(validator.consensus_key)},
          {"node_key", Hex(validator.node_key)},
          {"power", validator.power}};
}

std::string Dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

absl::StatusOr<Genesis> Genesis::FromJson(absl::string_view json) {
  KILN_ASSIGN_OR_RETURN(const Json document, ParseDocument(json));
  KILN_RETURN_IF_ERROR(
      CheckObject(document, "", {"chain_name", "time_us", "validators", "limits"}));
  Genesis genesis;
  KILN_ASSIGN_OR_RETURN(genesis.chain_name, ReadString(document, "", "chain_name"));
  KILN_ASSIGN_OR_RETURN(genesis.time_us, ReadWhole(document, "", "time_us", {0, INT64_MAX}));
  KILN_ASSIGN_OR_RETURN(genesis.validators, ReadValidators(document));
  KILN_ASSIGN_OR_RETURN(genesis.limits, ReadLimits(document));
  KILN_RETURN_IF_ERROR(genesis.Validate());
  return genesis;
}

absl::StatusOr<Genesis> Genesis::FromFile(const std::string& path) {
  KILN_ASSIGN_OR_RETURN(const std::string text, node::ReadSmallFile(path, kGenesisFileBytesMax));
  absl::StatusOr<Genesis> genesis = FromJson(text);
  if (!genesis.ok()) return Annotate(genesis.status(), path);
  return genesis;
}

std::string Genesis::ToJson() const {
  Json list = Json::array();
  for (const GenesisValidator& validator : validators) list.push_back(ValidatorJson(validator));
  Json limits_json = Json::object();
  for (const Limit& limit : kLimits) limits_json[std::string(limit.key)] = limits.*limit.field;
  const Json document = {{"chain_name", chain_name},
                         {"time_us", time_us},
                         {"limits", std::move(limits_json)},
                         {"validators", std::move(list)}};
  return absl::StrCat(Dump(document), "\n");
}

std::string node::GenesisEntryJson(const GenesisValidator& validator) {
  return Dump(ValidatorJson(validator));
}

}  // namespace kiln
