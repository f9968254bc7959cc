// Compiled once per instruction set, with -DISA_NS=<its namespace>. Nothing here may be shared with another copy: see
// vectors.h.
#include "training/row_kernels.h"

#include <algorithm>

#include "training/vectors.h"

namespace triode::training {
namespace ISA_NS {
namespace {

// Sums that stay in registers while the inputs stream by; the rest of the registers hold inputs and weights.
constexpr int kSums = kRegisters == 32 ? 24 : 12;
// Rows of such a tile: with more of them each input is used more often, with fewer each weight.
constexpr int kMostTileRows = kRegisters == 32 ? 8 : 4;

// Calls f.template operator()<G>(first) for groups of G <= kMostTileRows rows that differ in size by at most one.
template <int G = kMostTileRows, class F>
inline void dispatch(int size, int first, const F& f) {
  if constexpr (G > 1) {
    if (size != G) return dispatch<G - 1>(size, first, f);
  }
  f.template operator()<G>(first);
}

template <class F>
inline void for_groups(int count, const F& f) {
  const int groups = (count + kMostTileRows - 1) / kMostTileRows;
  for (int group = 0, first = 0; group < groups; ++group) {
    const int size = (count - first + groups - group - 1) / (groups - group);
    dispatch(size, first, f);
    first += size;
  }
}

template <class T, int G, int N>
[[gnu::always_inline]] inline void mix_tile(Weights<T> weights, RowTable<T> in, Rows<const T> init, Rows<T> out, Rows<const T> soon,
                     int first, std::ptrdiff_t t) {
  constexpr int W = kLanes<T>;
  Vec<T> sum[G][N];
#pragma GCC unroll 8
  for (int g = 0; g < G; ++g)
#pragma GCC unroll 24
    for (int n = 0; n < N; ++n) sum[g][n] = broadcast(weights.bias[first + g]);
  if (init.data != nullptr) {
#pragma GCC unroll 8
    for (int g = 0; g < G; ++g)
#pragma GCC unroll 24
      for (int n = 0; n < N; ++n) sum[g][n] += load(init.row(first + g) + t + n * W);
  }
  if (soon.data != nullptr) {
#pragma GCC unroll 8
    for (int g = 0; g < G; ++g)
#pragma GCC unroll 24
      for (int n = 0; n < N; ++n) __builtin_prefetch(soon.row(first + g) + t + n * W, 0, 2);
  }
  const T* weight = weights.weights + first;
  for (int r = 0; r < in.count; ++r, weight += out.count) {
    Vec<T> x[N];
#pragma GCC unroll 24
    for (int n = 0; n < N; ++n) x[n] = in_register<T>(load(in.rows[r] + t + n * W));
#pragma GCC unroll 8
    for (int g = 0; g < G; ++g)
#pragma GCC unroll 24
      for (int n = 0; n < N; ++n) sum[g][n] += x[n] * weight[g];
  }
#pragma GCC unroll 8
  for (int g = 0; g < G; ++g)
#pragma GCC unroll 24
    for (int n = 0; n < N; ++n) store(out.row(first + g) + t + n * W, sum[g][n]);
}

// Tiles of N registers of time while they fit, then of fewer.
template <class T, int G, int N>
inline void mix_along(Weights<T> weights, RowTable<T> in, Rows<const T> init, Rows<T> out, Rows<const T> soon,
                      int first, Range time) {
  constexpr int step = N * kLanes<T>;
  std::ptrdiff_t t = time.begin;
  for (; t + step <= time.end; t += step) mix_tile<T, G, N>(weights, in, init, out, soon, first, t);
  if constexpr (N > 1) mix_along<T, G, (N > 4 ? N / 2 : N - 1)>(weights, in, init, out, soon, first, {t, time.end});
}

template <class T>
void mix(Weights<T> weights, RowTable<T> in, Rows<const T> init, Rows<T> out, Range time,
         Rows<const T> soon) noexcept {
  for_groups(out.count, [&]<int G>(int first) {
    mix_along<T, G, std::min(kSums / G, 8)>(weights, in, init, out, soon, first, time);
  });
}

template <class T, int M, int G>
[[gnu::always_inline]] inline void correlate_tile(const T* const* rows, Rows<const T> columns, int first, T* sums, Range time) {
  constexpr int W = kLanes<T>;
  Vec<T> sum[M][G];
  T* at = sums + first * W;
#pragma GCC unroll 24
  for (int m = 0; m < M; ++m)
#pragma GCC unroll 8
    for (int g = 0; g < G; ++g) sum[m][g] = load(at + (m * columns.count + g) * W);
  for (std::ptrdiff_t t = time.begin; t < time.end; t += W) {
    Vec<T> x[M];
#pragma GCC unroll 24
    for (int m = 0; m < M; ++m) x[m] = in_register<T>(load(rows[m] + t));
#pragma GCC unroll 8
    for (int g = 0; g < G; ++g) {
      const Vec<T> y = in_register<T>(load(columns.row(first + g) + t));
#pragma GCC unroll 24
      for (int m = 0; m < M; ++m) sum[m][g] += x[m] * y;
    }
  }
#pragma GCC unroll 24
  for (int m = 0; m < M; ++m)
#pragma GCC unroll 8
    for (int g = 0; g < G; ++g) store(at + (m * columns.count + g) * W, sum[m][g]);
}

// Tiles of M rows while they fit, then of fewer.
template <class T, int M, int G>
inline void correlate_rows(RowTable<T> rows, Rows<const T> columns, int first, T* sums, Range time) {
  const std::ptrdiff_t row_size = columns.count * kLanes<T>;
  int r = 0;
  for (; r + M <= rows.count; r += M) {
    correlate_tile<T, M, G>(rows.rows + r, columns, first, sums + r * row_size, time);
  }
  if constexpr (M > 1) {
    correlate_rows<T, (M > 4 ? M / 2 : M - 1), G>({rows.rows + r, rows.count - r}, columns, first, sums + r * row_size, time);
  }
}

template <class T>
void correlate(RowTable<T> rows, Rows<const T> columns, T* sums, Range time) noexcept {
  for_groups(columns.count, [&]<int G>(int first) {
    correlate_rows<T, std::min(kSums / G, 8), G>(rows, columns, first, sums, time);
  });
}

template <class T, class F>
inline void activate_with(F f, Rows<const T> z, Rows<T> a, Rows<T> total, Range time) {
  for (int c = 0; c < z.count; ++c) {
    const T* from = z.row(c);
    T* to = a.row(c);
    if (total.data == nullptr) {
      for (std::ptrdiff_t t = time.begin; t < time.end; t += kLanes<T>) store(to + t, f(load(from + t)));
    } else {
      T* sum = total.row(c);
      for (std::ptrdiff_t t = time.begin; t < time.end; t += kLanes<T>) {
        const Vec<T> value = f(load(from + t));
        store(to + t, value);
        store(sum + t, load(sum + t) + value);
      }
    }
  }
}

template <class T>
void activate(Activation activation, T slope, Rows<const T> z, Rows<T> a, Rows<T> total, Range time) noexcept {
  using V = Vec<T>;
  const auto with = [&](auto f) { activate_with<T>(f, z, a, total, time); };
  switch (activation) {
    case Activation::tanh: return with([](V x) { return hyperbolic_tangent(x); });
    case Activation::sigmoid: return with([](V x) { return logistic<T>(x); });
    case Activation::relu: return with([](V x) { return larger(V{}, x); });
    case Activation::leaky_relu:
      if (slope <= T(1)) return with([slope](V x) { return larger(x * slope, x); });
      return with([slope](V x) { return smaller(x * slope, x); });
    case Activation::silu: return with([](V x) { return x * logistic<T>(x); });
    case Activation::softsign: return with([](V x) { return x / (magnitude<T>(x) + T(1)); });
    case Activation::hardtanh: return with([](V x) { return clamp<T>(x, T(-1), T(1)); });
    case Activation::hardswish: return with([](V x) { return x * clamp<T>(x * T(1.0 / 6) + T(0.5), T(0), T(1)); });
  }
}

template <class T, class F>
inline void differentiate_with(F derivative, Rows<const T> kept, Rows<T> gradient, Range time) {
  for (int c = 0; c < kept.count; ++c) {
    const T* from = kept.row(c);
    T* to = gradient.row(c);
    for (std::ptrdiff_t t = time.begin; t < time.end; t += kLanes<T>) {
      store(to + t, derivative(load(from + t), load(to + t)));
    }
  }
}

template <class T>
void differentiate(Activation activation, T slope, Rows<const T> kept, Rows<T> gradient, Range time) noexcept {
  using V = Vec<T>;
  const auto with = [&](auto f) { differentiate_with<T>(f, kept, gradient, time); };
  switch (activation) {
    case Activation::tanh: return with([](V a, V d) { return d - d * a * a; });
    case Activation::sigmoid: return with([](V a, V d) { return d * a * (T(1) - a); });
    case Activation::relu: return with([](V a, V d) { return a > T(0) ? d : V{}; });
    case Activation::leaky_relu: return with([slope](V a, V d) { return a > T(0) ? d : d * slope; });
    case Activation::silu: return with([](V z, V d) {
      const V s = logistic<T>(z);
      return d * s * (T(1) + z * (T(1) - s));
    });
    case Activation::softsign: return with([](V a, V d) {
      const V rest = T(1) - magnitude<T>(a);
      return d * rest * rest;
    });
    case Activation::hardtanh: return with([](V a, V d) { return magnitude<T>(a) < T(1) ? d : V{}; });
    case Activation::hardswish: return with([](V z, V d) {
      const V inside = d * (z * T(1.0 / 3) + T(0.5));
      return z > T(3) ? d : (z > T(-3) ? inside : V{});
    });
  }
}

}  // namespace

template <class T>
const RowKernels<T>& row_kernels() {
  static constexpr RowKernels<T> kernels = {mix<T>, correlate<T>, activate<T>, differentiate<T>, kLanes<T>};
  return kernels;
}

template const RowKernels<float>& row_kernels();
template const RowKernels<double>& row_kernels();

}  // namespace ISA_NS
}  // namespace triode::training
