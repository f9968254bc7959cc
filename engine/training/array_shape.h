// What an array of WaveNet layers looks like: its sizes, where its parameters lie, and its axis of time.
#pragma once

#include <cstddef>
#include <vector>

#include "training/row_kernels.h"

namespace triode::training {

struct LayerShape {
  int kernel_size, dilation;
  Activation activation;
  double slope;  // of leaky_relu below zero

  std::ptrdiff_t span() const { return static_cast<std::ptrdiff_t>(kernel_size - 1) * dilation; }
};

/// Where a layer's parameters begin in the flat vector of all of them.
struct LayerParameters {
  std::size_t conv, conv_bias, mixin, layer1x1, layer1x1_bias;
};

/// An array of ungated layers as in docs/model-file.md. Throws std::invalid_argument if a size makes no sense.
struct ArrayShape {
  int inputs, condition, channels, bottleneck, outputs, head_kernel_size;
  bool head_bias;
  std::vector<LayerShape> layers;

  void check() const;
  /// Samples that the layers take off the input, and that the head takes off what they leave.
  std::ptrdiff_t trim() const;
  std::ptrdiff_t head_span() const { return head_kernel_size - 1; }

  // The flat vector of parameters holds, each as (out, in, kernel): rechannel; per layer conv, conv bias, mixin,
  // layer1x1, layer1x1 bias; head, head bias.
  LayerParameters layer_parameters(int layer) const;
  std::size_t head_parameters() const;
  std::size_t parameter_count() const;
};

/// The axis of time shared by all rows of an array. The input's last sample is at end - 1; layer l reads samples from
/// starts[l] on and makes samples from starts[l + 1] on, the head makes them from head_start on. All are multiples of
/// kQuantum, so that layers begin up to kQuantum samples early: there the input is taken as zero, which makes results
/// that nothing uses and whose gradient is zero.
struct TimeAxis {
  TimeAxis(const ArrayShape& shape, std::ptrdiff_t input_samples);

  std::vector<std::ptrdiff_t> starts;
  std::ptrdiff_t head_start, end;
  std::ptrdiff_t stride;  // samples from row to row; those from `end` on are zero in rows that are read ahead
};

/// At least `samples`, such that rows this far apart do not compete for the same lines of the first-level cache.
std::ptrdiff_t row_stride(std::ptrdiff_t samples);

}  // namespace triode::training
