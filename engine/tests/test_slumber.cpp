// A rig that has slept through silence goes on as if it had played it.
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "check.h"
#include "rig.h"
#include "sample_models.h"

using namespace triode;

namespace {

constexpr float kInaudible = 1e-6f;  // -120 dBFS

struct Chain {
  Engine engine;
  Rig rig;
  RigSettings settings;

  Chain(const std::string& bytes, double rate_hz, bool everything) : engine(Engine::load(bytes, "sample", {})) {
    rig.play(&engine);
    if (everything) {
      std::vector<float> response = samples::signal(3000);
      for (std::size_t t = 0; t < response.size(); ++t) response[t] *= 0.1f * std::exp(-0.003f * static_cast<float>(t));
      rig.load_response(response, 48000.0);
      settings.gate = settings.dc_blocker = true;
      settings.bass_db = 6.0;
    }
    rig.set(settings);
    rig.configure(rate_hz);
  }

  /// To keep it awake it is set anew, to what it is.
  std::vector<float> play(const std::vector<float>& x, std::size_t block, bool awake) {
    std::vector<float> y(x.size());
    for (std::size_t at = 0; at < x.size(); at += block) {
      if (awake) rig.set(settings);
      rig.process(x.data() + at, y.data() + at, static_cast<std::int64_t>(std::min(block, x.size() - at)));
    }
    return y;
  }
};

float largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  float largest = 0.0f;
  for (std::size_t t = 0; t < a.size(); ++t) largest = std::max(largest, std::abs(a[t] - b[t]));
  return largest;
}

void test_sleep_is_not_heard(const std::string& name, const std::string& bytes, double rate_hz, bool everything) {
  const std::string what = name + " at " + std::to_string(rate_hz);
  Chain sleeper(bytes, rate_hz, everything), watchman(bytes, rate_hz, everything);
  const std::vector<float> riff = samples::signal(4000), next = samples::signal(3001, 8);
  CHECK(sleeper.play(riff, 64, false) == watchman.play(riff, 64, true));
  std::vector<float> silence(static_cast<std::size_t>(3.0 * rate_hz) + 77, 0.0f);
  silence[silence.size() / 2] = 1e-10f;  // -200 dBFS wake nobody
  CHECK(!sleeper.rig.asleep());
  const float in_silence = largest_difference(sleeper.play(silence, 64, false), watchman.play(silence, 64, true));
  CHECK_WITH(sleeper.rig.asleep() && !watchman.rig.asleep(), what);
  CHECK_WITH(in_silence < kInaudible, what + ": " + std::to_string(in_silence));
  const std::vector<float> again = sleeper.play(next, 64, false), expected = watchman.play(next, 64, true);
  CHECK_WITH(largest_difference(again, expected) < kInaudible,
             what + ": " + std::to_string(largest_difference(again, expected)));
  CHECK(!sleeper.rig.asleep() && largest_difference(again, std::vector<float>(again.size())) > 1e-3f);
}

