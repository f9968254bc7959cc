#include "training/memory.h"

#include <new>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace triode::training {

Buffer::Buffer(std::size_t bytes) {
  constexpr std::size_t kLine = 64, kLargePage = 2u << 20;
  const std::size_t alignment = bytes < kLargePage ? kLine : kLargePage;
  bytes_ = (bytes + alignment - 1) / alignment * alignment;
  data_.reset(std::aligned_alloc(alignment, bytes_));
  if (data_ == nullptr) throw std::bad_alloc();
#if defined(__linux__)
  // Hundreds of rows are read side by side, each on a page of its own: with small pages their addresses do not fit the
  // processor's table of them. Where the system refuses, this costs speed only.
  if (alignment == kLargePage) (void)madvise(data_.get(), bytes_, MADV_HUGEPAGE);
#endif
}

Buffer Recycler::take(std::size_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    if (spare_.bytes() >= bytes && bytes > 0) return std::exchange(spare_, Buffer());
  }
  return Buffer(bytes);
}

void Recycler::give(Buffer buffer) {
  const std::lock_guard lock(mutex_);
  if (buffer.bytes() > spare_.bytes()) spare_ = std::move(buffer);
}

}  // namespace triode::training
