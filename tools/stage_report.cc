#include "tools/stage_report.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/text_table.h"

namespace kiln::tools {
namespace {

// An estimate may fall a little.
uint64_t Since(uint64_t before, uint64_t after) {
  return after > before ? after - before : 0;
}

double Ratio(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

double Seconds(uint64_t ns) {
  return static_cast<double>(ns) / 1e9;
}

uint64_t StagesCpuNs(const ProfileSnapshot& profile) {
  uint64_t sum = 0;
  for (const StageTotals& stage : profile.stages) sum += stage.cpu_ns;
  return sum;
}

// What no stage accounts for: gRPC's and RocksDB's threads, wake-ups, the rest of the process.
uint64_t OtherCpuNs(const ProfileSnapshot& profile) {
  const uint64_t stages = StagesCpuNs(profile);
  return profile.process_cpu_ns > stages ? profile.process_cpu_ns - stages : 0;
}

nlohmann::ordered_json StagesJson(const ProfileSnapshot& profile) {
  nlohmann::ordered_json stages = nlohmann::ordered_json::array();
  for (size_t i = 0; i < kStageCount; ++i) {
    const StageTotals& totals = profile.stages[i];
    const Stage stage = static_cast<Stage>(i);
    stages.push_back({{"stage", std::string(NameOf(stage))},
                      {"calls", totals.calls},
                      {"items", totals.items},
                      {"items_are", std::string(ItemsOf(stage))},
                      {"items_per_call", Ratio(totals.items, totals.calls)},
                      {"wall_seconds", Seconds(totals.wall_ns)},
                      {"cpu_seconds", Seconds(totals.cpu_ns)},
                      {"wall_us_per_call", Ratio(totals.wall_ns, totals.calls) / 1e3},
                      {"cpu_share", Ratio(totals.cpu_ns, profile.process_cpu_ns)}});
  }
  return stages;
}

nlohmann::ordered_json LegsJson(const ProfileSnapshot& profile) {
  nlohmann::ordered_json legs = nlohmann::ordered_json::array();
  for (size_t i = 0; i < kLegCount; ++i) {
    const LegTotals& leg = profile.legs[i];
    legs.push_back({{"leg", std::string(NameOf(static_cast<Leg>(i)))},
                    {"count", leg.count},
                    {"mean_ms", Ratio(leg.ns, leg.count) / 1e6}});
  }
  return legs;
}

nlohmann::ordered_json QueuesJson(const ProfileSnapshot& profile) {
  nlohmann::ordered_json queues = nlohmann::ordered_json::array();
  for (size_t i = 0; i < kDepthCount; ++i) {
    const DepthTotals& depth = profile.depths[i];
    queues.push_back({{"queue", std::string(NameOf(static_cast<Depth>(i)))},
                      {"samples", depth.samples},
                      {"mean", Ratio(depth.sum, depth.samples)},
                      {"highest", depth.highest}});
  }
  return queues;
}

nlohmann::ordered_json ProfileJson(const ProfileSnapshot& profile, uint64_t committed) {
  return {{"cpu_seconds", Seconds(profile.process_cpu_ns)},
          {"cpu_us_per_transaction", Ratio(profile.process_cpu_ns, committed) / 1e3},
          {"stages", StagesJson(profile)},
          {"other_cpu_seconds", Seconds(OtherCpuNs(profile))},
          {"other_cpu_share", Ratio(OtherCpuNs(profile), profile.process_cpu_ns)},
          {"legs", LegsJson(profile)},
          {"queues", QueuesJson(profile)}};
}

std::string Percent(uint64_t part, uint64_t whole) {
  return absl::StrFormat("%.1f %%", 100 * Ratio(part, whole));
}

std::string MicrosecondsEach(uint64_t ns, uint64_t count) {
  return count == 0 ? "-" : absl::StrFormat("%.3f", Ratio(ns, count) / 1e3);
}

std::string StagesText(const StageReport& report, const ProfileSnapshot& total) {
  TextTable table({"stage", "calls/s", "items/call", "of", "wall us/call", "CPU us/call", "CPU s",
                   "share", "CPU us/transaction"});
  for (size_t i = 0; i < kStageCount; ++i) {
    const StageTotals& totals = total.stages[i];
    const Stage stage = static_cast<Stage>(i);
    table.Add({std::string(NameOf(stage)),
               absl::StrFormat("%.0f",
                               static_cast<double>(totals.calls) * 1e9 /
                                   static_cast<double>(std::max<uint64_t>(1, total.monotonic_ns))),
               absl::StrFormat("%.1f", Ratio(totals.items, totals.calls)),
               std::string(ItemsOf(stage)),
               absl::StrFormat("%.1f", Ratio(totals.wall_ns, totals.calls) / 1e3),
               absl::StrFormat("%.1f", Ratio(totals.cpu_ns, totals.calls) / 1e3),
               absl::StrFormat("%.2f", Seconds(totals.cpu_ns)),
               Percent(totals.cpu_ns, total.process_cpu_ns),
               MicrosecondsEach(totals.cpu_ns, report.committed)});
  }
  table.Add({"other", "", "", "", "", "", absl::StrFormat("%.2f", Seconds(OtherCpuNs(total))),
             Percent(OtherCpuNs(total), total.process_cpu_ns),
             MicrosecondsEach(OtherCpuNs(total), report.committed)});
  table.Add({"all", "", "", "", "", "", absl::StrFormat("%.2f", Seconds(total.process_cpu_ns)),
             "100.0 %", MicrosecondsEach(total.process_cpu_ns, report.committed)});
  return table.Render();
}

std::string CpuByValidatorText(const StageReport& report) {
  std::vector<std::string> header = {"CPU s"};
  for (const StageReport::Validator& validator : report.validators)
    header.push_back(validator.name);
  TextTable table(header);
  const auto add = [&](absl::string_view name, auto cpu_ns) {
    std::vector<std::string> row = {std::string(name)};
    for (const StageReport::Validator& validator : report.validators) {
      row.push_back(absl::StrFormat("%.2f", Seconds(cpu_ns(validator.profile))));
    }
    table.Add(std::move(row));
  };
  for (size_t i = 0; i < kStageCount; ++i) {
    add(NameOf(static_cast<Stage>(i)),
        [i](const ProfileSnapshot& profile) { return profile.stages[i].cpu_ns; });
  }
  add("other", [](const ProfileSnapshot& profile) { return OtherCpuNs(profile); });
  return table.Render();
}

std::string LegsText(ProfileSnapshot total) {
  static constexpr absl::string_view kWords[kLegCount] = {
      "a client's batch, from its arrival to its last answer",
      "a block with transactions: until the write before the vote for it is synced",
      "until the write that commits it is synced", "until its execution begins",
      "until its clients are answered"};
  TextTable table({"a commit's life", "mean ms", "measured"});
  for (size_t i = 0; i < kLegCount; ++i) {
    const LegTotals& leg = total.legs[i];
    table.Add({std::string(kWords[i]), absl::StrFormat("%.3f", Ratio(leg.ns, leg.count) / 1e6),
               absl::StrCat(leg.count)});
  }
  return table.Render();
}

std::string QueuesText(const ProfileSnapshot& total) {
  static constexpr absl::string_view kWords[kDepthCount] = {
      "events for the replica", "frames for the verification pool", "frames for peers",
      "transactions in the mempool", "blocks committed, not executed"};
  TextTable table({"queue", "mean length", "highest"});
  for (size_t i = 0; i < kDepthCount; ++i) {
    const DepthTotals& depth = total.depths[i];
    table.Add({std::string(kWords[i]), absl::StrFormat("%.1f", Ratio(depth.sum, depth.samples)),
               absl::StrCat(depth.highest)});
  }
  return table.Render();
}

}  // namespace

ProfileSnapshot Difference(const ProfileSnapshot& after, const ProfileSnapshot& before) {
  ProfileSnapshot difference = after;
  difference.monotonic_ns = Since(before.monotonic_ns, after.monotonic_ns);
  if (after.process_cpu_ns < before.process_cpu_ns) return difference;  // another process
  difference.process_cpu_ns = Since(before.process_cpu_ns, after.process_cpu_ns);
  for (size_t i = 0; i < kStageCount; ++i) {
    StageTotals& stage = difference.stages[i];
    const StageTotals& old = before.stages[i];
    stage = {Since(old.calls, stage.calls), Since(old.items, stage.items),
             Since(old.wall_ns, stage.wall_ns), Since(old.cpu_ns, stage.cpu_ns)};
  }
  for (size_t i = 0; i < kLegCount; ++i) {
    LegTotals& leg = difference.legs[i];
    leg = {Since(before.legs[i].count, leg.count), Since(before.legs[i].ns, leg.ns)};
  }
  for (size_t i = 0; i < kDepthCount; ++i) {
    DepthTotals& depth = difference.depths[i];
    depth.samples = Since(before.depths[i].samples, depth.samples);
    depth.sum = Since(before.depths[i].sum, depth.sum);
  }
  return difference;
}

ProfileSnapshot StageReport::Total() const {
  ProfileSnapshot total;
  for (const Validator& validator : validators) {
    const ProfileSnapshot& profile = validator.profile;
    total.monotonic_ns = std::max(total.monotonic_ns, profile.monotonic_ns);
    total.process_cpu_ns += profile.process_cpu_ns;
    for (size_t i = 0; i < kStageCount; ++i) {
      total.stages[i].calls += profile.stages[i].calls;
      total.stages[i].items += profile.stages[i].items;
      total.stages[i].wall_ns += profile.stages[i].wall_ns;
      total.stages[i].cpu_ns += profile.stages[i].cpu_ns;
    }
    for (size_t i = 0; i < kLegCount; ++i) {
      total.legs[i].count += profile.legs[i].count;
      total.legs[i].ns += profile.legs[i].ns;
    }
    for (size_t i = 0; i < kDepthCount; ++i) {
      total.depths[i].samples += profile.depths[i].samples;
      total.depths[i].sum += profile.depths[i].sum;
      total.depths[i].highest = std::max(total.depths[i].highest, profile.depths[i].highest);
    }
  }
  return total;
}

nlohmann::ordered_json StageReportJson(const StageReport& report) {
  const ProfileSnapshot total = report.Total();
  nlohmann::ordered_json json = {{"seconds", Seconds(total.monotonic_ns)},
                                 {"committed", report.committed},
                                 {"total", ProfileJson(total, report.committed)},
                                 {"validators", nlohmann::ordered_json::array()}};
  for (const StageReport::Validator& validator : report.validators) {
    nlohmann::ordered_json one = {{"validator", validator.name}};
    one.update(ProfileJson(validator.profile, report.committed));
    json["validators"].push_back(std::move(one));
  }
  return json;
}

std::string StageReportText(const StageReport& report) {
  const ProfileSnapshot total = report.Total();
  return absl::StrCat(absl::StrFormat("\nAll %d validators over %.1f s:\n\n",
                                      report.validators.size(), Seconds(total.monotonic_ns)),
                      StagesText(report, total), "\n", CpuByValidatorText(report), "\n",
                      LegsText(total), "\n", QueuesText(total));
}

}  // namespace kiln::tools
