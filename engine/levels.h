// What a model file says about loudness and about volts, in one form for all formats.
#pragma once

#include <string>

#include "rig_settings.h"

namespace triode {

/// From Engine::metadata(): `levels` of a .triode file, `metadata` of a .nam file. What is missing or no number is not
/// there.
Levels levels_of(const std::string& metadata);

}  // namespace triode
