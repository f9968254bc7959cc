// LSTM and GRU cells. A register holds one gate of as many hidden units as it has lanes; the weights stream by column
// after column. For kernels.cpp only, like simd.h.
//
// What limits small networks is not arithmetic but the chain from one state to the next, so the sums of a gate are
// spread over several registers, and tanh is short (simd.h).
#pragma once

#include <utility>

#include "kernels.h"
#include "simd.h"

namespace {

template <class V>
constexpr int kLanes = static_cast<int>(sizeof(V) / sizeof(float));

// One register of each gate, by name: of arrays the compiler makes memory. A GRU's state has no `d`.
template <class V>
struct Gates {
  V a, b, c, d;
};

// gates += column * x.
template <int G, class V>
[[gnu::always_inline]] inline void add_column(Gates<V>& gates, const float* column, float x) {
  gates.a += load<V>(column) * x;
  gates.b += load<V>(column + kLanes<V>)*x;
  gates.c += load<V>(column + 2 * kLanes<V>)*x;
  if constexpr (G == 4) gates.d += load<V>(column + 3 * kLanes<V>)*x;
}

template <class V>
[[gnu::always_inline]] inline Gates<V> sum(const Gates<V>& x, const Gates<V>& y) {
  return {x.a + y.a, x.b + y.b, x.c + y.c, x.d + y.d};
}

// start + matrix * state. With 32 registers there are four sets of sums, with 16 two.
template <int G, class V>
[[gnu::always_inline]] inline Gates<V> add_state(const Gates<V>& start, const float* weights, const float* state,
                                                 int hidden) {
  constexpr int kSets = kWidth == 16 ? 4 : 2, kColumn = G * kLanes<V>;
  Gates<V> first = start, second = {}, third = {}, fourth = {};
  int j = 0;
  for (; j + kSets <= hidden; j += kSets, weights += kSets * kColumn) {
    add_column<G>(first, weights, state[j]);
    add_column<G>(second, weights + kColumn, state[j + 1]);
    if constexpr (kSets == 4) {
      add_column<G>(third, weights + 2 * kColumn, state[j + 2]);
      add_column<G>(fourth, weights + 3 * kColumn, state[j + 3]);
    }
  }
  for (; j < hidden; ++j, weights += kColumn) add_column<G>(first, weights, state[j]);
  if constexpr (kSets == 2) return sum(first, second);
  return sum(sum(first, second), sum(third, fourth));
}

// Bias and input of the four gates, for which `weights` has 4 + G * inputs registers.
template <int G, class V>
[[gnu::always_inline]] inline Gates<V> start_gates(const float* weights, const float* x, int inputs) {
  constexpr int n = kLanes<V>;
  Gates<V> gates = {load<V>(weights), load<V>(weights + n), load<V>(weights + 2 * n), load<V>(weights + 3 * n)};
  weights += 4 * n;
  for (int i = 0; i < inputs; ++i) add_column<G>(gates, weights + i * G * n, x[i]);
  return gates;
}

// For these gates the matrix holds half of what goes into the sigmoid: sigmoid(x) = (1 + tanh(x / 2)) / 2.
template <class V>
[[gnu::always_inline]] inline Ratio<V> sigmoid_ratio(V half) {
  const Ratio<V> y = tanh_ratio(half);
  return {y.over + y.under, y.under + y.under};
}

// Floats of the weights of one group of units.
template <int G, class V>
std::ptrdiff_t group_size(const triode::Cell& cell) {
  return (4 + G * static_cast<std::ptrdiff_t>(cell.inputs + cell.hidden)) * kLanes<V>;
}

// The units of one group. `h` is the whole state before, `c` and `out` are those of these units.
template <class V>
void lstm_units(const triode::Cell& cell, const float* weights, const float* x, const float* h, float* c, float* out) {
  const float* matrix = weights + 4 * (1 + cell.inputs) * kLanes<V>;
  const Gates<V> gates = add_state<4>(start_gates<4, V>(weights, x, cell.inputs), matrix, h, cell.hidden);
  const Ratio<V> i = sigmoid_ratio(gates.a), f = sigmoid_ratio(gates.b), g = tanh_ratio(gates.c);
  // f c + i g, as c and a change over one denominator: divisions cost as much as all the rest, and what is rounded is
  // the change.
  const V both = i.under * g.under, before = load<V>(c);
  const V state = before + (i.over * g.over * f.under - (f.under - f.over) * before * both) / (f.under * both);
  store(c, state);
  const Ratio<V> o = sigmoid_ratio(gates.d), y = tanh_ratio(state);
  store(out, o.over * y.over / (o.under * y.under));
}

template <class V>
void gru_units(const triode::Cell& cell, const float* weights, const float* x, const float* h, const float* own_h,
               float* out) {
  const float* matrix = weights + (4 + 3 * cell.inputs) * kLanes<V>;
  const Gates<V> in = start_gates<3, V>(weights, x, cell.inputs);
  const Gates<V> gates = add_state<3>(Gates<V>{in.a, in.b, in.d, {}}, matrix, h, cell.hidden);
  const Ratio<V> r = sigmoid_ratio(gates.a);
  const Ratio<V> candidate = tanh_ratio(in.c + r.over * gates.c / r.under);
  // h + (1 - z) (candidate - h) over one denominator, 1 - z = 1 / (1 + exp(..)) being exact to a few units in the last
  // place where it is small as well: what a state loses per sample decides, over thousands of samples, where it settles.
  const V state = load<V>(own_h), most = exponential(gates.b) + 1.0f;
  store(out, state + (candidate.over - state * candidate.under) / (candidate.under * most));
}

// Runs `step(t, state before, state after)` for n steps; the states of all steps stay in y, the last one in h too.
template <class Step>
void each_step(const triode::Cell& cell, float* h, float* y, int n, Step step) {
  const float* before = h;
  for (int t = 0; t < n; ++t, y += cell.units) {
    step(t, before, y);
    before = y;
  }
  for (int u = 0; u < cell.units; u += kWidth) store(h + u, load(before + u));
}

void run_lstm(const triode::Cell& cell, const float* x, int x_stride, float* h, float* c, float* y, int n) {
  each_step(cell, h, y, n, [&](int t, const float* before, float* after) {
    const float* weights = cell.weights;
    const float* in = x + t * x_stride;
    int u = 0;
    for (; u + kWidth <= cell.units - cell.half; u += kWidth, weights += group_size<4, Vec>(cell))
      lstm_units<Vec>(cell, weights, in, before, c + u, after + u);
    if (cell.half > 0) lstm_units<HalfVec>(cell, weights, in, before, c + u, after + u);
  });
}

void run_gru(const triode::Cell& cell, const float* x, int x_stride, float* h, float* y, int n) {
  each_step(cell, h, y, n, [&](int t, const float* before, float* after) {
    const float* weights = cell.weights;
    const float* in = x + t * x_stride;
    int u = 0;
    for (; u + kWidth <= cell.units - cell.half; u += kWidth, weights += group_size<3, Vec>(cell))
      gru_units<Vec>(cell, weights, in, before, before + u, after + u);
    if (cell.half > 0) gru_units<HalfVec>(cell, weights, in, before, before + u, after + u);
  });
}

// Lane i is a[i] + a[i ^ S] where bit S of i is clear, b[i] + b[i ^ S] where it is set.
template <int S, int... I>
Vec fold(Vec a, Vec b, std::integer_sequence<int, I...>) {
  const Vec kept = __builtin_shufflevector(a, b, ((I & S) ? kWidth + I : I)...);
  const Vec moved = __builtin_shufflevector(a, b, ((I & S) ? kWidth + (I ^ S) : (I ^ S))...);
  return kept + moved;
}

// Lane i is the sum over the lanes of leaf(i).
template <int N, class Leaf>
Vec sums_of(Leaf leaf, int first) {
  if constexpr (N == 1)
    return leaf(first);
  else
    return fold<N / 2>(sums_of<N / 2>(leaf, first), sums_of<N / 2>(leaf, first + N / 2),
                       std::make_integer_sequence<int, kWidth>{});
}

}  // namespace
