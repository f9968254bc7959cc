// Small files of each format that other programs write, with everything in them changed in turn: each change is
// refused with one line or plays, and nothing worse happens (this runs under AddressSanitizer).
#include <string>
#include <vector>

#include "check.h"
#include "engine.h"
#include "sample_models.h"

using namespace triode;
using samples::json;

namespace {

json numbers(const std::vector<std::size_t>& shape, std::size_t depth = 0) {
  if (depth == shape.size()) return 0.25;
  json list = json::array();
  for (std::size_t i = 0; i < shape[depth]; ++i) list.push_back(numbers(shape, depth + 1));
  return list;
}

json layer(const char* type, std::size_t size, const json& weights) {
  return {{"type", type}, {"activation", "tanh"}, {"shape", {nullptr, nullptr, size}}, {"weights", weights}};
}

json guitarml(bool older) {
  json sizes = {{"input_size", 2}, {"hidden_size", 2}, {"output_size", 1}, {"num_layers", 1}, {"skip", 1}};
  json state;
  const std::string prefix = older ? "layers.block_1." : "";
  state[prefix + "rec.weight_ih_l0"] = numbers({8, 2});
  state[prefix + "rec.weight_hh_l0"] = numbers({8, 2});
  state[prefix + "rec.bias_ih_l0"] = numbers({8});
  state[prefix + "rec.bias_hh_l0"] = numbers({8});
  state[prefix + "lin.weight"] = numbers({1, 2});
  state[prefix + "lin.bias"] = numbers({1});
  sizes[older ? "block_type" : "unit_type"] = "LSTM";
  json model = {{"state_dict", state}, {"metadata", {{"knobs", {{{"name", "drive"}, {"taper", "linear"}}}}}}};
  if (older) model["blocks"]["0"] = sizes;
  model["model_data"] = older ? json{{"skip", 0}} : sizes;
  model["model_data"]["model"] = older ? "RecNet" : "SimpleRNN";
  model["model_data"]["sample_rate"] = 48000;
  return model;
}

json keras() {
  json conv = layer("conv1d", 2, {numbers({2, 1, 2}), numbers({2})});
  conv["kernel_size"] = {2};
  conv["dilation"] = {3};
  conv["groups"] = 2;
  json norm = layer("batchnorm", 2, {numbers({2}), numbers({2}), numbers({2}), numbers({2})});
  norm["epsilon"] = 0.001;
  return {{"in_shape", {nullptr, nullptr, 2}},
          {"in_skip", 1},
          {"in_gain", 3},
          {"metadata", {{"samplerate", "48000"}}},
          {"layers",
           {conv, norm, layer("prelu", 2, {numbers({1, 2})}),
            layer("lstm", 2, {numbers({2, 8}), numbers({2, 8}), numbers({8})}),
            layer("gru", 1, {numbers({2, 3}), numbers({1, 3}), numbers({2, 3})}),
            layer("dense", 1, {numbers({1, 1}), numbers({1})})}}};
}

json wavenet_va() {
  json variables = json::array();
  const auto add = [&](int index, const char* name, std::size_t count) {
    json data = json::array();
    for (std::size_t i = 0; i < count; ++i) data.push_back(i % 2 == 0 ? json("0.25") : json(-0.5));
    variables.push_back({{"layer_idx", index}, {"name", name}, {"data", data}});
  };
  add(-1, "W", 2), add(-1, "b", 2);
  add(0, "W_conv", 16), add(0, "b_conv", 4), add(0, "W_out", 4), add(0, "b_out", 2);
  add(1, "W", 2), add(1, "b", 1);
  return {{"activation", "gated"}, {"input_channels", 1}, {"output_channels", 1}, {"residual_channels", 2},
          {"filter_width", 2},     {"dilations", {3}},    {"level_adjust", 0.5},  {"variables", variables}};
}

json smart_amp_pro() {
  return {{"conv1d", {{"kernel:0", numbers({3, 1, 2})}, {"bias:0", numbers({2})}}},
          {"conv1d_1", {{"kernel:0", numbers({3, 2, 2})}, {"bias:0", numbers({2})}}},
          {"lstm", {{"kernel:0", numbers({2, 8})}, {"bias:0", numbers({8})}}},
          {"dense", {{"kernel:0", numbers({2, 1})}, {"bias:0", numbers({1})}}},
          {"input_size", 6},
          {"conv1d_stride", 3},
          {"conv1d_1_stride", 3}};
}

// Whether the file plays; else it is refused as it should be.
bool plays(const std::string& bytes, const std::string& what) {
  try {
    Engine engine = Engine::load(std::string_view(bytes), "some.model", {});
    const std::vector<float> x = samples::signal(100);
    std::vector<float> y(x.size());
    for (const Knob& knob : engine.knobs()) engine.set(knob.name, knob.high);
    engine.process(x.data(), y.data(), 100);
    return true;
  } catch (const ModelFileError& error) {
    const std::string message = error.what();
    CHECK_WITH(message.starts_with("some.model: ") && message.find('\n') == std::string::npos, what + ": " + message);
    return false;
  }
}

void change_everything(const json& model, const std::string& name) {
  const json values[] = {nullptr, true, -1, 0, 1, 3, 65536, 1e300, "", "tanh", json::array(), json::object(), {1, 2}};
  int refused = 0, changes = 0;
  const json leaves = model.flatten();
  for (const auto& [pointer, leaf] : leaves.items()) {
    // The value itself, then every list and object around it.
    for (json::json_pointer place(pointer); !place.empty(); place = place.parent_pointer()) {
      for (const json& value : values) {
        json changed = model;
        changed[place] = value;
        refused += plays(changed.dump(), name + " " + place.to_string()) ? 0 : 1;
        ++changes;
      }
      json removed = model;
      json& parent = removed[place.parent_pointer()];
      if (parent.is_array())
        parent.erase(static_cast<std::size_t>(std::stoul(place.back())));
      else
        parent.erase(place.back());
      plays(removed.dump(), name + " without " + place.to_string());
    }
  }
  CHECK_WITH(refused > changes / 2, name + ": " + std::to_string(refused) + " of " + std::to_string(changes));
}

void test_format(const json& model, const std::string& name) {
  std::printf("%s\n", name.c_str());
  const std::string bytes = model.dump();
  CHECK_WITH(plays(bytes, name), name);
  for (std::size_t length = 0; length < bytes.size(); ++length)
    CHECK_WITH(!plays(bytes.substr(0, length), name), std::to_string(length));
  change_everything(model, name);
}

// Numbers in a small file must not cost gigabytes or minutes.
void test_small_files_stay_small() {
  json window = smart_amp_pro();
  window["input_size"] = 1 << 14, window["conv1d_stride"] = 1 << 14, window["conv1d_1_stride"] = 1 << 14;
  plays(window.dump(), "a long window");
  json dilated = keras();
  dilated["layers"][0]["dilation"] = {1 << 20};
  plays(dilated.dump(), "a long delay");
  json wide = wavenet_va();
  wide["residual_channels"] = 1024;
  CHECK(!plays(wide.dump(), "a wide network without weights"));
  json deep = guitarml(false);
  deep["model_data"]["num_layers"] = 512, deep["model_data"]["hidden_size"] = 1024;
  CHECK(!plays(deep.dump(), "a deep network without weights"));
}

}  // namespace

int main() {
  test_format(guitarml(false), "guitarml");
  test_format(guitarml(true), "guitarml, older");
  test_format(keras(), "keras");
  test_format(wavenet_va(), "wavenet");
  test_format(smart_amp_pro(), "smartamppro");
  test_small_files_stay_small();
  return failures == 0 ? 0 : 1;
}