// A gate that is still held open would be found open, not closed, by what comes next.
void test_not_before_the_gate(const std::string& bytes) {
  Chain chain(bytes, 48000.0, true);
  chain.settings.gate_settings.hold_seconds = 4.0;
  chain.rig.set(chain.settings);
  chain.play(samples::signal(2000), 64, false);
  const std::vector<float> three_seconds(144'000, 0.0f);
  chain.play(three_seconds, 512, false);
  CHECK(!chain.rig.asleep());
  chain.play(three_seconds, 512, false);
  CHECK(chain.rig.asleep());
}

// Falls asleep and wakes at the same samples, whatever the blocks are.
void test_blocks(const std::string& bytes) {
  std::vector<float> x(100'000, 0.0f);
  const std::vector<float> riff = samples::signal(2000);
  std::copy(riff.begin(), riff.end(), x.begin() + 333);
  std::copy(riff.begin(), riff.end(), x.begin() + 97'777);
  Chain whole(bytes, 44100.0, true);
  const std::vector<float> expected = whole.play(x, x.size(), false);
  for (const std::size_t block : {1, 17, 64, 1000}) {
    Chain chain(bytes, 44100.0, true);
    CHECK_WITH(chain.play(x, block, false) == expected, std::to_string(block));
  }
}

// It plays tanh(audio) * sigmoid(trace): silence, as soon as it has no input, and for long something else to come.
std::string sagging(double time_constant_samples) {
  samples::json architecture = samples::json::parse(R"({"name": "wavenet", "arrays": [
    {"input_size": 2, "channels": 2, "bottleneck": 1, "kernel_sizes": [1], "dilations": [1],
     "activations": [{"type": "Tanh"}], "gating": ["gated"], "head": {"out_channels": 1}}],
    "traces": [{"type": "envelope", "offset": 0, "scale": 5}]})");
  architecture["traces"][0]["time_constant_samples"] = time_constant_samples;
  samples::Parts parts = samples::triode_parts(architecture.dump(), 1);
  const float one_to_one[] = {1, 0, 0, 1}, one = 1;
  const auto set = [&](const char* name, const float* values) {
    const auto offsets = parts.header[name]["data_offsets"].get<std::vector<std::size_t>>();
    std::memset(parts.data.data() + offsets[0], 0, offsets[1] - offsets[0]);
    if (values != nullptr) std::memcpy(parts.data.data() + offsets[0], values, offsets[1] - offsets[0]);
  };
  set("arrays.0.rechannel.weight", one_to_one), set("arrays.0.layers.0.conv.weight", one_to_one);
  set("arrays.0.layers.0.conv.bias", nullptr), set("arrays.0.layers.0.mixin.weight", nullptr);
  set("arrays.0.head.weight", &one), set("head_scale", &one);
  return parts.bytes();
}

// What cannot be heard in silence is remembered as well.
void test_not_before_a_trace_has_gone() {
  const std::string bytes = sagging(4800.0);
  const std::vector<float> riff = samples::signal(4000), three_seconds(144'000, 0.0f);
  Chain sleeper(bytes, 48000.0, false), watchman(bytes, 48000.0, false);
  const auto agree = [&](const std::vector<float>& x) {
    return largest_difference(sleeper.play(x, 64, false), watchman.play(x, 64, true)) < kInaudible;
  };
  CHECK(agree(riff) && agree(three_seconds) && agree(riff));
  CHECK(agree(three_seconds) && !sleeper.rig.asleep());
  CHECK(agree(three_seconds) && sleeper.rig.asleep());
  CHECK(agree(riff) && !sleeper.rig.asleep());
}

void test_what_wakes(const std::string& bytes) {
  Chain chain(bytes, 48000.0, false);
  const std::vector<float> silence(200'000, 0.0f), moment(64, 0.0f);
  chain.play(silence, 512, false);
  CHECK(chain.rig.asleep());
  chain.engine.set("drive", 0.9);
  chain.play(moment, 64, false);
  CHECK(!chain.rig.asleep());
  chain.play(silence, 512, false);
  CHECK(chain.rig.asleep());
  chain.settings.output_gain_db = 6.0;
  chain.rig.set(chain.settings);
  CHECK(!chain.rig.asleep());
  const std::vector<float> louder = chain.play(silence, 512, false);
  CHECK(chain.rig.asleep());
  // What it rests at is what it would play.
  Chain watchman(bytes, 48000.0, false);
  watchman.engine.set("drive", 0.9);
  watchman.settings.output_gain_db = 6.0;
  const std::vector<float> played = watchman.play(silence, 512, true);
  CHECK(std::abs(played.back() - louder.back()) < kInaudible && std::abs(played.back()) > 1e-4f);
}

}  // namespace

int main() {
  for (const char* name : {"plain wavenet", "everything wavenet", "traces", "lstm", "sequential", "block-oriented", "linear"}) {
    const std::string bytes = samples::triode_bytes(samples::architectures().at(name));
    test_sleep_is_not_heard(name, bytes, 48000.0, true);
    if (std::string(name) == "lstm" || std::string(name) == "plain wavenet")
      for (const double rate_hz : {44100.0, 96000.0}) test_sleep_is_not_heard(name, bytes, rate_hz, false);
  }
  test_blocks(samples::triode_bytes(samples::architectures().at("convnet")));
  test_not_before_the_gate(samples::triode_bytes(samples::architectures().at("conv")));
  test_not_before_a_trace_has_gone();
  test_what_wakes(samples::with_knobs(samples::kParametric));
  return failures == 0 ? 0 : 1;
}
