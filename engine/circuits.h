#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "netlist.h"
#include "nodal_solver.h"
#include "oversample.h"

namespace triode {

/// A knob of a circuit, as it is shown; its travel is linear, the taper is in the pot.
struct CircuitKnob {
  const char* name;
  double low, high, initial;
};

/// A built-in device: its schematic, its knobs and its levels.
struct CircuitInfo {
  const char* name;
  const char* description;
  std::span<const CircuitKnob> knobs;
  std::span<const Part> parts;
  double input_full_scale_volt;   ///< the volt at "in" that a sample of 1.0 stands for
  double output_full_scale_volt;  ///< the volt at "out" that becomes a sample of 1.0
};

extern const CircuitInfo kOverdrive;
extern const CircuitInfo kPreamp;

/// All built-in devices.
std::span<const CircuitInfo* const> circuits();

/// One instance of a built-in device. The circuit runs oversampled, at 480 kHz or more.
class Circuit {
 public:
  static constexpr double kLowestRateHz = 22050.0, kHighestRateHz = 192000.0;

  explicit Circuit(const CircuitInfo& info);

  /// Sets the sample rate, 22.05 to 192 kHz (std::invalid_argument outside), and resets; allocates.
  void configure(double rate_hz);
  /// Turns a knob, from the next block on; false if there is no knob of that name or `value` is outside its range.
  bool set(std::string_view knob, double value) noexcept;
  /// Returns to the settled operating point at the knobs' present values, as after long silence.
  void reset() noexcept;
  /// `in` (n,) to `out` (n,), full scale 1.0, which may be the same array; late by latency_samples(). NaN counts
  /// as silence, and what is over kLargestInput is cut there. configure() must have been called.
  void process(const float* in, float* out, std::size_t n) noexcept;

  std::size_t latency_samples() const { return Oversampler::kLatencySamples; }
  const CircuitInfo& info() const { return info_; }

 private:
  static constexpr float kLargestInput = 100.0F;

  void process_block(const float* in, float* out, std::size_t n) noexcept;

  const CircuitInfo& info_;
  NodalSolver solver_;
  Oversampler oversampler_;
  std::vector<float> inner_;  // one block at the inner rate
  std::array<double, kMaxKnobs> travel_{};
  double inner_rate_hz_ = 0.0;
  bool turned_ = false;
};

}  // namespace triode
