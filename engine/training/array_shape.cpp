#include "training/array_shape.h"

#include <algorithm>
#include <stdexcept>

namespace triode::training {
namespace {

std::ptrdiff_t round_down(std::ptrdiff_t samples) {
  const std::ptrdiff_t rest = samples % kQuantum;
  return samples - (rest < 0 ? rest + kQuantum : rest);
}

std::ptrdiff_t round_up(std::ptrdiff_t samples) { return -round_down(-samples); }

}  // namespace

void ArrayShape::check() const {
  bool sensible = std::min({inputs, condition, channels, bottleneck, outputs, head_kernel_size}) >= 1;
  sensible = sensible && !layers.empty();
  for (const LayerShape& layer : layers) {
    sensible = sensible && layer.kernel_size >= 1 && layer.dilation >= 1 && layer.slope >= 0;
  }
  if (!sensible) throw std::invalid_argument("WaveNet array: sizes must be at least 1 and slopes at least 0");
}

std::ptrdiff_t ArrayShape::trim() const {
  std::ptrdiff_t samples = 0;
  for (const LayerShape& layer : layers) samples += layer.span();
  return samples;
}

LayerParameters ArrayShape::layer_parameters(int layer) const {
  const auto count = [](auto... sizes) { return (static_cast<std::size_t>(sizes) * ...); };
  std::size_t at = count(channels, inputs);
  LayerParameters p{};
  for (int l = 0; l <= layer; ++l) {
    if (l == static_cast<int>(layers.size())) return {at, at, at, at, at};
    p.conv = at;
    p.conv_bias = p.conv + count(bottleneck, channels, layers[static_cast<std::size_t>(l)].kernel_size);
    p.mixin = p.conv_bias + count(bottleneck);
    p.layer1x1 = p.mixin + count(bottleneck, condition);
    p.layer1x1_bias = p.layer1x1 + count(channels, bottleneck);
    at = p.layer1x1_bias + count(channels);
  }
  return p;
}

std::size_t ArrayShape::head_parameters() const { return layer_parameters(static_cast<int>(layers.size())).conv; }

std::size_t ArrayShape::parameter_count() const {
  const int per_output = bottleneck * head_kernel_size + (head_bias ? 1 : 0);
  return head_parameters() + static_cast<std::size_t>(outputs) * static_cast<std::size_t>(per_output);
}

std::ptrdiff_t row_stride(std::ptrdiff_t samples) {
  constexpr std::ptrdiff_t kPage = 1024, kOffset = 5 * kQuantum;
  return (samples - kOffset + kPage - 1) / kPage * kPage + kOffset;
}

TimeAxis::TimeAxis(const ArrayShape& shape, std::ptrdiff_t input_samples) {
  const std::ptrdiff_t head_samples = input_samples - shape.trim() - shape.head_span();
  if (head_samples < 1) throw std::invalid_argument("WaveNet array: the input is shorter than the receptive field");
  const std::size_t layers = shape.layers.size();
  starts.resize(layers + 1);
  head_start = round_down(-head_samples);
  starts[layers] = round_down(head_start - shape.head_span());
  std::ptrdiff_t longest_span = shape.head_span();
  for (std::size_t l = layers; l-- > 0;) {
    starts[l] = round_down(starts[l + 1] - shape.layers[l].span());
    longest_span = std::max(longest_span, shape.layers[l].span());
  }
  end = -starts[0];
  head_start += end;
  for (std::ptrdiff_t& start : starts) start += end;
  stride = row_stride(end + round_up(longest_span));
}

}  // namespace triode::training
