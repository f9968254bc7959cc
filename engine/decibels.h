#pragma once

#include <cmath>

namespace triode {

/// The factor of an amplitude.
inline double from_db(double decibels) { return std::pow(10.0, decibels / 20.0); }

}  // namespace triode
