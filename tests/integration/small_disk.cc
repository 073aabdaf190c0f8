#include "tests/integration/small_disk.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace kiln::integration {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kRoomyBytes = 8ULL << 30;
constexpr int kResizeAttemptsMax = 1000;

// The same user and group inside as outside: the owner of key files must stay the same.
void MapOwnIds(uid_t user, gid_t group) {
  std::ofstream("/proc/self/setgroups") << "deny";
  std::ofstream("/proc/self/uid_map") << user << " " << user << " 1";
  std::ofstream("/proc/self/gid_map") << group << " " << group << " 1";
}

}  // namespace

bool SmallDisk::EnterOwnMounts() {
  const uid_t user = getuid();
  const gid_t group = getgid();
  if (unshare(CLONE_NEWNS) != 0) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
    MapOwnIds(user, group);
  }
  return mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

std::unique_ptr<SmallDisk> SmallDisk::Mount(const std::string& folder) {
  fs::create_directories(folder);
  const std::string options = absl::StrCat("mode=0700,size=", kRoomyBytes);
  if (mount("kiln-test", folder.c_str(), "tmpfs", MS_NODEV | MS_NOSUID, options.c_str()) != 0) {
    return nullptr;
  }
  return std::unique_ptr<SmallDisk>(new SmallDisk(folder));
}

SmallDisk::~SmallDisk() {
  const std::string copy = folder_ + ".copy";
  std::error_code error;  // what can be copied is better than nothing
  if (testing::Test::HasFailure()) fs::copy(folder_, copy, fs::copy_options::recursive, error);
  KILN_CHECK_EQ(umount2(folder_.c_str(), MNT_DETACH), 0) << std::strerror(errno);
  if (fs::exists(copy)) fs::rename(copy, folder_, error);
}

void SmallDisk::SetFreeBytes(uint64_t bytes) {
  for (int attempt = 0; attempt < kResizeAttemptsMax; ++attempt) {
    struct statvfs info {};
    KILN_CHECK_EQ(statvfs(folder_.c_str(), &info), 0) << std::strerror(errno);
    if (TryResize((info.f_blocks - info.f_bfree) * info.f_frsize + bytes)) return;
  }
  KILN_CHECK(false) << folder_ << " grows too fast to be made full";
}

void SmallDisk::MakeRoom() {
  KILN_CHECK(TryResize(kRoomyBytes)) << std::strerror(errno);
}

bool SmallDisk::TryResize(uint64_t bytes) {
  const std::string options = absl::StrCat("size=", bytes);
  if (mount("kiln-test", folder_.c_str(), "tmpfs", MS_REMOUNT | MS_NODEV | MS_NOSUID,
            options.c_str()) == 0) {
    return true;
  }
  // More is in use by now.
  KILN_CHECK_EQ(errno, EINVAL) << std::strerror(errno);
  return false;
}

}  // namespace kiln::integration
