// A noise gate: silences what is left when the player does not play.
#pragma once

#include "rig_settings.h"

namespace triode {

/// Listens in one place and acts in another. Level: peaks, forgotten with a time constant of 20 ms, which holds the
/// lowest string of a bass within the hysteresis. Opens with a time constant of 1 ms.
class Gate {
 public:
  void configure(double rate_hz) noexcept;
  void set(const GateSettings& settings) noexcept;
  /// On: it begins open. Off: it opens, and stays open.
  void turn(bool on) noexcept;
  /// To the state after silence: closed where it is on.
  void reset() noexcept;
  /// True where the gate does nothing at all.
  bool idle() const noexcept { return !on_ && gain_ == 1.0f; }

  /// True where silence will not move it: it does nothing, or is closed.
  bool at_rest() const noexcept { return idle() || (on_ && !open_ && gain_ == 0.0f); }

  /// Gains (n,) for what follows from `in` (n,).
  void listen(const float* in, float* gains, int n) noexcept;

 private:
  void derive() noexcept;

  GateSettings settings_;
  double rate_hz_ = 48000.0;
  bool on_ = false, open_ = false;
  float opens_at_ = 0.0f, closes_at_ = 0.0f;
  float forget_ = 0.0f, attack_ = 0.0f, release_ = 0.0f;  // per sample
  long long hold_ = 0, held_ = 0;                         // samples
  float level_ = 0.0f, gain_ = 1.0f;
};

}  // namespace triode
