// One convolution, and layers one after the other: what their sizes imply.
#include <algorithm>

#include "activation.h"
#include "architecture_parts.h"
#include "bounds.h"

namespace triode {

using nlohmann::json;

namespace {

std::string layer_prefix(const std::string& prefix, std::size_t index) {
  return prefix + "layers." + std::to_string(index) + ".";
}

}  // namespace

ConvSpec parse_conv(Fields& fields) {
  ConvSpec spec;
  spec.input_size = fields.integer("input_size", 1, limits::kChannels, 1);
  spec.output_size = fields.integer("output_size", 1, limits::kChannels, 1);
  spec.kernel_size = fields.integer("kernel_size", 1, limits::kKernel, 1);
  spec.dilation = fields.integer("dilation", 1, limits::kDilation, 1);
  spec.groups = fields.integer("groups", 1, limits::kChannels, 1);
  if (const json* activation = fields.find("activation"))
    spec.activation = parse_activation(*activation, fields.path("activation"), true);
  return spec;
}

std::int64_t ConvSpec::work() const { return std::int64_t{output_size} * input_size * kernel_size; }

std::int64_t ConvSpec::memory() const {
  return history_floats(input_size, receptive_field() - 1) + scratch_floats(output_size);
}

std::vector<Slot> ConvSpec::slots(const std::string& prefix) const {
  return {{prefix + "weight", {output_size, input_size / groups, kernel_size}}, {prefix + "bias", {output_size}}};
}

json ConvSpec::to_json() const {
  json object = {{"name", "conv"},
                 {"input_size", input_size},
                 {"output_size", output_size},
                 {"kernel_size", kernel_size},
                 {"dilation", dilation}};
  if (groups != 1) object["groups"] = groups;
  if (activation) object["activation"] = triode::to_json(*activation);
  return object;
}

void ConvSpec::check(const std::string& where) const {
  if (input_size % groups != 0 || output_size % groups != 0)
    refuse(where + ".groups", std::to_string(groups), "a divisor of the numbers of channels");
  const std::size_t slopes = activation ? activation->slopes.size() : 0;
  if (slopes > 1 && slopes != static_cast<std::size_t>(output_size))
    refuse(where + ".activation", std::to_string(slopes) + " PReLU slopes", "one, or one per channel");
}

SequentialSpec parse_sequential(Fields& fields, int nesting) {
  const json& list = fields.at("layers");
  require_array(list, 1, limits::kLayers, fields.path("layers"));
  SequentialSpec spec;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string where = fields.path("layers[" + std::to_string(i) + "]");
    spec.layers.push_back(std::make_shared<const Architecture>(parse_architecture(list[i], where, nesting + 1)));
  }
  spec.skip = fields.boolean("skip", false);
  return spec;
}

int SequentialSpec::inputs() const { return layers.front()->inputs(); }

int SequentialSpec::outputs() const { return layers.back()->outputs(); }

std::int64_t SequentialSpec::receptive_field() const {
  std::int64_t samples = 1;
  for (const auto& layer : layers) samples += layer->receptive_field() - 1;
  return samples;
}

std::int64_t SequentialSpec::work() const {
  std::int64_t work = 0;
  for (const auto& layer : layers) work += layer->work();
  return work;
}

std::int64_t SequentialSpec::memory() const {
  std::int64_t floats = 0;
  for (const auto& layer : layers) floats += layer->memory() + scratch_floats(layer->outputs());
  return floats;
}

std::vector<Slot> SequentialSpec::slots(const std::string& prefix) const {
  std::vector<Slot> list;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const std::vector<Slot> inner = layers[i]->slots(layer_prefix(prefix, i));
    list.insert(list.end(), inner.begin(), inner.end());
  }
  list.push_back({prefix + "output_scale", {1}});
  return list;
}

std::vector<Slot> SequentialSpec::optional_slots(const std::string& prefix) const {
  std::vector<Slot> list;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const std::vector<Slot> inner = layers[i]->optional_slots(layer_prefix(prefix, i));
    list.insert(list.end(), inner.begin(), inner.end());
  }
  return list;
}

json SequentialSpec::to_json() const {
  json object = {{"name", "sequential"}, {"layers", json::array()}, {"skip", skip}};
  for (const auto& layer : layers) object["layers"].push_back(layer->to_json());
  return object;
}

void SequentialSpec::check(const std::string& where) const {
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const Architecture& layer = *layers[i];
    const std::string here = where + ".layers[" + std::to_string(i) + "]";
    if (!std::holds_alternative<ConvSpec>(layer.spec) && !std::holds_alternative<RecurrentSpec>(layer.spec))
      refuse(here, "another kind of network", "conv, lstm or gru");
    layer.check(here);
    if (i > 0 && layer.inputs() != layers[i - 1]->outputs())
      refuse(here, std::to_string(layer.inputs()) + " inputs",
             std::to_string(layers[i - 1]->outputs()) + ", the outputs of the layer before");
  }
  if (skip && inputs() < outputs())
    refuse(where + ".skip",
           "true with " + std::to_string(inputs()) + " inputs and " + std::to_string(outputs()) + " outputs",
           "an input for each output");
}

}  // namespace triode
