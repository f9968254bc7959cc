// What a model file says about loudness and about volts, in one form for all formats.
#pragma once

#include <optional>
#include <string>

namespace triode {

struct Levels {
  std::optional<double> input_dbu, output_dbu;  // of a 1 kHz sine whose peaks reach full scale
  std::optional<double> loudness_db;            // RMS of what the model makes of a test signal, dBFS
};

/// From Engine::metadata(): `levels` of a .triode file, `metadata` of a .nam file. What is missing or no number is not
/// there.
Levels levels_of(const std::string& metadata);

}  // namespace triode
