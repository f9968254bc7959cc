#include "sequential.h"

#include "wavenet.h"

namespace triode {

Conv::Conv(const ConvSpec& spec, const Tensors& tensors, const std::string& prefix, const Kernels& kernels)
    : kernels_(&kernels),
      convolution_(kernels, tensor(tensors, prefix + "weight"), tensor(tensors, prefix + "bias").data, spec.input_size,
                   spec.groups, spec.dilation) {
  if (spec.activation) activation_ = pointwise(*spec.activation, spec.output_size, slopes_);
}

void Conv::process(const Rows& in, const MutableRows& out, int n) noexcept {
  kernels_->scale(in, 1.0f, convolution_.input(), n);
  convolution_.run(Rows{}, out, n);
  if (activation_) kernels_->apply(*activation_, out, n);
  convolution_.advance(n);
}

Sequential::Sequential(const SequentialSpec& spec, const Tensors& tensors, const std::string& prefix,
                       const Kernels& kernels)
    : kernels_(&kernels),
      skip_(spec.skip),
      output_scale_(tensor(tensors, prefix + "output_scale").data[0]) {
  for (std::size_t i = 0; i < spec.layers.size(); ++i) {
    layers_.push_back(make_network(*spec.layers[i], tensors, prefix + "layers." + std::to_string(i) + ".", kernels));
    outputs_.emplace_back(spec.layers[i]->outputs());
  }
}

void Sequential::process(const Rows& in, const MutableRows& out, int n) noexcept {
  Rows layer_in = in;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    layers_[i]->process(layer_in, outputs_[i].rows(), n);
    layer_in = outputs_[i].rows();
  }
  const MutableRows last = outputs_.back().rows();
  if (skip_) kernels_->add({in.data, in.stride, last.rows}, last, n);
  kernels_->scale(last, output_scale_, out, n);
}

void Sequential::remember() noexcept {
  for (auto& layer : layers_) layer->remember();
}

void Sequential::recall() noexcept {
  for (auto& layer : layers_) layer->recall();
}

}  // namespace triode
