#include "training/array_weights.h"

namespace triode::training {
namespace {

/// map.weights[((k * ins) + i) * outs + o] = parameters[(o * ins + i) * kernel_size + k]
template <class T>
LinearMap<T> forward_map(const T* parameters, const T* bias, int outs, int ins, int kernel_size) {
  LinearMap<T> map;
  for (int k = 0; k < kernel_size; ++k)
    for (int i = 0; i < ins; ++i)
      for (int o = 0; o < outs; ++o) map.weights.push_back(parameters[(o * ins + i) * kernel_size + k]);
  map.bias.assign(static_cast<std::size_t>(outs), T(0));
  if (bias != nullptr) map.bias.assign(bias, bias + outs);
  return map;
}

/// map.weights[((k * outs) + o) * ins + i] = parameters[(o * ins + i) * kernel_size + k]
template <class T>
LinearMap<T> transposed_map(const T* parameters, int outs, int ins, int kernel_size) {
  LinearMap<T> map;
  for (int k = 0; k < kernel_size; ++k)
    for (int o = 0; o < outs; ++o)
      for (int i = 0; i < ins; ++i) map.weights.push_back(parameters[(o * ins + i) * kernel_size + k]);
  map.bias.assign(static_cast<std::size_t>(ins), T(0));
  return map;
}

template <class T>
LinearMap<T> negative(LinearMap<T> map) {
  for (T& weight : map.weights) weight = -weight;
  for (T& bias : map.bias) bias = -bias;
  return map;
}

}  // namespace

template <class T>
ArrayWeights<T>::ArrayWeights(const ArrayShape& shape, const T* parameters) {
  const int channels = shape.channels, bottleneck = shape.bottleneck;
  rechannel = forward_map<T>(parameters, nullptr, channels, shape.inputs, 1);
  rechannel_transposed = transposed_map(parameters, channels, shape.inputs, 1);
  for (std::size_t l = 0; l < shape.layers.size(); ++l) {
    const LayerParameters at = shape.layer_parameters(static_cast<int>(l));
    const int kernel_size = shape.layers[l].kernel_size;
    LayerWeights<T> layer;
    layer.conv = forward_map(parameters + at.conv, parameters + at.conv_bias, bottleneck, channels, kernel_size);
    const LinearMap<T> mixin = forward_map<T>(parameters + at.mixin, nullptr, bottleneck, shape.condition, 1);
    layer.conv.weights.insert(layer.conv.weights.end(), mixin.weights.begin(), mixin.weights.end());
    layer.layer1x1 = forward_map(parameters + at.layer1x1, parameters + at.layer1x1_bias, channels, bottleneck, 1);
    layer.minus_layer1x1 = negative(layer.layer1x1);
    layer.layer1x1_transposed = transposed_map(parameters + at.layer1x1, channels, bottleneck, 1);
    layer.conv_transposed = transposed_map(parameters + at.conv, bottleneck, channels, kernel_size);
    layers.push_back(std::move(layer));
  }
  const T* head_weights = parameters + shape.head_parameters();
  const T* head_bias = shape.head_bias ? head_weights + shape.outputs * bottleneck * shape.head_kernel_size : nullptr;
  head = forward_map(head_weights, head_bias, shape.outputs, bottleneck, shape.head_kernel_size);
  head_transposed = transposed_map(head_weights, shape.outputs, bottleneck, shape.head_kernel_size);
}

template struct ArrayWeights<float>;
template struct ArrayWeights<double>;

}  // namespace triode::training
