// An op-amp and diode overdrive of the Tube Screamer class, after the analysis of D. T. Yeh, J. S. Abel and
// J. O. Smith, "Simplified, physically-informed models of distortion and overdrive guitar effects pedals", DAFx-07.
// Drawing and equations: docs/circuits.md.
#include "circuits.h"

namespace triode {
namespace {

enum Knob { kDrive, kTone, kLevel };
constexpr CircuitKnob kKnobs[] = {{"drive", 0.0, 10.0, 5.0}, {"tone", 0.0, 10.0, 5.0}, {"level", 0.0, 10.0, 5.0}};

using enum PartKind;
constexpr Part kParts[] = {
    // Input: coupling capacitor, bias, buffer.
    {"R1", resistor, {"in", "a"}, 1e3},
    {"C1", capacitor, {"a", "b"}, 20e-9},
    {"R2", resistor, {"b", "0"}, 510e3},
    {"U1", op_amp, {"b", "c", "c"}},
    // Clipping stage: non-inverting, the diodes across the feedback resistance.
    {"C2", capacitor, {"c", "d"}, 1e-6},
    {"R3", resistor, {"d", "0"}, 10e3},
    {"U2", op_amp, {"d", "e", "f"}},
    {"R4", resistor, {"e", "g"}, 4.7e3},
    {"C3", capacitor, {"g", "0"}, 47e-9},
    {"C4", capacitor, {"e", "f"}, 51e-12},
    {"R5", resistor, {"e", "h"}, 51e3},
    {"drive", pot, {"h", "h", "f"}, 500e3, kDrive, Taper::audio},
    {"D1", diode_pair, {"e", "f"}},
    // Tone: a low-pass, then a stage whose feedback or input the pot loads with a series RC.
    {"R6", resistor, {"f", "i"}, 1e3},
    {"C5", capacitor, {"i", "0"}, 220e-9},
    {"R7", resistor, {"i", "0"}, 10e3},
    {"U3", op_amp, {"i", "j", "k"}},
    {"tone", pot, {"j", "l", "i"}, 20e3, kTone, Taper::symmetric},
    {"R8", resistor, {"l", "m"}, 220.0},
    {"C6", capacitor, {"m", "0"}, 220e-9},
    {"R9", resistor, {"j", "k"}, 1e3},
    // Level and output coupling.
    {"C7", capacitor, {"k", "n"}, 1e-6},
    {"R10", resistor, {"n", "o"}, 1e3},
    {"level", pot, {"o", "p", "0"}, 100e3, kLevel, Taper::linear},
    {"C8", capacitor, {"p", "out"}, 100e-9},
    {"R11", resistor, {"out", "0"}, 510e3},
};

}  // namespace

const CircuitInfo kOverdrive = {
    .name = "overdrive",
    .description = "op-amp overdrive with diodes in the feedback loop, tone and level",
    .knobs = kKnobs,
    .parts = kParts,
    .input_full_scale_volt = 1.0,
    .output_full_scale_volt = 1.0,
};

}  // namespace triode
