#include "tools/describe_safety.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "tools/command.h"

namespace kiln::tools {
namespace {

template <typename T>
nlohmann::ordered_json RoundOf(const std::optional<T>& signed_thing) {
  if (!signed_thing.has_value()) return nullptr;
  return signed_thing->round.value;
}

template <typename T>
std::string RoundText(const std::optional<T>& signed_thing) {
  return signed_thing.has_value() ? absl::StrCat("round ", signed_thing->round.value) : "none";
}

}  // namespace

nlohmann::ordered_json SafetyJson(const consensus::SafetyRecord& record) {
  return {{"epoch", record.epoch.value},
          {"last_voted_round", record.last_voted_round.value},
          {"last_vote_round", RoundOf(record.last_vote)},
          {"last_timeout_round", RoundOf(record.last_timeout)},
          {"last_proposed_round", record.last_proposed_round.value},
          {"locked_qc_round", record.locked_qc_round.value},
          {"high_qc_round", record.high_qc.round.value},
          {"high_qc_block", record.high_qc.block_id.ToHex()},
          {"last_tc_round", RoundOf(record.last_tc)}};
}

void PrintSafety(const consensus::SafetyRecord& record) {
  PrintField("epoch", absl::StrCat(record.epoch.value));
  PrintField("signed up to", absl::StrCat("round ", record.last_voted_round.value));
  PrintField("last vote", RoundText(record.last_vote));
  PrintField("last timeout", RoundText(record.last_timeout));
  PrintField("last proposal", absl::StrCat("round ", record.last_proposed_round.value));
  PrintField("locked", absl::StrCat("round ", record.locked_qc_round.value));
  PrintField("high QC", absl::StrCat("round ", record.high_qc.round.value, ", block ",
                                     record.high_qc.block_id.ToHex()));
  PrintField("last TC", RoundText(record.last_tc));
}

}  // namespace kiln::tools
