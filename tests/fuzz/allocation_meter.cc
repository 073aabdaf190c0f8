#include "tests/fuzz/allocation_meter.h"

#include <malloc.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace kiln::fuzz {
namespace {

// Signed: what was held before the start may be given back after it.
std::atomic<int64_t> held_bytes = 0;
std::atomic<int64_t> held_bytes_max = 0;

}  // namespace

AllocationMeter::AllocationMeter() {
  held_bytes = 0;
  held_bytes_max = 0;
}

size_t AllocationMeter::peak_bytes() const {
  return static_cast<size_t>(held_bytes_max.load());
}

#ifndef KILN_FUZZ_SANITIZED
namespace {

void* Allocate(size_t bytes, size_t alignment) {
  void* const memory = alignment == 0 ? std::malloc(bytes) : aligned_alloc(alignment, bytes);
  if (memory == nullptr) std::abort();
  const auto size = static_cast<int64_t>(malloc_usable_size(memory));
  const int64_t held = held_bytes.fetch_add(size, std::memory_order_relaxed) + size;
  if (held > held_bytes_max.load(std::memory_order_relaxed)) held_bytes_max = held;
  return memory;
}

void Release(void* memory) {
  if (memory == nullptr) return;
  held_bytes.fetch_sub(static_cast<int64_t>(malloc_usable_size(memory)), std::memory_order_relaxed);
  std::free(memory);
}

size_t RoundUp(size_t bytes, std::align_val_t alignment) {
  const auto unit = static_cast<size_t>(alignment);
  return (bytes + unit - 1) / unit * unit;
}

}  // namespace
#endif

}  // namespace kiln::fuzz

#ifndef KILN_FUZZ_SANITIZED
// The forms for arrays, sizes and std::nothrow call these.
void* operator new(size_t bytes) {
  return kiln::fuzz::Allocate(bytes, 0);
}
void* operator new(size_t bytes, std::align_val_t alignment) {
  return kiln::fuzz::Allocate(kiln::fuzz::RoundUp(bytes, alignment),
                              static_cast<size_t>(alignment));
}
void operator delete(void* memory) noexcept {
  kiln::fuzz::Release(memory);
}
void operator delete(void* memory, size_t) noexcept {
  kiln::fuzz::Release(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  kiln::fuzz::Release(memory);
}
void operator delete(void* memory, size_t, std::align_val_t) noexcept {
  kiln::fuzz::Release(memory);
}
#endif
