#include "nodal_solver.h"

#include <algorithm>
#include <cmath>

namespace triode {
namespace {

constexpr int kMaxEvaluations = 60;
constexpr int kMaxHalvings = 12;
// Newton converges quadratically: after a last step this small, what is left is below a nanovolt at a diode and a
// microvolt at a tube, and the currents are brought up to date along their tangent.
constexpr double kLastStepVolt = 2e-5;

/// Solves m d = r for d, in place of r; m is small and well scaled (identity plus conductances times resistances).
template <std::size_t N, typename Matrix, typename Vector>
void solve_small(Matrix& m, Vector& r) {
  for (std::size_t column = 0; column < N; ++column) {
    std::size_t pivot = column;
    for (std::size_t row = column + 1; row < N; ++row) {
      if (std::abs(m[row][column]) > std::abs(m[pivot][column])) pivot = row;
    }
    if (pivot != column) {
      std::swap(m[pivot], m[column]);
      std::swap(r[pivot], r[column]);
    }
    const double scale = 1.0 / m[column][column];
    for (std::size_t row = column + 1; row < N; ++row) {
      const double factor = m[row][column] * scale;
      for (std::size_t k = column + 1; k < N; ++k) m[row][k] -= factor * m[column][k];
      r[row] -= factor * r[column];
    }
  }
  for (std::size_t row = N; row-- > 0;) {
    for (std::size_t k = row + 1; k < N; ++k) r[row] -= m[row][k] * r[k];
    r[row] /= m[row][row];
  }
}

}  // namespace

NodalSolver::NodalSolver(std::span<const Part> parts) : matrices_(parts) {
  std::size_t port = 0;
  for (const Part& part : parts) {
    if (part.kind == PartKind::diode_pair) nonlinear_.push_back({part.kind, port++});
    if (part.kind == PartKind::triode) {
      nonlinear_.push_back({part.kind, port});
      port += 2;
    }
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
  state_ = {};
  volt_ = last_volt_ = ampere_ = {};
  load_ampere_ = 0.0;
  evaluations_ = 0;
  // Silence for longer and longer: the last steps see every capacitor as open, which is the operating point.
  std::array<double, kMaxStates> capacitor_volt{};
  for (double seconds = 1e-4; seconds < 1e9; seconds *= 10.0) {
    matrices_.discretise(seconds, Rule::backward_euler, travel_, space_);
    for (std::size_t n = 0; n < matrices_.states(); ++n) state_[n] = space_.conductance[n] * capacitor_volt[n];
    for (int repeat = 0; repeat < 3; ++repeat) step(0.0);
    for (std::size_t n = 0; n < matrices_.states(); ++n) capacitor_volt[n] = state_[n] / space_.conductance[n];
  }
  turn(travel_);
  for (std::size_t n = 0; n < matrices_.states(); ++n) state_[n] = space_.conductance[n] * capacitor_volt[n];
  last_volt_ = volt_;
  evaluations_ = 0;
}

void NodalSolver::evaluate(const Ports& volt, Ports& ampere, PortMatrix& slope) noexcept {
  ++evaluations_;
  for (const Nonlinear& part : nonlinear_) {
    const std::size_t port = part.port;
    if (part.kind == PartKind::diode_pair) {
      DiodePair::current(volt[port], ampere[port], slope[port][port]);
    } else {
      double tube_slope[2][2];
      tube_.currents(&volt[port], &ampere[port], tube_slope);
      for (std::size_t row = 0; row < 2; ++row) {
        for (std::size_t column = 0; column < 2; ++column) slope[port + row][port + column] = tube_slope[row][column];
      }
    }
  }
}

/// Solves v = open + K i(v) for the port voltages v.
template <std::size_t N>
void NodalSolver::solve_ports(const Ports& open) noexcept {
  const auto* const k_columns = &space_.port[matrices_.states() + StateSpace::kInputs];
  Ports volt, step{};
  for (std::size_t n = 0; n < N; ++n) volt[n] = 2.0 * volt_[n] - last_volt_[n];
  last_volt_ = volt_;
  double worst_before = HUGE_VAL;
  int halvings = 0;
  for (int evaluation = 0; evaluation < kMaxEvaluations; ++evaluation) {
    PortMatrix slope{};
    evaluate(volt, ampere_, slope);
    Ports residual = open;
    double worst = 0.0;
    for (std::size_t column = 0; column < N; ++column) {
      for (std::size_t row = 0; row < N; ++row) residual[row] += k_columns[column][row] * ampere_[column];
    }
    for (std::size_t n = 0; n < N; ++n) {
      residual[n] -= volt[n];
      worst = std::max(worst, std::abs(residual[n]));
    }
    if (!(worst <= worst_before) && halvings < kMaxHalvings) {
      ++halvings;
      for (std::size_t n = 0; n < N; ++n) {
        step[n] *= 0.5;
        volt[n] -= step[n];
      }
      continue;
    }
    worst_before = worst;
    halvings = 0;
    PortMatrix jacobian;
    for (std::size_t row = 0; row < N; ++row) {
      for (std::size_t column = 0; column < N; ++column) {
        double sum = row == column ? 1.0 : 0.0;
        for (std::size_t k = 0; k < N; ++k) sum -= k_columns[k][row] * slope[k][column];
        jacobian[row][column] = sum;
      }
    }
    step = residual;
    solve_small<N>(jacobian, step);
    double largest = 0.0;
    for (std::size_t n = 0; n < N; ++n) {
      volt[n] += step[n];
      largest = std::max(largest, std::abs(step[n]));
    }
    if (largest < kLastStepVolt) {
      for (std::size_t row = 0; row < N; ++row) {
        for (std::size_t column = 0; column < N; ++column) ampere_[row] += slope[row][column] * step[column];
      }
      break;
    }
  }
  volt_ = volt;
}

double NodalSolver::step(double volt) noexcept {
  const std::size_t states = matrices_.states(), ports = matrices_.ports();
  std::array<double, StateSpace::kColumns> known;
  std::copy_n(state_.begin(), states, known.begin());
  known[states] = volt;
  known[states + 1] = 1.0;
  known[states + 2] = load_ampere_;
  const std::size_t columns = states + StateSpace::kInputs;

  Ports open{};
  for (std::size_t column = 0; column < columns; ++column) {
    for (std::size_t row = 0; row < kMaxPorts; ++row) open[row] += space_.port[column][row] * known[column];
  }
  if (ports == 1) solve_ports<1>(open);
  if (ports == 4) solve_ports<4>(open);
  std::copy_n(ampere_.begin(), ports, known.begin() + static_cast<std::ptrdiff_t>(columns));

  std::array<double, StateSpace::kRows> next{};
  for (std::size_t column = 0; column < columns + ports; ++column) {
    for (std::size_t row = 0; row < StateSpace::kRows; ++row) next[row] += space_.next[column][row] * known[column];
  }
  std::copy_n(next.begin(), states, state_.begin());
  const double output = next[states];
  // The power stage's current enters one sample late: against the reservoir's time constant that is nothing.
  if (load_ohm_ > 0.0) load_ampere_ = PowerLoad::ampere(next[states + 1], output, load_ohm_);
  return output;
}

}  // namespace triode
