// Vectors of floats in the native width of whatever instruction set this file is compiled for, and the pointwise
// functions on them. For kernels.cpp only: everything has internal linkage, because each copy of kernels.cpp is
// compiled with other machine flags and no inline function may be shared between them.
#pragma once

#include <cstdint>
#include <utility>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "kernels.h"

namespace {

#if defined(__AVX512F__)
constexpr int kWidth = 16;
#elif defined(__AVX__)
constexpr int kWidth = 8;
#else
constexpr int kWidth = 4;
#endif

typedef float Vec __attribute__((vector_size(kWidth * 4)));
// Half a register, for what is left over; two lanes would not be worth it.
constexpr int kHalfWidth = kWidth > 4 ? kWidth / 2 : 4;
typedef float HalfVec __attribute__((vector_size(kHalfWidth * 4)));
typedef std::int32_t IntVec __attribute__((vector_size(kWidth * 4)));

template <class V>
struct Unaligned {
  typedef V type __attribute__((aligned(4), may_alias));
};
template <class V = Vec>
V load(const float* p) {
  return *reinterpret_cast<const typename Unaligned<V>::type*>(p);
}
template <class V>
void store(float* p, V v) {
  *reinterpret_cast<typename Unaligned<V>::type*>(p) = v;
}
inline Vec broadcast(float x) { return x - Vec{}; }
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TRIODE_SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define TRIODE_SANITIZED
#endif

/// Calls f(0), f(1), ... f(N - 1) with constants: of an array that is indexed by a variable, the compiler makes memory.
/// Under a sanitizer it is a loop, since every unrolled access would get its own checks, which take minutes to compile.
template <int N, class F>
[[gnu::always_inline]] inline void repeat(F f) {
#if defined(TRIODE_SANITIZED)
  for (int i = 0; i < N; ++i) f(i);
#else
  [&]<int... I>(std::integer_sequence<int, I...>) __attribute__((always_inline)) {
    (f(std::integral_constant<int, I>{}), ...);
  }(std::make_integer_sequence<int, N>{});
#endif
}

// Keeps x in a register. GCC 12 would rather read a sample again from memory for every product that it is part of, and
// a register of samples that crosses a cache line takes two cycles each time.
[[gnu::always_inline]] inline void keep_in_register(Vec& x) {
#if defined(__x86_64__)
  asm("" : "+v"(x));
#elif defined(__aarch64__)
  asm("" : "+w"(x));
#else
  (void)x;
#endif
}
/// 0, 1, 2, ...
inline Vec lane_numbers() {
  Vec numbers = {};
  for (int i = 0; i < kWidth; ++i) numbers[i] = static_cast<float>(i);
  return numbers;
}

// The larger or smaller of each pair of lanes, b where a is NaN. Told in so many words on x86, where GCC 12 makes a
// comparison and a blend of the plain form, which takes longer. (The masked AVX-512 form, all lanes on, is the
// one of which it does not warn falsely.)
template <class V>
V larger(V a, V b) {
#if defined(__AVX512F__)
  if constexpr (sizeof(V) == 64) return _mm512_maskz_max_ps(0xffff, a, b);
#endif
#if defined(__AVX__)
  if constexpr (sizeof(V) == 32) return _mm256_max_ps(a, b);
#endif
#if defined(__SSE2__)
  if constexpr (sizeof(V) == 16) return _mm_max_ps(a, b);
#endif
  return a > b ? a : b;
}
template <class V>
V smaller(V a, V b) {
#if defined(__AVX512F__)
  if constexpr (sizeof(V) == 64) return _mm512_maskz_min_ps(0xffff, a, b);
#endif
#if defined(__AVX__)
  if constexpr (sizeof(V) == 32) return _mm256_min_ps(a, b);
#endif
#if defined(__SSE2__)
  if constexpr (sizeof(V) == 16) return _mm_min_ps(a, b);
#endif
  return a < b ? a : b;
}
template <class V>
V clamp(V x, float low, float high) {
  return smaller(larger(x, low - V{}), high - V{});
}
inline Vec magnitude(Vec x) { return reinterpret_cast<Vec>(reinterpret_cast<IntVec>(x) & 0x7fffffff); }

/// tanh as x P(x^2) / Q(x^2) on [-8, 8], clamped outside: the minimax fit of degrees 9 over 8. Largest error 3.5e-7, both
/// absolute and relative, of which 6e-9 is the fit and the rest float rounding; tests/test_kernels.cpp holds it to 4e-7.
/// P and Q depend on nothing but x^2, so the latency, which is what recurrent networks wait for, is short.
template <class V>
struct Ratio {
  V over, under;
};
#if !defined(TRIODE_FAST_ACTIVATIONS)

template <class V>
[[gnu::always_inline]] inline Ratio<V> tanh_ratio(V x) {
  x = clamp(x, -8.0f, 8.0f);
  const V u = x * x, u2 = u * u, u4 = u2 * u2;
  const V p = (u2 * (u * 2.17731829e-05f + 3.56415227e-03f) + (u * 1.34381879e-01f + 9.99999970e-01f)) +
              u4 * 1.50617231e-08f;
  const V q = (u2 * (u * 3.39917311e-04f + 2.61360010e-02f) + (u * 4.67715087e-01f + 1.0f)) + u4 * 8.45362627e-07f;
  return {x * p, q};
}

template <class V>
[[gnu::always_inline]] inline V tanh(V x) {
  const Ratio<V> y = tanh_ratio(x);
  return y.over / y.under;
}
#else
/// The same of degrees 7 over 6 on [-7, 7]; largest error 1.4e-6. For recurrent networks, whose states add errors up.
template <class V>
[[gnu::always_inline]] inline Ratio<V> tanh_ratio(V x) {
  x = clamp(x, -7.0f, 7.0f);
  const V u = x * x, u2 = u * u;
  const V p = u2 * (u * 4.02826483e-06f + 2.30088147e-03f) + (u * 1.23315232e-01f + 1.0f);
  const V q = u2 * (u * 1.44781693e-04f + 2.11897488e-02f) + (u * 4.56643496e-01f + 1.0f);
  return {x * p, q};
}

/// Of degrees 5 over 4 on [-5, 5]; largest error 6e-5.
template <class V>
[[gnu::always_inline]] inline V tanh(V x) {
  x = clamp(x, -5.0f, 5.0f);
  const V u = x * x;
  const V p = (u * 6.77953614e-04f + 1.02737842e-01f) * u + 1.0f;
  const V q = (u * 1.29044200e-02f + 4.35850180e-01f) * u + 1.0f;
  return x * p / q;
}
#endif

template <class V>
V sigmoid(V x) {
  return tanh(x * 0.5f) * 0.5f + 0.5f;
}

/// exp on [-87, 87], clamped outside: 2^k times the Taylor polynomial of degree 7 on [-ln 2 / 2, ln 2 / 2], whose own
/// relative error is 5e-9.
template <class V>
V exponential(V x) {
  typedef std::int32_t Whole __attribute__((vector_size(sizeof(V))));
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: added, it leaves whole numbers in the lowest bits
  x = clamp(x, -87.0f, 87.0f);
  const V whole = x * 1.44269504f + kRound;
  const V k = whole - kRound;
  const V r = (x - k * 0.693359375f) + k * 2.12194440e-4f;  // ln 2 in two parts, the first without rounding
  V p = r * (1.0f / 5040.0f) + 1.0f / 720.0f;
  p = p * r + 1.0f / 120.0f;
  p = p * r + 1.0f / 24.0f;
  p = p * r + 1.0f / 6.0f;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  const Whole exponent = (reinterpret_cast<Whole>(whole) - reinterpret_cast<Whole>(V{} + kRound)) + 127;
  return p * reinterpret_cast<V>(exponent << 23);
}

/// The rational curve that NAM files call Fasttanh; a shape of its own, not an approximation to be improved.
inline Vec fast_tanh(Vec x) {
  const Vec a = magnitude(x), u = x * x;
  const Vec p = x * (2.45550750702956f + 2.45550750702956f * a + (0.893229853513558f + 0.821226666969744f * a) * u);
  const Vec q = 2.44506634652299f + (2.44506634652299f + u) * magnitude(x + 0.814642734961073f * x * a);
  return p / q;
}

inline Vec leaky_hard_tanh(Vec x, const triode::Pointwise& shape) {
  const Vec below = (x - shape.low) * shape.low_slope + shape.low;
  const Vec above = (x - shape.high) * shape.high_slope + shape.high;
  return x < shape.low ? below : (x > shape.high ? above : x);
}

}  // namespace
