// Vectors in the native width of whatever instruction set this file is compiled for, and the activations on them. For
// row_kernels.cpp only: everything has internal linkage, because each copy of row_kernels.cpp is compiled with other
// machine flags and no inline function may be shared between them.
#pragma once

#include <cmath>

#if defined(__SSE__)
#include <immintrin.h>
#endif

namespace {

#if defined(__AVX512F__)
constexpr int kRegisterBytes = 64, kRegisters = 32;
#elif defined(__AVX__)
constexpr int kRegisterBytes = 32, kRegisters = 16;
#else
constexpr int kRegisterBytes = 16, kRegisters = 16;
#endif

template <class T>
constexpr int kLanes = kRegisterBytes / static_cast<int>(sizeof(T));

template <class T>
struct VectorOf {
  typedef T type __attribute__((vector_size(kRegisterBytes)));
};
template <class T>
using Vec = typename VectorOf<T>::type;

template <class T>
inline Vec<T> load(const T* from) {
  Vec<T> v;
  __builtin_memcpy(&v, from, sizeof v);
  return v;
}

template <class T>
inline void store(T* to, Vec<T> v) {
  __builtin_memcpy(to, &v, sizeof v);
}

template <class T>
inline Vec<T> broadcast(T x) {
  return x - Vec<T>{};
}

/// The same value, which the compiler now keeps in a register: left alone it reads memory anew for every use, and
/// loads are what these loops run short of.
template <class T>
inline Vec<T> in_register(Vec<T> x) {
#if defined(__x86_64__)
  asm("" : "+v"(x));
#endif
  return x;
}

// The smaller and the larger of two values, and x where it is not a number. The compiler makes a comparison and a blend
// of the conditional, which takes longer than the processor's own instruction. (The masked forms are the plain ones
// with all lanes; at the plain forms GCC 12 warns of its own header.)
#if defined(__AVX512F__)
inline Vec<float> smaller(Vec<float> a, Vec<float> x) { return _mm512_mask_min_ps(a, 0xffff, a, x); }
inline Vec<float> larger(Vec<float> a, Vec<float> x) { return _mm512_mask_max_ps(a, 0xffff, a, x); }
#elif defined(__AVX__)
inline Vec<float> smaller(Vec<float> a, Vec<float> x) { return _mm256_min_ps(a, x); }
inline Vec<float> larger(Vec<float> a, Vec<float> x) { return _mm256_max_ps(a, x); }
#elif defined(__SSE__)
inline Vec<float> smaller(Vec<float> a, Vec<float> x) { return _mm_min_ps(a, x); }
inline Vec<float> larger(Vec<float> a, Vec<float> x) { return _mm_max_ps(a, x); }
#else
inline Vec<float> smaller(Vec<float> a, Vec<float> x) { return a < x ? a : x; }
inline Vec<float> larger(Vec<float> a, Vec<float> x) { return a > x ? a : x; }
#endif
inline Vec<double> smaller(Vec<double> a, Vec<double> x) { return a < x ? a : x; }
inline Vec<double> larger(Vec<double> a, Vec<double> x) { return a > x ? a : x; }

template <class T>
inline Vec<T> clamp(Vec<T> x, T low, T high) {
  return smaller(broadcast(high), larger(broadcast(low), x));
}

template <class T>
inline Vec<T> magnitude(Vec<T> x) {
  return larger(-x, x);
}

/// tanh in float: x P(x^2) / Q(x^2) on [-9, 9], the minimax fit of relative error 2.1e-8 (Lawson's iteration), clamped
/// outside. With rounding, the largest absolute error is 3.5e-7.
inline Vec<float> hyperbolic_tangent(Vec<float> x) {
  x = clamp(x, -9.0f, 9.0f);
  const Vec<float> u = x * x;
  Vec<float> p = u * 1.3353186643879507e-08f + 2.060803427261566e-05f;
  p = p * u + 0.0034955261006650853f;
  p = p * u + 0.13380974329273065f;
  p = p * u + 0.9999999796442791f;
  Vec<float> q = u * 7.775958040276469e-07f + 0.00032855319974763215f;
  q = q * u + 0.025876748845526928f;
  q = q * u + 0.46714289997651554f;
  q = q * u + 1.0f;
  return x * p / q;
}

/// In double, which serves to check gradients, the library's function.
inline Vec<double> hyperbolic_tangent(Vec<double> x) {
  for (int lane = 0; lane < kLanes<double>; ++lane) x[lane] = std::tanh(x[lane]);
  return x;
}

template <class T>
inline Vec<T> logistic(Vec<T> x) {
  return hyperbolic_tangent(x * T(0.5)) * T(0.5) + T(0.5);
}

}  // namespace
