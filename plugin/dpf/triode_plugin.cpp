// The rig behind DPF: VST3, CLAP, LV2 and the JACK standalone are built from this.
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>

#include "DistrhoPlugin.hpp"
#include "DistrhoPluginUtils.hpp"
#include "rig_host.h"
#include "version.h"

START_NAMESPACE_DISTRHO

namespace {

using triode::plugin::kFirstOutput;
using triode::plugin::kParameterInfos;
using triode::plugin::kParameters;
using triode::plugin::kStateKeys;
using triode::plugin::ParameterInfo;
using triode::plugin::RigHost;

constexpr std::chrono::seconds kLongestWait{5};

uint32_t version_number() {
  uint8_t numbers[3] = {0, 0, 0};
  const char* text = triode::version();
  for (uint8_t& number : numbers) {
    char* end = nullptr;
    number = static_cast<uint8_t>(std::strtoul(text, &end, 10));
    text = *end == '.' ? end + 1 : end;
  }
  return d_version(numbers[0], numbers[1], numbers[2]);
}

}  // namespace

class TriodePlugin : public Plugin {
 public:
  TriodePlugin() : Plugin(kParameters, 0, kStateKeys.size()) {
    // The standalone has no session to take its files from.
    if (isDummyInstance() || std::strcmp(getPluginFormatName(), "JACK/Standalone") != 0) return;
    if (const char* model = std::getenv("TRIODE_MODEL")) rig_.set_state("model", model);
    if (const char* cabinet = std::getenv("TRIODE_CABINET")) rig_.set_state("cabinet", cabinet);
  }

 protected:
  const char* getLabel() const override { return "triode"; }
  const char* getDescription() const override { return "Plays models of guitar amps and pedals, with their own knobs"; }
  const char* getMaker() const override { return "Triode"; }
  const char* getLicense() const override { return "MIT"; }
  uint32_t getVersion() const override { return version_number(); }
  int64_t getUniqueId() const override { return d_cconst('T', 'r', 'i', 'o'); }

  void initAudioPort(bool input, uint32_t index, AudioPort& port) override {
    port.groupId = kPortGroupStereo;
    Plugin::initAudioPort(input, index, port);
  }

  void initParameter(uint32_t index, Parameter& parameter) override {
    const ParameterInfo& info = kParameterInfos[index];
    const bool output = index >= kFirstOutput;
    parameter.name = info.name;
    parameter.symbol = info.symbol;
    parameter.unit = info.unit;
    parameter.ranges = ParameterRanges(info.default_value, info.low, info.high);
    parameter.hints = output ? kParameterIsOutput : kParameterIsAutomatable;
    if (info.kind == ParameterInfo::toggle) parameter.hints |= kParameterIsBoolean | kParameterIsInteger;
    if (info.kind == ParameterInfo::choice) {
      parameter.hints |= kParameterIsInteger;
      const auto count = static_cast<uint8_t>(info.high) + 1u;
      auto* values = new ParameterEnumerationValue[count];
      for (uint32_t i = 0; i < count; ++i) values[i] = {static_cast<float>(i), info.choices[i]};
      parameter.enumValues.count = static_cast<uint8_t>(count);
      parameter.enumValues.restrictedMode = true;
      parameter.enumValues.values = values;  // DPF frees it
    }
  }

  void initState(uint32_t index, State& state) override {
    static constexpr const char* kLabels[] = {"Version", "Model", "Model data", "Cabinet", "Status"};
    state.key = kStateKeys[index];
    state.label = kLabels[index];
    state.defaultValue = "";
    const bool is_file = std::strcmp(kStateKeys[index], "model") == 0 || std::strcmp(kStateKeys[index], "cabinet") == 0;
    state.hints = is_file ? kStateIsFilenamePath : kStateIsOnlyForDSP;
  }

  float getParameterValue(uint32_t index) const override { return rig_.get(static_cast<int>(index)); }
  void setParameterValue(uint32_t index, float value) override { rig_.set(static_cast<int>(index), value); }
  String getState(const char* key) const override { return String(rig_.state(key).c_str()); }
  // Waits, so that a session that has just been opened can be rendered at once.
  void setState(const char* key, const char* value) override {
    rig_.set_state(key, value);
    rig_.settle(kLongestWait);
  }

  void activate() override { prepare(getSampleRate()); }
  // Hosts ask for the latency before they activate.
  void sampleRateChanged(double rate_hz) override { prepare(rate_hz); }

  void run(const float** inputs, float** outputs, uint32_t frames) override {
    rig_.process(inputs, outputs, static_cast<int>(frames));
    setLatency(static_cast<uint32_t>(rig_.latency_samples()));
  }

 private:
  void prepare(double rate_hz) {
    rig_.activate(rate_hz);
    setLatency(static_cast<uint32_t>(rig_.latency_samples()));
  }

  RigHost rig_;
};

Plugin* createPlugin() { return new TriodePlugin(); }

END_NAMESPACE_DISTRHO
