// What the window shows and finds by itself: the models beside a model, the reading of a knob.
#pragma once

#include <string>

#include "engine.h"

namespace triode::plugin {

/// The model `step` files further in the same folder, in the order of names, round its end; "" where there is none.
std::string neighbour_model(const std::string& path, int step);

/// The value of a knob at this travel, 0 to 1, as a person reads it: "3.5", "440 Hz".
std::string reading(const Knob& knob, double travel);

}  // namespace triode::plugin
