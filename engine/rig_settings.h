// How the playing chain around a model is set, and what a model's file says about its levels.
#pragma once

#include <optional>

namespace triode {

struct GateSettings {
  double threshold_db = -60.0;    // dBFS: opens at this level of a peak
  double hysteresis_db = 6.0;     // closes so far below
  double hold_seconds = 0.05;     // stays open so long after the level has sunk
  double release_seconds = 0.1;   // then falls by 60 dB in this time
};

/// Where a second model plays.
enum class Pairing {
  series,   // after the first
  parallel  // beside it, mixed with it
};

enum class OutputLevel {
  raw,         // as the model has it
  normalized,  // its loudness at -18 dBFS, as players of .nam files do
  calibrated   // its level in dBu at the interface's output, where both are known
};

struct RigSettings {
  double input_gain_db = 0.0, output_gain_db = 0.0;         // -60 to 60
  std::optional<double> interface_dbu;                      // level of full scale; brings the model what it expects
  OutputLevel output_level = OutputLevel::raw;
  bool gate = false;
  GateSettings gate_settings;                               // threshold -120 to 0, hysteresis 0 to 40, times 0 to 10
  double bass_db = 0.0, middle_db = 0.0, treble_db = 0.0, presence_db = 0.0;  // -20 to 20
  bool cabinet = true;                                      // where a response is loaded
  bool dc_blocker = false;                                  // high-pass of first order at 5 Hz
  double second_gain_db = 0.0;                              // into a second model, -60 to 60
  double blend = 0.5;                                       // share of the second model beside the first, 0 to 1
  double cabinet_blend = 0.5;                               // share of the second of two responses, 0 to 1
};

/// In one form for all formats.
struct Levels {
  std::optional<double> input_dbu, output_dbu;  // of a 1 kHz sine whose peaks reach full scale
  std::optional<double> loudness_db;            // RMS of what the model makes of a test signal, dBFS
};

}  // namespace triode
