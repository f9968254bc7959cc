// Large buffers that are used again and again: a fresh page costs more than the arithmetic on it.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <mutex>

namespace triode::training {

/// Memory aligned to a cache line, with whatever content it last had.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t bytes);

  std::size_t bytes() const { return bytes_; }

  template <class T>
  T* as() const {
    return static_cast<T*>(data_.get());
  }

 private:
  struct Free {
    void operator()(void* data) const { std::free(data); }
  };
  std::unique_ptr<void, Free> data_;
  std::size_t bytes_ = 0;
};

/// Keeps the largest buffer that was given back, for the next one who needs one. Safe to share between threads.
class Recycler {
 public:
  Buffer take(std::size_t bytes);
  void give(Buffer buffer);

 private:
  std::mutex mutex_;
  Buffer spare_;
};

}  // namespace triode::training
