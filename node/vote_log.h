// A file with every vote received, for audits of who signed what.
#ifndef KILN_NODE_VOTE_LOG_H_
#define KILN_NODE_VOTE_LOG_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "consensus/messages.h"

namespace kiln::node {

// Appends one line for each vote: author's index, epoch, round and block id in hexadecimal,
// separated by spaces. One write(2) for each call, so lines of several processes do not mix.
// Thread-safe. Not synced: it is evidence, not a record that safety relies on.
class VoteLog {
 public:
  static absl::StatusOr<std::unique_ptr<VoteLog>> Open(const std::string& path);
  ~VoteLog();

  VoteLog(const VoteLog&) = delete;
  VoteLog& operator=(const VoteLog&) = delete;

  absl::Status Append(absl::Span<const consensus::Vote> votes);

 private:
  VoteLog(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

  const std::string path_;
  const int fd_;
};

}  // namespace kiln::node

#endif  // KILN_NODE_VOTE_LOG_H_
