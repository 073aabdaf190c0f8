#include "node/disk_guard.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace kiln::node {
namespace {

constexpr uint64_t kReserveBytesMax = 64 << 20;

std::string ReserveFile(const std::string& folder) {
  return absl::StrCat(folder, "/", kReserveFileName);
}

}  // namespace

uint64_t DiskFreeBytes(const std::string& path) {
  struct statvfs info;
  if (statvfs(path.c_str(), &info) != 0) return 0;
  return static_cast<uint64_t>(info.f_bavail) * info.f_frsize;
}

DiskGuard::DiskGuard(std::string folder, uint64_t free_bytes_min, FreeBytes free_bytes)
    : folder_(std::move(folder)),
      free_bytes_min_(free_bytes_min),
      reserve_bytes_(std::min(free_bytes_min / 4, kReserveBytesMax)),
      read_free_bytes_(std::move(free_bytes)) {}

absl::Status DiskGuard::Prepare() {
  Release();  // an earlier process may have left it
  free_bytes_ = read_free_bytes_(folder_);
  if (free_bytes_ >= free_bytes_min_ && Reserve()) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      folder_, ": disk has ", free_bytes_ >> 20, " MiB free, less than the ", free_bytes_min_ >> 20,
      " MiB of disk_free_bytes_min: make room, or lower the setting in kiln.toml"));
}

DiskRoom DiskGuard::Look() {
  free_bytes_ = read_free_bytes_(folder_) + (has_reserve_ ? reserve_bytes_ : 0);
  const bool has_minimum = free_bytes_ >= free_bytes_min_;
  if (room_ == DiskRoom::kNone) {
    if (has_minimum && Reserve()) room_ = DiskRoom::kEnough;
  } else if (free_bytes_ < free_bytes_min_ / 2) {
    room_ = DiskRoom::kNone;
    Release();
  } else {
    room_ = has_minimum ? DiskRoom::kEnough : DiskRoom::kLow;
  }
  return room_;
}

bool DiskGuard::Reserve() {
  if (reserve_bytes_ == 0) return true;
  const int descriptor =
      open(ReserveFile(folder_).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0) return false;
  has_reserve_ = posix_fallocate(descriptor, 0, static_cast<off_t>(reserve_bytes_)) == 0;
  close(descriptor);
  if (!has_reserve_) Release();
  return has_reserve_;
}

void DiskGuard::Release() {
  unlink(ReserveFile(folder_).c_str());
  has_reserve_ = false;
}

}  // namespace kiln::node
