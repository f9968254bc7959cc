#include "biquad.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "decibels.h"

namespace triode {

Biquad biquad(Band band, double hz, double q, double gain_db, double rate_hz) {
  const double w = 2.0 * std::numbers::pi * std::min(hz, 0.45 * rate_hz) / rate_hz;
  const double cosine = std::cos(w), alpha = std::sin(w) / (2.0 * q);
  if (band == Band::high_pass || band == Band::low_pass) {
    const double a0 = 1.0 + alpha, sign = band == Band::low_pass ? 1.0 : -1.0, edge = (1.0 - sign * cosine) / a0;
    return {edge / 2.0, sign * edge, edge / 2.0, -2.0 * cosine / a0, (1.0 - alpha) / a0};
  }
  const double a = std::sqrt(from_db(gain_db));
  if (band == Band::peak) {
    const double a0 = 1.0 + alpha / a;
    return {(1.0 + alpha * a) / a0, -2.0 * cosine / a0, (1.0 - alpha * a) / a0, -2.0 * cosine / a0,
            (1.0 - alpha / a) / a0};
  }
  // The high shelf is the low shelf mirrored at a quarter of the rate.
  const double mirror = band == Band::low_shelf ? 1.0 : -1.0, c = mirror * cosine;
  const double root = 2.0 * std::sqrt(a) * alpha, a0 = (a + 1.0) + (a - 1.0) * c + root;
  return {a * ((a + 1.0) - (a - 1.0) * c + root) / a0, mirror * 2.0 * a * ((a - 1.0) - (a + 1.0) * c) / a0,
          a * ((a + 1.0) - (a - 1.0) * c - root) / a0, mirror * -2.0 * ((a - 1.0) + (a + 1.0) * c) / a0,
          ((a + 1.0) + (a - 1.0) * c - root) / a0};
}

}  // namespace triode
