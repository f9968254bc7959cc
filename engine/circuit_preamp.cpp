// A two-stage 12AX7 preamp with a passive tone stack and a supply that sags under a power stage's load. The topology
// and values are those of American amplifiers of the 1960s; literature: J. Macak and J. Schimmel, "Real-time guitar
// tube amplifier simulation using an approximation of differential equations", DAFx-10; D. T. Yeh and J. O. Smith,
// "Discretization of the '59 Fender Bassman tone stack", DAFx-06. Drawing and equations: docs/circuits.md.
#include "circuits.h"

namespace triode {
namespace {

enum Knob { kGain, kBass, kMiddle, kTreble, kMaster, kSag };
constexpr CircuitKnob kKnobs[] = {
    {"gain", 0.0, 10.0, 5.0},   {"bass", 0.0, 10.0, 5.0},   {"middle", 0.0, 10.0, 5.0},
    {"treble", 0.0, 10.0, 5.0}, {"master", 0.0, 10.0, 5.0}, {"sag", 0.0, 1.0, 0.0},
};

using enum PartKind;
constexpr Part kParts[] = {
    // First stage.
    {"R1", resistor, {"in", "0"}, 1e6},
    {"R2", resistor, {"in", "g1"}, 68e3},
    {"V1", triode, {"p1", "g1", "k1"}},
    {"C1", capacitor, {"g1", "p1"}, 1.7e-12},
    {"C2", capacitor, {"g1", "k1"}, 1.6e-12},
    {"R3", resistor, {"k1", "0"}, 1.5e3},
    {"C3", capacitor, {"k1", "0"}, 22e-6},
    {"R4", resistor, {"b2", "p1"}, 100e3},
    // Coupling and gain.
    {"C4", capacitor, {"p1", "c"}, 4.7e-9},
    {"gain", pot, {"c", "d", "0"}, 1e6, kGain, Taper::audio},
    // Second stage.
    {"R5", resistor, {"d", "g2"}, 68e3},
    {"V2", triode, {"p2", "g2", "k2"}},
    {"C5", capacitor, {"g2", "p2"}, 1.7e-12},
    {"C6", capacitor, {"g2", "k2"}, 1.6e-12},
    {"R6", resistor, {"k2", "0"}, 1.5e3},
    {"C7", capacitor, {"k2", "0"}, 22e-6},
    {"R7", resistor, {"b2", "p2"}, 100e3},
    {"C13", capacitor, {"p2", "0"}, 100e-12},
    // Tone stack.
    {"C8", capacitor, {"p2", "t"}, 250e-12},
    {"R8", resistor, {"p2", "s"}, 100e3},
    {"C9", capacitor, {"s", "u"}, 100e-9},
    {"C10", capacitor, {"s", "m"}, 47e-9},
    {"treble", pot, {"t", "v", "u"}, 250e3, kTreble, Taper::linear},
    {"bass", pot, {"u", "u", "w"}, 250e3, kBass, Taper::audio},
    {"middle", pot, {"w", "m", "0"}, 25e3, kMiddle, Taper::linear},
    // Master, loaded by the power stage's grid.
    {"master", pot, {"v", "out", "0"}, 1e6, kMaster, Taper::linear},
    {"R9", resistor, {"out", "0"}, 1e6},
    // Supply: rectifier with its source resistance (sag), reservoir, power stage, dropper for the preamp.
    {"E1", supply, {"e", "0"}, 330.0},
    {"R10", resistor, {"e", "r"}, 50.0},
    {"sag", pot, {"r", "r", "b1"}, 15e3, kSag, Taper::audio},
    {"C11", capacitor, {"b1", "0"}, 47e-6},
    {"P1", power_load, {"b1", "out"}, 3.3e3},
    {"R11", resistor, {"b1", "b2"}, 4.7e3},
    {"C12", capacitor, {"b2", "0"}, 10e-6},
};

}  // namespace

const CircuitInfo kPreamp = {
    .name = "preamp",
    .description = "two 12AX7 stages with tone stack, master and a supply that sags",
    .knobs = kKnobs,
    .parts = kParts,
    .input_full_scale_volt = 1.0,
    .output_full_scale_volt = 30.0,
};

}  // namespace triode
