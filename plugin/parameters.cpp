#include "parameters.h"

#include <algorithm>
#include <cmath>

namespace triode::plugin {

using Info = ParameterInfo;

constexpr std::array<ParameterInfo, kParameters> kParameterInfos = {{
    {"input_gain", "Input", "dB", Info::number, -30.0f, 30.0f, 0.0f},
    {"inputs", "Inputs", "", Info::choice, 0.0f, 2.0f, 0.0f, {"Left", "Right", "Both"}},
    {"calibrate", "Calibrate input", "", Info::toggle, 0.0f, 1.0f, 0.0f},
    {"interface_dbu", "Interface full scale", "dBu", Info::number, -20.0f, 40.0f, 12.0f},
    {"gate", "Gate", "", Info::toggle, 0.0f, 1.0f, 0.0f},
    {"gate_threshold", "Gate threshold", "dB", Info::number, -120.0f, 0.0f, -60.0f},
    {"gate_hysteresis", "Gate hysteresis", "dB", Info::number, 0.0f, 40.0f, 6.0f},
    {"gate_hold", "Gate hold", "ms", Info::number, 0.0f, 2000.0f, 50.0f},
    {"gate_release", "Gate release", "ms", Info::number, 0.0f, 2000.0f, 100.0f},
    {"model_on", "Model", "", Info::toggle, 0.0f, 1.0f, 1.0f},
    {"quality", "Quality", "", Info::choice, 0.0f, 3.0f, 1.0f,
     {"Economy", "Normal", "Oversampled 2x", "Oversampled 4x"}},
    {"bass", "Bass", "dB", Info::number, -20.0f, 20.0f, 0.0f},
    {"middle", "Middle", "dB", Info::number, -20.0f, 20.0f, 0.0f},
    {"treble", "Treble", "dB", Info::number, -20.0f, 20.0f, 0.0f},
    {"presence", "Presence", "dB", Info::number, -20.0f, 20.0f, 0.0f},
    {"cabinet_on", "Cabinet", "", Info::toggle, 0.0f, 1.0f, 1.0f},
    {"cabinet_level", "Cabinet level", "dB", Info::number, -30.0f, 30.0f, 0.0f},
    {"dc_blocker", "DC blocker", "", Info::toggle, 0.0f, 1.0f, 1.0f},
    {"output_gain", "Output", "dB", Info::number, -30.0f, 30.0f, 0.0f},
    {"output_level", "Output level", "", Info::choice, 0.0f, 2.0f, 1.0f, {"Raw", "Normalized", "Calibrated"}},
    {"embed", "Keep the model in the session", "", Info::toggle, 0.0f, 1.0f, 0.0f},
    {"knob_1", "Knob 1", "", Info::number, 0.0f, 1.0f, 0.5f},
    {"knob_2", "Knob 2", "", Info::number, 0.0f, 1.0f, 0.5f},
    {"knob_3", "Knob 3", "", Info::number, 0.0f, 1.0f, 0.5f},
    {"knob_4", "Knob 4", "", Info::number, 0.0f, 1.0f, 0.5f},
    {"knob_5", "Knob 5", "", Info::number, 0.0f, 1.0f, 0.5f},
    {"knob_6", "Knob 6", "", Info::number, 0.0f, 1.0f, 0.5f},
    {"knob_7", "Knob 7", "", Info::number, 0.0f, 1.0f, 0.5f},
    {"knob_8", "Knob 8", "", Info::number, 0.0f, 1.0f, 0.5f},
    {"programs", "MIDI programs", "", Info::choice, 0.0f, 2.0f, 1.0f, {"None", "Presets", "Models"}},
    {"second", "Second model", "", Info::choice, 0.0f, 2.0f, 1.0f, {"Off", "In series", "In parallel"}},
    {"second_gain", "Second input", "dB", Info::number, -30.0f, 30.0f, 0.0f},
    {"blend", "Blend of models", "", Info::number, 0.0f, 1.0f, 0.5f},
    {"cabinet_blend", "Blend of cabinets", "", Info::number, 0.0f, 1.0f, 0.5f},
    {"second_knob_1", "Second knob 1", "", Info::number, 0.0f, 1.0f, 0.5f},
    {"second_knob_2", "Second knob 2", "", Info::number, 0.0f, 1.0f, 0.5f},
    {"second_knob_3", "Second knob 3", "", Info::number, 0.0f, 1.0f, 0.5f},
    {"second_knob_4", "Second knob 4", "", Info::number, 0.0f, 1.0f, 0.5f},
    {"second_knob_5", "Second knob 5", "", Info::number, 0.0f, 1.0f, 0.5f},
    {"second_knob_6", "Second knob 6", "", Info::number, 0.0f, 1.0f, 0.5f},
    {"second_knob_7", "Second knob 7", "", Info::number, 0.0f, 1.0f, 0.5f},
    {"second_knob_8", "Second knob 8", "", Info::number, 0.0f, 1.0f, 0.5f},
    {"input_peak", "Input peak", "dB", Info::number, -120.0f, 40.0f, -120.0f},
    {"output_peak", "Output peak", "dB", Info::number, -120.0f, 40.0f, -120.0f},
    {"status", "Status", "", Info::choice, 0.0f, 2.0f, 0.0f, {"Dry", "Playing", "Failed"}},
}};

Values default_values() noexcept {
  Values values;
  std::transform(kParameterInfos.begin(), kParameterInfos.end(), values.begin(),
                 [](const ParameterInfo& info) { return info.default_value; });
  return values;
}

float in_range(int parameter, float value) noexcept {
  const ParameterInfo& info = kParameterInfos[static_cast<std::size_t>(parameter)];
  if (!std::isfinite(value)) return info.default_value;
  const float within = std::clamp(value, info.low, info.high);
  return info.kind == ParameterInfo::number ? within : std::round(within);
}

RigSettings rig_settings(const Values& values, bool with_cabinet) noexcept {
  const auto on = [&values](int parameter) { return values[static_cast<std::size_t>(parameter)] > 0.5f; };
  RigSettings settings;
  settings.input_gain_db = values[kInputGain];
  settings.output_gain_db = values[kOutputGain];
  settings.cabinet = on(kCabinet);
  if (with_cabinet && settings.cabinet) settings.output_gain_db += values[kCabinetLevel];
  if (on(kCalibrate)) settings.interface_dbu = values[kInterfaceDbu];
  settings.output_level = static_cast<OutputLevel>(std::lround(values[kOutputLevel]));
  settings.gate = on(kGate);
  settings.gate_settings = {values[kGateThreshold], values[kGateHysteresis], values[kGateHold] / 1000.0,
                            values[kGateRelease] / 1000.0};
  settings.bass_db = values[kBass];
  settings.middle_db = values[kMiddle];
  settings.treble_db = values[kTreble];
  settings.presence_db = values[kPresence];
  settings.dc_blocker = on(kDcBlocker);
  settings.second_gain_db = values[kSecondGain];
  settings.blend = values[kBlend];
  settings.cabinet_blend = values[kCabinetBlend];
  return settings;
}

}  // namespace triode::plugin
