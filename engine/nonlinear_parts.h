#pragma once

#include <array>
#include <cstddef>

namespace triode {

/// Two equal diodes, antiparallel: i = 2 I_s sinh(v / (n V_T)) (Shockley; small-signal silicon, 1N4148 at 27 °C).
struct DiodePair {
  static constexpr double kSaturationAmpere = 2.52e-9;
  static constexpr double kEmission = 1.752;
  static constexpr double kThermalVolt = 0.025864925786328903;  // k T / q at 300.15 K

  /// Current (A) and its slope (A/V) at `volt`. Beyond ±1.1 V (some 170 A) the law goes on as its tangent, so that
  /// nothing overflows while the solver searches.
  static constexpr std::size_t kPorts = 1;
  /// A Newton step this small leaves the current known to a few parts in a million.
  static constexpr double kLastStepVolt[kPorts] = {5e-5};
  void currents(const double* volt, double* ampere, double (*slope)[kPorts]) const;
};

/// log(1 + exp(u))^exponent and its slope, tabulated once and read by cubic Hermite interpolation (error below 1e-7).
class SoftPower {
 public:
  explicit SoftPower(double exponent);
  void evaluate(double u, double& value, double& slope) const;

 private:
  static constexpr int kPerUnit = 8;
  static constexpr int kLow = -36;
  static constexpr int kHigh = 64;
  double exponent_;
  std::array<std::array<double, 2>, (kHigh - kLow) * kPerUnit + 1> table_;  // value, slope per step
};

/// A 12AX7 system after K. Dempwolf and U. Zölzer, "A physically-motivated triode model for circuit simulations",
/// DAFx-11, with the paper's fit of the tube RSD-1:
///   cathode current  i_k = G  (log(1 + exp(C (v_pk / mu + v_gk))) / C)^gamma
///   grid current     i_g = G_g (log(1 + exp(C_g v_gk)) / C_g)^xi + I_g0,     plate current i_p = i_k - i_g
class Tube12AX7 {
 public:
  static constexpr double kPerveance = 2.242e-3, kMu = 103.2, kGamma = 1.26, kKnee = 3.40;
  static constexpr double kGridPerveance = 6.177e-4, kXi = 1.314, kGridKnee = 9.901, kGridLeak = 8.025e-8;

  Tube12AX7();

  /// Grid and plate current and their slopes by (v_gk, v_pk): slope[row of current][column of voltage].
  static constexpr std::size_t kPorts = 2;
  /// A Newton step this small leaves the currents known to a few parts in a million.
  static constexpr double kLastStepVolt[kPorts] = {1e-4, 1e-2};
  void currents(const double* volt, double* ampere, double (*slope)[kPorts]) const;

 private:
  SoftPower cathode_{kGamma};
  SoftPower grid_{kXi};
  double cathode_scale_;
  double grid_scale_;
};

/// What a class-AB power stage takes from the supply that it shares with the preamp: a conductance that rises with the
/// drive, i = v_supply / R * v^2 / (v^2 + V_0^2), from nothing at rest to v_supply / R when fully driven.
struct PowerLoad {
  static constexpr double kHalfDriveVolt = 1.0;  // V_0

  static double ampere(double supply_volt, double drive_volt, double ohm) {
    const double square = drive_volt * drive_volt;
    return supply_volt / ohm * square / (square + kHalfDriveVolt * kHalfDriveVolt);
  }
};

}  // namespace triode
