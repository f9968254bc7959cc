// Files of WaveNetVA, PedalNetRT, SmartGuitarPedal and SmartGuitarAmp: a WaveNet whose output is a linear map of the
// activations of all its layers side by side. Here that map is cut into one 1x1 convolution per layer, whose outputs
// are summed.
#include <map>

#include "bounds.h"
#include "model_file_formats.h"

namespace triode {

using nlohmann::json;

namespace {

// Values by layer and name, flat as they are in the file; each may be taken once.
class Variables {
 public:
  explicit Variables(const json& list) {
    require_array(list, 1, 4 * (limits::kLayers + 2), "variables");
    for (std::size_t i = 0; i < list.size(); ++i) {
      Fields fields(list[i], "variables[" + std::to_string(i) + "]");
      const int layer = fields.integer("layer_idx", -1, limits::kLayers);
      const Key key{layer, fields.text("name")};
      if (!found_.emplace(key, &fields.at("data")).second) refuse(fields.where(), name_of(key) + " again", "it once");
    }
  }

  bool has(int layer, const std::string& name) const { return found_.contains({layer, name}); }

  std::vector<float> take(int layer, const std::string& name, std::int64_t count) {
    const Key key{layer, name};
    const auto found = found_.find(key);
    if (found == found_.end()) throw ModelFileError("variables have no " + name_of(key) + "; export the model again");
    const json& data = *found->second;
    found_.erase(found);
    require_array(data, static_cast<std::size_t>(count), static_cast<std::size_t>(count), name_of(key));
    std::vector<float> values;
    values.reserve(data.size());
    for (const json& value : data) values.push_back(parse_value(value, name_of(key)));
    return values;
  }

  void refuse_others() const {
    if (!found_.empty()) refuse("variables", name_of(found_.begin()->first), "only those that the network has");
  }

 private:
  using Key = std::pair<int, std::string>;

  static std::string name_of(const Key& key) { return shown(key.second) + " of layer " + std::to_string(key.first); }

  // Numbers, mostly written as texts.
  static float parse_value(const json& value, const std::string& where) {
    if (!value.is_string()) return finite_float(value, where);
    return finite_float(number_in_text(value, where), where);
  }

  std::map<Key, const json*> found_;
};

Activation activation_of(Shape shape) { return {.shape = shape, .slopes = {}}; }

void set_activation(const std::string& name, const std::string& where, LayerSpec& layer) {
  const bool gated = name == "gated" || name == "softgated";
  if (gated) {
    layer.gating = Gating::gated;
    layer.activation = activation_of(name == "gated" ? Shape::tanh : Shape::softsign);
    layer.secondary = activation_of(name == "gated" ? Shape::sigmoid : Shape::softsign);
  } else if (name == "tanh" || name == "sigmoid" || name == "relu" || name == "softsign") {
    layer.activation = activation_of(name == "tanh"      ? Shape::tanh
                                     : name == "sigmoid" ? Shape::sigmoid
                                     : name == "relu"    ? Shape::relu
                                                         : Shape::softsign);
  } else if (name == "linear") {
    layer.activation = {.shape = Shape::leaky_relu, .low_slope = 1.0f, .slopes = {}};
  } else {
    refuse(where, shown(name), "gated, softgated, tanh, sigmoid, relu, softsign or linear");
  }
}

ArraySpec parse_array(Fields& fields) {
  ArraySpec array;
  array.input_size = fields.integer("input_channels", 1, 1 + limits::kKnobs, 1);
  fields.integer("output_channels", 1, 1, 1);
  array.condition_size = array.input_size;
  array.channels = fields.integer("residual_channels", 1, limits::kChannels);
  array.bottleneck = array.channels;
  array.rechannel_bias = true;
  array.layer1x1 = PointwiseConvSpec{array.channels, 1};
  array.head1x1 = PointwiseConvSpec{1, 1};
  array.head = {.out_channels = 1, .kernel_size = 1, .dilation = 1, .bias = true};
  const std::string activation = fields.text("activation");
  const int kernel_size = fields.integer("filter_width", 1, limits::kKernel);
  const json& dilations = fields.at("dilations");
  require_array(dilations, 1, limits::kLayers, fields.path("dilations"));
  for (const json& dilation : dilations) {
    LayerSpec layer;
    layer.kernel_size = kernel_size;
    layer.dilation = static_cast<int>(whole_number(dilation, 1, limits::kDilation, fields.path("dilations")));
    set_activation(activation, fields.path("activation"), layer);
    array.layers.push_back(std::move(layer));
  }
  return array;
}

Tensors read_tensors(const ArraySpec& array, Variables& variables) {
  const std::int64_t channels = array.channels, inputs = array.input_size;
  const int count = static_cast<int>(array.layers.size());
  Tensors tensors;
  const std::string root = "arrays.0.";
  tensors[root + "rechannel.weight"] = {{channels, inputs, 1},
                                        torch_order(variables.take(-1, "W", inputs * channels), 1, inputs, channels)};
  tensors[root + "rechannel.bias"] = {{channels}, variables.take(-1, "b", channels)};
  const std::vector<float> mix = variables.take(count, "W", channels * count);
  for (int l = 0; l < count; ++l) {
    const LayerSpec& layer = array.layers[static_cast<std::size_t>(l)];
    const std::int64_t before = array.pre_channels(layer), taps = layer.kernel_size;
    const std::string name = root + "layers." + std::to_string(l) + ".";
    const std::vector<float> conv =
        variables.take(l, variables.has(l, "W_conv") ? "W_conv" : "W", taps * channels * before);
    tensors[name + "conv.weight"] = {{before, channels, taps}, torch_order(conv, taps, channels, before)};
    tensors[name + "conv.bias"] = {{before}, variables.take(l, variables.has(l, "b_conv") ? "b_conv" : "b", before)};
    // The layers do not see the input.
    tensors[name + "mixin.weight"] = {{before, inputs, 1},
                                      std::vector<float>(static_cast<std::size_t>(before * inputs), 0.0f)};
    tensors[name + "layer1x1.weight"] = {
        {channels, channels, 1}, torch_order(variables.take(l, "W_out", channels * channels), 1, channels, channels)};
    tensors[name + "layer1x1.bias"] = {{channels}, variables.take(l, "b_out", channels)};
    tensors[name + "head1x1.weight"] = {{1, channels, 1},
                                        {mix.begin() + l * channels, mix.begin() + (l + 1) * channels}};
    tensors[name + "head1x1.bias"] = {{1}, {0.0f}};
  }
  tensors[root + "head.weight"] = {{1, 1, 1}, {1.0f}};
  tensors[root + "head.bias"] = {{1}, variables.take(count, "b", 1)};
  variables.refuse_others();
  return tensors;
}

}  // namespace

Description read_wavenet_va(const json& root) {
  Fields fields(root, "model");
  Description description;
  description.format = "wavenet_smartpedal";
  WavenetSpec wavenet;
  wavenet.arrays.push_back(parse_array(fields));
  description.architecture.spec = wavenet;
  description.architecture.check("model");
  description.sample_rate_hz = kGuitarMlRate;
  Variables variables(fields.at("variables"));
  description.tensors = read_tensors(wavenet.arrays[0], variables);
  const float level = fields.number("level_adjust", 0.0f);
  description.tensors["head_scale"] = {{1}, {level == 0.0f ? 1.0f : level}};  // 0: players leave the level alone
  description.knobs = knobs_for_inputs(wavenet.inputs(), root);
  json rest = root;
  rest.erase("variables");
  description.metadata = rest.dump();
  return description;
}

}  // namespace triode
