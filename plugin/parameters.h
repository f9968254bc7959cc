// What a host may automate, declared once: every plug-in format, the window and the rig take it from here.
//
// Symbols are kept in the sessions of hosts: they may be added to, but never change.
#pragma once

#include <array>
#include <cstddef>

#include "rig_settings.h"

namespace triode::plugin {

/// Knobs of the model that a host can turn; those of a model with more stay at their defaults.
inline constexpr int kPoolKnobs = 8;

enum Parameter : int {
  kInputGain,
  kInputs,
  kCalibrate,
  kInterfaceDbu,
  kGate,
  kGateThreshold,
  kGateHysteresis,
  kGateHold,
  kGateRelease,
  kModel,
  kQuality,
  kBass,
  kMiddle,
  kTreble,
  kPresence,
  kCabinet,
  kCabinetLevel,
  kDcBlocker,
  kOutputGain,
  kOutputLevel,
  kEmbed,
  kFirstKnob,
  kPrograms = kFirstKnob + kPoolKnobs,
  kSecond,
  kSecondGain,
  kBlend,
  kCabinetBlend,
  kFirstSecondKnob,
  kFirstOutput = kFirstSecondKnob + kPoolKnobs,  // from here on the plug-in tells the host
  kInputPeak = kFirstOutput,
  kOutputPeak,
  kStatus,
  kParameters
};

/// Which of the inputs is played, and where to.
enum Inputs { kLeft, kRight, kBoth };  // one channel to both outputs, or each to its own
enum Quality { kEconomy, kNormal, kOversampled, kOversampledMore };
/// Where the second model plays.
enum Second { kSecondOff, kSecondInSeries, kSecondInParallel };
/// What MIDI program changes choose.
enum Programs { kNoPrograms, kProgramsArePresets, kProgramsAreModels };
/// Of the output parameter.
enum StatusCode { kDry, kPlaying, kFailed };

struct ParameterInfo {
  enum Kind { number, toggle, choice };
  const char* symbol;
  const char* name;
  const char* unit;
  Kind kind;
  float low, high, default_value;
  std::array<const char*, 4> choices{};  // what 0, 1, 2, ... mean
};

extern const std::array<ParameterInfo, kParameters> kParameterInfos;

/// Where the knobs of each model begin.
inline constexpr std::array<int, 2> kFirstKnobs = {kFirstKnob, kFirstSecondKnob};

using Values = std::array<float, kParameters>;

Values default_values() noexcept;
/// Within the parameter's range; what is no number becomes the default, toggles and choices a whole number.
float in_range(int parameter, float value) noexcept;

/// How the rig is set for these values; `with_cabinet` says whether a response is loaded.
RigSettings rig_settings(const Values& values, bool with_cabinet) noexcept;

}  // namespace triode::plugin
