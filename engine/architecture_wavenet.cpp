#include "architecture_wavenet.h"

#include <algorithm>
#include <iterator>

#include "activation.h"
#include "bounds.h"

namespace triode {

using nlohmann::json;

namespace {

constexpr const char* kGatingNames[] = {"none", "gated", "blended"};
constexpr const char* kTraceNames[] = {"low_pass", "envelope"};

std::optional<PointwiseConvSpec> parse_layer1x1(Fields& fields, int channels) {
  const json* value = fields.find("layer1x1");
  if (value == nullptr) return PointwiseConvSpec{channels, 1};
  Fields inner(*value, fields.path("layer1x1"));
  const bool active = inner.boolean("active", true);
  const int groups = inner.integer("groups", 1, limits::kChannels, 1);
  inner.refuse_others();
  return active ? std::optional(PointwiseConvSpec{channels, groups}) : std::nullopt;
}

std::optional<PointwiseConvSpec> parse_head1x1(Fields& fields) {
  const json* value = fields.find("head1x1");
  if (value == nullptr) return std::nullopt;
  Fields inner(*value, fields.path("head1x1"));
  const bool active = inner.boolean("active", false);
  const int out_channels = inner.integer("out_channels", 1, limits::kChannels, 1);
  const int groups = inner.integer("groups", 1, limits::kChannels, 1);
  inner.refuse_others();
  return active ? std::optional(PointwiseConvSpec{out_channels, groups}) : std::nullopt;
}

void parse_films(Fields& fields, ArraySpec& array) {
  for (std::size_t p = 0; p < kFilmNames.size(); ++p) {
    const json* place = fields.find(kFilmNames[p]);
    if (place == nullptr) continue;
    Fields inner(*place, fields.path(kFilmNames[p]));
    const bool active = inner.boolean("active", false);
    const FilmSpec spec{inner.boolean("shift", true), inner.integer("groups", 1, 2 * limits::kChannels, 1)};
    if (active) array.film[p] = spec;
    inner.refuse_others();
  }
}

std::vector<LayerSpec> parse_layers(Fields& fields) {
  const json& dilations = fields.at("dilations");
  require_array(dilations, 1, limits::kLayers, fields.path("dilations"));
  const std::size_t count = dilations.size();
  const auto kernels = per_layer(fields.at("kernel_sizes"), count, fields.path("kernel_sizes"), false);
  const auto activations = per_layer(fields.at("activations"), count, fields.path("activations"), false);
  const json* gating = fields.find("gating");
  const json* secondary = fields.find("secondary_activations");
  const auto gatings = per_layer(gating ? *gating : json("none"), count, fields.path("gating"), gating == nullptr);
  const auto secondaries = per_layer(secondary ? *secondary : json(), count, fields.path("secondary_activations"),
                                     secondary == nullptr);
  std::vector<LayerSpec> layers(count);
  for (std::size_t l = 0; l < count; ++l) {
    LayerSpec& layer = layers[l];
    layer.dilation = static_cast<int>(whole_number(dilations[l], 1, limits::kDilation, fields.path("dilations")));
    layer.kernel_size = static_cast<int>(whole_number(kernels[l], 1, limits::kKernel, fields.path("kernel_sizes")));
    layer.activation = parse_activation(activations[l], fields.path("activations"), true);
    layer.gating = parse_gating(gatings[l], fields.path("gating"));
    if (layer.gating != Gating::none)
      layer.secondary = secondaries[l].is_null()
                            ? Activation{.shape = Shape::sigmoid, .slopes = {}}
                            : parse_activation(secondaries[l], fields.path("secondary_activations"), true);
  }
  return layers;
}

HeadSpec parse_head(Fields& fields) {
  Fields head(fields.at("head"), fields.path("head"));
  HeadSpec spec;
  spec.out_channels = head.integer("out_channels", 1, limits::kChannels);
  spec.kernel_size = head.integer("kernel_size", 1, limits::kKernel, 1);
  spec.dilation = head.integer("head_dilation", 1, limits::kDilation, 1);
  spec.bias = head.boolean("bias", false);
  head.refuse_others();
  return spec;
}

ArraySpec parse_array(const json& object, const std::string& where, int input_size) {
  Fields fields(object, where);
  ArraySpec array;
  array.channels = fields.integer("channels", 1, limits::kChannels);
  array.input_size = fields.integer("input_size", 1, limits::kChannels, input_size);
  array.condition_size = fields.integer("condition_size", 1, limits::kChannels, 1);
  array.bottleneck = fields.integer("bottleneck", 1, limits::kChannels, array.channels);
  array.groups = fields.integer("groups_input", 1, limits::kChannels, 1);
  array.mixin_groups = fields.integer("groups_input_mixin", 1, limits::kChannels, 1);
  array.rechannel_bias = fields.boolean("rechannel_bias", false);
  array.layers = parse_layers(fields);
  array.head = parse_head(fields);
  array.layer1x1 = parse_layer1x1(fields, array.channels);
  array.head1x1 = parse_head1x1(fields);
  parse_films(fields, array);
  if (const json* allowed = fields.find("allowed_channels")) {
    require_array(*allowed, 1, limits::kChannels, fields.path("allowed_channels"));
    for (const json& width : *allowed)
      array.allowed_channels.push_back(
          static_cast<int>(whole_number(width, 1, limits::kChannels, fields.path("allowed_channels"))));
  }
  fields.refuse_others();
  return array;
}

PostHeadSpec parse_post_head(const json& object, const std::string& where) {
  Fields fields(object, where);
  PostHeadSpec head;
  head.channels = fields.integer("channels", 1, limits::kChannels);
  head.out_channels = fields.integer("out_channels", 1, limits::kChannels);
  const json& kernels = fields.at("kernel_sizes");
  require_array(kernels, 1, limits::kLayers, fields.path("kernel_sizes"));
  for (const json& kernel : kernels)
    head.kernel_sizes.push_back(
        static_cast<int>(whole_number(kernel, 1, limits::kKernel, fields.path("kernel_sizes"))));
  head.activation = parse_activation(fields.at("activation"), fields.path("activation"), true);
  fields.refuse_others();
  return head;
}

std::vector<TraceSpec> parse_traces(const json& list, const std::string& where) {
  require_array(list, 1, limits::kTraces, where);
  std::vector<TraceSpec> traces;
  for (std::size_t i = 0; i < list.size(); ++i) {
    Fields fields(list[i], where + "[" + std::to_string(i) + "]");
    TraceSpec trace;
    const json& type = fields.at("type");
    const auto known = std::find(std::begin(kTraceNames), std::end(kTraceNames), type);
    if (known == std::end(kTraceNames)) refuse(fields.path("type"), shown(type), "low_pass or envelope");
    trace.kind = static_cast<TraceSpec::Kind>(known - std::begin(kTraceNames));
    trace.time_constant_samples = fields.number("time_constant_samples", 1.0, limits::kTraceSamples);
    trace.offset = fields.number("offset", -limits::kTraceLevel, limits::kTraceLevel);
    trace.scale = fields.number("scale", -limits::kTraceLevel, limits::kTraceLevel);
    fields.refuse_others();
    traces.push_back(trace);
  }
  return traces;
}

json traces_to_json(const std::vector<TraceSpec>& traces) {
  json list = json::array();
  for (const TraceSpec& trace : traces)
    list.push_back({{"type", kTraceNames[static_cast<std::size_t>(trace.kind)]},
                    {"time_constant_samples", trace.time_constant_samples},
                    {"offset", trace.offset},
                    {"scale", trace.scale}});
  return list;
}

json array_to_json(const ArraySpec& array) {
  json kernels = json::array(), dilations = json::array(), activations = json::array(), gating = json::array(),
       secondary = json::array();
  for (const LayerSpec& layer : array.layers) {
    kernels.push_back(layer.kernel_size);
    dilations.push_back(layer.dilation);
    activations.push_back(to_json(layer.activation));
    gating.push_back(kGatingNames[static_cast<int>(layer.gating)]);
    secondary.push_back(layer.secondary ? to_json(*layer.secondary) : json());
  }
  json head = {{"out_channels", array.head.out_channels},
               {"kernel_size", array.head.kernel_size},
               {"bias", array.head.bias}};
  if (array.head.dilation != 1) head["head_dilation"] = array.head.dilation;
  json object = {{"input_size", array.input_size}, {"condition_size", array.condition_size},
                 {"channels", array.channels},     {"bottleneck", array.bottleneck},
                 {"kernel_sizes", kernels},        {"dilations", dilations},
                 {"activations", activations},     {"gating", gating},
                 {"secondary_activations", secondary}, {"head", head}};
  if (array.groups != 1) object["groups_input"] = array.groups;
  if (array.mixin_groups != 1) object["groups_input_mixin"] = array.mixin_groups;
  if (array.rechannel_bias) object["rechannel_bias"] = true;
  if (!array.layer1x1) object["layer1x1"] = {{"active", false}};
  if (array.layer1x1 && array.layer1x1->groups != 1) object["layer1x1"] = {{"groups", array.layer1x1->groups}};
  if (array.head1x1)
    object["head1x1"] = {
        {"active", true}, {"out_channels", array.head1x1->out_channels}, {"groups", array.head1x1->groups}};
  for (std::size_t p = 0; p < array.film.size(); ++p)
    if (array.film[p])
      object[kFilmNames[p]] = {{"active", true}, {"shift", array.film[p]->shift}, {"groups", array.film[p]->groups}};
  if (!array.allowed_channels.empty()) object["allowed_channels"] = array.allowed_channels;
  return object;
}

}  // namespace

std::vector<json> per_layer(const json& value, std::size_t count, const std::string& where, bool broadcast) {
  if (broadcast && !value.is_array()) return std::vector<json>(count, value);
  if (!value.is_array() || value.size() != count)
    refuse(where, value.is_array() ? "a list of " + std::to_string(value.size()) : shown(value),
           "a list of " + std::to_string(count) + ", one entry per layer");
  return {value.begin(), value.end()};
}

Gating parse_gating(const json& value, const std::string& where) {
  for (int i = 0; i < 3; ++i)
    if (value == kGatingNames[i]) return static_cast<Gating>(i);
  refuse(where, shown(value), "\"none\", \"gated\" or \"blended\"");
}

WavenetSpec parse_wavenet(Fields& fields, int nesting) {
  WavenetSpec wavenet;
  if (const json* traces = fields.find("traces")) wavenet.traces = parse_traces(*traces, fields.path("traces"));
  const json& arrays = fields.at("arrays");
  require_array(arrays, 1, limits::kArrays, fields.path("arrays"));
  for (std::size_t i = 0; i < arrays.size(); ++i)
    wavenet.arrays.push_back(parse_array(arrays[i], fields.path("arrays[" + std::to_string(i) + "]"),
                                         i == 0 ? 1 + static_cast<int>(wavenet.traces.size())
                                                : wavenet.arrays.back().channels));
  if (const json* head = fields.find("head")) wavenet.post_head = parse_post_head(*head, fields.path("head"));
  if (const json* condition = fields.find("condition_dsp"))
    wavenet.condition =
        std::make_shared<const Architecture>(parse_architecture(*condition, fields.path("condition_dsp"), nesting + 1));
  return wavenet;
}

json WavenetSpec::to_json() const {
  json object = {{"name", "wavenet"}, {"arrays", json::array()}};
  for (const ArraySpec& array : arrays) object["arrays"].push_back(array_to_json(array));
  if (post_head)
    object["head"] = {{"channels", post_head->channels},
                           {"out_channels", post_head->out_channels},
                           {"kernel_sizes", post_head->kernel_sizes},
                           {"activation", triode::to_json(post_head->activation)}};
  if (condition) object["condition_dsp"] = condition->to_json();
  if (!traces.empty()) object["traces"] = traces_to_json(traces);
  return object;
}

}  // namespace triode
