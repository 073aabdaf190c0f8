#include "sim/result_json.h"

#include <nlohmann/json.hpp>

#include "base/check.h"

namespace kiln::sim {
namespace {

using nlohmann::json;

std::string Line(const json& document) {
  return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

json Parse(const std::string& line) {
  json document = json::parse(line, nullptr, /*allow_exceptions=*/false);
  KILN_CHECK(!document.is_discarded()) << line;
  return document;
}

json FiguresJson(const RunFigures& figures) {
  json messages = json::object();
  for (const auto& [kind, sent] : figures.messages) messages[kind] = {sent.count, sent.bytes};
  return {{"measured_us", figures.measured_us},
          {"transactions", figures.transactions},
          {"refused", figures.refused},
          {"blocks", figures.blocks},
          {"rounds", figures.rounds},
          {"longest_pause_us", figures.longest_pause_us},
          {"latency_us",
           {figures.latency_p50_us, figures.latency_p90_us, figures.latency_p99_us,
            figures.latency_max_us}},
          {"messages", messages},
          {"busiest_line_bytes", figures.busiest_line_bytes},
          {"transactions_in_second", figures.transactions_in_second}};
}

RunFigures ParseFigures(const json& document) {
  RunFigures figures;
  figures.measured_us = document.at("measured_us");
  figures.transactions = document.at("transactions");
  figures.refused = document.at("refused");
  figures.blocks = document.at("blocks");
  figures.rounds = document.at("rounds");
  figures.longest_pause_us = document.at("longest_pause_us");
  const json& latency_us = document.at("latency_us");
  figures.latency_p50_us = latency_us.at(0);
  figures.latency_p90_us = latency_us.at(1);
  figures.latency_p99_us = latency_us.at(2);
  figures.latency_max_us = latency_us.at(3);
  for (const auto& [kind, sent] : document.at("messages").items()) {
    figures.messages[kind] = {.count = sent.at(0), .bytes = sent.at(1)};
  }
  figures.busiest_line_bytes = document.at("busiest_line_bytes");
  figures.transactions_in_second =
      document.at("transactions_in_second").get<std::vector<uint64_t>>();
  return figures;
}

}  // namespace

std::string ResultLine(const RunResult& result) {
  json violations = json::array();
  for (const Violation& violation : result.violations) {
    violations.push_back({violation.invariant, violation.at_us, violation.what});
  }
  return Line({{"violations", violations},
               {"blocks", result.committed_blocks},
               {"rounds", result.rounds},
               {"transactions", result.committed_transactions},
               {"simulated_us", result.simulated_us},
               {"events", result.events},
               {"faults", result.faults},
               {"frames_dropped", result.frames_dropped},
               {"figures", FiguresJson(result.figures)},
               {"trace_hash", result.trace_hash}});
}

RunResult ParseResultLine(const std::string& line) {
  const json document = Parse(line);
  RunResult result;
  for (const json& violation : document.at("violations")) {
    result.violations.push_back({violation.at(0), violation.at(1), violation.at(2)});
  }
  result.committed_blocks = document.at("blocks");
  result.rounds = document.at("rounds");
  result.committed_transactions = document.at("transactions");
  result.simulated_us = document.at("simulated_us");
  result.events = document.at("events");
  result.faults = document.at("faults").get<std::map<std::string, uint64_t>>();
  result.frames_dropped = document.at("frames_dropped");
  result.figures = ParseFigures(document.at("figures"));
  result.trace_hash = document.at("trace_hash");
  return result;
}

std::string EventLine(const TraceEvent& event) {
  return Line(json::array({static_cast<int>(event.kind), event.at_us, event.replica, event.peer,
                           event.id, event.round, event.height, event.text}));
}

TraceEvent ParseEventLine(const std::string& line) {
  const json fields = Parse(line);
  TraceEvent event;
  event.kind = static_cast<TraceEvent::Kind>(fields.at(0).get<int>());
  event.at_us = fields.at(1);
  event.replica = fields.at(2);
  event.peer = fields.at(3);
  event.id = fields.at(4);
  event.round = fields.at(5);
  event.height = fields.at(6);
  event.text = fields.at(7);
  return event;
}

}  // namespace kiln::sim
