#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "netlist.h"

namespace triode {

/// How capacitors are discretised. The trapezoidal rule keeps a stable circuit stable at every step (A-stable) and is
/// of second order; backward Euler forgets its past, which is what the search for the operating point wants.
enum class Rule { trapezoidal, backward_euler };

/// A circuit discretised for one step: with the states x, the inputs u and the currents i of the nonlinear ports,
///     v  = port (x, u, i)      voltages across the nonlinear ports
///     x+ = next (x, u, i)      the next states, followed by the outputs y
/// This is the nodal DK method of D. T. Yeh, J. S. Abel and J. O. Smith ("Automated physical modeling of nonlinear
/// audio circuits for real-time audio effects", IEEE TASLP 2010), set up by modified nodal analysis as in M. Holters
/// and U. Zölzer (DAFx-11). A state is what its capacitor's companion source injects, x = g v + i_C.
struct StateSpace {
  static constexpr std::size_t kInputs = 3;   // the input's volt, 1 for the supplies, the power stage's ampere
  static constexpr std::size_t kOutputs = 2;  // the volt at "out", the volt at the power stage's supply
  static constexpr std::size_t kRows = kMaxStates + kOutputs;
  static constexpr std::size_t kColumns = kMaxStates + kInputs + kMaxPorts;

  // By column: the states, the inputs, the ports, without gaps. Rows: the states, then the outputs; the ports.
  alignas(16) std::array<std::array<double, kRows>, kColumns> next;
  alignas(16) std::array<std::array<double, kMaxPorts>, kColumns> port;
  std::array<double, kMaxStates> conductance;  // g of each capacitor, siemens
};

/// Stamps a schematic into nodal equations and solves them for its state space.
class NodalMatrices {
 public:
  explicit NodalMatrices(std::span<const Part> parts);

  std::size_t states() const { return capacitors_.size(); }
  std::size_t ports() const { return ports_.size(); }

  /// Discretises with steps of `step_seconds`, pots at `travel` (0..1, by knob). Does not allocate.
  void discretise(double step_seconds, Rule rule, std::span<const double> travel, StateSpace& space) const noexcept;

 private:
  struct Branch {
    int plus, minus;  // node numbers
    double value = 0.0;
  };
  struct Pot {
    int top, wiper, bottom;
    double ohm;
    std::size_t knob;
    Taper taper;
  };
  struct OpAmp {
    int plus, minus, output;
  };
  using System = std::array<std::array<double, kMaxUnknowns + StateSpace::kColumns>, kMaxUnknowns>;

  int node(const char* name);
  void stamp(double step_seconds, Rule rule, std::span<const double> travel, System& system) const noexcept;

  std::vector<const char*> node_names_;
  std::vector<Branch> resistors_, capacitors_, sources_, ports_;  // sources_[0] is the input
  std::vector<Pot> pots_;
  std::vector<OpAmp> op_amps_;
  int output_, load_supply_;
};

}  // namespace triode
