#include "tools/describe_damage.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "consensus/signing.h"
#include "storage/application_rollback.h"
#include "tools/command.h"

namespace kiln::tools {
namespace {

using storage::Damage;
using storage::LedgerAudit;
using storage::LedgerPart;

// A line that rewrites itself on a terminal; nothing elsewhere.
class ProgressLine {
 public:
  explicit ProgressLine(std::string what) : what_(std::move(what)) {}
  ~ProgressLine() {
    if (percent_shown_ >= 0) std::fprintf(stderr, "\r\033[K");
  }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void Show(uint64_t done, uint64_t total) {
    const int percent = static_cast<int>(done * 100 / std::max<uint64_t>(total, 1));
    if (!is_terminal_ || percent == percent_shown_) return;
    percent_shown_ = percent;
    std::fprintf(stderr, "\rVerifying %s: %d %% of %llu blocks", what_.c_str(), percent,
                 static_cast<unsigned long long>(total));
  }

 private:
  const std::string what_;
  const bool is_terminal_ = StderrIsTerminal();
  int percent_shown_ = -1;
};

// "2 payloads, 1 certificate"
std::string CountedParts(const LedgerAudit& audit) {
  std::map<LedgerPart, size_t> counts;
  for (const Damage& damage : audit.damage) ++counts[damage.part];
  std::vector<std::string> parts;
  for (const auto& [part, count] : counts) {
    parts.push_back(absl::StrCat(storage::NameOf(part), " ", count));
  }
  return absl::StrJoin(parts, ", ");
}

std::string WayOut(const LedgerAudit& audit, const std::string& home) {
  const auto has = [&audit](auto... parts) { return (audit.HasDamaged(parts) || ...); };
  if (has(LedgerPart::kSafety)) {
    return absl::StrCat(
        "restore the folder from a copy of this validator's newest state, or run kiln recover "
        "--home ",
        home);
  }
  const bool is_from_start = audit.lowest.value <= 1;
  if (!is_from_start && has(LedgerPart::kState, LedgerPart::kResults)) {
    return std::string(storage::HowToMakeStateAgain(audit.lowest));
  }
  if (has(LedgerPart::kIndex, LedgerPart::kBlock, LedgerPart::kPayload, LedgerPart::kCertificate,
          LedgerPart::kMetadata)) {
    return absl::StrCat("kiln ledger repair --home ", home,
                        " --from HOST:PORT fetches the blocks from a validator");
  }
  if (!has(LedgerPart::kState, LedgerPart::kResults)) {
    return "start the node: it removes a rotten snapshot once later states have named it, and the "
           "next one takes its place";
  }
  return absl::StrCat("kiln ledger rollback-application --home ", home,
                      " makes the next start execute all blocks again");
}

}  // namespace

absl::StatusOr<LedgerAudit> AuditWithProgress(const std::string& what,
                                              const storage::Database& database,
                                              const Genesis& genesis) {
  ProgressLine progress(what);
  return storage::AuditLedger(
      database, genesis, consensus::Ed25519Verifier(),
      [&progress](Height height, Height total) { progress.Show(height.value, total.value); });
}

void PrintDamage(const LedgerAudit& audit) {
  for (const Damage& damage : audit.damage) {
    std::printf("  damaged      %s\n", storage::DescribeDamage(damage).c_str());
  }
}

nlohmann::ordered_json DamageJson(const LedgerAudit& audit) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Damage& damage : audit.damage) {
    nlohmann::ordered_json entry = {{"part", std::string(storage::NameOf(damage.part))}};
    if (damage.height.has_value()) entry["height"] = damage.height->value;
    entry["cause"] = damage.cause;
    list.push_back(std::move(entry));
  }
  return list;
}

absl::Status AuditVerdict(const LedgerAudit& audit, const std::string& home) {
  if (audit.good()) return absl::OkStatus();
  if (audit.damage.empty()) return audit.start;
  return absl::DataLossError(absl::StrCat(audit.damage.size(), " damaged (", CountedParts(audit),
                                          "), of height ", audit.committed.value, ": ",
                                          WayOut(audit, home)));
}

}  // namespace kiln::tools
