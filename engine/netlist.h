#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace triode {

/// What a part of a circuit is; the comment names its three nodes and the unit of its value.
enum class PartKind {
  resistor,    ///< a, b; ohm
  capacitor,   ///< a, b; farad
  supply,      ///< plus, minus; volt, constant
  pot,         ///< top, wiper, bottom; ohm from top to bottom. The knob turned up moves the wiper to the top.
  op_amp,      ///< plus, minus, output; ideal, no value
  diode_pair,  ///< a, b; two antiparallel diodes, no value
  triode,      ///< plate, grid, cathode; a 12AX7 system, no value
  power_load,  ///< supply, drive; ohm: what a fully driven power stage draws from the supply (see PowerLoad)
};

/// How a pot's resistance follows its knob's travel.
enum class Taper {
  linear,
  audio,      ///< exponential, 15 % at half travel ("15A")
  symmetric,  ///< flat at both ends, steep in the middle ("W"): t^2.5 / (t^2.5 + (1 - t)^2.5)
};

/// One part of a schematic. Node "0" is ground, "in" is driven by the input, "out" is the output.
struct Part {
  const char* name;
  PartKind kind;
  std::array<const char*, 3> nodes;
  double value = 0.0;
  int knob = -1;  ///< of pots: which of the circuit's knobs turns it
  Taper taper = Taper::linear;
};

/// Each half of a pot keeps this much resistance at the end of its travel.
inline constexpr double kPotEndOhm = 10.0;

/// Share of a pot's resistance between bottom and wiper (0 to 1) at a knob's `travel` (0 to 1).
double pot_share(Taper taper, double travel);

/// Largest circuits the solver takes; every array is sized by these, so that nothing is ever allocated.
inline constexpr std::size_t kMaxStates = 14;
inline constexpr std::size_t kMaxPorts = 4;
inline constexpr std::size_t kMaxUnknowns = 28;
inline constexpr std::size_t kMaxKnobs = 8;

}  // namespace triode
