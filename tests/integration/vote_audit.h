// What the vote logs of a chain's validators prove about who signed what.
#ifndef KILN_TESTS_INTEGRATION_VOTE_AUDIT_H_
#define KILN_TESTS_INTEGRATION_VOTE_AUDIT_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"

namespace kiln::integration {

// Votes as the others received them, from any number of logs. A line that is no vote is counted and
// left out: a writer that is killed may leave one line that is cut short, and the next one after
// it.
class VoteAudit {
 public:
  using EpochRound = std::pair<uint64_t, uint64_t>;
  using Author = uint32_t;

  void ReadLog(const std::string& path);

  uint64_t torn_lines() const { return torn_lines_; }
  uint64_t CountBy(Author author) const;
  EpochRound HighestBy(Author author) const;  // {0, 0} when there is none
  // Those above the first round, and up to the last.
  uint64_t CountBy(Author author, EpochRound above, EpochRound up_to) const;
  // Fails the test for each round in which somebody voted for two blocks.
  void ExpectOneVotePerRound() const;

 private:
  std::map<std::pair<Author, EpochRound>, std::set<std::string>> block_ids_;
  uint64_t torn_lines_ = 0;
};

// The round that the record on the disk of a stopped validator rules out to vote in again.
VoteAudit::EpochRound DurableLastVotedRound(const std::string& home);

}  // namespace kiln::integration

#endif  // KILN_TESTS_INTEGRATION_VOTE_AUDIT_H_
