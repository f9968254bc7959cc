// One convolution, and layers one after the other, as in docs/model-file.md.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "network.h"

namespace triode {

class Conv final : public Network {
 public:
  Conv(const ConvSpec& spec, const Tensors& tensors, const std::string& prefix, const Kernels& kernels);
  void process(const Rows& in, const MutableRows& out, int n) noexcept override;
  void remember() noexcept override { convolution_.remember(); }
  void recall() noexcept override { convolution_.recall(); }

 private:
  const Kernels* kernels_;
  std::vector<float> slopes_;
  std::optional<Pointwise> activation_;
  Convolution convolution_;
};

class Sequential final : public Network {
 public:
  Sequential(const SequentialSpec& spec, const Tensors& tensors, const std::string& prefix, const Kernels& kernels);
  void process(const Rows& in, const MutableRows& out, int n) noexcept override;
  void remember() noexcept override;
  void recall() noexcept override;

 private:
  const Kernels* kernels_;
  bool skip_;
  float output_scale_;
  std::vector<std::unique_ptr<Network>> layers_;
  std::vector<Scratch> outputs_;  // of each layer
};

}  // namespace triode
