// The rig behind DPF: VST3, CLAP, LV2 and the JACK standalone are built from this.
#include "triode_plugin.h"

#include <chrono>
#include <cstdlib>
#include <cstring>

#include "DistrhoPluginUtils.hpp"
#include "version.h"

START_NAMESPACE_DISTRHO

namespace {

using triode::plugin::kFirstOutput;
using triode::plugin::kParameterInfos;
using triode::plugin::kParameters;
using triode::plugin::kStateKeys;
using triode::plugin::ParameterInfo;

constexpr std::chrono::seconds kLongestWait{5};
[[maybe_unused]] constexpr uint8_t kProgramChange = 0xC0;

}  // namespace

TriodePlugin::TriodePlugin() : Plugin(kParameters, 0, kStateKeys.size()) {
  // The standalone has no session to take its files from.
  if (isDummyInstance() || std::strcmp(getPluginFormatName(), "JACK/Standalone") != 0) return;
  standalone_ = this;
  if (const char* preset = std::getenv("TRIODE_PRESET")) rig_.set_state("preset", preset);
  if (const char* model = std::getenv("TRIODE_MODEL")) rig_.choose_model(model);
  if (const char* cabinet = std::getenv("TRIODE_CABINET")) rig_.set_state("cabinet", cabinet);
}

TriodePlugin::~TriodePlugin() {
  if (standalone_ == this) standalone_ = nullptr;
}

uint32_t TriodePlugin::getVersion() const {
  uint8_t numbers[3] = {0, 0, 0};
  const char* text = triode::version();
  for (uint8_t& number : numbers) {
    char* end = nullptr;
    number = static_cast<uint8_t>(std::strtoul(text, &end, 10));
    text = *end == '.' ? end + 1 : end;
  }
  return d_version(numbers[0], numbers[1], numbers[2]);
}

void TriodePlugin::initAudioPort(bool input, uint32_t index, AudioPort& port) {
  port.groupId = kPortGroupStereo;
  Plugin::initAudioPort(input, index, port);
}

void TriodePlugin::initParameter(uint32_t index, Parameter& parameter) {
  const ParameterInfo& info = kParameterInfos[index];
  parameter.name = info.name;
  parameter.symbol = info.symbol;
  parameter.unit = info.unit;
  parameter.ranges = ParameterRanges(info.default_value, info.low, info.high);
  parameter.hints = index >= kFirstOutput ? kParameterIsOutput : kParameterIsAutomatable;
  if (info.kind == ParameterInfo::toggle) parameter.hints |= kParameterIsBoolean | kParameterIsInteger;
  if (info.kind != ParameterInfo::choice) return;
  parameter.hints |= kParameterIsInteger;
  const auto count = static_cast<uint8_t>(info.high + 1.0f);
  auto* values = new ParameterEnumerationValue[count];
  for (uint32_t i = 0; i < count; ++i) values[i] = {static_cast<float>(i), info.choices[i]};
  parameter.enumValues.count = count;
  parameter.enumValues.restrictedMode = true;
  parameter.enumValues.values = values;  // DPF frees it
}

void TriodePlugin::initState(uint32_t index, State& state) {
  static constexpr std::array<const char*, kStateKeys.size()> kLabels = {"Version", "Model",        "Model data",        "Cabinet",       "Status",
                                            "Preset",  "Second model", "Second model data", "Second cabinet"};
  state.key = kStateKeys[index];
  state.label = kLabels[index];
  state.defaultValue = "";
  state.hints = triode::plugin::is_file_key(kStateKeys[index]) ? kStateIsFilenamePath : kStateIsOnlyForDSP;
}

// Waits, so that a session that has just been opened can be rendered at once.
void TriodePlugin::setState(const char* key, const char* value) {
  rig_.set_state(key, value);
  rig_.settle(kLongestWait);
}

void TriodePlugin::prepare(double rate_hz) {
  rig_.activate(rate_hz);
  setLatency(static_cast<uint32_t>(rig_.latency_samples()));
}

#if DISTRHO_PLUGIN_WANT_MIDI_INPUT
void TriodePlugin::run(const float** inputs, float** outputs, uint32_t frames, const MidiEvent* events,
                       uint32_t event_count) {
  for (const MidiEvent* event = events; event < events + event_count; ++event)
    if (event->size >= 2 && (event->data[0] & 0xF0) == kProgramChange) rig_.ask_for_program(event->data[1] & 0x7F);
  play(inputs, outputs, frames);
}
#else
void TriodePlugin::run(const float** inputs, float** outputs, uint32_t frames) { play(inputs, outputs, frames); }
#endif

void TriodePlugin::play(const float** inputs, float** outputs, uint32_t frames) {
  rig_.process(inputs, outputs, static_cast<int>(frames));
  setLatency(static_cast<uint32_t>(rig_.latency_samples()));
}

Plugin* createPlugin() { return new TriodePlugin(); }

END_NAMESPACE_DISTRHO
