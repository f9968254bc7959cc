// Streaming sample rate conversion by a fixed fraction, exact and the same for blocks of any size.
#pragma once

#include <vector>

#include "kernels.h"

namespace triode {

/// Output samples per input sample, in lowest terms.
struct Ratio {
  int up = 1, down = 1;

  bool operator==(const Ratio&) const = default;
};

/// The fraction nearest to `value` > 0 whose terms are at most 4096. All usual sample rates are exactly such fractions
/// of each other; others are met to within 0.013 %.
Ratio nearest_ratio(double value);

/// A low-pass in the place where two sample rates meet: flat to 0.41 of the lower one, 85 dB down from half of it on.
struct Lowpass {
  double cutoff;      // cycles per input sample
  double half_width;  // input samples

  /// For input `input_hz`, to keep what rates down to `lowest_hz` can carry.
  static Lowpass for_rates(double input_hz, double lowest_hz);
};

/// Windowed-sinc interpolation in polyphase form: output m is the low-passed input at position m * down / up, counted
/// in input samples (R. E. Crochiere and L. R. Rabiner, "Multirate digital signal processing", 1983, chapter 3). Every
/// phase has unit gain at 0 Hz. Only construction allocates.
class Resampler {
 public:
  /// `most_in` is the most that one push() hands over; `held` more input samples may wait for their pull().
  Resampler(const Kernels& kernels, Ratio ratio, Lowpass lowpass, int most_in, int held);

  /// Input samples after an output's position that it depends on.
  int look_ahead() const { return half_; }
  /// Starts anew: the first output lies `numerator` / up input samples before the first input (numerator >= 0), and
  /// everything before the first input was `rest`.
  void reset(long long numerator, float rest) noexcept;
  void push(const float* in, int n) noexcept;
  /// Writes the outputs whose input is there, at most `most`; returns how many.
  int pull(float* out, int most) noexcept;

 private:
  const Kernels* kernels_;
  Ratio ratio_;
  int half_;                   // input samples on either side of an output
  int width_;                  // taps per phase, padded to whole registers
  std::vector<float> taps_;    // (up, width), oldest input first
  std::vector<float> buffer_;  // what later outputs need, oldest first
  int filled_ = 0;             // samples in the buffer
  int place_ = 0;              // of the last sample before the next output
  int phase_ = 0;              // of the next output, in 1 / up
};

}  // namespace triode
