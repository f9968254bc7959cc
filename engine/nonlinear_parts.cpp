#include "nonlinear_parts.h"

#include <algorithm>
#include <cmath>

namespace triode {

void DiodePair::currents(const double* volt, double* ampere, double (*slope)[kPorts]) const {
  constexpr double scale = 1.0 / (kEmission * kThermalVolt);
  const double inside = std::clamp(volt[0], -1.1, 1.1);
  const double up = std::exp(inside * scale);
  const double down = 1.0 / up;
  slope[0][0] = kSaturationAmpere * scale * (up + down);
  ampere[0] = kSaturationAmpere * (up - down) + slope[0][0] * (volt[0] - inside);
}

SoftPower::SoftPower(double exponent) : exponent_(exponent) {
  for (std::size_t n = 0; n < table_.size(); ++n) {
    const double u = kLow + static_cast<double>(n) / kPerUnit;
    const double soft = u > 30.0 ? u + std::log1p(std::exp(-u)) : std::log1p(std::exp(u));
    const double value = std::pow(soft, exponent);
    table_[n] = {value, exponent * value / soft / (1.0 + std::exp(-u)) / kPerUnit};
  }
}

void SoftPower::evaluate(double u, double& value, double& slope) const {
  if (!(u > kLow)) {
    value = slope = 0.0;
    return;
  }
  if (u >= kHigh) {
    value = std::pow(u, exponent_);
    slope = exponent_ * value / u;
    return;
  }
  const double place = (u - kLow) * kPerUnit;
  const int index = static_cast<int>(place);
  const double t = place - index;
  const auto& [v0, d0] = table_[static_cast<std::size_t>(index)];
  const auto& [v1, d1] = table_[static_cast<std::size_t>(index) + 1];
  const double rise = v1 - v0;
  const double c2 = 3.0 * rise - 2.0 * d0 - d1;
  const double c3 = d0 + d1 - 2.0 * rise;
  value = v0 + t * (d0 + t * (c2 + t * c3));
  slope = (d0 + t * (2.0 * c2 + t * 3.0 * c3)) * kPerUnit;
}

Tube12AX7::Tube12AX7()
    : cathode_scale_(kPerveance * std::pow(kKnee, -kGamma)), grid_scale_(kGridPerveance * std::pow(kGridKnee, -kXi)) {}

void Tube12AX7::currents(const double* volt, double* ampere, double (*slope)[kPorts]) const {
  double cathode, cathode_slope, grid, grid_slope;
  cathode_.evaluate(kKnee * (volt[1] / kMu + volt[0]), cathode, cathode_slope);
  grid_.evaluate(kGridKnee * volt[0], grid, grid_slope);
  cathode_slope *= cathode_scale_ * kKnee;
  grid_slope *= grid_scale_ * kGridKnee;
  ampere[0] = grid_scale_ * grid + kGridLeak;
  ampere[1] = cathode_scale_ * cathode - ampere[0];
  slope[0][0] = grid_slope;
  slope[0][1] = 0.0;
  slope[1][0] = cathode_slope - grid_slope;
  slope[1][1] = cathode_slope / kMu;
}

}  // namespace triode
