#include "nodal_matrices.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace triode {
namespace {

constexpr int kGround = -1;

template <typename System>
void add(System& system, int row, int column, double value) {
  if (row != kGround && column != kGround) system[static_cast<std::size_t>(row)][static_cast<std::size_t>(column)] += value;
}

template <typename System>
void add_conductance(System& system, int a, int b, double siemens) {
  if (a == b) return;
  add(system, a, a, siemens);
  add(system, b, b, siemens);
  add(system, a, b, -siemens);
  add(system, b, a, -siemens);
}

/// Brings the left `size` columns of `system` to the identity (Gauss-Jordan, partial pivots).
template <typename System>
void eliminate(System& system, std::size_t size, std::size_t width) {
  for (std::size_t column = 0; column < size; ++column) {
    std::size_t pivot = column;
    for (std::size_t row = column + 1; row < size; ++row) {
      if (std::abs(system[row][column]) > std::abs(system[pivot][column])) pivot = row;
    }
    std::swap(system[pivot], system[column]);
    const double scale = 1.0 / system[column][column];
    for (std::size_t k = column; k < width; ++k) system[column][k] *= scale;
    for (std::size_t row = 0; row < size; ++row) {
      const double factor = system[row][column];
      if (row == column || factor == 0.0) continue;
      for (std::size_t k = column; k < width; ++k) system[row][k] -= factor * system[column][k];
    }
  }
}

}  // namespace

double pot_share(Taper taper, double travel) {
  if (taper == Taper::audio) {
    constexpr double middle = 0.15;
    constexpr double base = (1.0 / middle - 1.0) * (1.0 / middle - 1.0);
    return (std::pow(base, travel) - 1.0) / (base - 1.0);
  }
  if (taper == Taper::symmetric) {
    const double up = std::pow(travel, 2.5), down = std::pow(1.0 - travel, 2.5);
    return up / (up + down);
  }
  return travel;
}

NodalMatrices::NodalMatrices(std::span<const Part> parts) : output_(kGround), load_supply_(kGround) {
  sources_.push_back({node("in"), kGround});
  for (const Part& part : parts) {
    const int a = node(part.nodes[0]), b = node(part.nodes[1]);
    const int c = part.nodes[2] == nullptr ? kGround : node(part.nodes[2]);
    switch (part.kind) {
      case PartKind::resistor: resistors_.push_back({a, b, part.value}); break;
      case PartKind::capacitor: capacitors_.push_back({a, b, part.value}); break;
      case PartKind::supply: sources_.push_back({a, b, part.value}); break;
      case PartKind::pot:
        pots_.push_back({a, b, c, part.value, static_cast<std::size_t>(part.knob), part.taper});
        break;
      case PartKind::op_amp: op_amps_.push_back({a, b, c}); break;
      case PartKind::diode_pair: ports_.push_back({a, b}); break;
      case PartKind::triode:
        ports_.push_back({b, c});  // grid, cathode
        ports_.push_back({a, c});  // plate, cathode
        break;
      case PartKind::power_load: load_supply_ = a; break;
    }
  }
  output_ = node("out");
  const std::size_t unknowns = node_names_.size() + sources_.size() + op_amps_.size();
  if (states() > kMaxStates || ports() > kMaxPorts || unknowns > kMaxUnknowns) {
    throw std::length_error("the circuit is larger than netlist.h allows for");
  }
}

int NodalMatrices::node(const char* name) {
  if (std::strcmp(name, "0") == 0) return kGround;
  const auto found = std::find_if(node_names_.begin(), node_names_.end(),
                                  [name](const char* known) { return std::strcmp(known, name) == 0; });
  const auto number = static_cast<int>(found - node_names_.begin());
  if (found == node_names_.end()) node_names_.push_back(name);
  return number;
}

void NodalMatrices::stamp(double step_seconds, Rule rule, std::span<const double> travel,
                          System& system) const noexcept {
  const double order = rule == Rule::trapezoidal ? 2.0 : 1.0;
  int unknown = static_cast<int>(node_names_.size());
  int column = unknown + static_cast<int>(sources_.size() + op_amps_.size());
  for (const Branch& part : resistors_) add_conductance(system, part.plus, part.minus, 1.0 / part.value);
  for (const Pot& pot : pots_) {
    const double share = pot_share(pot.taper, travel[pot.knob]);
    add_conductance(system, pot.wiper, pot.bottom, 1.0 / std::max(pot.ohm * share, kPotEndOhm));
    add_conductance(system, pot.top, pot.wiper, 1.0 / std::max(pot.ohm * (1.0 - share), kPotEndOhm));
  }
  for (const Branch& part : capacitors_) {
    add_conductance(system, part.plus, part.minus, order * part.value / step_seconds);
    add(system, part.plus, column, 1.0);
    add(system, part.minus, column, -1.0);
    ++column;
  }
  const int input_column = column, supplies_column = column + 1, load_column = column + 2;
  for (const Branch& source : sources_) {
    add(system, source.plus, unknown, 1.0);
    add(system, source.minus, unknown, -1.0);
    add(system, unknown, source.plus, 1.0);
    add(system, unknown, source.minus, -1.0);
    const bool is_input = &source == sources_.data();
    add(system, unknown, is_input ? input_column : supplies_column, is_input ? 1.0 : source.value);
    ++unknown;
  }
  for (const OpAmp& amp : op_amps_) {  // a nullor: no voltage between the inputs, any current from the output
    add(system, amp.output, unknown, 1.0);
    add(system, unknown, amp.plus, 1.0);
    add(system, unknown, amp.minus, -1.0);
    ++unknown;
  }
  add(system, load_supply_, load_column, -1.0);
  column = load_column + 1;
  for (const Branch& port : ports_) {
    add(system, port.plus, column, -1.0);
    add(system, port.minus, column, 1.0);
    ++column;
  }
}

void NodalMatrices::discretise(double step_seconds, Rule rule, std::span<const double> travel,
                               StateSpace& space) const noexcept {
  System system{};
  stamp(step_seconds, rule, travel, system);
  const std::size_t unknowns = node_names_.size() + sources_.size() + op_amps_.size();
  const std::size_t columns = states() + StateSpace::kInputs + ports();
  eliminate(system, unknowns, unknowns + columns);

  const auto volt = [&](int at, std::size_t column) {
    return at == kGround ? 0.0 : system[static_cast<std::size_t>(at)][unknowns + column];
  };
  const double order = rule == Rule::trapezoidal ? 2.0 : 1.0;
  space = {};
  for (std::size_t column = 0; column < columns; ++column) {
    for (std::size_t row = 0; row < states(); ++row) {
      const Branch& part = capacitors_[row];
      const double g = order * part.value / step_seconds;
      // Trapezoidal: x+ = g v + (g v - x). Backward Euler: x+ = g v.
      const double kept = column == row ? order - 1.0 : 0.0;
      space.next[column][row] = order * g * (volt(part.plus, column) - volt(part.minus, column)) - kept;
      space.conductance[row] = g;
    }
    space.next[column][states()] = volt(output_, column);
    space.next[column][states() + 1] = volt(load_supply_, column);
    for (std::size_t row = 0; row < ports(); ++row) {
      space.port[column][row] = volt(ports_[row].plus, column) - volt(ports_[row].minus, column);
    }
  }
}

}  // namespace triode
