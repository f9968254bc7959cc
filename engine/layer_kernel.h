// The plain layers of a WaveNet, each in one go: condition, dilated convolution, activation, head sum, 1x1, residual. A
// tile of samples goes through all of it while it is in registers and the nearest cache. For kernels.cpp only, like
// simd.h.
#pragma once

#include "kernels.h"
#include "simd.h"

namespace {

// Outputs computed together, and registers of samples each: as many sums as the registers hold (32 of them with AVX-512,
// 16 before), and enough to hide the latency of an addition.
constexpr int kTile = kWidth == 16 ? 8 : 4;
constexpr int registers_of_samples(int outputs) {
  if (kWidth == 16) return outputs > 4 ? 2 : 4;
  return outputs > 2 ? 2 : 4;
}

// R rows of V registers of samples each, in registers.
template <int R, int V>
struct Tile {
  Vec at[R][V];
};

// Calls f(r, v) for each register of a tile.
template <int R, int V, class F>
[[gnu::always_inline]] inline void each_register(F f) {
  repeat<R * V>([&](auto i) __attribute__((always_inline)) { f(i / V, i % V); });
}

template <int R, int V>
[[gnu::always_inline]] inline void clear(Tile<R, V>& sums) {
  each_register<R, V>([&](auto r, auto v) __attribute__((always_inline)) { sums.at[r][v] = Vec{}; });
}

// sums += weights * one row of samples. The order of additions does not depend on V, so that the size of the host's
// blocks does not change a bit.
template <int R, int V>
[[gnu::always_inline]] inline void add_row(Tile<R, V>& sums, const float* weights, const float* in) {
  Vec x[V];
  repeat<V>([&](auto v) __attribute__((always_inline)) {
    x[v] = load(in + v * kWidth);
    keep_in_register(x[v]);
  });
  each_register<R, V>([&](auto r, auto v) __attribute__((always_inline)) { sums.at[r][v] += x[v] * weights[r]; });
}

// Row r of sample t, moved.
inline Vec ramped(const triode::Ramps& ramps, int r, int t, Vec z) {
  const Vec steps = lane_numbers() + (ramps.steps + static_cast<float>(t));
  return z * (ramps.scale[r] + ramps.scale_step[r] * steps) + (ramps.shift[r] + ramps.shift_step[r] * steps);
}

// The R outputs from `first` on of the convolution. What the layer before has just made comes last, so that all else
// need not wait for it; the bias after that: large numbers are then rounded once and not with every product.
// `channels` is layer.in.rows, maybe as a constant.
template <int R, int V>
[[gnu::always_inline]] inline void convolve_tile(const triode::Layer& layer, const triode::Rows& condition,
                                                 int channels, int first, int t, Tile<R, V>& z) {
  const std::ptrdiff_t stride = layer.in.stride, inputs = layer.taps * channels;
  const float* weights = layer.convolution.weights + (inputs + condition.rows) * first;
  clear(z);
  for (int c = 0; c < condition.rows; ++c)
    add_row(z, weights + (inputs + c) * R, condition.data + c * condition.stride + t);
  const float* oldest = layer.in.data + t - (layer.taps - 1) * layer.dilation;
  for (int tap = 0; tap < layer.taps; ++tap, oldest += layer.dilation)
    for (int c = 0; c < channels; ++c, weights += R) add_row(z, weights, oldest + c * stride);
  const float* bias = layer.convolution.bias + first;
  each_register<R, V>([&](auto r, auto v) __attribute__((always_inline)) { z.at[r][v] += bias[r]; });
  if (layer.ramps != nullptr)
    each_register<R, V>([&](auto r, auto v) __attribute__((always_inline)) {
      z.at[r][v] = ramped(*layer.ramps, first + r, t + v * kWidth, z.at[r][v]);
    });
}

// The activation of the rows from `first` on. The usual shapes stay in registers, the others go through memory.
template <int R, int V, class Activate>
[[gnu::always_inline]] inline void activate_tile(const triode::Pointwise& shape, int first, Activate activate,
                                                 Tile<R, V>& z) {
  if (shape.shape == triode::Shape::tanh) {
    each_register<R, V>([&](auto r, auto v) __attribute__((always_inline)) { z.at[r][v] = tanh(z.at[r][v]); });
  } else if (shape.shape == triode::Shape::leaky_relu) {
    const Vec slope = broadcast(shape.low_slope);
    each_register<R, V>([&](auto r, auto v) __attribute__((always_inline)) {
      z.at[r][v] = z.at[r][v] > 0.0f ? z.at[r][v] : z.at[r][v] * slope;
    });
  } else {
    alignas(64) float rows[R * V * kWidth];
    each_register<R, V>([&](auto r, auto v) __attribute__((always_inline)) {
      store(rows + (r * V + v) * kWidth, z.at[r][v]);
    });
    activate(shape, first, rows, R, V);
    each_register<R, V>([&](auto r, auto v) __attribute__((always_inline)) {
      z.at[r][v] = load(rows + (r * V + v) * kWidth);
    });
  }
}

template <int R, int V>
[[gnu::always_inline]] inline void add_to_head(const Tile<R, V>& a, const triode::MutableRows& head_sum, int first,
                                               int t) {
  each_register<R, V>([&](auto r, auto v) __attribute__((always_inline)) {
    float* sum = head_sum.data + (first + r) * head_sum.stride + t + v * kWidth;
    store(sum, load(sum) + a.at[r][v]);
  });
}

// What goes to the next layer: sums of the 1x1, plus its bias, plus the layer's input.
template <int R, int V>
[[gnu::always_inline]] inline void pass_on(const triode::Layer& layer, const Tile<R, V>& sums, int first, int t) {
  each_register<R, V>([&](auto r, auto v) __attribute__((always_inline)) {
    const std::ptrdiff_t at = t + v * kWidth;
    const Vec residual = load(layer.in.data + (first + r) * layer.in.stride + at);
    store(layer.out.data + (first + r) * layer.out.stride + at, sums.at[r][v] + layer.pass.bias[first + r] + residual);
  });
}

// Whether the activations of so many channels and the sums of the 1x1 fit in the registers together.
constexpr bool stays_in_registers(int channels, int registers) {
  return 2 * channels * registers + registers + 2 <= (kWidth == 16 ? 32 : 16);
}

// A layer of R channels, all of them in registers.
template <int R, int V, class Activate>
[[gnu::always_inline]] inline void narrow_layer(const triode::Layer& layer, const triode::Rows& condition,
                                                const triode::MutableRows& head_sum, int t, Activate activate) {
  Tile<R, V> a, sums;
  convolve_tile(layer, condition, R, 0, t, a);
  activate_tile(layer.shape, 0, activate, a);
  add_to_head(a, head_sum, 0, t);
  if (layer.out.data == nullptr) return;
  clear(sums);
  repeat<R>([&](auto c) __attribute__((always_inline)) {
    each_register<R, V>([&](auto r, auto v) __attribute__((always_inline)) {
      sums.at[r][v] += a.at[c][v] * layer.pass.weights[c * R + r];
    });
  });
  pass_on(layer, sums, 0, t);
}

// The activations of the R channels from `first` on, to the head sum and to `activated`, V registers a row.
template <int R, int V, class Activate>
void activate_rows(const triode::Layer& layer, const triode::Rows& condition, const triode::MutableRows& head_sum,
                   int first, int t, Activate activate, float* activated) {
  Tile<R, V> a;
  convolve_tile(layer, condition, layer.in.rows, first, t, a);
  activate_tile(layer.shape, first, activate, a);
  add_to_head(a, head_sum, first, t);
  each_register<R, V>([&](auto r, auto v) __attribute__((always_inline)) {
    store(activated + ((first + r) * V + v) * kWidth, a.at[r][v]);
  });
}

template <int R, int V>
void pass_rows(const triode::Layer& layer, int first, int t, const float* activated) {
  const int channels = layer.in.rows;
  const float* weights = layer.pass.weights + channels * first;
  Tile<R, V> sums;
  clear(sums);
  for (int c = 0; c < channels; ++c) add_row(sums, weights + c * R, activated + c * V * kWidth);
  pass_on(layer, sums, first, t);
}

template <int C, int V, class Activate>
[[gnu::always_inline]] inline void layer_tile(const triode::Layer& layer, const triode::Rows& condition,
                                              const triode::MutableRows& head_sum, int t, Activate activate) {
  if constexpr (C <= kTile && stays_in_registers(C, V)) {
    narrow_layer<C, V>(layer, condition, head_sum, t, activate);
  } else {
    constexpr int R = C < kTile ? C : kTile, kWhole = C / R * R, kRest = C - kWhole;
    alignas(64) float activated[C * V * kWidth];
    for (int first = 0; first < kWhole; first += R)
      activate_rows<R, V>(layer, condition, head_sum, first, t, activate, activated);
    if constexpr (kRest > 0) activate_rows<kRest, V>(layer, condition, head_sum, kWhole, t, activate, activated);
    if (layer.out.data == nullptr) return;
    for (int first = 0; first < kWhole; first += R) pass_rows<R, V>(layer, first, t, activated);
    if constexpr (kRest > 0) pass_rows<kRest, V>(layer, kWhole, t, activated);
  }
}

template <int C, class Activate>
void run_layers(const triode::Layer* layers, int count, const triode::Rows& condition,
                const triode::MutableRows& head_sum, int n, Activate activate) {
  constexpr int V = registers_of_samples(C);
  for (const triode::Layer* layer = layers; layer != layers + count; ++layer) {
    int t = 0;
    for (; t + (V - 1) * kWidth < n; t += V * kWidth) layer_tile<C, V>(*layer, condition, head_sum, t, activate);
    for (; t < n; t += kWidth) layer_tile<C, 1>(*layer, condition, head_sum, t, activate);
  }
}

}  // namespace
