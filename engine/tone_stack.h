// Bass, middle, treble, presence: a generic equaliser after the model, that of no particular amp.
//
// Four second-order sections in series (biquad.h).
#pragma once

#include <array>

#include "biquad.h"

namespace triode {

class ToneStack {
 public:
  struct Section {
    Band band;
    double hz, q;
  };
  static constexpr std::array<Section, 4> kSections = {{{Band::low_shelf, 120.0, 0.707},
                                                        {Band::peak, 500.0, 0.7},
                                                        {Band::high_shelf, 2000.0, 0.707},
                                                        {Band::peak, 4500.0, 0.9}}};
  using Gains = std::array<double, kSections.size()>;  // dB

  void configure(double rate_hz) noexcept;
  /// Moves there within 20 ms.
  void set(const Gains& gains_db) noexcept;
  /// Where set() sent it, at once, after silence.
  void reset() noexcept;
  /// True where nothing would change: it is flat, and what it once did has died away.
  bool idle() const noexcept { return idle_; }
  void process(float* samples, int n) noexcept;

 private:
  struct State {
    double s1 = 0.0, s2 = 0.0;
  };

  bool flat() const noexcept;
  void step() noexcept;
  void derive() noexcept;
  void drift(float* sample) noexcept;
  void filter(float* samples, int n) noexcept;

  double rate_hz_ = 48000.0;
  Gains target_{}, now_{}, stride_{};
  std::array<Biquad, kSections.size()> sections_, drift_;  // the latter per sample
  std::array<State, kSections.size()> states_;
  int to_step_ = 0;        // samples left of a drift
  long long tail_ = 0;     // samples until what flat sections still hold has died away
  bool moving_ = false, idle_ = true;
};

}  // namespace triode
