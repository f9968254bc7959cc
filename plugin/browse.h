// What the window shows and finds by itself: the models beside a model, readings.
#pragma once

#include <string>
#include <vector>

#include "engine.h"

namespace triode::plugin {

/// The models in the folder of this one, in the order of names; those that come with the plug-in for one of them.
std::vector<std::string> models_beside(const std::string& path);

/// The model `step` files further in the same folder, in the order of names, round its end; "" where there is none.
std::string neighbour_model(const std::string& path, int step);

/// The same among impulse responses; none come with the plug-in.
std::string neighbour_cabinet(const std::string& path, int step);

/// The preset `step` further among all there are, round their end: the first, or the last, where `name` is none's.
std::string neighbour_preset(const std::vector<std::string>& presets, const std::string& path, int step);

/// The value of a knob at this travel, 0 to 1, as a person reads it: "3.5", "440 Hz".
std::string reading(const Knob& knob, double travel);

/// How late something is: "60 samples, 1.3 ms".
std::string latency_reading(int samples, double rate_hz);

}  // namespace triode::plugin
