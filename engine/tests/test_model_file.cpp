// Truncated, forged and oversized files: each is refused with one line that names the file, and nothing worse happens
// (this runs under AddressSanitizer and UndefinedBehaviorSanitizer).
#include <cstdio>
#include <functional>
#include <limits>
#include <string>

#include "check.h"
#include "sample_models.h"

using namespace triode;
using samples::json;
using samples::Parts;

namespace {

constexpr const char* kLstm = R"({"name": "lstm", "input_size": 1, "hidden_size": 2, "num_layers": 1, "skip": true})";

// The message of the refusal, "" where the file was read.
std::string refusal(const std::string& bytes) {
  try {
    read_model(std::string_view(bytes), "some.model");
    return "";
  } catch (const ModelFileError& error) {
    return error.what();
  }
}

void check_refused(const std::string& bytes, const std::string& expected, const std::string& what) {
  const std::string message = refusal(bytes);
  CHECK_WITH(message.starts_with("some.model: "), what + ": " + message);
  CHECK_WITH(message.find(expected) != std::string::npos, what + ": " + message);
  CHECK_WITH(message.find('\n') == std::string::npos, what);
}

json nam_lstm() {
  json weights = json::array();
  for (int i = 0; i < 4 * 2 * 3 + 8 + 4 + 3; ++i) weights.push_back(0.01 * i);
  return {{"version", "0.5.4"},
          {"architecture", "LSTM"},
          {"config", {{"input_size", 1}, {"hidden_size", 2}, {"num_layers", 1}}},
          {"weights", weights},
          {"sample_rate", 48000}};
}

json nam_wavenet() {
  const json layers = {{"input_size", 1},   {"condition_size", 1}, {"channels", 2}, {"head_size", 1},
                       {"kernel_size", 3},  {"dilations", {1, 4}}, {"gated", false}, {"head_bias", true},
                       {"activation", "Tanh"}};
  json weights = json::array();
  for (int i = 0; i < 2 + 2 * (12 + 2 + 2 + 4 + 2) + 2 + 1 + 1; ++i) weights.push_back(0.01 * i);
  return {{"version", "0.5.4"},
          {"architecture", "WaveNet"},
          {"config", {{"layers", {layers}}, {"head", nullptr}, {"head_scale", 0.02}}},
          {"weights", weights}};
}

void test_whole_files_are_read() {
  CHECK(refusal(samples::triode_bytes(kLstm)) == "");
  CHECK(refusal(nam_lstm().dump()) == "");
  CHECK(refusal(nam_wavenet().dump()) == "");
  CHECK(refusal("\xef\xbb\xbf \n" + nam_wavenet().dump()) == "");
  for (const auto& [name, architecture] : samples::architectures())
    CHECK_WITH(refusal(samples::triode_bytes(architecture)) == "", name);
}

void test_truncation() {
  for (const std::string& bytes : {samples::triode_bytes(kLstm), nam_lstm().dump(), nam_wavenet().dump()})
    for (std::size_t length = 0; length < bytes.size(); ++length)
      CHECK_WITH(refusal(bytes.substr(0, length)).starts_with("some.model: "), std::to_string(length));
  const std::string whole = samples::triode_bytes(kLstm);
  check_refused(whole + "x", "truncated or damaged", "one byte too many");
  check_refused(whole.substr(0, whole.size() - 1), "truncated or damaged", "one byte too few");
}

void test_not_models() {
  check_refused("", "empty", "empty");
  check_refused("RIFF....WAVEfmt ", "no model", "a wav file");
  check_refused(std::string(5000, '\0'), "some.model", "zeros");
  check_refused("[1, 2]", "no model", "a list");
  check_refused("{}", "no \"architecture\"", "an empty object");
  check_refused(std::string(8, '\xff') + "{}", "no model", "a length beyond everything");
  check_refused(samples::with_length("{}", ""), "__metadata__", "no metadata");
}

void test_nesting_bombs() {
  const std::string bomb(1000000, '[');
  check_refused("{\"version\": " + bomb, "levels deep", ".nam");
  check_refused(samples::with_length("{\"a\": " + bomb, ""), "levels deep", ".triode header");
  Parts parts = samples::triode_parts(kLstm, 1);
  json header = parts.header;
  header["__metadata__"]["triode"] = bomb;
  check_refused(samples::with_length(header.dump(), parts.data), "levels deep", ".triode metadata");
  json model = nam_lstm();
  for (int i = 0; i < 8; ++i)
    model = {{"version", "0.7.0"},
             {"architecture", "SlimmableContainer"},
             {"config", {{"submodels", {{{"max_value", 1.0}, {"model", model}}}}}},
             {"weights", json::array()}};
  check_refused(model.dump(), "levels deep", "containers in containers");
}

void forge(const std::string& what, const std::string& expected, const std::function<void(Parts&)>& change) {
  Parts parts = samples::triode_parts(kLstm, 1);
  change(parts);
  check_refused(parts.bytes(), expected, what);
}

// Values that would make a filter unstable or a curve no curve; and shapes and kinds that there are not.
void test_forged_blocks() {
  const std::string whole = samples::architectures().at("block-oriented");
  const auto forged = [&](const std::string& tensor, float value) {
    Parts parts = samples::triode_parts(whole, 1);
    const std::size_t at = parts.header[tensor]["data_offsets"][0];
    std::memcpy(parts.data.data() + at, &value, sizeof value);
    return parts.bytes();
  };
  for (const auto& [tensor, value] : {std::pair{"blocks.0.frequency", 0.5f}, {"blocks.0.frequency", 0.0f},
                                      {"blocks.0.q", 0.0f}, {"blocks.0.q", -1.0f}, {"blocks.0.gain_db", 61.0f},
                                      {"blocks.1.slopes", 0.0f}, {"blocks.1.knees", -0.1f}, {"blocks.1.pre_gain", 2e6f},
                                      {"blocks.1.bias_shift_frequency", 0.0f}, {"blocks.3.q", 51.0f}})
    check_refused(forged(tensor, value), tensor, std::string(tensor) + " out of range");
  check_refused(forged("blocks.2.taps", std::numeric_limits<float>::quiet_NaN()), "NaN", "a tap");
  const auto refused = [](const std::string& blocks, const std::string& expected) {
    Parts parts = samples::triode_parts(kLstm, 1);
    parts.model["architecture"] = {{"name", "block-oriented"}, {"blocks", json::parse(blocks)}};
    check_refused(parts.bytes(), expected, blocks);
  };
  refused("[]", "blocks");
  refused(R"([{"type": "valve"}])", "sections, fir or curve");
  refused(R"([{"type": "curve", "taps": 3}])", "taps");
  refused(R"([{"type": "sections", "bands": ["notch"]}])", "high_pass");
  refused(R"([{"type": "sections", "bands": []}])", "bands");
  refused(R"([{"type": "fir", "taps": 0}])", "taps");
  refused(R"([{"type": "curve"}])", "missing");
}

void test_forged_safetensors() {
  const auto float_at = [](Parts& parts, std::size_t offset, float value) {
    std::memcpy(parts.data.data() + offset, &value, sizeof value);
  };
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  forge("dtype", "\"F32\"", [](Parts& p) { p.header["lin.bias"]["dtype"] = "F16"; });
  forge("NaN", "NaN", [&](Parts& p) { float_at(p, 0, nan); });
  forge("infinity", "NaN or infinity", [&](Parts& p) { float_at(p, 8, inf); });
  forge("missing", "missing", [](Parts& p) {
    p.header.erase("output_scale");
    p.data.resize(p.data.size() - 4);
  });
  forge("overlap", "where the tensor before", [](Parts& p) {
    p.header["output_scale"]["data_offsets"] = p.header["lin.bias"]["data_offsets"];
  });
  forge("hole", "where the tensor before", [](Parts& p) {
    p.data += "12345678";
    p.header["output_scale"]["data_offsets"] = {p.data.size() - 4, p.data.size()};
  });
  forge("beyond the end", "truncated", [](Parts& p) { p.header["lin.bias"]["data_offsets"] = {0, 1 << 30}; });
  forge("negative", "whole number", [](Parts& p) { p.header["lin.bias"]["data_offsets"] = {-4, 0}; });
  forge("backwards", "bytes", [](Parts& p) { p.header["lin.bias"]["data_offsets"] = {4, 0}; });
  forge("huge shape", "fewer", [](Parts& p) { p.header["lin.bias"]["shape"] = {1 << 24, 1 << 24, 1 << 24}; });
  forge("overflow", "whole number", [](Parts& p) { p.header["lin.bias"]["shape"] = {1e300}; });
  forge("wrong shape", "shape", [](Parts& p) { p.header["lin.weight"]["shape"] = {2, 1}; });
  forge("one more", "only those", [](Parts& p) {
    p.header["more"] = {{"dtype", "F32"}, {"shape", {1}}, {"data_offsets", {p.data.size(), p.data.size() + 4}}};
    p.data += std::string(4, '\0');
  });
  forge("lone self-test", "self-test", [](Parts& p) {
    p.header["selftest.input"] = {
        {"dtype", "F32"}, {"shape", {2000}}, {"data_offsets", {p.data.size(), p.data.size() + 8000}}};
    p.data += std::string(8000, '\0');
  });
}

void test_forged_metadata() {
  forge("version", "update Triode", [](Parts& p) { p.model["format_version"] = 2; });
  forge("no rate", "sample_rate", [](Parts& p) { p.model.erase("sample_rate"); });
  forge("rate", "1,000 to 1,000,000", [](Parts& p) { p.model["sample_rate"] = -48000; });
  forge("warm-up", "whole number", [](Parts& p) { p.model["warm_up_samples"] = 1e18; });
  forge("long warm-up", "warm-up", [](Parts& p) {
    p.model["architecture"] = json::parse(
        R"({"name": "lstm", "input_size": 1, "hidden_size": 900, "num_layers": 1, "skip": true})");
    p.model["warm_up_samples"] = 1 << 24;
    // The tensors do not fit either, but that is only found once the sizes are known to be bearable.
    p.header = samples::triode_parts(p.model["architecture"].dump(), 1).header;
    p.data = samples::triode_parts(p.model["architecture"].dump(), 1).data;
  });
  forge("a knob too many", "2 inputs (audio and knobs)", [](Parts& p) { p.model["knobs"] = {{{"name", "drive"}}}; });
  forge("a nameless knob", "a word", [](Parts& p) { p.model["knobs"] = {{{"name", ""}}}; });
  forge("many knobs", "entries", [](Parts& p) { p.model["knobs"] = json(65, {{"name", "drive"}}); });
  forge("metadata", "an object", [](Parts& p) { p.model["metadata"] = 3; });
  forge("name", "wavenet, parametric", [](Parts& p) { p.model["architecture"]["name"] = "transformer"; });
  forge("unknown key", "does not know", [](Parts& p) { p.model["architecture"]["reverb"] = true; });
  forge("hidden size", "whole number", [](Parts& p) { p.model["architecture"]["hidden_size"] = 2.5; });
  forge("two inputs", "one of each", [](Parts& p) {
    p.model["architecture"] = json::parse(R"({"name": "lstm", "input_size": 2, "hidden_size": 2, "num_layers": 1})");
    const Parts other = samples::triode_parts(p.model["architecture"].dump(), 1);
    p.header = other.header, p.data = other.data;
  });
  json stereo = json::parse(samples::kEverything);
  stereo["head"]["out_channels"] = 2;
  check_refused(samples::triode_bytes(stereo.dump()), "one of each", "two outputs");
}

// The sample WaveNet with one thing changed; its tensors are not even there, and never come into it.
void forge_wavenet(const std::string& what, const std::string& expected, const std::function<void(json&)>& change) {
  json architecture = json::parse(samples::kEverything);
  change(architecture);
  Parts parts = samples::triode_parts(kLstm, 1);
  parts.model["architecture"] = architecture;
  check_refused(parts.bytes(), expected, what);
}

// The same with the sample parametric network.
void forge_parametric(const std::string& what, const std::string& expected, const std::function<void(json&)>& change) {
  json architecture = json::parse(samples::kParametric);
  change(architecture);
  Parts parts = samples::triode_parts(kLstm, 1);
  parts.model["architecture"] = architecture;
  check_refused(parts.bytes(), expected, what);
}

void test_forged_parametric() {
  using A = json&;
  CHECK(refusal(samples::with_knobs(samples::kParametric)) == "");
  forge_parametric("no knobs", "whole number", [](A a) { a["knobs"] = 0; });
  forge_parametric("many knobs", "whole number", [](A a) { a["knobs"] = 65; });
  forge_parametric("many layers", "entries", [](A a) { a["hidden_sizes"] = json(9, 4); });
  forge_parametric("an empty layer", "whole number", [](A a) { a["hidden_sizes"][0] = 0; });
  forge_parametric("no taper", "entries", [](A a) { a["tapers"] = json::array(); });
  forge_parametric("a taper", "linear, log or reverse-log", [](A a) { a["tapers"][1] = "audio"; });
  forge_parametric("a number for a taper", "linear, log or reverse-log", [](A a) { a["tapers"][1] = 1; });
  forge_parametric("no network", "network", [](A a) { a.erase("network"); });
  forge_parametric("an lstm", "a wavenet", [](A a) { a["network"] = json::parse(kLstm); });
  forge_parametric("itself", "a wavenet", [](A a) { a["network"] = json::parse(samples::kParametric); });
  forge_parametric("deep", "levels deep", [](A a) {
    for (int i = 0; i < 5; ++i) a["network"] = {{"name", "parametric"}, {"knobs", 1}, {"hidden_sizes", json::array()}, {"network", json(a["network"])}};
  });
  forge_parametric("two inputs", "the audio", [](A a) {
    json& arrays = a["network"]["arrays"];
    arrays[0]["input_size"] = 2, arrays[0]["condition_size"] = 2, arrays[1]["condition_size"] = 2;
  });
  forge_parametric("film", "neither", [](A a) { a["network"]["arrays"][0]["conv_post_film"] = {{"active", true}}; });
  forge_parametric("widths", "neither", [](A a) { a["network"]["arrays"][1]["allowed_channels"] = {5}; });
  forge_parametric("a head", "neither", [](A a) {
    a["network"]["head"] = {{"channels", 1}, {"out_channels", 1}, {"kernel_sizes", {1}}, {"activation", {{"type", "Tanh"}}}};
  });
  forge_parametric("weights", "weights", [](A a) {
    a["hidden_sizes"] = json(1, 1024);
    json& array = a["network"]["arrays"][0];
    array["kernel_sizes"] = json(512, 1), array["dilations"] = json(512, 1), array["bottleneck"] = 64;
    array["activations"] = json(512, {{"type", "Tanh"}});
    a["network"]["arrays"][1]["bottleneck"] = 2;
  });
  forge_parametric("a key", "does not know", [](A a) { a["reverb"] = 1; });
}

void forge_traces(const std::string& what, const std::string& expected, const std::function<void(json&)>& change) {
  json architecture = json::parse(samples::architectures().at("traces"));
  change(architecture);
  Parts parts = samples::triode_parts(samples::architectures().at("traces"), 1);
  parts.model["architecture"] = architecture;
  check_refused(parts.bytes(), expected, what);
}

void test_forged_traces() {
  using A = json&;
  forge_traces("none", "entries", [](A a) { a["traces"] = json::array(); });
  forge_traces("seventeen", "entries", [](A a) { a["traces"] = json(17, json(a["traces"][0])); });
  forge_traces("no list", "list", [](A a) { a["traces"] = 1; });
  forge_traces("type", "low_pass or envelope", [](A a) { a["traces"][1]["type"] = "high_pass"; });
  forge_traces("no type", "type", [](A a) { a["traces"][1].erase("type"); });
  forge_traces("no scale", "scale", [](A a) { a["traces"][1].erase("scale"); });
  forge_traces("a key", "does not know", [](A a) { a["traces"][1]["colour"] = "red"; });
  for (const double tau : {0.0, 0.999, -5.0, 1.1e7, 1e300})
    forge_traces("time constant", "a number from 1", [tau](A a) { a["traces"][0]["time_constant_samples"] = tau; });
  for (const char* part : {"offset", "scale"})
    for (const json& value : {json(1.1e6), json(-1e300), json("1"), json(true)})
      forge_traces(part, "a number", [&](A a) { a["traces"][4][part] = value; });
  forge_traces("more than inputs", "for each of 5 traces", [](A a) { a["arrays"][0]["input_size"] = 5; });
  forge_traces("an input too many", "the channels of the condition", [](A a) { a["arrays"][0]["input_size"] = 7; });
  forge_traces("a trace less", "the channels of the condition", [](A a) { a["traces"].erase(0); });
  forge_traces("beside a condition", "either it or traces", [](A a) {
    a["condition_dsp"] = json::parse(samples::architectures().at("plain wavenet"));
  });
  forge_traces("in a condition", "either it or traces", [](A a) {
    const json inner = a;
    a.erase("traces"), a["arrays"][0]["input_size"] = 1, a["condition_dsp"] = inner;
  });
}

void test_forged_wavenets() {
  using A = json&;
  forge_wavenet("no arrays", "entries", [](A a) { a["arrays"] = json::array(); });
  forge_wavenet("kernels", "one entry per layer", [](A a) { a["arrays"][0]["kernel_sizes"].push_back(3); });
  forge_wavenet("gating", "\"none\"", [](A a) { a["arrays"][0]["gating"][0] = "open"; });
  forge_wavenet("activation", "one of Tanh", [](A a) { a["arrays"][0]["activations"][0] = "GELU"; });
  forge_wavenet("slopes", "PReLU slopes", [](A a) { a["arrays"][0]["activations"][0]["negative_slopes"] = {1, 2, 3}; });
  forge_wavenet("groups", "divides both", [](A a) { a["arrays"][0]["groups_input"] = 4; });
  forge_wavenet("film groups", "divides both", [](A a) { a["arrays"][0]["conv_pre_film"]["groups"] = 3; });
  forge_wavenet("film without 1x1", "none", [](A a) { a["arrays"][0]["head1x1"]["active"] = false; });
  forge_wavenet("input size", "the array before", [](A a) { a["arrays"][1]["input_size"] = 5; });
  forge_wavenet("head size", "the array before", [](A a) { a["arrays"][0]["head"]["out_channels"] = 4; });
  forge_wavenet("condition", "of the condition", [](A a) { a["arrays"][1]["condition_size"] = 1; });
  forge_wavenet("widths", "ascending", [](A a) { a["arrays"][0]["allowed_channels"] = {3, 2, 6}; });
  forge_wavenet("memory", "memory", [](A a) { a["arrays"][0]["dilations"][2] = 1 << 20; });
  forge_wavenet("weights", "weights", [](A a) {
    a["arrays"][0]["channels"] = 1024;
    a["arrays"][1]["input_size"] = 1024;
    a["arrays"][0]["groups_input"] = 1024;
    a["arrays"][0]["bottleneck"] = 1024;
    a["arrays"][0]["kernel_sizes"][0] = 1 << 16;
    a["arrays"][0]["activations"][0] = "Tanh";
  });
  json deep = json::parse(samples::kEverything);
  for (int i = 0; i < 6; ++i) {
    json outer = json::parse(samples::kEverything);
    outer["condition_dsp"] = deep;
    deep = outer;
  }
  forge_wavenet("conditions in conditions", "levels deep", [&](A a) { a = deep; });
}

// The .nam format's own ways to be wrong.
void forge_nam(const std::string& what, const std::string& expected, const json& start,
               const std::function<void(json&)>& change) {
  json model = start;
  change(model);
  check_refused(model.dump(), expected, what);
}

void test_forged_nam() {
  for (const json& start : {nam_lstm(), nam_wavenet()}) {
    for (const char* key : {"version", "architecture", "config", "weights"})
      forge_nam(key, key, start, [&](json& m) { m.erase(key); });
    for (const char* version : {"1.0.0", "0.4.9", "0.8.0", "0.5", "0.5.4x", "a.b.c", "-1.5.0", ""})
      forge_nam(version, "0.5.0 to 0.7.x", start, [&](json& m) { m["version"] = version; });
    forge_nam("one weight less", "weights", start, [](json& m) { m["weights"].erase(0); });
    forge_nam("one weight more", "weights", start, [](json& m) { m["weights"].push_back(0); });
    forge_nam("text weight", "a number", start, [](json& m) { m["weights"][3] = "0.5"; });
    forge_nam("huge weight", "float32's range", start, [](json& m) { m["weights"][3] = 1e39; });
    forge_nam("architecture", "WaveNet, LSTM", start, [](json& m) { m["architecture"] = "Transformer"; });
    forge_nam("rate", "1,000 to 1,000,000", start, [](json& m) { m["sample_rate"] = 0; });
  }
  forge_nam("no layers", "whole number", nam_lstm(), [](json& m) { m["config"]["num_layers"] = 0; });
  forge_nam("huge", "whole number", nam_lstm(), [](json& m) { m["config"]["hidden_size"] = 1 << 30; });
  forge_nam("both kernels", "one of them", nam_wavenet(),
            [](json& m) { m["config"]["layers"][0]["kernel_sizes"] = {3, 3}; });
  forge_nam("no head", "head_size", nam_wavenet(), [](json& m) { m["config"]["layers"][0].erase("head_size"); });
  forge_nam("dilation 0", "whole number", nam_wavenet(), [](json& m) { m["config"]["layers"][0]["dilations"][0] = 0; });
  json container = {{"version", "0.7.0"}, {"architecture", "SlimmableContainer"}, {"weights", json::array()}};
  const auto submodels = [&](double first, double last) {
    container["config"]["submodels"] = {{{"max_value", first}, {"model", nam_wavenet()}},
                                        {{"max_value", last}, {"model", nam_lstm()}}};
    return container.dump();
  };
  CHECK(refusal(submodels(0.5, 1.0)) == "");
  check_refused(submodels(0.5, 0.5), "more than that of", "equal limits");
  check_refused(submodels(0.5, 0.9), "at least 1", "nothing for the best quality");
}

// A number in the file decides how much memory the network takes: small files must not cost gigabytes.
void test_small_files_stay_small() {
  json layer = nam_wavenet()["config"]["layers"][0];
  layer["channels"] = 1024, layer["bottleneck"] = 1, layer["kernel_size"] = 1;
  layer["dilations"] = std::vector<int>(512, 1);
  json model = nam_wavenet();
  model["config"]["layers"] = json::array();
  for (int i = 0; i < 15; ++i, layer["input_size"] = 1024) model["config"]["layers"].push_back(layer);
  check_refused(model.dump(), "memory", "many wide layers");
  json linear = {{"version", "0.5.4"}, {"architecture", "Linear"}, {"weights", {1}}};
  linear["config"] = {{"receptive_field", 1 << 20}, {"bias", false}};
  check_refused(linear.dump(), "weights", "a long response without taps");
}

void test_quality() {
  json model = nam_wavenet();
  model["config"]["layers"][0]["slimmable"] = {{"method", "slice_channels_uniform"},
                                               {"kwargs", {{"allowed_channels", {1, 2}}}}};
  const Description whole = read_model(std::string_view(model.dump()), "some.model");
  const auto channels = [&](double quality) {
    const Description chosen = at_quality(whole, quality);
    return std::get<WavenetSpec>(chosen.architecture.spec).arrays[0].channels;
  };
  CHECK(channels(0.0) == 1 && channels(0.49) == 1 && channels(0.5) == 2 && channels(1.0) == 2);
  // The first output and input channel of every matrix remain: weight 0 of (2, 1, 1), weights 0..2 of (2, 2, 3).
  const Description narrow = at_quality(whole, 0.0);
  CHECK(narrow.tensors.at("arrays.0.rechannel.weight").data == std::vector<float>{0.0f});
  CHECK((narrow.tensors.at("arrays.0.layers.0.conv.weight").data == std::vector<float>{0.02f, 0.03f, 0.04f}));
}

}  // namespace

int main() {
  test_whole_files_are_read();
  test_truncation();
  test_not_models();
  test_nesting_bombs();
  test_forged_safetensors();
  test_forged_blocks();
  test_forged_metadata();
  test_forged_parametric();
  test_forged_wavenets();
  test_forged_traces();
  test_forged_nam();
  test_small_files_stay_small();
  test_quality();
  return failures == 0 ? 0 : 1;
}
