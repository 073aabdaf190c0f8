#include "node/vote_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace kiln::node {

absl::StatusOr<std::unique_ptr<VoteLog>> VoteLog::Open(const std::string& path) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("vote log ", path));
  return absl::WrapUnique(new VoteLog(path, fd));
}

VoteLog::~VoteLog() {
  close(fd_);
}

absl::Status VoteLog::Append(absl::Span<const consensus::Vote> votes) {
  std::string lines;
  for (const consensus::Vote& vote : votes) {
    absl::StrAppend(&lines, vote.author.value, " ", vote.epoch.value, " ", vote.round.value, " ",
                    vote.block_id.ToHex(), "\n");
  }
  absl::string_view rest = lines;
  while (!rest.empty()) {
    const ssize_t written = write(fd_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return absl::ErrnoToStatus(errno, absl::StrCat("vote log ", path_));
    rest.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

}  // namespace kiln::node
