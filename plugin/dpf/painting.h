// How the window's parts look. They are told what to show, and know nothing of the rig.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "NanoVG.hpp"
#include "loaded_rig.h"
#include "panel.h"

START_NAMESPACE_DISTRHO

namespace panel {

/// A model's own knobs side by side, the parameters from `first` on.
std::vector<Dial> knob_dials(const std::vector<triode::Knob>& knobs, int first);
/// Adds those of the rig in a row below.
void add_rig_dials(std::vector<Dial>& all, const std::vector<RigDial>& dials);
void box(NanoVG& canvas, const Area& area, const Color& color, float corner);
void label(NanoVG& canvas, float x, float y, float size, const Color& color, int align, const std::string& words);
/// Cut off where it leaves its place.
void line(NanoVG& canvas, const Area& place, float x, float y, float size, const Color& color, const std::string& words);
/// `share` is of its travel, 0 to 1; a part that is turned off is not lit.
void draw_dial(NanoVG& canvas, const Dial& dial, float share, bool lit, const std::string& reading);
/// What is chosen, or whether it is on.
void draw_choice(NanoVG& canvas, const Choice& choice, int value);
void draw_button(NanoVG& canvas, const Button& button, const char* words);
void draw_meter(NanoVG& canvas, const Area& area, const char* name, float peak_db, bool clipped);
/// With a mark where its knobs are shown; `none` where there is no name.
void draw_model_name(NanoVG& canvas, const Area& place, bool marked, const std::string& name, const char* none);
/// Format, sample rate and error.
std::string text_of_facts(const ModelFacts& facts);
void draw_tuner(NanoVG& canvas, std::optional<double> pitch_hz);

}  // namespace panel

END_NAMESPACE_DISTRHO
