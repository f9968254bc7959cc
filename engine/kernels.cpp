// Compiled once per instruction set, with -DISA_NS=<its namespace>. Nothing here may be shared with another copy: see
// simd.h.
#include "kernels.h"

#include "layer_kernel.h"
#include "recurrent_kernel.h"
#include "simd.h"
#include "trace_kernel.h"

namespace triode {
namespace ISA_NS {
namespace {

template <int R, int V>
void mix_tile(const float* weights, const float* bias, const Rows* sources, int source_count, const Rows& add,
              const MutableRows& out, int t) {
  Tile<R, V> sums;
  clear(sums);
  for (int s = 0; s < source_count; ++s) {
    const float* in = sources[s].data + t;
    for (int row = 0; row < sources[s].rows; ++row, in += sources[s].stride, weights += R) add_row(sums, weights, in);
  }
  each_register<R, V>([&](auto r, auto v) __attribute__((always_inline)) {
    // Bias and residual come last: large numbers are then rounded once and not with every product.
    Vec sum = sums.at[r][v] + bias[r];
    if (add.data != nullptr) sum += load(add.data + r * add.stride + t + v * kWidth);
    store(out.data + r * out.stride + t + v * kWidth, sum);
  });
}

template <int R>
void mix_rows(const float* weights, const float* bias, const Rows* sources, int source_count, const Rows& add,
              const MutableRows& out, int n) {
  constexpr int V = registers_of_samples(R);
  int t = 0;
  for (; t + (V - 1) * kWidth < n; t += V * kWidth)
    mix_tile<R, V>(weights, bias, sources, source_count, add, out, t);
  for (; t < n; t += kWidth) mix_tile<R, 1>(weights, bias, sources, source_count, add, out, t);
}

void mix(const Mix& mix, const Rows* sources, int source_count, const Rows& add, const MutableRows& out,
         int n) noexcept {
  int inputs = 0;
  for (int s = 0; s < source_count; ++s) inputs += sources[s].rows;
  const float* weights = mix.weights;
  for (int r = 0; r < mix.outputs; r += kTile) {
    const int rows = mix.outputs - r < kTile ? mix.outputs - r : kTile;
    const Rows add_here = {add.data == nullptr ? nullptr : add.data + r * add.stride, add.stride, rows};
    const MutableRows out_here = {out.data + r * out.stride, out.stride, rows};
    const float* bias = mix.bias + r;
    switch (rows) {
      case 1: mix_rows<1>(weights, bias, sources, source_count, add_here, out_here, n); break;
      case 2: mix_rows<2>(weights, bias, sources, source_count, add_here, out_here, n); break;
      case 3: mix_rows<3>(weights, bias, sources, source_count, add_here, out_here, n); break;
      case 4: mix_rows<4>(weights, bias, sources, source_count, add_here, out_here, n); break;
#if defined(__AVX512F__)
      case 5: mix_rows<5>(weights, bias, sources, source_count, add_here, out_here, n); break;
      case 6: mix_rows<6>(weights, bias, sources, source_count, add_here, out_here, n); break;
      case 7: mix_rows<7>(weights, bias, sources, source_count, add_here, out_here, n); break;
      case 8: mix_rows<8>(weights, bias, sources, source_count, add_here, out_here, n); break;
#endif
    }
    weights += static_cast<std::ptrdiff_t>(inputs) * rows;
  }
}

// Calls f(row) for each row with the shape's function for that row, so that the choice is made outside the loops.
template <class Loop>
void with_shape(const Pointwise& shape, int rows, Loop loop) {
  for (int r = 0; r < rows; ++r) {
    switch (shape.shape) {
      case Shape::tanh: loop(r, [](Vec x) { return tanh(x); }); break;
      case Shape::fast_tanh: loop(r, [](Vec x) { return fast_tanh(x); }); break;
      case Shape::hard_tanh: loop(r, [](Vec x) { return clamp(x, -1.0f, 1.0f); }); break;
      case Shape::relu: loop(r, [](Vec x) { return larger(x, Vec{}); }); break;
      case Shape::leaky_relu: {
        const float slope = shape.low_slope;
        loop(r, [slope](Vec x) { return x > 0.0f ? x : x * slope; });
        break;
      }
      case Shape::prelu: {
        const float slope = shape.slopes[r];
        loop(r, [slope](Vec x) { return x > 0.0f ? x : x * slope; });
        break;
      }
      case Shape::sigmoid: loop(r, [](Vec x) { return sigmoid(x); }); break;
      case Shape::silu: loop(r, [](Vec x) { return x * sigmoid(x); }); break;
      case Shape::hard_swish: loop(r, [](Vec x) { return x * clamp(x + 3.0f, 0.0f, 6.0f) * (1.0f / 6.0f); }); break;
      case Shape::leaky_hard_tanh: loop(r, [&shape](Vec x) { return leaky_hard_tanh(x, shape); }); break;
      case Shape::softsign: loop(r, [](Vec x) { return x / (1.0f + magnitude(x)); }); break;
    }
  }
}

void apply(const Pointwise& shape, const MutableRows& rows, int n) noexcept {
  with_shape(shape, rows.rows, [rows, n](int r, auto f) {
    float* row = rows.data + r * rows.stride;
    for (int t = 0; t < n; t += kWidth) store(row + t, f(load(row + t)));
  });
}

void apply_and_sum(const Pointwise& shape, const MutableRows& rows, const MutableRows& sum, int n) noexcept {
  with_shape(shape, rows.rows, [rows, sum, n](int r, auto f) {
    float* row = rows.data + r * rows.stride;
    float* total = sum.data + r * sum.stride;
    for (int t = 0; t < n; t += kWidth) {
      const Vec y = f(load(row + t));
      store(row + t, y);
      store(total + t, load(total + t) + y);
    }
  });
}

// The rows from `first` on: `count` of them, of `registers` registers each, one after the other.
void activate_block(const Pointwise& shape, int first, float* block, int count, int registers) {
  const bool same = shape.shape != Shape::prelu;  // for all rows: one long row
  const int rows = same ? 1 : count, length = (same ? count : 1) * registers * kWidth;
  Pointwise here = shape;
  if (!same) here.slopes += first;
  with_shape(here, rows, [=](int r, auto f) {
    float* row = block + r * length;
    for (int i = 0; i < length; i += kWidth) store(row + i, f(load(row + i)));
  });
}

void layers(const Layer* first, int count, const Rows& condition, const MutableRows& head_sum, int n) noexcept {
  switch (first->in.rows) {
    case 1: return run_layers<1>(first, count, condition, head_sum, n, activate_block);
    case 2: return run_layers<2>(first, count, condition, head_sum, n, activate_block);
    case 3: return run_layers<3>(first, count, condition, head_sum, n, activate_block);
    case 4: return run_layers<4>(first, count, condition, head_sum, n, activate_block);
    case 5: return run_layers<5>(first, count, condition, head_sum, n, activate_block);
    case 6: return run_layers<6>(first, count, condition, head_sum, n, activate_block);
    case 8: return run_layers<8>(first, count, condition, head_sum, n, activate_block);
    case 12: return run_layers<12>(first, count, condition, head_sum, n, activate_block);
    case 16: return run_layers<16>(first, count, condition, head_sum, n, activate_block);
  }
}

template <class F>
void each(int rows, int n, F f) {
  for (int r = 0; r < rows; ++r)
    for (int t = 0; t < n; t += kWidth) f(r, t);
}

Vec at(const Rows& rows, int r, int t) { return load(rows.data + r * rows.stride + t); }
void put(const MutableRows& rows, int r, int t, Vec x) { store(rows.data + r * rows.stride + t, x); }

void ramp(const Ramps& ramps, const MutableRows& rows, int n) noexcept {
  each(rows.rows, n, [&](int r, int t) { put(rows, r, t, ramped(ramps, r, t, at(rows, r, t))); });
}

void add(const Rows& in, const MutableRows& out, int n) noexcept {
  each(out.rows, n, [=](int r, int t) { put(out, r, t, at(out, r, t) + at(in, r, t)); });
}

void multiply(const Rows& factors, const MutableRows& rows, int n) noexcept {
  each(rows.rows, n, [=](int r, int t) { put(rows, r, t, at(rows, r, t) * at(factors, r, t)); });
}

void blend(const Rows& share, const Rows& activated, const MutableRows& rows, int n) noexcept {
  each(rows.rows, n, [=](int r, int t) {
    const Vec s = at(share, r, t);
    put(rows, r, t, s * at(activated, r, t) + (1.0f - s) * at(rows, r, t));
  });
}

void modulate(const Rows& in, const Rows& scale, const Rows& shift, const MutableRows& out, int n) noexcept {
  each(out.rows, n, [=](int r, int t) {
    const Vec y = at(in, r, t) * at(scale, r, t);
    put(out, r, t, shift.data == nullptr ? y : y + at(shift, r, t));
  });
}

void scale(const Rows& in, float factor, const MutableRows& out, int n) noexcept {
  each(out.rows, n, [=](int r, int t) { put(out, r, t, at(in, r, t) * factor); });
}

template <int V>
void convolve_tile(const float* taps, int count, float bias, const float* in, float* out) {
  Vec sum[V];
  for (int v = 0; v < V; ++v) sum[v] = broadcast(bias);
  for (int k = 0; k < count; ++k)
    for (int v = 0; v < V; ++v) sum[v] += load(in + v * kWidth - k) * taps[k];
  for (int v = 0; v < V; ++v) store(out + v * kWidth, sum[v]);
}

void convolve(const float* taps, int count, float bias, const float* in, float* out, int n) noexcept {
  int t = 0;
  for (; t + 3 * kWidth < n; t += 4 * kWidth) convolve_tile<4>(taps, count, bias, in + t, out + t);
  for (; t < n; t += kWidth) convolve_tile<1>(taps, count, bias, in + t, out + t);
}

void traces(const TraceBank& bank, const float* x, double* states, const MutableRows& out, int n) noexcept {
  run_traces(bank, x, states, out, n);
}

void finite(const float* in, float* out, int n) noexcept {
  constexpr float kLoudest = 1e6f;
  // No comparison with NaN is true.
  for (int t = 0; t < n; ++t) out[t] = in[t] >= -kLoudest && in[t] <= kLoudest ? in[t] : 0.0f;
}

float dot(const float* a, const float* b, int n) noexcept {
  Vec sum = {};
  for (int i = 0; i < n; i += kWidth) sum += load(a + i) * load(b + i);
  float total = 0.0f;
  for (int i = 0; i < kWidth; ++i) total += sum[i];
  return total;
}

void lstm(const Cell& cell, const float* x, int x_stride, float* h, float* c, float* y, int n) noexcept {
  run_lstm(cell, x, x_stride, h, c, y, n);
}

void gru(const Cell& cell, const float* x, int x_stride, float* h, float* y, int n) noexcept {
  run_gru(cell, x, x_stride, h, y, n);
}

void project(const float* weights, int units, const float* y, float* out, int n) noexcept {
  for (int t = 0; t < n; t += kWidth)
    store(out + t, sums_of<kWidth>(
                       [=](int lane) {
                         const float* row = y + (t + lane) * units;
                         Vec sum = load(row) * load(weights);
                         for (int u = kWidth; u < units; u += kWidth) sum += load(row + u) * load(weights + u);
                         return sum;
                       },
                       0));
}

// Twelve sums hide the latency of an addition that feeds the next one (4 cycles, 2 a cycle, on current cores).
constexpr int kLoopSums = 12;

float multiply_add_loop(int rounds) noexcept {
  Vec sums[kLoopSums];
  for (int i = 0; i < kLoopSums; ++i) sums[i] = broadcast(static_cast<float>(i));
  Vec factor = broadcast(0.999f), term = broadcast(0.001f);
  for (int round = 0; round < rounds; ++round) {
    // Told that the operands may have changed, the compiler can neither fold nor drop a round.
#if defined(__x86_64__)
    asm volatile("" : "+x"(factor), "+x"(term));
#elif defined(__aarch64__)
    asm volatile("" : "+w"(factor), "+w"(term));
#else
    asm volatile("" : "+m"(factor), "+m"(term));
#endif
    for (Vec& sum : sums) sum = sum * factor + term;
  }
  Vec total = sums[0];
  for (int i = 1; i < kLoopSums; ++i) total += sums[i];
  return total[0];
}

}  // namespace

extern const Kernels kernels;
constexpr const char* kNames[] = {"baseline", "avx2", "avx512"};
const Kernels kernels = {kNames[kWidth == 16 ? 2 : (kWidth == 8 ? 1 : 0)],
                         kWidth, kTile, kWidth > 4 ? kHalfWidth : 0, kLoopSums * kWidth, mix, layers, ramp, apply, apply_and_sum, add, multiply, blend,
                         modulate, scale, convolve, traces, finite, dot, lstm, gru, project, multiply_add_loop};

}  // namespace ISA_NS
}  // namespace triode
