// Silence costs next to nothing: after long enough silence a chain's state no longer changes, and need not be computed.
//
// Asleep, a chain is frozen in its state of rest and gives the value it gave last. As every part of it is
// time-invariant, it goes on from there with the first sample that is not silent as if it had run all along.
#pragma once

#include <cstdint>

namespace triode {

class Slumber {
 public:
  /// Input up to here counts as silence: 1e-9, -180 dBFS, which no model brings anywhere near what can be heard.
  static constexpr float kFloor = 1e-9f;
  /// An output that stays as near to its level for a second is at rest: -140 dBFS, and what floats can tell apart.
  static constexpr float kSteady = 1e-7f, kSteadyShare = 1e-6f;
  /// A longer period than this is never slept through.
  static constexpr int kLongestPeriod = 1024;

  /// `memory_samples`: how long what has ended is remembered; the state repeats itself after `period_samples`.
  void configure(double rate_hz, std::int64_t memory_samples, int period_samples) noexcept;
  /// Something was changed: it has to be silent for as long again.
  void wake() noexcept;
  bool asleep() const noexcept { return asleep_; }
  /// What comes out while asleep.
  float rest() const noexcept { return out_.level; }

  /// Asleep: how many samples of the next `n` change nothing. Ends the sleep where there are others.
  int sleep_through(const float* in, int n) noexcept;
  /// Just awake: samples of silence that have still to be played, to nowhere, before anything else.
  int take_owed() noexcept;
  /// Awake: how many of the next `n` to play before heard() is called.
  int awake_for(int n) const noexcept;
  /// Awake: `n` samples that will be played; true where all are silent.
  bool listen(const float* in, int n) noexcept;
  /// What was made of silence by the model and at the end. Falls asleep where `may_sleep` and all has long been at rest.
  void heard(const float* model, const float* out, int n, bool may_sleep) noexcept;

 private:
  struct Watch {
    float level = 0.0f;
    std::int64_t samples = 0;  // since when it has stayed there

    void hear(const float* x, int n) noexcept;
  };

  std::int64_t needed_ = 48000, steady_ = 48000, quiet_ = 0;  // samples
  std::int64_t slept_ = 0;
  int period_ = 1, owed_ = 0;
  bool asleep_ = false;
  Watch model_, out_;
};

}  // namespace triode
