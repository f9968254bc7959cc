#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "netlist.h"
#include "nodal_matrices.h"
#include "nonlinear_parts.h"

namespace triode {

/// Runs one circuit, sample by sample. The nonlinear ports are solved by Newton's method, started from the line
/// through the last two solutions, with steps halved while they make the residual worse; the number of evaluations is
/// bounded, so that every sample terminates.
class NodalSolver {
 public:
  explicit NodalSolver(std::span<const Part> parts);

  /// Sets the sample rate and the knobs' travel (0..1) and settles at the operating point. Allocates nothing.
  void start(double rate_hz, std::span<const double> travel) noexcept;
  /// Moves the knobs; the charges of the capacitors stay.
  void turn(std::span<const double> travel) noexcept;
  /// The volt at "out" one sample later, with `volt` at "in".
  double step(double volt) noexcept;

  /// Evaluations of the nonlinear parts since start(), for tests and tuning.
  std::size_t evaluations() const { return evaluations_; }

 private:
  struct Nonlinear {
    PartKind kind;
    std::size_t port;
  };
  using Ports = std::array<double, kMaxPorts>;
  using PortMatrix = std::array<std::array<double, kMaxPorts>, kMaxPorts>;

  void settle() noexcept;
  void evaluate(const Ports& volt, Ports& ampere, PortMatrix& slope) noexcept;
  template <std::size_t N>
  void solve_ports(const Ports& open) noexcept;

  NodalMatrices matrices_;
  Tube12AX7 tube_;
  std::vector<Nonlinear> nonlinear_;
  double load_ohm_ = 0.0;  // 0: no power stage

  double step_seconds_ = 0.0;
  std::array<double, kMaxKnobs> travel_{};
  StateSpace space_{};
  std::array<double, kMaxStates> state_{};
  Ports volt_{}, last_volt_{}, ampere_{};
  double load_ampere_ = 0.0;
  std::size_t evaluations_ = 0;
};

}  // namespace triode
