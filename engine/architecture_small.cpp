// LSTM and GRU, impulse response, ConvNet: what their sizes imply.
#include <algorithm>

#include "activation.h"
#include "architecture_parts.h"
#include "bounds.h"

namespace triode {

using nlohmann::json;

RecurrentSpec parse_recurrent(Fields& fields, CellKind kind) {
  RecurrentSpec spec;
  spec.kind = kind;
  spec.input_size = fields.integer("input_size", 1, limits::kChannels, 1);
  spec.hidden_size = fields.integer("hidden_size", 1, limits::kChannels);
  spec.num_layers = fields.integer("num_layers", 1, limits::kLayers, 1);
  spec.output_size = fields.integer("output_size", 1, limits::kChannels, 1);
  spec.skip = fields.boolean("skip", false);
  return spec;
}

std::int64_t RecurrentSpec::work() const {
  const std::int64_t hidden = hidden_size, rows = 4 * hidden;
  return rows * (input_size + hidden) + (num_layers - 1) * rows * 2 * hidden + output_size * hidden;
}

std::vector<Slot> RecurrentSpec::slots(const std::string& prefix) const {
  std::vector<Slot> list;
  const int rows = (kind == CellKind::lstm ? 4 : 3) * hidden_size;
  for (int k = 0; k < num_layers; ++k) {
    const std::string layer = "_l" + std::to_string(k);
    list.push_back({prefix + "rec.weight_ih" + layer, {rows, k == 0 ? input_size : hidden_size}});
    list.push_back({prefix + "rec.weight_hh" + layer, {rows, hidden_size}});
    list.push_back({prefix + "rec.bias_ih" + layer, {rows}});
    list.push_back({prefix + "rec.bias_hh" + layer, {rows}});
  }
  list.push_back({prefix + "lin.weight", {output_size, hidden_size}});
  list.push_back({prefix + "lin.bias", {output_size}});
  list.push_back({prefix + "output_scale", {1}});
  return list;
}

std::vector<Slot> RecurrentSpec::optional_slots(const std::string& prefix) const {
  std::vector<Slot> list = {{prefix + "rec.h0", {num_layers, hidden_size}}};
  if (kind == CellKind::lstm) list.push_back({prefix + "rec.c0", {num_layers, hidden_size}});
  return list;
}

json RecurrentSpec::to_json() const {
  json object = {{"name", kind == CellKind::lstm ? "lstm" : "gru"},
                 {"input_size", input_size},
                 {"hidden_size", hidden_size},
                 {"num_layers", num_layers},
                 {"skip", skip}};
  if (output_size != 1) object["output_size"] = output_size;
  return object;
}

void RecurrentSpec::check(const std::string& where) const {
  if (skip && input_size < output_size)
    refuse(where + ".skip",
           "true with " + std::to_string(input_size) + " inputs and " + std::to_string(output_size) + " outputs",
           "an input for each output");
}

std::vector<Slot> LinearSpec::slots(const std::string& prefix) const {
  return {{prefix + "taps", {taps}}, {prefix + "bias", {1}}};
}

json LinearSpec::to_json() const { return {{"name", "linear"}, {"taps", taps}}; }

ConvnetSpec parse_convnet(Fields& fields, bool from_triode) {
  ConvnetSpec spec;
  spec.input_size = fields.integer(from_triode ? "input_size" : "in_channels", 1, limits::kChannels, 1);
  spec.output_size = fields.integer(from_triode ? "output_size" : "out_channels", 1, limits::kChannels, 1);
  spec.channels = fields.integer("channels", 1, limits::kChannels);
  spec.groups = fields.integer("groups", 1, limits::kChannels, 1);
  const json& dilations = fields.at("dilations");
  require_array(dilations, 1, limits::kLayers, fields.path("dilations"));
  for (const json& dilation : dilations)
    spec.dilations.push_back(
        static_cast<int>(whole_number(dilation, 1, limits::kDilation, fields.path("dilations"))));
  spec.batchnorm = fields.boolean("batchnorm");
  spec.activation = parse_activation(fields.at("activation"), fields.path("activation"), from_triode);
  return spec;
}

std::int64_t ConvnetSpec::receptive_field() const {
  std::int64_t samples = 1;
  for (const int dilation : dilations) samples += dilation;
  return samples;
}

std::int64_t ConvnetSpec::work() const {
  const std::int64_t width = channels, blocks = static_cast<std::int64_t>(dilations.size());
  return 2 * width * (input_size + (blocks - 1) * width) + output_size * width;
}

std::int64_t ConvnetSpec::memory() const {
  std::int64_t floats = scratch_floats(channels);
  for (const int dilation : dilations) floats += history_floats(std::max(channels, input_size), dilation);
  return floats;
}

std::vector<Slot> ConvnetSpec::slots(const std::string& prefix) const {
  std::vector<Slot> list;
  int inputs = input_size;
  for (std::size_t l = 0; l < dilations.size(); ++l) {
    const std::string block = prefix + "blocks." + std::to_string(l) + ".";
    list.push_back({block + "conv.weight", {channels, inputs / groups, 2}});
    if (!batchnorm) list.push_back({block + "conv.bias", {channels}});
    if (batchnorm) {
      for (const char* name : {"mean", "variance", "weight", "bias"})
        list.push_back({block + "norm." + name, {channels}});
      list.push_back({block + "norm.epsilon", {1}});
    }
    inputs = channels;
  }
  list.push_back({prefix + "head.weight", {output_size, channels}});
  list.push_back({prefix + "head.bias", {output_size}});
  return list;
}

json ConvnetSpec::to_json() const {
  json object = {{"name", "convnet"},
                 {"channels", channels},
                 {"dilations", dilations},
                 {"batchnorm", batchnorm},
                 {"activation", triode::to_json(activation)}};
  if (groups != 1) object["groups"] = groups;
  if (input_size != 1) object["input_size"] = input_size;
  if (output_size != 1) object["output_size"] = output_size;
  return object;
}

void ConvnetSpec::check(const std::string& where) const {
  const std::size_t slopes = activation.slopes.size();
  if (slopes > 1 && slopes != static_cast<std::size_t>(channels))
    refuse(where + ".activation", std::to_string(slopes) + " PReLU slopes", "one, or one per channel");
  if (input_size % groups != 0 || channels % groups != 0)
    refuse(where + ".groups", std::to_string(groups), "a divisor of the numbers of channels");
}

}  // namespace triode
