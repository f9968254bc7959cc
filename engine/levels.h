// What a model file says about loudness and about volts, in one form for all formats.
#pragma once

#include <string>

#include "rig_settings.h"

namespace triode {

/// From Engine::metadata(): `levels` of a .triode file, `metadata` of a .nam file. What is missing, no number, or no
/// level that could be is not there: a loudness beyond -80 to 20 dBFS, others beyond -60 to 60 dBu.
Levels levels_of(const std::string& metadata);

}  // namespace triode
