// Bytes as RocksDB passes and writes them. Include from .cc files of this folder.
#ifndef KILN_STORAGE_ROCKSDB_BYTES_H_
#define KILN_STORAGE_ROCKSDB_BYTES_H_

#include <rocksdb/slice.h>

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace kiln::storage {

inline rocksdb::Slice ToSlice(absl::string_view bytes) {
  return {bytes.data(), bytes.size()};
}
inline absl::string_view ToView(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

// A number of at most 8 bytes, the lowest first.
inline uint64_t LittleEndian(absl::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    value |= uint64_t{static_cast<uint8_t>(bytes[i])} << (8 * i);
  }
  return value;
}

}  // namespace kiln::storage

#endif  // KILN_STORAGE_ROCKSDB_BYTES_H_
