// A disk that can be made full.
#ifndef KILN_TESTS_INTEGRATION_SMALL_DISK_H_
#define KILN_TESTS_INTEGRATION_SMALL_DISK_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace kiln::integration {

// A file system in memory, mounted over an empty folder. Its size is what changes, so that a full
// one costs no memory. Used by the main thread only.
class SmallDisk {
 public:
  // Gives this process and its children mounts of their own, as root or within a user namespace:
  // nobody else sees them, and the kernel takes them down in the end. False where neither is
  // permitted. REQUIRES: there is one thread yet.
  static bool EnterOwnMounts();
  // Null where mounting is not permitted.
  static std::unique_ptr<SmallDisk> Mount(const std::string& folder);
  // After a failure what is on it is left in the folder.
  ~SmallDisk();
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  void SetFreeBytes(uint64_t bytes);
  void MakeRoom();

 private:
  explicit SmallDisk(std::string folder) : folder_(std::move(folder)) {}
  bool TryResize(uint64_t bytes);

  const std::string folder_;
};

}  // namespace kiln::integration

#endif  // KILN_TESTS_INTEGRATION_SMALL_DISK_H_
