// Small model files with random weights, one per kind of network, made in memory.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "model_file.h"

namespace samples {

using nlohmann::json;

/// Everything a WaveNet can have: all FiLM positions, groups, both 1x1s, gated and blended layers, a head of its own,
/// and a condition made by another network.
inline const char* kEverything = R"({"name": "wavenet", "arrays": [
  {"input_size": 1, "condition_size": 4, "channels": 6, "bottleneck": 4, "kernel_sizes": [3, 2, 4],
   "dilations": [1, 5, 70], "activations": [{"type": "PReLU", "negative_slopes": [0.1, 0.2, 0.3, 0.4]},
   {"type": "Tanh"}, {"type": "LeakyHardtanh", "min_val": -0.5, "max_val": 0.5, "min_slope": 0.1, "max_slope": 0.2}],
   "gating": ["none", "gated", "blended"], "secondary_activations": [null, {"type": "Hardswish"}, {"type": "Sigmoid"}],
   "head": {"out_channels": 3, "kernel_size": 3, "bias": true, "head_dilation": 2}, "groups_input": 2,
   "groups_input_mixin": 4, "layer1x1": {"active": true, "groups": 2},
   "head1x1": {"active": true, "out_channels": 2, "groups": 2},
   "conv_pre_film": {"active": true, "shift": true, "groups": 2}, "conv_post_film": {"active": true, "shift": false},
   "input_mixin_pre_film": {"active": true, "shift": true, "groups": 4},
   "input_mixin_post_film": {"active": true}, "activation_pre_film": {"active": true},
   "activation_post_film": {"active": true}, "layer1x1_post_film": {"active": true, "shift": true, "groups": 1},
   "head1x1_post_film": {"active": true}},
  {"input_size": 6, "condition_size": 4, "channels": 3, "bottleneck": 3, "kernel_sizes": [2], "dilations": [3],
   "activations": [{"type": "SiLU"}], "head": {"out_channels": 2, "kernel_size": 1, "bias": false}}],
  "head": {"channels": 3, "out_channels": 1, "kernel_sizes": [2, 3], "activation": {"type": "Softsign"}},
  "condition_dsp": {"name": "wavenet", "arrays": [
    {"input_size": 1, "condition_size": 1, "channels": 2, "kernel_sizes": [2, 2], "dilations": [1, 2],
     "activations": [{"type": "ReLU"}, {"type": "Fasttanh"}],
     "head": {"out_channels": 4, "kernel_size": 1, "bias": true}}]}})";

inline const std::map<std::string, std::string>& architectures() {
  static const std::map<std::string, std::string> all = {
      {"plain wavenet", R"({"name": "wavenet", "arrays": [
        {"input_size": 1, "channels": 5, "kernel_sizes": [3, 3, 6], "dilations": [1, 8, 101],
         "activations": [{"type": "Tanh"}, {"type": "LeakyReLU", "negative_slope": 0.01}, {"type": "Hardtanh"}],
         "head": {"out_channels": 2, "kernel_size": 1, "bias": false}},
        {"input_size": 5, "channels": 2, "kernel_sizes": [3], "dilations": [512], "activations": [{"type": "Tanh"}],
         "head": {"out_channels": 1, "kernel_size": 16, "bias": true}}]})"},
      {"everything wavenet", kEverything},
      {"traces", R"({"name": "wavenet", "arrays": [
        {"input_size": 6, "condition_size": 1, "channels": 4, "kernel_sizes": [3, 3], "dilations": [1, 90],
         "activations": [{"type": "Tanh"}, {"type": "LeakyReLU", "negative_slope": 0.01}],
         "head": {"out_channels": 1, "kernel_size": 2, "bias": true}}], "traces": [
        {"type": "envelope", "time_constant_samples": 250, "offset": 0.3, "scale": 3},
        {"type": "low_pass", "time_constant_samples": 500.5, "offset": 0, "scale": -20},
        {"type": "envelope", "time_constant_samples": 1, "offset": 0.5, "scale": 1},
        {"type": "low_pass", "time_constant_samples": 20, "offset": 0.1, "scale": 2},
        {"type": "low_pass", "time_constant_samples": 400, "offset": 0, "scale": 9}]})"},
      {"lstm", R"({"name": "lstm", "input_size": 1, "hidden_size": 9, "num_layers": 2, "skip": true})"},
      {"gru", R"({"name": "gru", "input_size": 1, "hidden_size": 20, "num_layers": 1, "skip": false})"},
      {"conv", R"({"name": "conv", "kernel_size": 4, "dilation": 90, "activation": {"type": "Tanh"}})"},
      {"sequential", R"({"name": "sequential", "skip": true, "layers": [
        {"name": "conv", "output_size": 6, "kernel_size": 3, "dilation": 2, "activation": {"type": "ReLU"}},
        {"name": "gru", "input_size": 6, "hidden_size": 5, "output_size": 2, "skip": false},
        {"name": "lstm", "input_size": 2, "hidden_size": 7, "skip": true}]})"},
      {"linear", R"({"name": "linear", "taps": 300})"},
      {"block-oriented", R"({"name": "block-oriented", "blocks": [
        {"type": "sections", "bands": ["low_shelf", "peak", "high_shelf", "high_pass", "low_pass"]}, {"type": "curve"},
        {"type": "fir", "taps": 100}, {"type": "sections", "bands": ["high_pass"]}]})"},
      {"convnet", R"({"name": "convnet", "channels": 4, "dilations": [1, 2, 4, 200], "batchnorm": true, "groups": 1,
                      "activation": {"type": "Tanh"}})"},
  };
  return all;
}

