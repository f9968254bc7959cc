// Keras stacks as RTNeural and AIDA-X play them (.json, .aidax). A recurrent layer takes the dense layer after it along;
// everything else becomes a convolution, normalisation and gains included. One recurrent layer alone is an `lstm` or
// `gru`, all others are `sequential`.
#include <algorithm>
#include <cmath>

#include "bounds.h"
#include "model_file_formats.h"

namespace triode {

using nlohmann::json;

namespace {

constexpr double kAssumedRate = 48000.0;  // as AIDA-X does
constexpr float kMostGainDb = 120.0f;

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

struct Stage {
  Architecture architecture;
  Tensors tensors;

  ConvSpec* conv() { return std::get_if<ConvSpec>(&architecture.spec); }
};

struct Dense {
  int outputs = 1;
  std::vector<float> weight, bias;  // weight (outputs, inputs)
  std::optional<Activation> activation;
};

std::optional<Activation> parse_keras_activation(Fields& layer) {
  if (layer.find("activation") == nullptr) return std::nullopt;
  const std::string name = layer.text("activation");
  if (name.empty() || name == "linear") return std::nullopt;
  if (name == "tanh") return Activation{.shape = Shape::tanh, .slopes = {}};
  if (name == "relu") return Activation{.shape = Shape::relu, .slopes = {}};
  if (name == "sigmoid") return Activation{.shape = Shape::sigmoid, .slopes = {}};
  refuse(layer.path("activation"), shown(name), "tanh, relu, sigmoid or none");
}

int last_of(Fields& fields, const std::string& key, int most) {
  const json& shape = fields.at(key);
  require_array(shape, 1, 8, fields.path(key));
  return static_cast<int>(whole_number(shape.back(), 1, most, fields.path(key)));
}

// "kernel_size": [3], or plainly 3.
int entry(Fields& fields, const std::string& key, int most, int otherwise) {
  const json* value = fields.find(key);
  if (value == nullptr) return otherwise;
  if (!value->is_array()) return fields.integer(key, 1, most);
  require_array(*value, 1, 1, fields.path(key));
  return static_cast<int>(whole_number(value->front(), 1, most, fields.path(key)));
}

const json& weights_of(Fields& layer, std::size_t least, std::size_t most) {
  const json& weights = layer.at("weights");
  require_array(weights, least, most, layer.path("weights"));
  return weights;
}

Stage conv_stage(const ConvSpec& spec, std::vector<float> weight, std::vector<float> bias) {
  Stage stage{{spec}, {}};
  stage.tensors["weight"] = {{spec.output_size, spec.input_size / spec.groups, spec.kernel_size}, std::move(weight)};
  stage.tensors["bias"] = {{spec.output_size}, std::move(bias)};
  return stage;
}

// Each channel times its own factor.
Stage per_channel(std::vector<float> factors, std::vector<float> bias) {
  const int channels = static_cast<int>(factors.size());
  return conv_stage({.input_size = channels, .output_size = channels, .groups = channels, .activation = std::nullopt},
                    std::move(factors), std::move(bias));
}

Stage straight_wire(int channels) {
  return per_channel(std::vector<float>(index(channels), 1.0f), std::vector<float>(index(channels), 0.0f));
}

Dense parse_dense(Fields& layer, int inputs) {
  Dense dense;
  dense.outputs = last_of(layer, "shape", limits::kChannels);
  const json& weights = weights_of(layer, 1, 2);
  const std::string where = layer.path("weights");
  dense.weight = torch_order(table(weights[0], {inputs, dense.outputs}, where + "[0]"), 1, inputs, dense.outputs);
  dense.bias = weights.size() > 1 ? table(weights[1], {dense.outputs}, where + "[1]")
                                  : std::vector<float>(index(dense.outputs), 0.0f);
  dense.activation = parse_keras_activation(layer);
  return dense;
}

Stage parse_conv1d(Fields& layer, int inputs) {
  ConvSpec spec;
  spec.input_size = inputs;
  spec.output_size = last_of(layer, "shape", limits::kChannels);
  spec.kernel_size = entry(layer, "kernel_size", limits::kKernel, 1);
  spec.dilation = entry(layer, "dilation", limits::kDilation, 1);
  spec.groups = entry(layer, "groups", limits::kChannels, 1);
  const int stride = entry(layer, "strides", limits::kKernel, 1);
  if (stride != 1) refuse(layer.path("strides"), std::to_string(stride), "1: a model puts out every sample");
  spec.activation = parse_keras_activation(layer);
  Architecture{spec}.check(layer.where());
  const json& weights = weights_of(layer, 1, 2);
  const std::int64_t taps = spec.kernel_size, group = inputs / spec.groups, outputs = spec.output_size;
  const std::vector<float> flat = table(weights[0], {taps, group, outputs}, layer.path("weights") + "[0]");
  return conv_stage(spec, torch_order(flat, taps, group, outputs),
                    weights.size() > 1 ? table(weights[1], {outputs}, layer.path("weights") + "[1]")
                                       : std::vector<float>(index(outputs), 0.0f));
}

Stage parse_batchnorm(Fields& layer, int channels) {
  const json& weights = weights_of(layer, 2, 4);
  const bool affine = weights.size() == 4;
  if (weights.size() == 3) refuse(layer.path("weights"), "a list of 3", "2 or 4 entries");
  const auto values = [&](std::size_t i) {
    return table(weights[i], {channels}, layer.path("weights") + "[" + std::to_string(i) + "]");
  };
  const std::vector<float> mean = values(affine ? 2 : 0), variance = values(affine ? 3 : 1);
  const std::vector<float> ones(index(channels), 1.0f), zeros(index(channels), 0.0f);
  const std::vector<float> gamma = affine ? values(0) : ones, beta = affine ? values(1) : zeros;
  const double epsilon = layer.number("epsilon", 0.001f);
  std::vector<float> factors, bias;
  for (std::size_t c = 0; c < index(channels); ++c) {
    const double spread = static_cast<double>(variance[c]) + epsilon;
    if (!(spread > 0.0)) refuse(layer.where(), "a variance of " + std::to_string(spread), "one above 0");
    const double factor = gamma[c] / std::sqrt(spread);
    factors.push_back(finite_float(factor, layer.where()));
    bias.push_back(finite_float(beta[c] - factor * mean[c], layer.where()));
  }
  return per_channel(std::move(factors), std::move(bias));
}

// One slope for all channels or one each, however many lists are around them.
Activation parse_prelu(Fields& layer, int channels) {
  const json* slopes = &weights_of(layer, 1, limits::kChannels);
  while (slopes->is_array() && slopes->size() == 1 && slopes->front().is_array()) slopes = &slopes->front();
  const std::int64_t count = slopes->is_array() && slopes->size() == 1 ? 1 : channels;
  return {.shape = Shape::prelu, .slopes = table(*slopes, {count}, layer.path("weights"))};
}

// Keras' gates of a GRU are z, r, n; PyTorch's are r, z, n.
std::vector<float> gates_of_torch(std::vector<float> rows, CellKind kind) {
  if (kind == CellKind::gru) {
    const auto third = static_cast<std::ptrdiff_t>(rows.size() / 3);
    std::swap_ranges(rows.begin(), rows.begin() + third, rows.begin() + third);
  }
  return rows;
}

Stage parse_recurrent_layer(Fields& layer, CellKind kind, int inputs, const std::optional<Dense>& dense) {
  const std::int64_t hidden = last_of(layer, "shape", limits::kChannels);
  const std::int64_t rows = (kind == CellKind::lstm ? 4 : 3) * hidden;
  const json& weights = weights_of(layer, 3, 3);
  const std::string where = layer.path("weights");
  RecurrentSpec spec{kind, inputs, static_cast<int>(hidden), 1, static_cast<int>(dense ? dense->outputs : hidden), false};
  Stage stage{{spec}, {}};
  Tensors& tensors = stage.tensors;
  const auto matrix = [&](std::size_t i, std::int64_t columns) -> Tensor {
    const std::vector<float> kernel = table(weights[i], {columns, rows}, where + "[" + std::to_string(i) + "]");
    return {{rows, columns}, gates_of_torch(torch_order(kernel, 1, columns, rows), kind)};
  };
  tensors["rec.weight_ih_l0"] = matrix(0, inputs);
  tensors["rec.weight_hh_l0"] = matrix(1, hidden);
  if (kind == CellKind::lstm) {
    tensors["rec.bias_ih_l0"] = {{rows}, table(weights[2], {rows}, where + "[2]")};
    tensors["rec.bias_hh_l0"] = {{rows}, std::vector<float>(index(rows), 0.0f)};
  } else {
    const std::vector<float> both = table(weights[2], {2, rows}, where + "[2]");
    tensors["rec.bias_ih_l0"] = {{rows}, gates_of_torch({both.begin(), both.begin() + rows}, kind)};
    tensors["rec.bias_hh_l0"] = {{rows}, gates_of_torch({both.begin() + rows, both.end()}, kind)};
  }
  std::vector<float> unit(index(dense ? 0 : hidden * hidden), 0.0f);
  for (std::size_t u = 0; u < unit.size(); u += index(hidden) + 1) unit[u] = 1.0f;
  tensors["lin.weight"] = {{spec.output_size, hidden}, dense ? dense->weight : unit};
  tensors["lin.bias"] = {{spec.output_size},
                         dense ? dense->bias : std::vector<float>(index(spec.output_size), 0.0f)};
  tensors["output_scale"] = {{1}, {1.0f}};
  return stage;
}

class Stack {
 public:
  explicit Stack(int inputs) : channels_(inputs) {}

