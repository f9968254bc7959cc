// One plain layer of a WaveNet in one go: dilated convolution, condition, activation, head sum, 1x1, residual. A tile of
// samples goes through all of it while it is in registers and the nearest cache. For kernels.cpp only, like simd.h.
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

// Sums of R outputs over V registers of samples. The order of additions does not depend on V, so that the size of the
// host's blocks does not change a bit.
template <int R, int V>
struct Sums {
  Vec sum[R][V] = {};

  void add(const float* weights, const float* in) {
    Vec x[V];
    for (int v = 0; v < V; ++v) x[v] = load(in + v * kWidth);
    for (int r = 0; r < R; ++r)
      for (int v = 0; v < V; ++v) sum[r][v] += x[v] * weights[r];
  }
  // The bias comes last: large numbers are then rounded once and not with every product.
  Vec total(int r, int v, const float* bias) const { return sum[r][v] + bias[r]; }
};

// The R outputs from `first` on of the convolution, before the activation, into the rows of `block`.
template <int C, int R, int V>
void convolve_block(const triode::Layer& layer, triode::Rows now, triode::Rows condition, int first, int t,
                    float* block) {
  const float* weights = layer.convolution.weights + static_cast<std::ptrdiff_t>(layer.taps * C + condition.rows) * first;
  Sums<R, V> sums;
  const float* oldest = now.data + t - (layer.taps - 1) * layer.dilation;
  for (int tap = 0; tap < layer.taps; ++tap, weights += C * R)
    for (int c = 0; c < C; ++c) sums.add(weights + c * R, oldest + tap * layer.dilation + c * now.stride);
  for (int c = 0; c < condition.rows; ++c, weights += R) sums.add(weights, condition.data + c * condition.stride + t);
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < V; ++v)
      store(block + (first + r) * V * kWidth + v * kWidth, sums.total(r, v, layer.convolution.bias + first));
}

// The R outputs from `first` on of the 1x1 over the activated `block`, plus the layer's input.
template <int C, int R, int V>
void pass_block(const triode::Layer& layer, triode::Rows now, triode::MutableRows out, int first, int t,
                const float* block) {
  const float* weights = layer.pass.weights + static_cast<std::ptrdiff_t>(C) * first;
  Sums<R, V> sums;
  for (int c = 0; c < C; ++c) sums.add(weights + c * R, block + c * V * kWidth);
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < V; ++v) {
      const std::ptrdiff_t at = t + v * kWidth;
      const Vec residual = load(now.data + (first + r) * now.stride + at);
      store(out.data + (first + r) * out.stride + at, sums.total(r, v, layer.pass.bias + first) + residual);
    }
}

// Row r of sample t, moved.
Vec ramped(const triode::Ramps& ramps, int r, int t, Vec z) {
  const Vec steps = lane_numbers() + (ramps.steps + static_cast<float>(t));
  return z * (ramps.scale[r] + ramps.scale_step[r] * steps) + (ramps.shift[r] + ramps.shift_step[r] * steps);
}

// Calls f.template operator()<R>(first) for each tile of the C outputs.
template <int C, int First = 0, class F>
void each_tile(F f) {
  if constexpr (First < C) {
    constexpr int R = C - First < kTile ? C - First : kTile;
    f.template operator()<R>(First);
    each_tile<C, First + R>(f);
  }
}

template <int C, int V, class Activate>
void layer_tile(const triode::Layer& layer, triode::Rows now, triode::Rows condition, triode::MutableRows head_sum,
                triode::MutableRows out, int t, Activate activate) {
  alignas(64) float block[C * V * kWidth];
  each_tile<C>([&]<int R>(int first) { convolve_block<C, R, V>(layer, now, condition, first, t, block); });
  if (layer.ramps != nullptr)
    for (int c = 0; c < C; ++c)
      for (int v = 0; v < V; ++v) {
        float* z = block + (c * V + v) * kWidth;
        store(z, ramped(*layer.ramps, c, t + v * kWidth, load(z)));
      }
  activate(block, C, V);
  for (int c = 0; c < C; ++c)
    for (int v = 0; v < V; ++v) {
      float* sum = head_sum.data + c * head_sum.stride + t + v * kWidth;
      store(sum, load(sum) + load(block + (c * V + v) * kWidth));
    }
  if (out.data == nullptr) return;
  each_tile<C>([&]<int R>(int first) { pass_block<C, R, V>(layer, now, out, first, t, block); });
}

template <int C, class Activate>
void layer_rows(const triode::Layer& layer, triode::Rows now, triode::Rows condition, triode::MutableRows head_sum,
                triode::MutableRows out, int n, Activate activate) {
  constexpr int V = registers_of_samples(C);
  int t = 0;
  for (; t + (V - 1) * kWidth < n; t += V * kWidth)
    layer_tile<C, V>(layer, now, condition, head_sum, out, t, activate);
  if constexpr (V > 2)
    for (; t + kWidth < n; t += 2 * kWidth) layer_tile<C, 2>(layer, now, condition, head_sum, out, t, activate);
  for (; t < n; t += kWidth) layer_tile<C, 1>(layer, now, condition, head_sum, out, t, activate);
}

}  // namespace
