// The WaveNet's configuration in a .nam file: current keys and those of older versions.
#include "activation.h"
#include "architecture_wavenet.h"
#include "bounds.h"
#include "model_file_formats.h"

namespace triode {

using nlohmann::json;

namespace {

std::vector<json> parse_gatings(Fields& fields, std::size_t count) {
  if (const json* modes = fields.find("gating_mode")) return per_layer(*modes, count, fields.path("gating_mode"), true);
  return std::vector<json>(count, fields.boolean("gated", false) ? "gated" : "none");
}

std::vector<json> parse_secondaries(Fields& fields, std::size_t count) {
  const json* value = fields.find("secondary_activation");
  return value == nullptr ? std::vector<json>(count) : per_layer(*value, count, fields.path("secondary_activation"), true);
}

std::vector<LayerSpec> parse_layers(Fields& fields) {
  const json& dilations = fields.at("dilations");
  require_array(dilations, 1, limits::kLayers, fields.path("dilations"));
  const std::size_t count = dilations.size();
  const bool one_kernel = fields.find("kernel_size") != nullptr;
  if (one_kernel && fields.find("kernel_sizes") != nullptr)
    refuse(fields.where(), "both kernel_size and kernel_sizes", "one of them");
  const std::string key = one_kernel ? "kernel_size" : "kernel_sizes";
  const auto kernels = per_layer(fields.at(key), count, fields.path(key), one_kernel);
  const auto activations = per_layer(fields.at("activation"), count, fields.path("activation"), true);
  const auto gatings = parse_gatings(fields, count), secondaries = parse_secondaries(fields, count);
  std::vector<LayerSpec> layers(count);
  for (std::size_t l = 0; l < count; ++l) {
    LayerSpec& layer = layers[l];
    layer.dilation = static_cast<int>(whole_number(dilations[l], 1, limits::kDilation, fields.path("dilations")));
    layer.kernel_size = static_cast<int>(whole_number(kernels[l], 1, limits::kKernel, fields.path(key)));
    layer.activation = parse_activation(activations[l], fields.path("activation"), false);
    layer.gating = parse_gating(gatings[l], fields.path("gating_mode"));
    // Without gating the secondary activation is not looked at: files hold null or "" there.
    if (layer.gating != Gating::none)
      layer.secondary = secondaries[l].is_null()
                            ? Activation{.shape = Shape::sigmoid, .slopes = {}}
                            : parse_activation(secondaries[l], fields.path("secondary_activation"), false);
  }
  return layers;
}

HeadSpec parse_head(Fields& fields) {
  HeadSpec spec;
  if (const json* object = fields.find("head")) {
    Fields head(*object, fields.path("head"));
    spec.out_channels = head.integer("out_channels", 1, limits::kChannels);
    spec.kernel_size = head.integer("kernel_size", 1, limits::kKernel);
    spec.dilation = head.integer("head_dilation", 1, limits::kDilation, 1);
    spec.bias = head.boolean("bias");
    return spec;
  }
  spec.out_channels = fields.integer("head_size", 1, limits::kChannels);
  spec.bias = fields.boolean("head_bias");
  return spec;
}

void parse_1x1s(Fields& fields, ArraySpec& array) {
  array.layer1x1 = PointwiseConvSpec{array.channels, 1};
  if (const json* object = fields.find("layer1x1")) {
    Fields inner(*object, fields.path("layer1x1"));
    array.layer1x1->groups = inner.integer("groups", 1, limits::kChannels, 1);
    if (!inner.boolean("active")) array.layer1x1.reset();
  }
  if (const json* object = fields.find("head1x1")) {
    Fields inner(*object, fields.path("head1x1"));
    if (inner.boolean("active"))
      array.head1x1 = PointwiseConvSpec{inner.integer("out_channels", 1, limits::kChannels),
                                        inner.integer("groups", 1, limits::kChannels, 1)};
  }
}

void parse_films(Fields& fields, ArraySpec& array) {
  for (std::size_t p = 0; p < kFilmNames.size(); ++p) {
    const json* object = fields.find(kFilmNames[p]);
    if (object == nullptr || *object == false) continue;
    Fields inner(*object, fields.path(kFilmNames[p]));
    if (inner.boolean("active", true))
      array.film[p] = FilmSpec{inner.boolean("shift", true), inner.integer("groups", 1, 2 * limits::kChannels, 1)};
  }
}

void parse_slimmable(Fields& fields, ArraySpec& array) {
  const json* object = fields.find("slimmable");
  if (object == nullptr) return;
  Fields inner(*object, fields.path("slimmable"));
  const std::string method = inner.text("method");
  if (method != "slice_channels_uniform") refuse(inner.path("method"), shown(method), "\"slice_channels_uniform\"");
  const json* kwargs = inner.find("kwargs");
  const json* allowed = nullptr;
  if (kwargs != nullptr) allowed = Fields(*kwargs, inner.path("kwargs")).find("allowed_channels");
  if (allowed == nullptr) {
    for (int width = 1; width <= array.channels; ++width) array.allowed_channels.push_back(width);
    return;
  }
  require_array(*allowed, 1, limits::kChannels, inner.path("kwargs.allowed_channels"));
  for (const json& width : *allowed)
    array.allowed_channels.push_back(
        static_cast<int>(whole_number(width, 1, limits::kChannels, inner.path("kwargs.allowed_channels"))));
}

ArraySpec parse_array(const json& object, const std::string& where) {
  Fields fields(object, where);
  ArraySpec array;
  array.input_size = fields.integer("input_size", 1, limits::kChannels);
  array.condition_size = fields.integer("condition_size", 1, limits::kChannels);
  array.channels = fields.integer("channels", 1, limits::kChannels);
  array.bottleneck = fields.integer("bottleneck", 1, limits::kChannels, array.channels);
  array.groups = fields.integer("groups_input", 1, limits::kChannels, 1);
  array.mixin_groups = fields.integer("groups_input_mixin", 1, limits::kChannels, 1);
  array.layers = parse_layers(fields);
  array.head = parse_head(fields);
  parse_1x1s(fields, array);
  parse_films(fields, array);
  parse_slimmable(fields, array);
  return array;
}

PostHeadSpec parse_post_head(const json& object, const std::string& where, int inputs) {
  Fields fields(object, where);
  PostHeadSpec head;
  const int stated = fields.integer("in_channels", 1, limits::kChannels, inputs);
  if (stated != inputs)
    refuse(fields.path("in_channels"), std::to_string(stated), std::to_string(inputs) + ", the last head's outputs");
  head.channels = fields.integer("channels", 1, limits::kChannels);
  head.out_channels = fields.integer("out_channels", 1, limits::kChannels);
  const json& kernels = fields.at("kernel_sizes");
  require_array(kernels, 1, limits::kLayers, fields.path("kernel_sizes"));
  for (const json& kernel : kernels)
    head.kernel_sizes.push_back(
        static_cast<int>(whole_number(kernel, 1, limits::kKernel, fields.path("kernel_sizes"))));
  head.activation = parse_activation(fields.at("activation"), fields.path("activation"), false);
  return head;
}

}  // namespace

WavenetSpec parse_nam_wavenet(const json& config, const std::string& where) {
  Fields fields(config, where);
  const json& layers = fields.at("layers");
  require_array(layers, 1, limits::kArrays, fields.path("layers"));
  WavenetSpec wavenet;
  for (std::size_t i = 0; i < layers.size(); ++i)
    wavenet.arrays.push_back(parse_array(layers[i], fields.path("layers[" + std::to_string(i) + "]")));
  const int channels = fields.integer("in_channels", 1, limits::kChannels, 1);
  if (wavenet.arrays[0].input_size != channels)
    refuse(fields.path("layers[0].input_size"), std::to_string(wavenet.arrays[0].input_size),
           std::to_string(channels) + ", the in_channels");
  if (const json* head = fields.find("head"))
    wavenet.post_head =
        parse_post_head(*head, fields.path("head"), wavenet.arrays.back().head.out_channels);
  return wavenet;
}

}  // namespace triode
