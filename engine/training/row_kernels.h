// The arithmetic of training on a CPU: one source (row_kernels.cpp), compiled once per instruction set, reached through
// a table of functions. It knows rows of samples only; wavenet_array.h makes layers of them.
//
// A row holds consecutive samples of one channel, and a vector register holds consecutive samples of one row. All rows
// of an array share one time axis: sample t of every row belongs to the same moment. Ranges of time begin and end at
// multiples of kQuantum, so no function has a remainder narrower than a register.
#pragma once

#include <cstddef>

#include "cpu.h"

namespace triode::training {

/// Samples; a multiple of the width of every instruction set's registers.
inline constexpr std::ptrdiff_t kQuantum = 16;

enum class Activation { tanh, sigmoid, relu, leaky_relu, silu, softsign, hardtanh, hardswish };

/// Whether the derivative follows from the activation's output alone. Where not, the input has to be kept.
constexpr bool derivative_from_output(Activation activation) {
  return activation != Activation::silu && activation != Activation::hardswish;
}

/// A range of time.
struct Range {
  std::ptrdiff_t begin, end;
};

/// `count` channels of one block of memory; sample t of channel c is data[c * stride + t].
template <class T>
struct Rows {
  T* data;
  std::ptrdiff_t stride;
  int count;

  T* row(int channel) const { return data + channel * stride; }
};

/// Rows that lie anywhere: sample t of row r is rows[r][t].
template <class T>
struct RowTable {
  const T* const* rows;
  int count;
};

/// A linear map: weights[r * outputs + o] takes row r to output o; one bias per output.
template <class T>
struct Weights {
  const T* weights;
  const T* bias;
};

template <class T>
struct RowKernels {
  /// out = init + bias + weights * in. `init.data` may be null, and may be out.data. Meanwhile `soon`, rows that will
  /// be needed next and are as many as out's, comes from memory, unless soon.data is null.
  void (*mix)(Weights<T> weights, RowTable<T> in, Rows<const T> init, Rows<T> out, Range time,
              Rows<const T> soon) noexcept;
  /// sums[r * columns.count + c] += sum over time of rows[r] * columns[c]. A sum has `lanes` parts, one per lane of
  /// a register, side by side.
  void (*correlate)(RowTable<T> rows, Rows<const T> columns, T* sums, Range time) noexcept;
  /// a = activation(z), total += a; a.data may be z.data, and total.data may be null.
  void (*activate)(Activation activation, T slope, Rows<const T> z, Rows<T> a, Rows<T> total, Range time) noexcept;
  /// gradient *= the activation's derivative, where `kept` is its output, or its input if the derivative does not
  /// follow from the output.
  void (*differentiate)(Activation activation, T slope, Rows<const T> kept, Rows<T> gradient, Range time) noexcept;
  /// Parts that a sum of `correlate` has.
  int lanes;
};

/// The kernels for an instruction set; those of the next lower one where this build has none for it. T is float, or
/// double, which serves to check gradients.
template <class T>
const RowKernels<T>& row_kernels(Isa isa);

}  // namespace triode::training
