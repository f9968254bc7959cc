// The small architectures: an impulse response, and a plain convolutional network.
#pragma once

#include <string>
#include <vector>

#include "network.h"

namespace triode {

/// y[t] = bias + sum over k of taps[k] * x[t - k].
class Linear final : public Network {
 public:
  Linear(const LinearSpec& spec, const Tensors& tensors, const std::string& prefix, const Kernels& kernels);
  void process(const Rows& in, const MutableRows& out, int n) noexcept override;
  void remember() noexcept override { history_.remember(); }
  void recall() noexcept override { history_.recall(); }

 private:
  const Kernels* kernels_;
  std::vector<float> taps_;
  float bias_;
  History history_;
};

/// Blocks of a dilated convolution of two taps, batch normalisation (folded into the weights) and activation; then a
/// 1x1 convolution.
class Convnet final : public Network {
 public:
  Convnet(const ConvnetSpec& spec, const Tensors& tensors, const std::string& prefix, const Kernels& kernels);
  void process(const Rows& in, const MutableRows& out, int n) noexcept override;
  void remember() noexcept override;
  void recall() noexcept override;

 private:
  const Kernels* kernels_;
  std::vector<float> slopes_;
  Pointwise activation_;
  std::vector<Convolution> blocks_;
  Scratch last_;
  Mixer head_;
};

}  // namespace triode
