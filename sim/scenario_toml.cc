#include "sim/scenario_toml.h"

#include <charconv>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "node/did_you_mean.h"
#include "node/files.h"

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

namespace kiln::sim {
namespace {

// The members of Scenario and Fault in the order of a file, with the name of each. Reading and
// writing are two visitors of one list, so that neither can forget a member.
template <typename S, typename Visitor>
void VisitScenario(S& scenario, Visitor& visitor) {
  visitor.Member("name", scenario.name);
  visitor.Member("about", scenario.about);
  visitor.Member("seed", scenario.seed);
  visitor.Member("powers", scenario.powers);
  visitor.Member("twins", scenario.twins);
  visitor.Member("leaders", scenario.leaders);
  visitor.Member("round_timeout_min_ms", scenario.round_timeout_min_ms);
  visitor.Member("round_timeout_max_ms", scenario.round_timeout_max_ms);
  visitor.Member("heartbeat_ms", scenario.heartbeat_ms);
  visitor.Member("listen_ms", scenario.listen_ms);
  visitor.Member("block_bytes_max", scenario.block_bytes_max);
  visitor.Member("block_transactions_max", scenario.block_transactions_max);
  visitor.Member("duplicate_window_blocks", scenario.duplicate_window_blocks);
  visitor.Member("execution_lag_max", scenario.execution_lag_max);
  visitor.Member("snapshot_interval_blocks", scenario.snapshot_interval_blocks);
  visitor.Member("retention_blocks", scenario.retention_blocks);
  visitor.Member("mempool_transactions_max", scenario.mempool_transactions_max);
  visitor.Member("mempool_bytes_max", scenario.mempool_bytes_max);
  visitor.Member("scrub_bytes_per_s", scenario.scrub_bytes_per_s);
  visitor.Member("real_signatures", scenario.real_signatures);
  visitor.Member("delay_min_us", scenario.delay_min_us);
  visitor.Member("delay_mean_us", scenario.delay_mean_us);
  visitor.Member("link_bytes_per_ms", scenario.link_bytes_per_ms);
  visitor.Member("regions", scenario.regions);
  visitor.Member("region_delays_us", scenario.region_delays_us);
  visitor.Member("sync_us", scenario.sync_us);
  visitor.Member("execute_us", scenario.execute_us);
  visitor.Member("transactions_per_s", scenario.transactions_per_s);
  visitor.Member("transaction_bytes", scenario.transaction_bytes);
  visitor.Member("chaos_ms", scenario.chaos_ms);
  visitor.Member("calm_ms", scenario.calm_ms);
  visitor.Member("measure_from_ms", scenario.measure_from_ms);
  visitor.Member("calm_rounds", scenario.calm_rounds);
  visitor.Member("must_violate", scenario.must_violate);
}

template <typename F, typename Visitor>
void VisitFault(F& fault, Visitor& visitor) {
  visitor.Member("row", fault.row);
  visitor.Member("kind", fault.kind);
  visitor.Member("at_ms", fault.at_ms);
  visitor.Member("for_ms", fault.for_ms);
  visitor.Member("nodes", fault.nodes);
  visitor.Member("peers", fault.peers);
  visitor.Member("messages", fault.messages);
  visitor.Member("amount", fault.amount);
}

// --- Writing

std::string ValueText(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '\n') {
      absl::StrAppend(&quoted, "\\n");
      continue;
    }
    if (c == '"' || c == '\\') quoted.push_back('\\');
    quoted.push_back(c);
  }
  return absl::StrCat(quoted, "\"");
}

// TOML's whole numbers have a sign: those above are written in quotes.
std::string ValueText(uint64_t value) {
  const bool fits = value <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  return fits ? absl::StrCat(value) : absl::StrCat("\"", value, "\"");
}

std::string ValueText(uint32_t value) {
  return absl::StrCat(value);
}

std::string ValueText(bool value) {
  return value ? "true" : "false";
}

