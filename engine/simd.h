// Vectors of floats in the native width of whatever instruction set this file is compiled for, and the pointwise
// functions on them. For kernels.cpp only: everything has internal linkage, because each copy of kernels.cpp is
// compiled with other machine flags and no inline function may be shared between them.
#pragma once

#include <cstdint>

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
typedef float UnalignedVec __attribute__((vector_size(kWidth * 4), aligned(4), may_alias));
typedef std::int32_t IntVec __attribute__((vector_size(kWidth * 4)));

inline Vec load(const float* p) { return *reinterpret_cast<const UnalignedVec*>(p); }
inline void store(float* p, Vec v) { *reinterpret_cast<UnalignedVec*>(p) = v; }
inline Vec broadcast(float x) { return x - Vec{}; }
inline Vec smaller(Vec a, Vec b) { return a < b ? a : b; }
inline Vec larger(Vec a, Vec b) { return a > b ? a : b; }
inline Vec clamp(Vec x, float low, float high) { return smaller(larger(x, broadcast(low)), broadcast(high)); }
inline Vec magnitude(Vec x) { return reinterpret_cast<Vec>(reinterpret_cast<IntVec>(x) & 0x7fffffff); }

/// tanh as x P(x^2) / Q(x^2) on [-8, 8], clamped outside: the minimax fit of degrees 9 over 8. Largest error 3.5e-7, both
/// absolute and relative, of which 6e-9 is the fit and the rest float rounding; tests/test_kernels.cpp holds it to 4e-7.
/// P and Q depend on nothing but x^2, so the latency, which is what recurrent networks wait for, is short.
inline Vec tanh(Vec x) {
  x = clamp(x, -8.0f, 8.0f);
  const Vec u = x * x;
  Vec p = u * 1.50617231e-08f + 2.17731829e-05f;
  p = p * u + 3.56415227e-03f;
  p = p * u + 1.34381879e-01f;
  p = p * u + 9.99999970e-01f;
  Vec q = u * 8.45362627e-07f + 3.39917311e-04f;
  q = q * u + 2.61360010e-02f;
  q = q * u + 4.67715087e-01f;
  q = q * u + 1.0f;
  return x * p / q;
}

inline Vec sigmoid(Vec x) { return tanh(x * 0.5f) * 0.5f + 0.5f; }

/// exp on [-87, 87], clamped outside: 2^k times the Taylor polynomial of degree 7 on [-ln 2 / 2, ln 2 / 2], whose own
/// relative error is 5e-9.
inline Vec exponential(Vec x) {
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: added, it leaves whole numbers in the lowest bits
  x = clamp(x, -87.0f, 87.0f);
  const Vec whole = x * 1.44269504f + kRound;
  const Vec k = whole - kRound;
  const Vec r = (x - k * 0.693359375f) + k * 2.12194440e-4f;  // ln 2 in two parts, the first without rounding
  Vec p = r * (1.0f / 5040.0f) + 1.0f / 720.0f;
  p = p * r + 1.0f / 120.0f;
  p = p * r + 1.0f / 24.0f;
  p = p * r + 1.0f / 6.0f;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  const IntVec exponent = (reinterpret_cast<IntVec>(whole) - reinterpret_cast<IntVec>(broadcast(kRound))) + 127;
  return p * reinterpret_cast<Vec>(exponent << 23);
}

/// 1 - sigmoid(x), exact to a few units in the last place where it is small as well: what a state loses per sample
/// decides, over thousands of samples, where it settles.
inline Vec one_minus_sigmoid(Vec x) { return 1.0f / (1.0f + exponential(x)); }

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
