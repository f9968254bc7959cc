// Files of SmartAmpPro: for every sample, two strided Keras convolutions over the last `input_size` samples, one step
// of an LSTM from its zero state, and a dense layer.
#include <algorithm>

#include "bounds.h"
#include "model_file_formats.h"

namespace triode {

using nlohmann::json;

namespace {

constexpr int kUsualInputSize = 120, kUsualStride = 12, kMostInputSize = 1 << 14;

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

// One strided convolution over `length` samples with Keras' "same" padding.
struct Strided {
  std::int64_t taps, inputs, outputs, stride, length, frames, padding;  // padding: in front
  std::vector<float> weight, bias;                                      // weight (taps, inputs, outputs)

  float at(std::int64_t k, std::int64_t i, std::int64_t o) const {
    return weight[index((k * inputs + i) * outputs + o)];
  }
};

Strided parse_strided(Fields& root, const std::string& name, std::int64_t length, std::int64_t inputs) {
  Fields fields(root.at(name), root.path(name));
  Strided conv;
  const json& kernel = fields.at("kernel:0");
  require_array(kernel, 1, limits::kKernel, fields.path("kernel:0"));
  const json& bias = fields.at("bias:0");
  require_array(bias, 1, limits::kChannels, fields.path("bias:0"));
  conv.taps = static_cast<std::int64_t>(kernel.size());
  conv.inputs = inputs;
  conv.outputs = static_cast<std::int64_t>(bias.size());
  conv.stride = root.integer(name + "_stride", 1, limits::kKernel, kUsualStride);
  conv.length = length;
  conv.frames = (length + conv.stride - 1) / conv.stride;
  conv.padding = std::max<std::int64_t>((conv.frames - 1) * conv.stride + conv.taps - length, 0) / 2;
  conv.weight = table(kernel, {conv.taps, inputs, conv.outputs}, fields.path("kernel:0"));
  conv.bias = table(bias, {conv.outputs}, fields.path("bias:0"));
  return conv;
}

struct Folded {
  Tensor weight, bias;
};

// Nothing bends between the two convolutions, so together they are one over the whole window.
Folded fold(const Strided& first, const Strided& second) {
  std::vector<double> weight(index(second.outputs * first.length), 0.0);
  std::vector<double> bias(second.bias.begin(), second.bias.end());
  for (std::int64_t m = 0; m < second.taps; ++m) {
    const std::int64_t frame = m - second.padding;
    if (frame < 0 || frame >= first.frames) continue;
    for (std::int64_t o = 0; o < second.outputs; ++o)
      for (std::int64_t c = 0; c < first.outputs; ++c) {
        const double factor = second.at(m, c, o);
        bias[index(o)] += factor * first.bias[index(c)];
        for (std::int64_t k = 0; k < first.taps; ++k) {
          const std::int64_t sample = frame * first.stride - first.padding + k;
          if (sample >= 0 && sample < first.length) weight[index(o * first.length + sample)] += factor * first.at(k, 0, c);
        }
      }
  }
  return {{{second.outputs, 1, first.length}, {weight.begin(), weight.end()}}, {{second.outputs}, {bias.begin(), bias.end()}}};
}

Folded read_front(Fields& root) {
  const int length = root.integer("input_size", 1, kMostInputSize, kUsualInputSize);
  const Strided first = parse_strided(root, "conv1d", length, 1);
  const Strided second = parse_strided(root, "conv1d_1", first.frames, first.outputs);
  if (second.frames != 1)
    refuse("model.conv1d_1", std::to_string(second.frames) + " frames for the LSTM", "a stride that leaves one");
  const std::int64_t work = second.taps * second.outputs * first.outputs * first.taps;
  if (work > limits::kWeights)
    refuse("model.conv1d_1", "convolutions of " + std::to_string(work) + " products",
           "at most " + std::to_string(limits::kWeights));
  return fold(first, second);
}

// One step from the zero state, at every sample anew: an LSTM that sees nothing of its state and whose forget gate is
// shut (sigmoid(-100) is 0 in float32).
void read_cell(Fields& root, std::int64_t inputs, RecurrentSpec& spec, Tensors& tensors, const std::string& prefix) {
  Fields cell(root.at("lstm"), root.path("lstm")), dense(root.at("dense"), root.path("dense"));
  const json& kernel = dense.at("kernel:0");
  require_array(kernel, 1, limits::kChannels, dense.path("kernel:0"));
  const auto hidden = static_cast<std::int64_t>(kernel.size());
  spec = {CellKind::lstm, static_cast<int>(inputs), static_cast<int>(hidden), 1, 1, false};
  Tensor ih{{4 * hidden, inputs},
            torch_order(table(cell.at("kernel:0"), {inputs, 4 * hidden}, cell.path("kernel:0")), 1, inputs, 4 * hidden)};
  Tensor bias{{4 * hidden}, table(cell.at("bias:0"), {4 * hidden}, cell.path("bias:0"))};
  std::fill_n(ih.data.begin() + hidden * inputs, hidden * inputs, 0.0f);
  std::fill_n(bias.data.begin() + hidden, hidden, -100.0f);
  const auto zeros = [](std::int64_t count) { return std::vector<float>(index(count), 0.0f); };
  tensors[prefix + "rec.weight_ih_l0"] = std::move(ih);
  tensors[prefix + "rec.weight_hh_l0"] = {{4 * hidden, hidden}, zeros(4 * hidden * hidden)};
  tensors[prefix + "rec.bias_ih_l0"] = std::move(bias);
  tensors[prefix + "rec.bias_hh_l0"] = {{4 * hidden}, zeros(4 * hidden)};
  tensors[prefix + "lin.weight"] = {{1, hidden}, table(kernel, {hidden, 1}, dense.path("kernel:0"))};
  tensors[prefix + "lin.bias"] = {{1}, table(dense.at("bias:0"), {1}, dense.path("bias:0"))};
  tensors[prefix + "output_scale"] = {{1}, {1.0f}};
}

}  // namespace

Description read_smart_amp_pro(const json& root) {
  Fields fields(root, "model");
  Description description;
  description.format = "smartamppro";
  description.sample_rate_hz = kGuitarMlRate;
  Folded front = read_front(fields);
  ConvSpec conv;
  conv.output_size = static_cast<int>(front.weight.shape[0]);
  conv.kernel_size = static_cast<int>(front.weight.shape[2]);
  RecurrentSpec cell;
  read_cell(fields, conv.output_size, cell, description.tensors, "layers.1.");
  description.tensors["layers.0.weight"] = std::move(front.weight);
  description.tensors["layers.0.bias"] = std::move(front.bias);
  description.tensors["output_scale"] = {{1}, {1.0f}};
  SequentialSpec sequential;
  sequential.layers = {std::make_shared<const Architecture>(Architecture{conv}),
                       std::make_shared<const Architecture>(Architecture{cell})};
  description.architecture.spec = std::move(sequential);
  description.architecture.check("model");
  json rest = root;
  for (const char* key : {"conv1d", "conv1d_1", "lstm", "dense"}) rest.erase(key);
  description.metadata = rest.dump();
  return description;
}

}  // namespace triode
