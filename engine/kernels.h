// The engine's arithmetic: one source (kernels.cpp), compiled once per instruction set, reached through a table of
// functions that each model holds for itself. No function allocates, throws, or keeps anything.
//
// Audio inside the engine is channel-major: a channel is a row of consecutive samples, and a vector register holds
// consecutive samples of one channel. Functions round the number of samples up to whole registers, so every row must
// be readable and writable up to kChunk samples; what lies past `n` is scratch.
#pragma once

#include <cstddef>

#include "cpu.h"

namespace triode {

/// The most samples processed at once. Longer blocks are cut into chunks of this size.
inline constexpr int kChunk = 64;
/// The widest register of any instruction set, in floats; memory is padded to it.
inline constexpr int kMaxWidth = 16;

/// `rows` channels; each starts `stride` floats after the one before.
struct Rows {
  const float* data;
  std::ptrdiff_t stride;
  int rows;
};

/// The same, to be written.
struct MutableRows {
  float* data;
  std::ptrdiff_t stride;
  int rows;

  operator Rows() const { return {data, stride, rows}; }
};

enum class Shape {
  tanh,
  fast_tanh,
  hard_tanh,
  relu,
  leaky_relu,
  prelu,
  sigmoid,
  silu,
  hard_swish,
  leaky_hard_tanh,
  softsign
};

/// A pointwise nonlinearity. `slopes` holds one negative slope per row (prelu only). `low`, `high`, `low_slope`,
/// `high_slope` belong to leaky_hard_tanh; leaky_relu uses `low_slope`.
struct Pointwise {
  Shape shape;
  float low, high, low_slope, high_slope;
  const float* slopes;
};

/// A linear map from the rows of several sources to output rows, weights packed by pack_mix().
struct Mix {
  const float* weights;
  const float* bias;  // one per output
  int outputs;
};

/// What happens to rows before an activation while knobs move: after t steps, the next sample having made `steps`, row r
/// is z * (scale[r] + scale_step[r] * t) + shift[r] + shift_step[r] * t.
struct Ramps {
  const float *scale, *scale_step, *shift, *shift_step;
  float steps;
};

/// One plain WaveNet layer: `channels` in, before and after the activation, and out. The convolution's inputs are the
/// channels at each tap, oldest first, then the condition; `pass` is the 1x1 that leads to the next layer.
struct Layer {
  Mix convolution;
  Mix pass;
  int taps;
  std::ptrdiff_t dilation;
  Pointwise shape;
  const Ramps* ramps;  // null: none
  Rows in;             // of the current chunk, contiguous with what came before
  MutableRows out;     // its data is null where no layer follows
};

/// The numbers of channels that Kernels::layer is made for.
constexpr bool has_layer_kernel(int channels) {
  return (channels >= 1 && channels <= 6) || channels == 8 || channels == 12 || channels == 16;
}

/// Slow filters that are computed together.
inline constexpr int kTraceLanes = 4;

/// Slow filters of one signal, in groups of kTraceLanes lanes: the low-passes, then the envelopes. One number per lane.
struct TraceBank {
  const double* keeps;
  const float* scales;
  const float* offsets;
  int low_passes, envelopes;  // lanes, those that fill up a group included
};

/// One recurrent layer. Its hidden units stand in groups of a register, the last maybe in half a register; `units`
/// counts their lanes and those that fill the last register up, whose values are zero. `weights`, packed by
/// pack_cell() in recurrent.cpp, hold for each group the bias of four gates, the columns of the inputs, those of the
/// state. LSTM gates: i, f, g, o. GRU: r, z, n from the input, n from the state; what is not there has no column. The
/// rows of LSTM's i, f, o and of GRU's r are halved, sigmoid(x) being (1 + tanh(x / 2)) / 2.
struct Cell {
  const float* weights;
  int inputs;
  int hidden;
  int units;
  int half;  // 0, or the lanes of half a register where the last group is one
};

struct Kernels {
  const char* name;  // of the instruction set
  int width;         // floats per register
  int mix_tile;      // outputs computed together by mix
  int half_width;    // floats per half register, 0 where there is none
  int loop_multiply_adds;  // of one round of multiply_add_loop

