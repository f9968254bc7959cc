// Slow filters of one signal, four to a register, and what they say laid out in rows. For kernels.cpp only, like simd.h.
//
// A filter waits for its own last state, so all of them go through time together. Doubles take the same two halves of a
// register on every machine but the smallest.
#pragma once

#if defined(__ARM_NEON)
#include <arm_neon.h>
#endif
#include <cmath>

#include "kernels.h"
#include "simd.h"

namespace {

typedef double Lanes __attribute__((vector_size(32)));
typedef float Quad __attribute__((vector_size(16)));
typedef std::int64_t LaneBits __attribute__((vector_size(32)));
typedef Lanes UnalignedLanes __attribute__((aligned(8), may_alias));
static_assert(triode::kTraceLanes == 4);

// Far above any signal: what is not one shall not be remembered for long.
constexpr float kLargestHeard = 100.0f;

inline Quad square_root(Quad x) {
#if defined(__SSE2__)
  return _mm_sqrt_ps(x);
#elif defined(__aarch64__)
  return vsqrtq_f32(x);
#else
  for (int i = 0; i < 4; ++i) x[i] = std::sqrt(x[i]);
  return x;
#endif
}

// The next `count` <= 4 samples `x` of the four filters from lane `first` on, into the rows at `out`.
template <bool kEnvelope>
[[gnu::always_inline]] inline void trace_group(triode::TraceBank bank, int first, const Lanes& x, int count,
                                               double* states, float* out, std::ptrdiff_t stride) {
  const Lanes keeps = *reinterpret_cast<const UnalignedLanes*>(bank.keeps + first);
  Lanes state = *reinterpret_cast<const UnalignedLanes*>(states + first);
  const Lanes samples[4] = {__builtin_shufflevector(x, x, 0, 0, 0, 0), __builtin_shufflevector(x, x, 1, 1, 1, 1),
                            __builtin_shufflevector(x, x, 2, 2, 2, 2), __builtin_shufflevector(x, x, 3, 3, 3, 3)};
  const Quad scales = load<Quad>(bank.scales + first), offsets = load<Quad>(bank.offsets + first);
  Quad at[4];
  for (int i = 0; i < 4; ++i) {
    if (i < count) state = keeps * state + samples[i];
    const Quad level = __builtin_convertvector(state, Quad);
    at[i] = (kEnvelope ? square_root(level) : level) * scales + offsets;
  }
  *reinterpret_cast<UnalignedLanes*>(states + first) = state;
  const Quad low01 = __builtin_shufflevector(at[0], at[1], 0, 4, 1, 5);
  const Quad high01 = __builtin_shufflevector(at[0], at[1], 2, 6, 3, 7);
  const Quad low23 = __builtin_shufflevector(at[2], at[3], 0, 4, 1, 5);
  const Quad high23 = __builtin_shufflevector(at[2], at[3], 2, 6, 3, 7);
  out += first * stride;
  store<Quad>(out, __builtin_shufflevector(low01, low23, 0, 1, 4, 5));
  store<Quad>(out + stride, __builtin_shufflevector(low01, low23, 2, 3, 6, 7));
  store<Quad>(out + 2 * stride, __builtin_shufflevector(high01, high23, 0, 1, 4, 5));
  store<Quad>(out + 3 * stride, __builtin_shufflevector(high01, high23, 2, 3, 6, 7));
}

[[gnu::always_inline]] inline void trace_step(triode::TraceBank bank, Quad audio, int count, double* states,
                                              float* out, std::ptrdiff_t stride) {
  audio = clamp(audio, -kLargestHeard, kLargestHeard);
#if defined(__AVX__)
  const Lanes heard = _mm256_cvtps_pd(audio);
#else
  const Lanes heard = __builtin_convertvector(audio, Lanes);
#endif
  const Lanes sizes = reinterpret_cast<Lanes>(reinterpret_cast<LaneBits>(heard) & 0x7fffffffffffffff);
  int first = 0;
  for (; first < bank.low_passes; first += 4) trace_group<false>(bank, first, heard, count, states, out, stride);
  for (; first < bank.low_passes + bank.envelopes; first += 4)
    trace_group<true>(bank, first, sizes, count, states, out, stride);
}

void run_traces(triode::TraceBank bank, const float* x, double* states, triode::MutableRows out, int n) {
  int t = 0;
  for (; t + 4 <= n; t += 4) trace_step(bank, load<Quad>(x + t), 4, states, out.data + t, out.stride);
  if (t == n) return;
  Quad rest = {};
  for (int i = 0; t + i < n; ++i) rest[i] = x[t + i];
  trace_step(bank, rest, n - t, states, out.data + t, out.stride);
}

}  // namespace