  int channels() const { return channels_; }
  void push(Stage stage) {
    stage.architecture.check("model.layers");
    channels_ = stage.architecture.outputs();
    stages_.push_back(std::move(stage));
  }
  void push_activation(const std::optional<Activation>& activation) {
    if (!activation) return;
    if (stages_.empty() || stages_.back().conv() == nullptr || stages_.back().conv()->activation)
      push(straight_wire(channels_));
    stages_.back().conv()->activation = activation;
  }
  std::vector<Stage>& stages() { return stages_; }

 private:
  int channels_;
  std::vector<Stage> stages_;
};

bool is_dense(const std::string& type) { return type == "dense" || type == "time-distributed-dense"; }

// Pushes the layer at `i`; returns how many layers of the file that took.
std::size_t push_layer(const json& list, std::size_t i, Stack& stack) {
  const auto where = [](std::size_t k) { return "model.layers[" + std::to_string(k) + "]"; };
  Fields layer(list[i], where(i));
  const std::string type = layer.text("type");
  if (type == "lstm" || type == "gru") {
    std::optional<Dense> dense;
    if (i + 1 < list.size()) {
      Fields next(list[i + 1], where(i + 1));
      if (is_dense(next.text("type"))) dense = parse_dense(next, last_of(layer, "shape", limits::kChannels));
    }
    stack.push(parse_recurrent_layer(layer, type == "lstm" ? CellKind::lstm : CellKind::gru, stack.channels(), dense));
    if (dense) stack.push_activation(dense->activation);
    return dense ? 2 : 1;
  }
  if (is_dense(type)) {
    Dense dense = parse_dense(layer, stack.channels());
    stack.push(conv_stage({.input_size = stack.channels(), .output_size = dense.outputs, .activation = dense.activation},
                          std::move(dense.weight), std::move(dense.bias)));
  } else if (type == "conv1d") {
    stack.push(parse_conv1d(layer, stack.channels()));
  } else if (type == "batchnorm") {
    stack.push(parse_batchnorm(layer, stack.channels()));
  } else if (type == "prelu") {
    stack.push_activation(parse_prelu(layer, stack.channels()));
  } else if (type == "activation") {
    stack.push_activation(parse_keras_activation(layer));
  } else {
    refuse(layer.path("type"), shown(type),
           "lstm, gru, dense, time-distributed-dense, conv1d, batchnorm, prelu or activation");
  }
  return 1;
}

void scale(std::vector<float>& values, float factor) {
  for (float& value : values) value *= factor;
}

// The first stage hears the audio, its first input, louder.
void fold_input_gain(Stage& stage, float gain) {
  Tensor& weight = stage.tensors.at(stage.conv() ? "weight" : "rec.weight_ih_l0");
  const auto per_output = static_cast<std::ptrdiff_t>(weight.data.size() / index(weight.shape[0]));
  const std::ptrdiff_t taps = stage.conv() ? weight.shape[2] : 1;
  const std::int64_t outputs = stage.conv() ? weight.shape[0] / stage.conv()->groups : weight.shape[0];
  for (std::int64_t o = 0; o < outputs; ++o)
    for (std::ptrdiff_t k = 0; k < taps; ++k) weight.data[index(o * per_output + k)] *= gain;
}

void fold_output_gain(Stack& stack, float gain) {
  if (stack.stages().back().conv() && stack.stages().back().conv()->activation) stack.push(straight_wire(1));
  Stage& last = stack.stages().back();
  scale(last.tensors.at(last.conv() ? "weight" : "lin.weight").data, gain);
  scale(last.tensors.at(last.conv() ? "bias" : "lin.bias").data, gain);
}

float parse_gain(Fields& fields, const std::string& key) {
  const float db = fields.number(key, 0.0f);
  if (!(std::abs(db) <= kMostGainDb))
    refuse(fields.path(key), shown(db), "a gain from -120 to 120 dB");
  return std::pow(10.0f, db / 20.0f);
}

// y = out_gain * (net(in_gain * x) + in_gain * x) = out_gain * in_gain * (net(in_gain * x) / in_gain + x)
void finish(Fields& fields, Stack& stack, Description& description) {
  const bool skip = fields.integer("in_skip", 0, 1, 0) == 1;
  const float in_gain = parse_gain(fields, "in_gain"), out_gain = parse_gain(fields, "out_gain");
  if (in_gain != 1.0f) fold_input_gain(stack.stages().front(), in_gain);
  if (in_gain != 1.0f && skip) fold_output_gain(stack, 1.0f / in_gain);
  const float output_scale = skip ? out_gain * in_gain : out_gain;
  std::vector<Stage>& stages = stack.stages();
  auto* alone = stages.size() == 1 ? std::get_if<RecurrentSpec>(&stages[0].architecture.spec) : nullptr;
  if (alone != nullptr) {
    alone->skip = skip;
    description.architecture = stages[0].architecture;
    description.tensors = std::move(stages[0].tensors);
  } else {
    SequentialSpec sequential;
    sequential.skip = skip;
    for (std::size_t i = 0; i < stages.size(); ++i) {
      sequential.layers.push_back(std::make_shared<const Architecture>(stages[i].architecture));
      for (auto& [name, tensor] : stages[i].tensors)
        description.tensors["layers." + std::to_string(i) + "." + name] = std::move(tensor);
    }
    description.architecture.spec = std::move(sequential);
  }
  description.tensors["output_scale"] = {{1}, {output_scale}};
}

// A text in AIDA-X files, in their metadata or, in older ones, at the top.
double parse_sample_rate(const json& root) {
  const json* rate = nullptr;
  for (const json* object : {root.contains("metadata") ? &root["metadata"] : nullptr, &root})
    if (rate == nullptr && object != nullptr && object->is_object() && object->contains("samplerate"))
      rate = &(*object)["samplerate"];
  if (rate == nullptr || rate->is_null()) return kAssumedRate;
  const std::string where = "model.samplerate";
  return checked_rate(rate->is_string() ? number_in_text(*rate, where) : number(*rate, where), where, *rate);
}

}  // namespace

Description read_keras(const json& root) {
  Fields fields(root, "model");
  const json& layers = fields.at("layers");
  require_array(layers, 1, limits::kLayers, fields.path("layers"));
  const int inputs = last_of(fields, "in_shape", 1 + limits::kKnobs);
  Stack stack(inputs);
  for (std::size_t i = 0; i < layers.size();) i += push_layer(layers, i, stack);
  if (stack.stages().empty()) stack.push(straight_wire(inputs));
  Description description;
  description.format = "rtneural_keras";
  finish(fields, stack, description);
  description.architecture.check("model");
  description.sample_rate_hz = parse_sample_rate(root);
  description.knobs = knobs_for_inputs(inputs, root);
  json rest = root;
  for (const char* key : {"layers", "input_batch", "output_batch"}) rest.erase(key);
  description.metadata = rest.dump();
  return description;
}

}  // namespace triode
