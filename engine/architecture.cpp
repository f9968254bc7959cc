#include "architecture.h"

#include <algorithm>

#include "activation.h"
#include "architecture_wavenet.h"
#include "bounds.h"

namespace triode {

using nlohmann::json;

namespace {

std::string submodel_name(std::size_t index) { return "submodels." + std::to_string(index) + "."; }

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

ConvnetSpec parse_convnet(Fields& fields) {
  ConvnetSpec spec;
  spec.input_size = fields.integer("input_size", 1, limits::kChannels, 1);
  spec.output_size = fields.integer("output_size", 1, limits::kChannels, 1);
  spec.channels = fields.integer("channels", 1, limits::kChannels);
  spec.groups = fields.integer("groups", 1, limits::kChannels, 1);
  const json& dilations = fields.at("dilations");
  require_array(dilations, 1, limits::kLayers, fields.path("dilations"));
  for (const json& dilation : dilations)
    spec.dilations.push_back(
        static_cast<int>(whole_number(dilation, 1, limits::kDilation, fields.path("dilations"))));
  spec.batchnorm = fields.boolean("batchnorm");
  spec.activation = parse_activation(fields.at("activation"), fields.path("activation"), true);
  return spec;
}

ContainerSpec parse_container(Fields& fields, int nesting) {
  const json& list = fields.at("submodels");
  require_array(list, 1, limits::kSubmodels, fields.path("submodels"));
  ContainerSpec spec;
  for (std::size_t i = 0; i < list.size(); ++i) {
    Fields entry(list[i], fields.path("submodels[" + std::to_string(i) + "]"));
    Submodel submodel;
    submodel.max_value = finite_float(entry.at("max_value"), entry.path("max_value"));
    submodel.architecture = std::make_shared<const Architecture>(
        parse_nested(entry.at("architecture"), entry.path("architecture"), nesting + 1));
    const json* metadata = entry.find("metadata");
    submodel.metadata = metadata == nullptr ? "{}" : metadata->dump();
    entry.refuse_others();
    spec.submodels.push_back(std::move(submodel));
  }
  return spec;
}

void check_container(const ContainerSpec& container, const std::string& where) {
  for (std::size_t i = 0; i < container.submodels.size(); ++i) {
    const Submodel& submodel = container.submodels[i];
    const std::string here = where + ".submodels[" + std::to_string(i) + "]";
    if (i > 0 && !(submodel.max_value > container.submodels[i - 1].max_value))
      refuse(here + ".max_value", std::to_string(submodel.max_value), "more than that of the submodel before");
    check_architecture(*submodel.architecture, here);
    const Architecture& first = *container.submodels[0].architecture;
    if (input_channels(*submodel.architecture) != input_channels(first) ||
        output_channels(*submodel.architecture) != output_channels(first))
      refuse(here, "other numbers of inputs or outputs", "those of the first submodel");
  }
  if (container.submodels.back().max_value < 1.0)
    refuse(where + ".submodels", "a last max_value of " + std::to_string(container.submodels.back().max_value),
           "at least 1");
}

std::vector<Slot> recurrent_slots(const RecurrentSpec& spec, const std::string& prefix) {
  std::vector<Slot> list;
  const int rows = (spec.kind == CellKind::lstm ? 4 : 3) * spec.hidden_size;
  for (int k = 0; k < spec.num_layers; ++k) {
    const std::string layer = "_l" + std::to_string(k);
    list.push_back({prefix + "rec.weight_ih" + layer, {rows, k == 0 ? spec.input_size : spec.hidden_size}});
    list.push_back({prefix + "rec.weight_hh" + layer, {rows, spec.hidden_size}});
    list.push_back({prefix + "rec.bias_ih" + layer, {rows}});
    list.push_back({prefix + "rec.bias_hh" + layer, {rows}});
  }
  list.push_back({prefix + "lin.weight", {spec.output_size, spec.hidden_size}});
  list.push_back({prefix + "lin.bias", {spec.output_size}});
  list.push_back({prefix + "output_scale", {1}});
  return list;
}

std::vector<Slot> convnet_slots(const ConvnetSpec& spec, const std::string& prefix) {
  std::vector<Slot> list;
  int inputs = spec.input_size;
  for (std::size_t l = 0; l < spec.dilations.size(); ++l) {
    const std::string block = prefix + "blocks." + std::to_string(l) + ".";
    list.push_back({block + "conv.weight", {spec.channels, inputs / spec.groups, 2}});
    if (!spec.batchnorm) list.push_back({block + "conv.bias", {spec.channels}});
    if (spec.batchnorm) {
      for (const char* name : {"mean", "variance", "weight", "bias"})
        list.push_back({block + "norm." + name, {spec.channels}});
      list.push_back({block + "norm.epsilon", {1}});
    }
    inputs = spec.channels;
  }
  list.push_back({prefix + "head.weight", {spec.output_size, spec.channels}});
  list.push_back({prefix + "head.bias", {spec.output_size}});
  return list;
}

std::int64_t recurrent_work(const RecurrentSpec& spec) {
  const std::int64_t rows = 4 * spec.hidden_size;
  return rows * (spec.input_size + spec.hidden_size) + (spec.num_layers - 1) * rows * 2 * spec.hidden_size +
         static_cast<std::int64_t>(spec.output_size) * spec.hidden_size;
}

std::int64_t convnet_work(const ConvnetSpec& spec) {
  const std::int64_t channels = spec.channels, blocks = static_cast<std::int64_t>(spec.dilations.size());
  return 2 * channels * (spec.input_size + (blocks - 1) * channels) + spec.output_size * channels;
}

// Samples of memory, all channels.
std::int64_t state_samples(const Architecture& architecture) {
  if (const auto* wavenet = std::get_if<WavenetSpec>(&architecture.spec)) return wavenet_state(*wavenet);
  if (const auto* linear = std::get_if<LinearSpec>(&architecture.spec)) return linear->taps;
  if (const auto* convnet = std::get_if<ConvnetSpec>(&architecture.spec))
    return receptive_field(architecture) * std::max(convnet->channels, convnet->input_size);
  return 0;
}

}  // namespace

std::int64_t Slot::size() const {
  std::int64_t product = 1;
  for (const std::int64_t length : shape) product *= length;
  return product;
}

Architecture parse_nested(const json& object, const std::string& where, int nesting) {
  if (nesting > limits::kNesting)
    refuse(where, "models within models, " + std::to_string(nesting) + " levels deep",
           "at most " + std::to_string(limits::kNesting));
  Fields fields(object, where);
  const std::string name = fields.text("name");
  Architecture architecture;
  if (name == "wavenet")
    architecture.spec = parse_wavenet(fields, nesting);
  else if (name == "lstm" || name == "gru")
    architecture.spec = parse_recurrent(fields, name == "lstm" ? CellKind::lstm : CellKind::gru);
  else if (name == "linear")
    architecture.spec = LinearSpec{fields.integer("taps", 1, limits::kTaps)};
  else if (name == "convnet")
    architecture.spec = parse_convnet(fields);
  else if (name == "container")
    architecture.spec = parse_container(fields, nesting);
  else
    refuse(where + ".name", shown(name), "wavenet, lstm, gru, linear, convnet or container");
  fields.refuse_others();
  return architecture;
}

Architecture parse_architecture(const json& object, const std::string& where) {
  return parse_nested(object, where, 0);
}

json to_json(const Architecture& architecture) {
  if (const auto* wavenet = std::get_if<WavenetSpec>(&architecture.spec)) return wavenet_to_json(*wavenet);
  if (const auto* recurrent = std::get_if<RecurrentSpec>(&architecture.spec)) {
    json object = {{"name", recurrent->kind == CellKind::lstm ? "lstm" : "gru"},
                   {"input_size", recurrent->input_size},
                   {"hidden_size", recurrent->hidden_size},
                   {"num_layers", recurrent->num_layers},
                   {"skip", recurrent->skip}};
    if (recurrent->output_size != 1) object["output_size"] = recurrent->output_size;
    return object;
  }
  if (const auto* linear = std::get_if<LinearSpec>(&architecture.spec))
    return {{"name", "linear"}, {"taps", linear->taps}};
  if (const auto* convnet = std::get_if<ConvnetSpec>(&architecture.spec))
    return {{"name", "convnet"},
            {"input_size", convnet->input_size},
            {"output_size", convnet->output_size},
            {"channels", convnet->channels},
            {"groups", convnet->groups},
            {"dilations", convnet->dilations},
            {"batchnorm", convnet->batchnorm},
            {"activation", to_json(convnet->activation)}};
  json object = {{"name", "container"}, {"submodels", json::array()}};
  for (const Submodel& submodel : std::get<ContainerSpec>(architecture.spec).submodels)
    object["submodels"].push_back({{"max_value", submodel.max_value},
                                   {"architecture", to_json(*submodel.architecture)},
                                   {"metadata", json::parse(submodel.metadata)}});
  return object;
}

void check_architecture(const Architecture& architecture, const std::string& where) {
  if (const auto* wavenet = std::get_if<WavenetSpec>(&architecture.spec)) check_wavenet(*wavenet, where);
  if (const auto* container = std::get_if<ContainerSpec>(&architecture.spec)) return check_container(*container, where);
  if (const auto* recurrent = std::get_if<RecurrentSpec>(&architecture.spec))
    if (recurrent->skip && recurrent->input_size != recurrent->output_size)
      refuse(where + ".skip", "true with " + std::to_string(recurrent->input_size) + " inputs and " +
                                  std::to_string(recurrent->output_size) + " outputs",
             "as many outputs as inputs");
  if (const auto* convnet = std::get_if<ConvnetSpec>(&architecture.spec)) {
    const std::size_t slopes = convnet->activation.slopes.size();
    if (slopes > 1 && slopes != static_cast<std::size_t>(convnet->channels))
      refuse(where + ".activation", std::to_string(slopes) + " PReLU slopes", "one, or one per channel");
    if (convnet->input_size % convnet->groups != 0 || convnet->channels % convnet->groups != 0)
      refuse(where + ".groups", std::to_string(convnet->groups), "a divisor of the numbers of channels");
  }
  const std::int64_t weights = work_per_sample(architecture), state = state_samples(architecture);
  if (weights > limits::kWeights)
    refuse(where, "a network of " + std::to_string(weights) + " weights",
           "at most " + std::to_string(limits::kWeights));
  if (state > limits::kState)
    refuse(where, "dilations and kernels that need a memory of " + std::to_string(state) + " samples",
           "at most " + std::to_string(limits::kState));
}

std::vector<Slot> slots(const Architecture& architecture, const std::string& prefix) {
  if (const auto* wavenet = std::get_if<WavenetSpec>(&architecture.spec)) {
    std::vector<Slot> list = wavenet_slots(*wavenet, prefix);
    if (!wavenet->condition) return list;
    const std::vector<Slot> inner = slots(*wavenet->condition, prefix + "condition_dsp.");
    list.insert(list.end(), inner.begin(), inner.end());
    return list;
  }
  if (const auto* recurrent = std::get_if<RecurrentSpec>(&architecture.spec)) return recurrent_slots(*recurrent, prefix);
  if (const auto* linear = std::get_if<LinearSpec>(&architecture.spec))
    return {{prefix + "taps", {linear->taps}}, {prefix + "bias", {1}}};
  if (const auto* convnet = std::get_if<ConvnetSpec>(&architecture.spec)) return convnet_slots(*convnet, prefix);
  std::vector<Slot> list;
  const auto& submodels = std::get<ContainerSpec>(architecture.spec).submodels;
  for (std::size_t i = 0; i < submodels.size(); ++i) {
    const std::vector<Slot> inner = slots(*submodels[i].architecture, prefix + submodel_name(i));
    list.insert(list.end(), inner.begin(), inner.end());
  }
  return list;
}

std::vector<Slot> optional_slots(const Architecture& architecture, const std::string& prefix) {
  if (const auto* recurrent = std::get_if<RecurrentSpec>(&architecture.spec)) {
    std::vector<Slot> list = {{prefix + "rec.h0", {recurrent->num_layers, recurrent->hidden_size}}};
    if (recurrent->kind == CellKind::lstm)
      list.push_back({prefix + "rec.c0", {recurrent->num_layers, recurrent->hidden_size}});
    return list;
  }
  const auto* wavenet = std::get_if<WavenetSpec>(&architecture.spec);
  if (wavenet != nullptr && wavenet->condition) return optional_slots(*wavenet->condition, prefix + "condition_dsp.");
  std::vector<Slot> list;
  if (const auto* container = std::get_if<ContainerSpec>(&architecture.spec)) {
    for (std::size_t i = 0; i < container->submodels.size(); ++i) {
      const auto inner = optional_slots(*container->submodels[i].architecture, prefix + submodel_name(i));
      list.insert(list.end(), inner.begin(), inner.end());
    }
  }
  return list;
}

int input_channels(const Architecture& architecture) {
  if (const auto* wavenet = std::get_if<WavenetSpec>(&architecture.spec)) return wavenet->arrays[0].input_size;
  if (const auto* recurrent = std::get_if<RecurrentSpec>(&architecture.spec)) return recurrent->input_size;
  if (const auto* convnet = std::get_if<ConvnetSpec>(&architecture.spec)) return convnet->input_size;
  if (const auto* container = std::get_if<ContainerSpec>(&architecture.spec))
    return input_channels(*container->submodels[0].architecture);
  return 1;
}

int output_channels(const Architecture& architecture) {
  if (const auto* wavenet = std::get_if<WavenetSpec>(&architecture.spec))
    return wavenet->post_head ? wavenet->post_head->out_channels : wavenet->arrays.back().head.out_channels;
  if (const auto* recurrent = std::get_if<RecurrentSpec>(&architecture.spec)) return recurrent->output_size;
  if (const auto* convnet = std::get_if<ConvnetSpec>(&architecture.spec)) return convnet->output_size;
  if (const auto* container = std::get_if<ContainerSpec>(&architecture.spec))
    return output_channels(*container->submodels[0].architecture);
  return 1;
}

std::int64_t receptive_field(const Architecture& architecture) {
  if (const auto* wavenet = std::get_if<WavenetSpec>(&architecture.spec)) return wavenet_receptive_field(*wavenet);
  if (const auto* linear = std::get_if<LinearSpec>(&architecture.spec)) return linear->taps;
  std::int64_t samples = 1;
  if (const auto* convnet = std::get_if<ConvnetSpec>(&architecture.spec))
    for (const int dilation : convnet->dilations) samples += dilation;
  if (const auto* container = std::get_if<ContainerSpec>(&architecture.spec))
    for (const Submodel& submodel : container->submodels)
      samples = std::max(samples, receptive_field(*submodel.architecture));
  return samples;
}

bool needs_warm_up(const Architecture& architecture) {
  return !std::holds_alternative<LinearSpec>(architecture.spec);
}

std::int64_t work_per_sample(const Architecture& architecture) {
  if (const auto* wavenet = std::get_if<WavenetSpec>(&architecture.spec)) return wavenet_work(*wavenet);
  if (const auto* recurrent = std::get_if<RecurrentSpec>(&architecture.spec)) return recurrent_work(*recurrent);
  if (const auto* linear = std::get_if<LinearSpec>(&architecture.spec)) return linear->taps;
  if (const auto* convnet = std::get_if<ConvnetSpec>(&architecture.spec)) return convnet_work(*convnet);
  std::int64_t most = 0;
  for (const Submodel& submodel : std::get<ContainerSpec>(architecture.spec).submodels)
    most = std::max(most, work_per_sample(*submodel.architecture));
  return most;
}

}  // namespace triode
