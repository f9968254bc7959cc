// The .nam format: one JSON object with a flat list of weights.
#include <algorithm>
#include <cmath>
#include <optional>

#include "architecture_parts.h"
#include "bounds.h"
#include "model_file_formats.h"

namespace triode {

using nlohmann::json;

namespace {

constexpr double kAssumedRate = 48000.0;
// NAM Core warms recurrent networks up with this much silence.
constexpr double kRecurrentWarmUpSeconds = 0.5;

struct Model {
  Architecture architecture;
  std::optional<double> sample_rate_hz;
};

Model read_model_object(const json& object, const std::string& where, const std::string& prefix, int nesting,
                        Tensors& tensors);

void check_version(const std::string& version, const std::string& where) {
  int parts[3] = {-1, -1, -1};
  char rest = 0;
  const int read = std::sscanf(version.c_str(), "%5d.%5d.%5d%c", &parts[0], &parts[1], &parts[2], &rest);
  if (read != 3 || parts[0] != 0 || parts[1] < 5 || parts[1] > 7)
    refuse(where + ".version", shown(version), "0.5.0 to 0.7.x");
}

std::vector<float> take_weights(const json& list, const std::string& where) {
  if (!list.is_array()) refuse(where, shown(list), "a list of numbers");
  std::vector<float> weights;
  weights.reserve(list.size());
  for (std::size_t i = 0; i < list.size(); ++i)
    weights.push_back(finite_float(list[i], where + "[" + std::to_string(i) + "]"));
  return weights;
}

// Hands out the flat list piece by piece; check_count() comes first, so that no piece can lie outside.
class Stream {
 public:
  Stream(std::vector<float> weights, std::string where) : weights_(std::move(weights)), where_(std::move(where)) {}

  void check_count(std::int64_t expected) const {
    if (static_cast<std::int64_t>(weights_.size()) != expected)
      refuse(where_, std::to_string(weights_.size()) + " weights", std::to_string(expected) + " for this network");
  }
  std::vector<float> take(std::int64_t count) {
    const auto begin = weights_.begin() + position_;
    position_ += count;
    return {begin, begin + count};
  }
  void fill(const std::vector<Slot>& slots, Tensors& tensors) {
    for (const Slot& slot : slots) tensors[slot.name] = {slot.shape, take(slot.size())};
  }

