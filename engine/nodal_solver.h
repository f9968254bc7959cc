#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "netlist.h"
#include "nodal_matrices.h"
#include "nonlinear_parts.h"

namespace triode {

/// Runs one circuit, sample by sample. The nonlinear ports are solved by Newton's method, started from the parabola
/// through the last three solutions. Steps are not damped: a diode's current is convex on either side of 0 V, so that
/// Newton's method overshoots at most once and then descends, and a tube's grows as a mere power. The number of
/// evaluations is bounded, so that every sample terminates.
class NodalSolver {
 public:
  explicit NodalSolver(std::span<const Part> parts);

  /// Sets the sample rate and the knobs' travel (0..1) and settles at the operating point. Allocates nothing.
  void start(double rate_hz, std::span<const double> travel) noexcept;
  /// Moves the knobs; the charges of the capacitors stay.
  void turn(std::span<const double> travel) noexcept;
  /// The volt at "out" one sample later, with `volt` at "in". Should the state ever leave the finite numbers, it
  /// starts again from the operating point.
  double step(double volt) noexcept;

  /// Evaluations of the nonlinear parts since start(), for tests and tuning.
  std::size_t evaluations() const { return evaluations_; }

 private:
  using Ports = std::array<double, kMaxPorts>;

  void settle() noexcept;
  double advance(double volt) noexcept;
  template <typename Device, std::size_t kDevices>
  void solve_ports(const Device& device, const Ports& open) noexcept;

  NodalMatrices matrices_;
  PartKind device_;  // all nonlinear parts of a circuit are of one kind
  DiodePair diodes_;
  Tube12AX7 tube_;
  double load_ohm_ = 0.0;  // 0: no power stage

  double step_seconds_ = 0.0;
  std::array<double, kMaxKnobs> travel_{};
  StateSpace space_{};
  std::array<double, StateSpace::kColumns> known_{};  // x, u, i, as the columns of space_
  Ports volt_{}, volt_before_{}, volt_long_before_{};  // the last three solutions
  double load_ampere_ = 0.0;
  std::size_t evaluations_ = 0;
};

}  // namespace triode
