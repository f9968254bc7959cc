#include "nodal_solver.h"

#include <algorithm>
#include <cmath>

namespace triode {
namespace {

// Music needs one or two, the worst noise some 35.
constexpr int kMaxEvaluations = 60;

using Lanes = double __attribute__((vector_size(16), may_alias));
constexpr std::size_t kLanes = sizeof(Lanes) / sizeof(double);

/// sum over the columns of matrix[column] * factor[column], the sums kept in registers.
template <std::size_t kRows>
void multiply(const std::array<double, kRows>* matrix, const double* factor, std::size_t columns, double* sums) {
  static_assert(kRows % kLanes == 0);
  Lanes total[kRows / kLanes] = {};
  for (std::size_t column = 0; column < columns; ++column) {
    const auto* const values = reinterpret_cast<const Lanes*>(matrix[column].data());
    for (std::size_t n = 0; n < kRows / kLanes; ++n) total[n] += values[n] * factor[column];
  }
  for (std::size_t n = 0; n < kRows; ++n) sums[n] = total[n / kLanes][n % kLanes];
}

/// Solves m d = r for d, in place of r. No pivots: m is the identity plus what the ports' slopes add, and each stage
/// taken alone determines its own voltages, so that no diagonal element comes near zero.
template <std::size_t N>
void solve_small(double (&m)[N][N], double (&r)[N]) {
  double inverse[N];
  for (std::size_t column = 0; column < N; ++column) {
    inverse[column] = 1.0 / m[column][column];
    for (std::size_t row = column + 1; row < N; ++row) {
      const double factor = m[row][column] * inverse[column];
      for (std::size_t k = column + 1; k < N; ++k) m[row][k] -= factor * m[column][k];
      r[row] -= factor * r[column];
    }
  }
  for (std::size_t row = N; row-- > 0;) {
    for (std::size_t k = row + 1; k < N; ++k) r[row] -= m[row][k] * r[k];
    r[row] *= inverse[row];
  }
}

}  // namespace

NodalSolver::NodalSolver(std::span<const Part> parts) : matrices_(parts) {
  for (const Part& part : parts) {
    if (part.kind == PartKind::diode_pair || part.kind == PartKind::triode) device_ = part.kind;
    if (part.kind == PartKind::power_load) load_ohm_ = part.value;
  }
}

void NodalSolver::start(double rate_hz, std::span<const double> travel) noexcept {
  step_seconds_ = 1.0 / rate_hz;
  std::copy(travel.begin(), travel.end(), travel_.begin());
  settle();
}

void NodalSolver::turn(std::span<const double> travel) noexcept {
  std::copy(travel.begin(), travel.end(), travel_.begin());
  matrices_.discretise(step_seconds_, Rule::trapezoidal, travel_, space_);
}

void NodalSolver::settle() noexcept {
  known_ = {};
  volt_ = volt_before_ = volt_long_before_ = {};
  load_ampere_ = 0.0;
  // Silence for longer and longer: the last steps see every capacitor as open, which is the operating point.
  std::array<double, kMaxStates> capacitor_volt{};
  for (double seconds = 1e-4; seconds < 1e9; seconds *= 10.0) {
    matrices_.discretise(seconds, Rule::backward_euler, travel_, space_);
    for (std::size_t n = 0; n < matrices_.states(); ++n) known_[n] = space_.conductance[n] * capacitor_volt[n];
    for (int repeat = 0; repeat < 3; ++repeat) advance(0.0);
    for (std::size_t n = 0; n < matrices_.states(); ++n) capacitor_volt[n] = known_[n] / space_.conductance[n];
  }
  turn(travel_);
  for (std::size_t n = 0; n < matrices_.states(); ++n) known_[n] = space_.conductance[n] * capacitor_volt[n];
  volt_before_ = volt_long_before_ = volt_;
  evaluations_ = 0;
}

/// Solves v = open + K i(v) for the port voltages v.
template <typename Device, std::size_t kDevices>
void NodalSolver::solve_ports(const Device& device, const Ports& open) noexcept {
  constexpr std::size_t kEach = Device::kPorts, N = kEach * kDevices;
  const auto* const k_columns = &space_.port[matrices_.states() + StateSpace::kInputs];
  double volt[N], ampere[N], step[N], slope[kDevices][kEach][kEach];
  for (std::size_t n = 0; n < N; ++n) volt[n] = 3.0 * (volt_[n] - volt_before_[n]) + volt_long_before_[n];
  for (int evaluation = 0; evaluation < kMaxEvaluations; ++evaluation) {
    ++evaluations_;
    for (std::size_t d = 0; d < kDevices; ++d) device.currents(volt + d * kEach, ampere + d * kEach, slope[d]);
    for (std::size_t row = 0; row < N; ++row) {
      step[row] = open[row] - volt[row];
      for (std::size_t column = 0; column < N; ++column) step[row] += k_columns[column][row] * ampere[column];
    }
    double jacobian[N][N];  // identity - K slope
    for (std::size_t row = 0; row < N; ++row) {
      for (std::size_t column = 0; column < N; ++column) {
        const std::size_t d = column / kEach;
        double sum = row == column ? 1.0 : 0.0;
        for (std::size_t k = 0; k < kEach; ++k) sum -= k_columns[d * kEach + k][row] * slope[d][k][column % kEach];
        jacobian[row][column] = sum;
      }
    }
    solve_small(jacobian, step);
    bool last = true;
    for (std::size_t n = 0; n < N; ++n) {
      volt[n] += step[n];
      last = last && std::abs(step[n]) < Device::kLastStepVolt[n % kEach];
    }
    if (last) {  // Newton converges quadratically: the currents follow along their tangent
      for (std::size_t n = 0; n < N; ++n) {
        const std::size_t d = n / kEach;
        for (std::size_t k = 0; k < kEach; ++k) ampere[n] += slope[d][n % kEach][k] * step[d * kEach + k];
      }
      break;
    }
  }
  volt_long_before_ = volt_before_;
  volt_before_ = volt_;
  std::copy_n(volt, N, volt_.begin());
  std::copy_n(ampere, N, &known_[matrices_.states() + StateSpace::kInputs]);
}

double NodalSolver::step(double volt) noexcept {
  const double output = advance(volt);
  if (std::isfinite(output)) return output;
  settle();
  return 0.0;
}

double NodalSolver::advance(double volt) noexcept {
  const std::size_t states = matrices_.states();
  const std::size_t columns = states + StateSpace::kInputs;
  known_[states] = volt;
  known_[states + 1] = 1.0;
  known_[states + 2] = load_ampere_;

  Ports open;
  multiply(space_.port.data(), known_.data(), columns, open.data());
  if (device_ == PartKind::diode_pair) solve_ports<DiodePair, 1>(diodes_, open);
  if (device_ == PartKind::triode) solve_ports<Tube12AX7, 2>(tube_, open);

  std::array<double, StateSpace::kRows> next;
  multiply(space_.next.data(), known_.data(), columns + matrices_.ports(), next.data());
  // All rows, for the sake of a fixed length: what lands behind the states is written anew by the next step.
  std::copy(next.begin(), next.end(), known_.begin());
  const double output = next[states];
  // The power stage's current enters one sample late: against the reservoir's time constant that is nothing.
  if (load_ohm_ > 0.0) load_ampere_ = PowerLoad::ampere(next[states + 1], output, load_ohm_);
  return output;
}

}  // namespace triode
