#include "tests/integration/vote_audit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/check.h"
#include "tools/offline_home.h"

namespace kiln::integration {

void VoteAudit::ReadLog(const std::string& path) {
  std::ifstream log(path);
  for (std::string line; std::getline(log, line);) {
    const std::vector<std::string> fields = absl::StrSplit(line, ' ');
    Author author = 0;
    EpochRound round;
    if (fields.size() == 4 && absl::SimpleAtoi(fields[0], &author) &&
        absl::SimpleAtoi(fields[1], &round.first) && absl::SimpleAtoi(fields[2], &round.second) &&
        Hash::FromHex(fields[3]).ok()) {
      block_ids_[{author, round}].insert(fields[3]);
    } else {
      ++torn_lines_;
    }
  }
}

uint64_t VoteAudit::CountBy(Author author) const {
  return static_cast<uint64_t>(
      std::count_if(block_ids_.begin(), block_ids_.end(),
                    [&](const auto& entry) { return entry.first.first == author; }));
}

uint64_t VoteAudit::CountBy(Author author, EpochRound above, EpochRound up_to) const {
  return static_cast<uint64_t>(
      std::count_if(block_ids_.begin(), block_ids_.end(), [&](const auto& entry) {
        const auto& [voter, round] = entry.first;
        return voter == author && round > above && round <= up_to;
      }));
}

VoteAudit::EpochRound VoteAudit::HighestBy(Author author) const {
  EpochRound highest;
  for (const auto& [key, unused] : block_ids_) {
    if (key.first == author) highest = std::max(highest, key.second);
  }
  return highest;
}

void VoteAudit::ExpectOneVotePerRound() const {
  for (const auto& [key, ids] : block_ids_) {
    EXPECT_EQ(ids.size(), 1U) << "validator-" << key.first << " voted in round "
                              << key.second.second << " for " << absl::StrJoin(ids, " and ");
  }
}

VoteAudit::EpochRound DurableLastVotedRound(const std::string& home) {
  const auto store = tools::OpenStoredLedger(home);
  KILN_CHECK_OK(store.status());
  const consensus::SafetyRecord record = (*store)->Recover().safety;
  return {record.epoch.value, record.last_voted_round.value};
}

}  // namespace kiln::integration
