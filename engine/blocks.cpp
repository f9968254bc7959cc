#include "blocks.h"

#include <cmath>

#include "wavenet.h"

namespace triode {

namespace {

struct Folded {
  Tensor weight;
  std::vector<float> bias;
};

// (x - mean) / sqrt(variance + epsilon) * weight + bias after a convolution without bias, as one with bias.
Folded fold(const Tensors& tensors, const std::string& block, bool batchnorm) {
  Folded folded{tensor(tensors, block + "conv.weight"), {}};
  if (!batchnorm) {
    folded.bias = tensor(tensors, block + "conv.bias").data;
    return folded;
  }
  const auto values = [&](const char* name) -> const std::vector<float>& {
    return tensor(tensors, block + "norm." + name).data;
  };
  const double epsilon = values("epsilon")[0];
  const std::size_t channels = values("mean").size(), per_channel = folded.weight.data.size() / channels;
  for (std::size_t c = 0; c < channels; ++c) {
    const double scale = values("weight")[c] / std::sqrt(epsilon + values("variance")[c]);
    folded.bias.push_back(static_cast<float>(values("bias")[c] - scale * values("mean")[c]));
    for (std::size_t i = 0; i < per_channel; ++i) {
      float& w = folded.weight.data[c * per_channel + i];
      w = static_cast<float>(w * scale);
    }
  }
  return folded;
}

std::vector<Convolution> make_blocks(const ConvnetSpec& spec, const Tensors& tensors, const std::string& prefix,
                                     const Kernels& kernels) {
  std::vector<Convolution> blocks;
  for (std::size_t l = 0; l < spec.dilations.size(); ++l) {
    const Folded folded = fold(tensors, prefix + "blocks." + std::to_string(l) + ".", spec.batchnorm);
    blocks.emplace_back(kernels, folded.weight, folded.bias, l == 0 ? spec.input_size : spec.channels, spec.groups,
                        spec.dilations[l]);
  }
  return blocks;
}

}  // namespace

Linear::Linear(const LinearSpec& spec, const Tensors& tensors, const std::string& prefix, const Kernels& kernels)
    : kernels_(&kernels),
      taps_(tensor(tensors, prefix + "taps").data),
      bias_(tensor(tensors, prefix + "bias").data[0]),
      history_(1, spec.taps - 1) {}

void Linear::process(const Rows& in, const MutableRows& out, int n) noexcept {
  const MutableRows now = history_.now();
  kernels_->scale(in, 1.0f, now, n);
  kernels_->convolve(taps_.data(), static_cast<int>(taps_.size()), bias_, now.data, out.data, n);
  history_.advance(n);
}

Convnet::Convnet(const ConvnetSpec& spec, const Tensors& tensors, const std::string& prefix, const Kernels& kernels)
    : kernels_(&kernels),
      activation_(pointwise(spec.activation, spec.channels, slopes_)),
      blocks_(make_blocks(spec, tensors, prefix, kernels)),
      last_(spec.channels),
      head_(kernels, tensor(tensors, prefix + "head.weight").data, tensor(tensors, prefix + "head.bias").data,
            spec.output_size) {}

void Convnet::process(const Rows& in, const MutableRows& out, int n) noexcept {
  kernels_->scale(in, 1.0f, blocks_.front().input(), n);
  for (std::size_t l = 0; l < blocks_.size(); ++l) {
    const MutableRows block_out = l + 1 < blocks_.size() ? blocks_[l + 1].input() : last_.rows();
    blocks_[l].run(Rows{}, block_out, n);
    kernels_->apply(activation_, block_out, n);
    blocks_[l].advance(n);
  }
  head_.run(last_.rows(), out, n);
}

void Convnet::remember() noexcept {
  for (Convolution& block : blocks_) block.remember();
}

void Convnet::recall() noexcept {
  for (Convolution& block : blocks_) block.recall();
}

}  // namespace triode
