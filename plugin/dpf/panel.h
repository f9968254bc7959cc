// The panel of the window: where things are, and what they do.
#pragma once

#include <array>
#include <string>

#include "DistrhoUI.hpp"
#include "parameters.h"
#include "state.h"

START_NAMESPACE_DISTRHO

namespace panel {

using namespace triode::plugin;

inline constexpr float kWidth = 800.0f, kHeight = 540.0f;
inline constexpr float kClipDb = 0.0f, kLowestDb = -60.0f;
inline constexpr double kInTuneCents = 3.0;
inline constexpr int kIdlesPerLook = 4;  // of the tuner
inline constexpr double kPixelsOfTravel = 200.0;
inline constexpr float kFrom = 2.36f, kTo = 7.07f;  // radians of a dial's travel

inline const Color kBack(24, 22, 21), kPanel(38, 35, 33), kEdge(64, 58, 53), kText(232, 224, 212), kDim(150, 140, 128);
inline const Color kAmber(240, 160, 60), kRed(226, 74, 58), kGreen(110, 190, 110);

struct Area {
  float x = 0.0f, y = 0.0f, w = 0.0f, h = 0.0f;

  bool holds(double px, double py) const { return px >= x && px < x + w && py >= y && py < y + h; }
};

/// A knob on the panel; with a switch where a part of the rig is turned on and off.
struct Dial {
  int parameter;
  std::string name;
  float x, y, radius;
  int turned_by = -1;  // a toggle, or none
  std::string lowest, highest;  // as a person reads them, of a model's own knob

  Area area() const { return {x - radius - 8.0f, y - radius - 8.0f, 2.0f * radius + 16.0f, 2.0f * radius + 16.0f}; }
  Area lamp() const { return {x - radius - 14.0f, y - radius - 8.0f, 16.0f, 16.0f}; }
};

struct Button {
  const char* text;
  Area area;
  enum Action {
    previous_preset,
    load_preset,
    save_preset,
    next_preset,
    previous,
    load,
    next,
    previous_second,
    load_second,
    no_second,
    next_second,
    pairing,
    previous_cabinet,
    cabinet,
    no_cabinet,
    next_cabinet,
    previous_second_cabinet,
    second_cabinet,
    no_second_cabinet,
    next_second_cabinet,
    more,
    locate
  } action;
};

inline constexpr std::array<Button, 19> kButtons = {{{"<", {574, 10, 30, 26}, Button::previous_preset},
                                                     {"Load", {608, 10, 54, 26}, Button::load_preset},
                                                     {"Save", {666, 10, 54, 26}, Button::save_preset},
                                                     {">", {724, 10, 34, 26}, Button::next_preset},
                                                     {"<", {574, 52, 30, 30}, Button::previous},
                                                     {"Load model", {608, 52, 112, 30}, Button::load},
                                                     {">", {724, 52, 34, 30}, Button::next},
                                                     {"<", {574, 98, 30, 30}, Button::previous_second},
                                                     {"Load", {608, 98, 74, 30}, Button::load_second},
                                                     {"x", {686, 98, 34, 30}, Button::no_second},
                                                     {">", {724, 98, 34, 30}, Button::next_second},
                                                     {"<", {608, 444, 30, 24}, Button::previous_cabinet},
                                                     {"Load", {642, 444, 40, 24}, Button::cabinet},
                                                     {"x", {686, 444, 34, 24}, Button::no_cabinet},
                                                     {">", {724, 444, 34, 24}, Button::next_cabinet},
                                                     {"<", {608, 474, 30, 24}, Button::previous_second_cabinet},
                                                     {"Load", {642, 474, 40, 24}, Button::second_cabinet},
                                                     {"x", {686, 474, 34, 24}, Button::no_second_cabinet},
                                                     {">", {724, 474, 34, 24}, Button::next_second_cabinet}}};
inline constexpr Button kMore = {"", {692, 411, 56, 20}, Button::more};
inline constexpr Button kPairing = {"", {44, 98, 108, 30}, Button::pairing};
inline constexpr Button kLocate = {"Locate", {674, 508, 84, 24}, Button::locate};
inline constexpr Area kInputMeter = {12, 150, 20, 286}, kOutputMeter = {768, 150, 20, 286};
inline constexpr Area kTuner = {44, 46, 108, 42};
inline constexpr std::array<Area, kSlots> kModelNames = {{{160, 46, 400, 42}, {160, 92, 400, 42}}};

struct RigDial {
  int parameter;
  const char* name;
  int turned_by;
};

inline constexpr std::array<RigDial, 8> kRigDials = {{{kInputGain, "Input", -1},
                                               {kGateThreshold, "Gate", kGate},
                                               {kBass, "Bass", -1},
                                               {kMiddle, "Middle", -1},
                                               {kTreble, "Treble", -1},
                                               {kPresence, "Presence", -1},
                                               {kCabinetLevel, "Cabinet", kCabinet},
                                               {kOutputGain, "Output", -1}}};

// Behind "more": what is set once.
inline constexpr std::array<RigDial, 4> kMoreDials = {{{kInterfaceDbu, "Full scale", kCalibrate},
                                                       {kGateHysteresis, "Hysteresis", -1},
                                                       {kGateHold, "Hold", -1},
                                                       {kGateRelease, "Release", -1}}};

/// A parameter that a click takes to its next value.
struct Choice {
  int parameter;
  const char* name;
  Area area;
};

inline constexpr std::array<Choice, 6> kChoices = {{{kInputs, "Inputs: ", {52, 411, 84, 20}},
                                                    {kQuality, "Quality: ", {142, 411, 140, 20}},
                                                    {kOutputLevel, "Level: ", {288, 411, 112, 20}},
                                                    {kDcBlocker, "DC blocker", {406, 411, 84, 20}},
                                                    {kPrograms, "MIDI: ", {496, 411, 96, 20}},
                                                    {kEmbed, "Keep model", {598, 411, 88, 20}}}};

inline std::string file_name(const std::string& path) { return path.substr(path.find_last_of("/\\") + 1); }

}  // namespace panel

END_NAMESPACE_DISTRHO
