// A folder that goes when its test ends, and reading what is in one.
#ifndef KILN_TESTS_STORAGE_TEMPORARY_DIR_H_
#define KILN_TESTS_STORAGE_TEMPORARY_DIR_H_

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>

#include "base/check.h"

namespace kiln::storage {

// Where files are quickest: in memory, on systems that have such a folder.
inline std::filesystem::path MemoryFolder() {
  const std::filesystem::path memory = "/dev/shm";
  std::error_code error;
  return std::filesystem::is_directory(memory, error) ? memory
                                                      : std::filesystem::temp_directory_path();
}

class TemporaryDir {
 public:
  explicit TemporaryDir(
      const std::filesystem::path& parent = std::filesystem::temp_directory_path()) {
    std::string name = (parent / "kiln-storage-XXXXXX").string();
    KILN_CHECK(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TemporaryDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDir(const TemporaryDir&) = delete;
  TemporaryDir& operator=(const TemporaryDir&) = delete;

  std::string At(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

// Of a file; empty when it cannot be read.
inline std::string ContentsOf(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream contents;
  contents << file.rdbuf();
  return contents.str();
}

}  // namespace kiln::storage

#endif  // KILN_TESTS_STORAGE_TEMPORARY_DIR_H_
