#include "count_allocations.h"

#include <cstddef>
#include <cstdlib>
#include <new>

#if defined(__APPLE__)
#include <malloc/malloc.h>
#else
#include <malloc.h>
#endif

namespace {

thread_local std::int64_t allocations = 0, bytes = 0;

std::int64_t size_of(void* memory) noexcept {
#if defined(__APPLE__)
  return static_cast<std::int64_t>(malloc_size(memory));
#else
  return static_cast<std::int64_t>(malloc_usable_size(memory));
#endif
}

void release(void* memory) noexcept {
  if (memory != nullptr) bytes -= size_of(memory);
  std::free(memory);
}

void* allocate(std::size_t size, std::size_t alignment) {
  ++allocations;
  const std::size_t rounded = (size + alignment - 1) / alignment * alignment;
  void* memory = alignment <= alignof(std::max_align_t) ? std::malloc(size > 0 ? size : 1)
                                                        : std::aligned_alloc(alignment, rounded);
  if (memory == nullptr) throw std::bad_alloc();
  bytes += size_of(memory);
  return memory;
}

}  // namespace

std::int64_t allocations_on_this_thread() noexcept { return allocations; }
std::int64_t bytes_of_this_thread() noexcept { return bytes; }

// Every other form of new in the standard library ends in these two, every delete in free().
void* operator new(std::size_t size) { return allocate(size, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { release(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { release(memory); }
