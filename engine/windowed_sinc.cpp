#include "windowed_sinc.h"

#include <cmath>
#include <numbers>

namespace triode {

double bessel_i0(double x) {
  double term = 1.0, sum = 1.0;
  for (int k = 1; term > 1e-17 * sum; ++k) {
    term *= x * x / (4.0 * k * k);
    sum += term;
  }
  return sum;
}

double kaiser_beta(double attenuation_db) { return 0.1102 * (attenuation_db - 8.7); }

double windowed_sinc(double t, double cutoff, double half_width, double beta) {
  const double place = t / half_width;
  if (std::abs(place) > 1.0) return 0.0;
  const double x = 2.0 * std::numbers::pi * cutoff * t;
  const double sinc = t == 0.0 ? 2.0 * cutoff : std::sin(x) / (std::numbers::pi * t);
  return sinc * bessel_i0(beta * std::sqrt(1.0 - place * place)) / bessel_i0(beta);
}

}  // namespace triode