 private:
  std::vector<float> weights_;
  std::string where_;
  std::int64_t position_ = 0;
};

std::int64_t total(const std::vector<Slot>& slots) {
  std::int64_t sum = 0;
  for (const Slot& slot : slots) sum += slot.size();
  return sum;
}

// Per layer [W_ih | W_hh] row by row, the sum of both biases, h0, c0; then the head.
void fill_lstm(const RecurrentSpec& spec, const std::string& prefix, Stream& stream, Tensors& tensors) {
  const std::int64_t hidden = spec.hidden_size, rows = 4 * hidden, layers = spec.num_layers;
  std::int64_t count = spec.output_size * (hidden + 1);
  for (std::int64_t k = 0; k < layers; ++k)
    count += rows * ((k == 0 ? spec.input_size : hidden) + hidden) + rows + 2 * hidden;
  stream.check_count(count);
  Tensor h0{{layers, hidden}, {}}, c0{{layers, hidden}, {}};
  for (std::int64_t k = 0; k < layers; ++k) {
    const std::int64_t inputs = k == 0 ? spec.input_size : hidden;
    const std::string layer = "_l" + std::to_string(k);
    Tensor ih{{rows, inputs}, {}}, hh{{rows, hidden}, {}};
    for (std::int64_t r = 0; r < rows; ++r) {
      for (const float w : stream.take(inputs)) ih.data.push_back(w);
      for (const float w : stream.take(hidden)) hh.data.push_back(w);
    }
    tensors[prefix + "rec.weight_ih" + layer] = std::move(ih);
    tensors[prefix + "rec.weight_hh" + layer] = std::move(hh);
    tensors[prefix + "rec.bias_ih" + layer] = {{rows}, stream.take(rows)};
    tensors[prefix + "rec.bias_hh" + layer] = {{rows}, std::vector<float>(static_cast<std::size_t>(rows), 0.0f)};
    for (const float h : stream.take(hidden)) h0.data.push_back(h);
    for (const float c : stream.take(hidden)) c0.data.push_back(c);
  }
  tensors[prefix + "rec.h0"] = std::move(h0);
  tensors[prefix + "rec.c0"] = std::move(c0);
  tensors[prefix + "lin.weight"] = {{spec.output_size, hidden}, stream.take(spec.output_size * hidden)};
  tensors[prefix + "lin.bias"] = {{spec.output_size}, stream.take(spec.output_size)};
  tensors[prefix + "output_scale"] = {{1}, {1.0f}};
}

RecurrentSpec parse_nam_lstm(const json& config, const std::string& where) {
  Fields fields(config, where);
  RecurrentSpec spec;
  spec.input_size = fields.integer("input_size", 1, limits::kChannels);
  spec.hidden_size = fields.integer("hidden_size", 1, limits::kChannels);
  spec.num_layers = fields.integer("num_layers", 1, limits::kLayers);
  spec.output_size = fields.integer("out_channels", 1, limits::kChannels, 1);
  const int channels = fields.integer("in_channels", 1, limits::kChannels, 1);
  if (channels != spec.input_size)
    refuse(fields.path("input_size"), std::to_string(spec.input_size), std::to_string(channels) + ", the in_channels");
  return spec;
}

void read_linear(const json& config, const std::string& where, const std::string& prefix, Stream& stream,
                 Architecture& architecture, Tensors& tensors) {
  Fields fields(config, where);
  LinearSpec spec{fields.integer("receptive_field", 1, limits::kTaps)};
  fields.integer("in_channels", 1, 1, 1);
  fields.integer("out_channels", 1, 1, 1);
  const bool bias = fields.boolean("bias");
  architecture.spec = spec;
  stream.check_count(spec.taps + (bias ? 1 : 0));
  tensors[prefix + "taps"] = {{spec.taps}, stream.take(spec.taps)};
  tensors[prefix + "bias"] = {{1}, bias ? stream.take(1) : std::vector<float>{0.0f}};
}

json without_network(const json& object) {
  json rest = json::object();
  for (const auto& [key, value] : object.items())
    if (key != "config" && key != "weights") rest[key] = value;
  return rest;
}

void require_same_rate(const Model& inner, const std::optional<double>& outer, const std::string& where) {
  if (inner.sample_rate_hz && outer && *inner.sample_rate_hz != *outer)
    refuse(where + ".sample_rate", std::to_string(*inner.sample_rate_hz),
           std::to_string(*outer) + ", as in the model around it");
}

void read_container(const json& config, const std::string& where, const std::string& prefix, int nesting,
                    Model& model, Tensors& tensors) {
  Fields fields(config, where);
  const json& list = fields.at("submodels");
  require_array(list, 1, limits::kSubmodels, fields.path("submodels"));
  ContainerSpec container;
  for (std::size_t i = 0; i < list.size(); ++i) {
    Fields entry(list[i], fields.path("submodels[" + std::to_string(i) + "]"));
    const json& object = entry.at("model");
    Model inner = read_model_object(object, entry.path("model"), prefix + "submodels." + std::to_string(i) + ".",
                                    nesting + 1, tensors);
    if (!model.sample_rate_hz) model.sample_rate_hz = inner.sample_rate_hz;
    require_same_rate(inner, model.sample_rate_hz, entry.path("model"));
    container.submodels.push_back({number(entry.at("max_value"), entry.path("max_value")),
                                   std::make_shared<const Architecture>(std::move(inner.architecture)),
                                   without_network(object).dump()});
  }
  model.architecture.spec = std::move(container);
}

void read_wavenet(const json& config, const std::string& where, const std::string& prefix, int nesting,
                  Stream& stream, Model& model, Tensors& tensors) {
  WavenetSpec wavenet = parse_nam_wavenet(config, where);
  const auto condition = config.find("condition_dsp");
  if (condition != config.end() && !condition->is_null()) {
    Model inner =
        read_model_object(*condition, where + ".condition_dsp", prefix + "condition_dsp.", nesting + 1, tensors);
    require_same_rate(inner, model.sample_rate_hz, where + ".condition_dsp");
    wavenet.condition = std::make_shared<const Architecture>(std::move(inner.architecture));
  }
  Architecture{wavenet}.check(where);
  const std::vector<Slot> own = wavenet.own_slots(prefix);
  stream.check_count(total(own));
  stream.fill(own, tensors);
  model.architecture.spec = std::move(wavenet);
}

std::optional<double> parse_rate(Fields& fields) {
  const json* value = fields.find("sample_rate");
  if (value == nullptr) return std::nullopt;
  return checked_rate(number(*value, fields.path("sample_rate")), fields.path("sample_rate"), *value);
}

Model read_model_object(const json& object, const std::string& where, const std::string& prefix, int nesting,
                        Tensors& tensors) {
  if (nesting > limits::kNesting)
    refuse(where, "models within models, " + std::to_string(nesting) + " levels deep",
           "at most " + std::to_string(limits::kNesting));
  Fields fields(object, where);
  const std::string name = fields.text("architecture");
  check_version(fields.text("version"), where);
  const json& config = fields.at("config");
  require_object(config, fields.path("config"));
  Stream stream(take_weights(fields.at("weights"), fields.path("weights")), fields.path("weights"));
  Model model;
  model.sample_rate_hz = parse_rate(fields);
  const std::string inside = fields.path("config");
  if (name == "WaveNet") {
    read_wavenet(config, inside, prefix, nesting, stream, model, tensors);
  } else if (name == "LSTM") {
    const RecurrentSpec spec = parse_nam_lstm(config, inside);
    model.architecture.spec = spec;
    model.architecture.check(inside);
    fill_lstm(spec, prefix, stream, tensors);
  } else if (name == "ConvNet") {
    Fields convnet(config, inside);
    model.architecture.spec = parse_convnet(convnet, false);
    model.architecture.check(inside);
    const std::vector<Slot> list = model.architecture.slots(prefix);
    stream.check_count(total(list));
    stream.fill(list, tensors);
  } else if (name == "Linear") {
    read_linear(config, inside, prefix, stream, model.architecture, tensors);
  } else if (name == "SlimmableContainer") {
    read_container(config, inside, prefix, nesting, model, tensors);
  } else {
    refuse(fields.path("architecture"), shown(name), "WaveNet, LSTM, Linear, ConvNet or SlimmableContainer");
  }
  return model;
}

std::int64_t warm_up(const Architecture& architecture, double rate_hz) {
  const auto settling = static_cast<std::int64_t>(std::lround(kRecurrentWarmUpSeconds * rate_hz));
  if (std::holds_alternative<RecurrentSpec>(architecture.spec)) return settling;
  if (std::holds_alternative<LinearSpec>(architecture.spec)) return 0;  // silence leaves it silent
  std::int64_t samples = architecture.receptive_field();
  if (const auto* wavenet = std::get_if<WavenetSpec>(&architecture.spec))
    if (wavenet->condition) samples += warm_up(*wavenet->condition, rate_hz);
  if (const auto* container = std::get_if<ContainerSpec>(&architecture.spec))
    for (const Submodel& submodel : container->submodels)
      samples = std::max(samples, warm_up(*submodel.architecture, rate_hz));
  return samples;
}

}  // namespace

Description read_nam(const json& root) {
  for (const char* key : {"version", "architecture", "config", "weights"})
    if (!root.contains(key))
      throw ModelFileError("the file has no \"" + std::string(key) + "\", so it is no .nam model; export it again");
  Description description;
  description.format = "nam";
  Model model = read_model_object(root, "model", "", 0, description.tensors);
  description.architecture = std::move(model.architecture);
  description.architecture.check("model.config");
  description.sample_rate_hz = model.sample_rate_hz.value_or(kAssumedRate);
  description.warm_up_samples = warm_up(description.architecture, description.sample_rate_hz);
  description.metadata = without_network(root).dump();
  return description;
}

}  // namespace triode
