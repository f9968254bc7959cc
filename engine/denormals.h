#pragma once

#include <cstdint>

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

namespace triode {

/// While it lives, this thread's denormal floats count as zero: decaying tails would otherwise slow the processor down
/// a hundredfold. Restores the thread's mode when it goes.
class StopDenormals {
 public:
#if defined(__SSE__)
  StopDenormals() noexcept : mode_(_mm_getcsr()) { _mm_setcsr(mode_ | 0x8040); }  // flush to zero, denormals are zero
  ~StopDenormals() { _mm_setcsr(mode_); }

 private:
  unsigned mode_;
#elif defined(__aarch64__)
  StopDenormals() noexcept {
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode_));
    __asm__ volatile("msr fpcr, %0" : : "r"(mode_ | (std::uint64_t{1} << 24)));
  }
  ~StopDenormals() { __asm__ volatile("msr fpcr, %0" : : "r"(mode_)); }

 private:
  std::uint64_t mode_;
#else
  StopDenormals() noexcept = default;
  ~StopDenormals() {}
#endif

 public:
  StopDenormals(const StopDenormals&) = delete;
  StopDenormals& operator=(const StopDenormals&) = delete;
};

}  // namespace triode
