// LSTM and GRU, as in docs/model-file.md: layers in PyTorch's conventions, a linear output layer, and the input added.
#pragma once

#include <string>
#include <vector>

#include "network.h"

namespace triode {

class Recurrent final : public Network {
 public:
  Recurrent(const RecurrentSpec& spec, const Tensors& tensors, const std::string& prefix, const Kernels& kernels);
  void process(const Rows& in, const MutableRows& out, int n) noexcept override;
  void remember() noexcept override { remembered_ = state_; }
  void recall() noexcept override;

 private:
  struct Layer {
    int inputs;
    AlignedFloats weights;  // packed as kernels.h says
  };

  void add_layer(const Tensors& tensors, const std::string& prefix, int index);

  const Kernels* kernels_;
  RecurrentSpec spec_;
  int units_;  // hidden_size padded to whole registers
  std::vector<Layer> layers_;
  AlignedFloats state_, remembered_;  // h of all layers, then c of all layers
  AlignedFloats in_, out_;            // sample-major chunks between layers, (kChunk, units or inputs)
  AlignedFloats output_weights_;      // (output_size, units), scaled
  std::vector<float> output_bias_;
  float skip_;
};

}  // namespace triode