inline void append(std::string& bytes, const void* data, std::size_t size) {
  bytes.append(static_cast<const char*>(data), size);
}

inline std::string with_length(const std::string& header, const std::string& data) {
  std::string bytes;
  const std::uint64_t length = header.size();
  append(bytes, &length, sizeof length);
  return bytes + header + data;
}

/// A header and its tensors' data, before they become a file; tests forge them.
struct Parts {
  json header, model;
  std::string data;

  std::string bytes() const {
    json whole = header;
    whole["__metadata__"]["triode"] = model.dump();
    return with_length(whole.dump(), data);
  }
};

inline Parts triode_parts(const std::string& architecture_text, unsigned seed) {
  const json architecture_json = json::parse(architecture_text);
  const triode::Architecture architecture = triode::parse_architecture(architecture_json, "architecture");
  std::mt19937 random(seed);
  Parts parts;
  for (const triode::Slot& slot : architecture.slots()) {
    const std::int64_t fan_in = slot.shape.size() > 1 ? slot.size() / slot.shape[0] : 4;
    std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
    const std::size_t begin = parts.data.size();
    for (std::int64_t i = 0; i < slot.size(); ++i) {
      float value = 1.5f * uniform(random) / std::sqrt(static_cast<float>(fan_in));
      if (slot.name.ends_with("variance") || slot.name.ends_with("epsilon")) value = std::abs(value) + 0.1f;
      if (slot.name.ends_with("frequency")) value = 0.02f + 0.2f * std::abs(value);
      if (slot.name.ends_with(".q") || slot.name.ends_with("slopes") || slot.name.ends_with("knees"))
        value = std::abs(value) + 0.3f;
      append(parts.data, &value, sizeof value);
    }
    parts.header[slot.name] = {
        {"dtype", "F32"}, {"shape", slot.shape}, {"data_offsets", {begin, parts.data.size()}}};
  }
  parts.model = {{"format_version", 1},     {"name", "sample"}, {"architecture", architecture_json},
                 {"sample_rate", 48000},    {"knobs", json::array()},
                 {"warm_up_samples", 2000}, {"metadata", json::object()}};
  return parts;
}

inline constexpr const char* kKnobsAsInputs = R"({"name": "lstm", "input_size": 3, "hidden_size": 9, "skip": true})";
/// Layers that one kernel plays, that several play, and gated ones.
inline constexpr const char* kParametric = R"({"name": "parametric", "knobs": 2, "hidden_sizes": [7, 5], "tapers": ["log", "linear"],
  "network":
  {"name": "wavenet", "arrays": [
    {"input_size": 1, "channels": 4, "kernel_sizes": [3, 2], "dilations": [1, 30], "activations": [{"type": "Tanh"},
     {"type": "LeakyReLU", "negative_slope": 0.1}], "head": {"out_channels": 2, "kernel_size": 2, "bias": true}},
    {"input_size": 4, "channels": 5, "bottleneck": 2, "kernel_sizes": [3, 2], "dilations": [7, 2],
     "activations": [{"type": "Tanh"}, {"type": "Softsign"}], "gating": ["gated", "none"],
     "secondary_activations": [{"type": "Sigmoid"}, null],
     "head": {"out_channels": 1, "kernel_size": 1, "bias": true}}]}})";

/// A model with two knobs, "drive" and "tone".
inline std::string with_knobs(const std::string& architecture) {
  Parts parts = triode_parts(architecture, 2);
  parts.model["knobs"] = json::parse(R"([{"name": "drive"}, {"name": "tone", "low": 10, "high": 1000, "default": 100,
                                          "taper": "log", "unit": "Hz"}])");
  return parts.bytes();
}

inline std::string triode_bytes(const std::string& architecture, unsigned seed = 1) {
  return triode_parts(architecture, seed).bytes();
}

/// Noise with an envelope, full scale 0.5.
inline std::vector<float> signal(std::size_t n, unsigned seed = 7) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-0.5f, 0.5f);
  std::vector<float> x(n);
  for (std::size_t i = 0; i < n; ++i) x[i] = uniform(random) * (0.5f + 0.5f * std::sin(0.001f * static_cast<float>(i)));
  return x;
}

}  // namespace samples