// The shortest text that is read as the same number.
std::string ValueText(double value) {
  char text[64];
  const std::to_chars_result end = std::to_chars(text, text + sizeof(text), value);
  return std::string(text, end.ptr);
}

template <typename T>
std::string ValueText(const std::vector<T>& values) {
  return absl::StrCat("[",
                      absl::StrJoin(values, ", ",
                                    [](std::string* out, const T& value) {
                                      absl::StrAppend(out, ValueText(value));
                                    }),
                      "]");
}

// Writes "key = value" lines.
class Writer {
 public:
  template <typename T>
  void Member(absl::string_view key, const T& value) {
    lines_.push_back({std::string(key), absl::StrCat(key, " = ", ValueText(value), "\n")});
  }
  // All lines but those that `defaults` has as well.
  std::string Without(const Writer& defaults) const {
    std::string text;
    for (size_t i = 0; i < lines_.size(); ++i) {
      if (lines_[i].second != defaults.lines_[i].second) absl::StrAppend(&text, lines_[i].second);
    }
    return text;
  }

 private:
  std::vector<std::pair<std::string, std::string>> lines_;
};

std::string FaultText(const Fault& fault) {
  Writer writer;
  Writer defaults;
  const Fault empty;
  VisitFault(fault, writer);
  VisitFault(empty, defaults);
  return absl::StrCat("\n[[fault]]\n", writer.Without(defaults));
}

// --- Reading

// Reads the members of one table. The first thing that is wrong is remembered; a key that is absent
// leaves its member as it was. Finish() refuses keys nobody asked for.
class Reader {
 public:
  Reader(const toml::table& table, std::string path, std::string prefix)
      : table_(table), path_(std::move(path)), prefix_(std::move(prefix)) {}

  template <typename T>
  void Member(absl::string_view key, T& target) {
    const toml::node* node = Find(key);
    if (node == nullptr) return;
    std::string wrong = Read(*node, target);
    if (!wrong.empty()) Fail(*node, key, wrong);
  }

  const toml::node* Find(absl::string_view key) {
    known_.push_back(key);
    return status_.ok() ? table_.get(std::string(key)) : nullptr;
  }

  void Fail(const toml::node& node, absl::string_view key, absl::string_view what) {
    status_ = absl::InvalidArgumentError(
        absl::StrCat(path_, ":", node.source().begin.line, ": ", prefix_, key, ": ", what));
  }

  absl::Status Finish() {
    for (const auto& [key, value] : table_) {
      if (!status_.ok()) break;
      const absl::string_view name(key.data(), key.length());
      bool is_known = false;
      for (const absl::string_view candidate : known_) is_known = is_known || candidate == name;
      if (is_known) continue;
      const std::string in =
          prefix_.empty() ? "" : absl::StrCat(prefix_.substr(0, prefix_.size() - 1), ": ");
      status_ = absl::InvalidArgumentError(absl::StrCat(path_, ":", key.source().begin.line, ": ",
                                                        in, node::UnknownKey(name, known_)));
    }
    return status_;
  }

