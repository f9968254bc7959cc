// A knob of a model: a further input of its network, turned by hand.
#pragma once

#include <cmath>
#include <string>

namespace triode {

struct Knob {
  std::string name;
  std::string unit;
  double low = 0.0, high = 1.0, default_value = 0.5;
  bool logarithmic = false;  // how the travel maps to values: by ratio, not by difference

  /// Position of `value` along the travel, 0 to 1: what the network gets to see.
  double travel(double value) const noexcept {
    return logarithmic ? std::log(value / low) / std::log(high / low) : (value - low) / (high - low);
  }
};

}  // namespace triode