  /// out = bias + weights * (all rows of all sources) + add (where add.data is not null).
  void (*mix)(const Mix& mix, const Rows* sources, int source_count, const Rows& add, const MutableRows& out,
              int n) noexcept;
  /// `count` layers of as many channels each, a number for which has_layer_kernel() is true, one after the other:
  /// z = convolution(in and before it, condition), moved by the ramps if there are any, a = shape(z), head_sum += a and,
  /// where out.data is not null, out = in + pass(a).
  void (*layers)(const Layer* first, int count, const Rows& condition, const MutableRows& head_sum, int n) noexcept;
  /// rows = rows moved by the ramps, in place.
  void (*ramp)(const Ramps& ramps, const MutableRows& rows, int n) noexcept;
  /// rows = shape(rows), in place.
  void (*apply)(const Pointwise& shape, const MutableRows& rows, int n) noexcept;
  /// rows = shape(rows), in place; sum += rows.
  void (*apply_and_sum)(const Pointwise& shape, const MutableRows& rows, const MutableRows& sum, int n) noexcept;
  /// out += in.
  void (*add)(const Rows& in, const MutableRows& out, int n) noexcept;
  /// rows *= factor rows.
  void (*multiply)(const Rows& factors, const MutableRows& rows, int n) noexcept;
  /// rows = share * activated + (1 - share) * rows.
  void (*blend)(const Rows& share, const Rows& activated, const MutableRows& rows, int n) noexcept;
  /// out = in * scale (+ shift where shift.data is not null).
  void (*modulate)(const Rows& in, const Rows& scale, const Rows& shift, const MutableRows& out, int n) noexcept;
  /// out = in * factor.
  void (*scale)(const Rows& in, float factor, const MutableRows& out, int n) noexcept;
  /// out[t] = bias + sum over k of taps[k] * in[t - k].
  void (*convolve)(const float* taps, int count, float bias, const float* in, float* out, int n) noexcept;
  /// Sample by sample, state = keep * state + x and row = scale * state + offset in each low-pass's lane, in an
  /// envelope's state = keep * state + |x| and row = scale * sqrt(state) + offset. x is finite.
  void (*traces)(const TraceBank& bank, const float* x, double* states, const MutableRows& out, int n) noexcept;
  /// NaN, infinities and what is beyond +-1e6, which filters and networks could overflow by for good, become 0.
  void (*finite)(const float* in, float* out, int n) noexcept;
  /// Sum of a[i] * b[i] over i < n, a multiple of the register width.
  float (*dot)(const float* a, const float* b, int n) noexcept;
  /// n steps; x (n, x_stride) and y (n, units) are sample-major; state h and c (units) are updated.
  void (*lstm)(const Cell& cell, const float* x, int x_stride, float* h, float* c, float* y, int n) noexcept;
  /// The same with GRU arithmetic (reset applied after the product).
  void (*gru)(const Cell& cell, const float* x, int x_stride, float* h, float* y, int n) noexcept;
  /// out[t] = sum over u of weights[u] * y[t * units + u]; units is a multiple of the register width. Rows of y up to
  /// kChunk are read.
  void (*project)(const float* weights, int units, const float* y, float* out, int n) noexcept;
  /// `rounds` rounds of multiply-adds on registers alone: the yardstick for all the others. The result means nothing.
  float (*multiply_add_loop)(int rounds) noexcept;
};

/// The kernels for an instruction set; those of the next lower one where this build has none for it. With `fast`, tanh
/// and what is made from it is less exact (simd.h).
const Kernels& kernels_for(Isa isa, bool fast = false);

}  // namespace triode