 private:
  // Each returns what is wrong, empty when nothing is.
  static std::string Read(const toml::node& node, std::string& target) {
    if (!node.is_string()) return "must be a string";
    target = node.ref<std::string>();
    for (const char c : target) {
      if (static_cast<unsigned char>(c) < ' ' && c != '\n') {
        return "must not have control characters in it";
      }
    }
    return "";
  }
  static std::string Read(const toml::node& node, bool& target) {
    if (!node.is_boolean()) return "must be true or false";
    target = node.ref<bool>();
    return "";
  }
  static std::string Read(const toml::node& node, uint64_t& target) {
    if (node.is_string() && absl::SimpleAtoi(node.ref<std::string>(), &target)) return "";
    if (!node.is_integer() || node.ref<int64_t>() < 0) return "must be a whole number, 0 or above";
    target = static_cast<uint64_t>(node.ref<int64_t>());
    return "";
  }
  static std::string Read(const toml::node& node, uint32_t& target) {
    uint64_t value = 0;
    const std::string wrong = Read(node, value);
    if (!wrong.empty()) return wrong;
    if (value > std::numeric_limits<uint32_t>::max()) return absl::StrCat(value, " is too large");
    target = static_cast<uint32_t>(value);
    return "";
  }
  static std::string Read(const toml::node& node, double& target) {
    if (node.is_integer()) {
      target = static_cast<double>(node.ref<int64_t>());
      return "";
    }
    if (!node.is_floating_point()) return "must be a number";
    target = node.ref<double>();
    return "";
  }
  template <typename T>
  static std::string Read(const toml::node& node, std::vector<T>& target) {
    const toml::array* list = node.as_array();
    if (list == nullptr) return "must be a list: [..., ...]";
    target.clear();
    for (const toml::node& element : *list) {
      T value{};
      const std::string wrong = Read(element, value);
      if (!wrong.empty()) return absl::StrCat("element ", target.size(), " ", wrong);
      target.push_back(std::move(value));
    }
    return "";
  }

  const toml::table& table_;
  const std::string path_;
  const std::string prefix_;
  std::vector<absl::string_view> known_;
  absl::Status status_;
};

absl::StatusOr<Fault> ReadFault(const toml::table& table, const std::string& path, size_t index) {
  Reader reader(table, path, absl::StrCat("fault[", index, "]."));
  Fault fault;
  VisitFault(fault, reader);
  KILN_RETURN_IF_ERROR(reader.Finish());
  return fault;
}

absl::Status ReadFaults(Reader& reader, const std::string& path, std::vector<Fault>* faults) {
  const toml::node* node = reader.Find("fault");
  if (node == nullptr) return absl::OkStatus();
  const toml::array* list = node->as_array();
  for (size_t i = 0; list != nullptr && i < list->size(); ++i) {
    const toml::table* table = list->get(i)->as_table();
    if (table == nullptr) {
      list = nullptr;
      break;
    }
    KILN_ASSIGN_OR_RETURN(Fault fault, ReadFault(*table, path, i));
    faults->push_back(std::move(fault));
  }
  if (list == nullptr) {
    reader.Fail(*node, "fault", "must be tables, each under a [[fault]] of its own");
  }
  return absl::OkStatus();
}

}  // namespace

std::string ScenarioText(const Scenario& scenario) {
  Writer writer;
  Writer defaults;
  const Scenario empty;
  VisitScenario(scenario, writer);
  VisitScenario(empty, defaults);
  std::string text = writer.Without(defaults);
  for (const Fault& fault : scenario.faults) absl::StrAppend(&text, FaultText(fault));
  return text;
}

absl::StatusOr<Scenario> ParseScenario(absl::string_view text, const std::string& path) {
  const toml::parse_result parsed = toml::parse(std::string(text));
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    const std::string description(error.description());
    return absl::InvalidArgumentError(
        absl::StrCat(path, ":", error.source().begin.line, ": ",
                     absl::Utf8SafeCEscape(description.substr(0, 300))));
  }
  Reader reader(parsed.table(), path, "");
  Scenario scenario;
  VisitScenario(scenario, reader);
  KILN_RETURN_IF_ERROR(ReadFaults(reader, path, &scenario.faults));
  KILN_RETURN_IF_ERROR(reader.Finish());
  if (const absl::Status valid = ValidateScenario(scenario); !valid.ok()) {
    return Annotate(valid, path);
  }
  return scenario;
}

absl::StatusOr<Scenario> ReadScenario(const std::string& path) {
  KILN_ASSIGN_OR_RETURN(const std::string text, node::ReadSmallFile(path, kScenarioFileBytesMax));
  return ParseScenario(text, path);
}

}  // namespace kiln::sim
