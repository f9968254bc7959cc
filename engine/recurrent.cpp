#include "recurrent.h"

#include <algorithm>

namespace triode {

namespace {

std::size_t index(std::ptrdiff_t i) { return static_cast<std::size_t>(i); }

// Packs a (rows, columns) matrix so that the kernels stream it: tiles of whole registers of rows, column by column.
std::vector<float> pack_columns(const std::vector<float>& matrix, int rows, int columns, const Kernels& kernels) {
  std::vector<float> packed;
  packed.reserve(matrix.size());
  const int tile = kernels.column_tile * kernels.width;
  for (int first = 0; first < rows; first += tile)
    for (int c = 0; c < columns; ++c)
      for (int r = first; r < std::min(first + tile, rows); ++r) packed.push_back(matrix[index(r * columns + c)]);
  return packed;
}

}  // namespace

Recurrent::Recurrent(const RecurrentSpec& spec, const Tensors& tensors, const std::string& prefix,
                     const Kernels& kernels)
    : kernels_(&kernels),
      spec_(spec),
      units_((spec.hidden_size + kernels.width - 1) / kernels.width * kernels.width),
      state_(index(2 * spec.num_layers * units_), 0.0f),
      gates_(index(4 * units_)),
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

// LSTM rows: i, f, g, o of all columns. GRU rows: r, z of all columns, n of the input's, n of the state's, because the
// reset gate acts between the two.
void Recurrent::add_layer(const Tensors& tensors, const std::string& prefix, int k) {
  const std::string suffix = "_l" + std::to_string(k);
  const int hidden = spec_.hidden_size, inputs = k == 0 ? spec_.input_size : hidden;
  const std::vector<float>& ih = tensor(tensors, prefix + "rec.weight_ih" + suffix).data;
  const std::vector<float>& hh = tensor(tensors, prefix + "rec.weight_hh" + suffix).data;
  const std::vector<float>& input_bias = tensor(tensors, prefix + "rec.bias_ih" + suffix).data;
  const std::vector<float>& state_bias = tensor(tensors, prefix + "rec.bias_hh" + suffix).data;
  const int columns = inputs + hidden;
  const bool gru = spec_.kind == CellKind::gru;
  std::vector<float> matrix(index(4 * units_) * index(columns), 0.0f);
  Layer layer{inputs, {}, std::vector<float>(index(4 * units_), 0.0f)};
  for (int gate = 0; gate < 4; ++gate) {
    const bool from_input = !(gru && gate == 3), from_state = !(gru && gate == 2);
    const int source = gru ? std::min(gate, 2) : gate;
    for (int u = 0; u < hidden; ++u) {
      const std::ptrdiff_t from = source * hidden + u, to = gate * units_ + u;
      if (from_input) {
        std::copy_n(ih.data() + from * inputs, inputs, matrix.data() + to * columns);
        layer.bias[index(to)] += input_bias[index(from)];
      }
      if (from_state) {
        std::copy_n(hh.data() + from * hidden, hidden, matrix.data() + to * columns + inputs);
        layer.bias[index(to)] += state_bias[index(from)];
      }
    }
  }
  layer.weights = pack_columns(matrix, 4 * units_, columns, *kernels_);
  layers_.push_back(std::move(layer));
}

void Recurrent::process(Rows in, MutableRows out, int n) noexcept {
  for (int t = 0; t < n; ++t)
    for (int i = 0; i < spec_.input_size; ++i) in_[index(t * spec_.input_size + i)] = in.data[i * in.stride + t];
  for (int k = 0; k < spec_.num_layers; ++k) {
    const Layer& layer = layers_[index(k)];
    const Cell cell = {layer.weights.data(), layer.bias.data(), layer.inputs, spec_.hidden_size, units_};
    const int stride = k == 0 ? spec_.input_size : units_;
    float* h = state_.data() + k * units_;
    float* c = state_.data() + (spec_.num_layers + k) * units_;
    if (spec_.kind == CellKind::lstm)
      kernels_->lstm(cell, in_.data(), stride, h, c, gates_.data(), out_.data(), n);
    else
      kernels_->gru(cell, in_.data(), stride, h, gates_.data(), out_.data(), n);
    std::swap(in_, out_);
  }
  for (int o = 0; o < spec_.output_size; ++o) {
    const float* weights = output_weights_.data() + o * units_;
    for (int t = 0; t < n; ++t) {
      const float dry = spec_.skip ? in.data[o * in.stride + t] : 0.0f;
      out.data[o * out.stride + t] =
          output_bias_[index(o)] + skip_ * dry + kernels_->dot(weights, in_.data() + t * units_, units_);
    }
  }
}

void Recurrent::recall() noexcept { std::copy(remembered_.begin(), remembered_.end(), state_.begin()); }

}  // namespace triode
