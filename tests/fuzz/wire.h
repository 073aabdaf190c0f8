// Bytes as gRPC hands them over: in slices that end anywhere.
#ifndef KILN_TESTS_FUZZ_WIRE_H_
#define KILN_TESTS_FUZZ_WIRE_H_

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/check.h"

namespace kiln::fuzz {

// REQUIRES: slice_bytes > 0.
inline grpc::ByteBuffer ToByteBuffer(absl::string_view bytes, size_t slice_bytes) {
  std::vector<grpc::Slice> slices;
  for (size_t at = 0; at < bytes.size(); at += slice_bytes) {
    const absl::string_view piece = bytes.substr(at, slice_bytes);
    slices.emplace_back(piece.data(), piece.size());
  }
  return {slices.data(), slices.size()};
}

inline std::string ToString(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  KILN_CHECK(buffer.Dump(&slices).ok());
  std::string bytes;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

}  // namespace kiln::fuzz

#endif  // KILN_TESTS_FUZZ_WIRE_H_
