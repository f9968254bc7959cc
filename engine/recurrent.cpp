#include "recurrent.h"

#include <algorithm>
#include <array>

namespace triode {

namespace {

std::size_t index(std::ptrdiff_t i) { return static_cast<std::size_t>(i); }

// Units in whole registers; what is left over goes into half a register if that holds it.
int lanes_of_half_group(int hidden, const Kernels& kernels) {
  const int left = hidden % kernels.width;
  return left > 0 && left <= kernels.half_width ? kernels.half_width : 0;
}

// One gate: its rows in the matrices of the input and of the state, null where the gate has no such part.
struct Gate {
  const float *input_rows, *state_rows, *input_bias, *state_bias;
  bool halved;
};

// As kernels.h describes it.
AlignedFloats pack_cell(const std::array<Gate, 4>& gates, int inputs, int hidden, const Kernels& kernels) {
  AlignedFloats packed;
  const int half = lanes_of_half_group(hidden, kernels);
  for (int first = 0; first < hidden;) {
    const int lanes = hidden - first <= half ? half : kernels.width;
    const auto column = [&](const Gate& gate, auto value) {
      for (int u = first; u < first + lanes; ++u)
        packed.push_back(u < hidden ? (gate.halved ? 0.5f : 1.0f) * value(u) : 0.0f);
    };
    for (const Gate& gate : gates)
      column(gate, [&](int u) {
        return (gate.input_rows ? gate.input_bias[u] : 0.0f) + (gate.state_rows ? gate.state_bias[u] : 0.0f);
      });
    for (int i = 0; i < inputs; ++i)
      for (const Gate& gate : gates)
        if (gate.input_rows) column(gate, [&](int u) { return gate.input_rows[u * inputs + i]; });
    for (int j = 0; j < hidden; ++j)
      for (const Gate& gate : gates)
        if (gate.state_rows) column(gate, [&](int u) { return gate.state_rows[u * hidden + j]; });
    first += lanes;
  }
  return packed;
}

}  // namespace

Recurrent::Recurrent(const RecurrentSpec& spec, const Tensors& tensors, const std::string& prefix,
                     const Kernels& kernels)
    : kernels_(&kernels),
      spec_(spec),
      units_((spec.hidden_size + kernels.width - 1) / kernels.width * kernels.width),
      state_(index(2 * spec.num_layers * units_), 0.0f),
      in_(index(kChunk * std::max(units_, spec.input_size))),
      out_(index(kChunk * units_)),
      output_weights_(index(spec.output_size * units_), 0.0f) {
  for (int k = 0; k < spec.num_layers; ++k) add_layer(tensors, prefix, k);
  const auto initial = [&](const std::string& name, int offset) {
    const auto found = tensors.find(prefix + name);
    if (found == tensors.end()) return;
    for (int k = 0; k < spec.num_layers; ++k)
      std::copy_n(found->second.data.data() + k * spec.hidden_size, spec.hidden_size,
                  state_.data() + (offset + k) * units_);
  };
  initial("rec.h0", 0);
  initial("rec.c0", spec.num_layers);
  remembered_ = state_;
  const float scale = tensor(tensors, prefix + "output_scale").data[0];
  const std::vector<float>& weight = tensor(tensors, prefix + "lin.weight").data;
  for (int o = 0; o < spec.output_size; ++o) {
    for (int u = 0; u < spec.hidden_size; ++u)
      output_weights_[index(o * units_ + u)] = scale * weight[index(o * spec.hidden_size + u)];
    output_bias_.push_back(scale * tensor(tensors, prefix + "lin.bias").data[index(o)]);
  }
  skip_ = spec.skip ? scale : 0.0f;
}

// In a GRU the reset gate acts between the input's and the state's part of n, which therefore stay apart.
void Recurrent::add_layer(const Tensors& tensors, const std::string& prefix, int k) {
  const std::string suffix = "_l" + std::to_string(k);
  const int hidden = spec_.hidden_size, inputs = k == 0 ? spec_.input_size : hidden;
  const float* ih = tensor(tensors, prefix + "rec.weight_ih" + suffix).data.data();
  const float* hh = tensor(tensors, prefix + "rec.weight_hh" + suffix).data.data();
  const float* input_bias = tensor(tensors, prefix + "rec.bias_ih" + suffix).data.data();
  const float* state_bias = tensor(tensors, prefix + "rec.bias_hh" + suffix).data.data();
  const auto gate = [&](int row, bool halved) {
    const int first = row * hidden;
    return Gate{ih + first * inputs, hh + first * hidden, input_bias + first, state_bias + first, halved};
  };
  std::array<Gate, 4> gates;
  if (spec_.kind == CellKind::lstm) {
    gates = {gate(0, true), gate(1, true), gate(2, false), gate(3, true)};
  } else {
    gates = {gate(0, true), gate(1, false), gate(2, false), gate(2, false)};
    gates[2].state_rows = gates[3].input_rows = nullptr;
  }
  layers_.push_back({inputs, pack_cell(gates, inputs, hidden, *kernels_)});
}

void Recurrent::process(const Rows& in, const MutableRows& out, int n) noexcept {
  for (int t = 0; t < n; ++t)
    for (int i = 0; i < spec_.input_size; ++i) in_[index(t * spec_.input_size + i)] = in.data[i * in.stride + t];
  for (int k = 0; k < spec_.num_layers; ++k) {
    const Layer& layer = layers_[index(k)];
    const Cell cell = {layer.weights.data(), layer.inputs, spec_.hidden_size, units_,
                       lanes_of_half_group(spec_.hidden_size, *kernels_)};
    const int stride = k == 0 ? spec_.input_size : units_;
    float* h = state_.data() + k * units_;
    float* c = state_.data() + (spec_.num_layers + k) * units_;
    if (spec_.kind == CellKind::lstm)
      kernels_->lstm(cell, in_.data(), stride, h, c, out_.data(), n);
    else
      kernels_->gru(cell, in_.data(), stride, h, out_.data(), n);
    std::swap(in_, out_);
  }
  for (int o = 0; o < spec_.output_size; ++o) {
    float* row = out.data + o * out.stride;
    kernels_->project(output_weights_.data() + o * units_, units_, in_.data(), row, n);
    for (int t = 0; t < n; ++t) row[t] += output_bias_[index(o)];
    if (spec_.skip)
      for (int t = 0; t < n; ++t) row[t] += skip_ * in.data[o * in.stride + t];
  }
}

void Recurrent::recall() noexcept { std::copy(remembered_.begin(), remembered_.end(), state_.begin()); }

}  // namespace triode
