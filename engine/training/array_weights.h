// An array's parameters, laid out as the row kernels take them.
#pragma once

#include <vector>

#include "training/array_shape.h"

namespace triode::training {

template <class T>
struct LinearMap {
  std::vector<T> weights, bias;

  Weights<T> view() const { return {weights.data(), bias.data()}; }
};

/// The linear maps of a layer, forward and transposed. Rows of `conv` are taps by channels, then the condition; rows of
/// `conv_transposed` are taps by bottleneck.
template <class T>
struct LayerWeights {
  LinearMap<T> conv, layer1x1, minus_layer1x1, layer1x1_transposed, conv_transposed;
};

template <class T>
struct ArrayWeights {
  ArrayWeights(const ArrayShape& shape, const T* parameters);

  LinearMap<T> rechannel, rechannel_transposed, head, head_transposed;
  std::vector<LayerWeights<T>> layers;
};

}  // namespace triode::training
