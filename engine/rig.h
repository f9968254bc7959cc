// The playing chain around a model:
//
//   input gain -> model -> DC blocker -> gate -> tone stack -> cabinet -> output gain
//
// There may be two models, in series or mixed, and two impulse responses, mixed.
//
// The gate listens to the input, before its gain, and acts after the model: it silences the model's hiss as well, and
// turning up the input does not open it. Where the model has a latency it opens that much early.
//
// A part that does nothing costs nothing, and neither does silence: once all has died away the chain sleeps until the
// next sample that is not silent. Settings move without clicks. As with the Engine, only construction,
// configure, play and load_response allocate or throw, and blocks of any length give the same samples.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "api.h"
#include "engine.h"
#include "rig_settings.h"

namespace triode {

class RigChain;

class TRIODE_API Rig {
 public:
  Rig();
  Rig(Rig&&) noexcept;
  Rig& operator=(Rig&&) noexcept;
  ~Rig();

  /// Plays these engines from now on, none where null; configures them for the rig's sample rate. They must outlive the
  /// rig or the next play(). Throws like Engine::configure.
  void play(Engine* engine, Engine* second = nullptr, Pairing pairing = Pairing::series);
  /// Prepares for a host's sample rate, the engine too, and resets. Throws like Engine::configure.
  void configure(double sample_rate_hz);
  /// The cabinet's impulse response, kept at its own rate; an empty one takes it away. `which`: 0, or 1 for a second
  /// that is mixed with the first. Throws
  /// std::invalid_argument for a rate outside 1 to 768 kHz, samples that are not finite, or more than 10 s of them
  /// (above 192 kHz: more than 1,920,000 at that rate).
  void load_response(std::vector<float> samples, double sample_rate_hz, int which = 0);

  /// Out of range counts as the end of the range; what is no number counts as the default.
  void set(const RigSettings& settings) noexcept;
  /// What the first model's file says; calibration and normalisation do nothing where it is silent.
  const Levels& levels() const noexcept;

  /// Plays n samples, full scale 1.0. `in` and `out` may be the same. NaN and infinite input samples count as 0.
  void process(const float* in, float* out, std::int64_t n) noexcept;
  /// Back to the state after silence, at the settings as they are.
  void reset() noexcept;
  int latency_samples() const noexcept;
  /// True where nothing is computed, because the input has long been silent.
  bool asleep() const noexcept;
  double host_rate_hz() const noexcept;

 private:
  std::unique_ptr<RigChain> chain_;
};

}  // namespace triode
