// One model, or two: one after the other, or side by side and mixed.
#pragma once

#include <array>
#include <vector>

#include "engine.h"
#include "kernels.h"
#include "levels.h"
#include "rig_settings.h"
#include "smooth_gain.h"

namespace triode {

/// Side by side, the one with less latency is delayed to meet the other.
class ModelPair {
 public:
  /// Either may be null. Configures them for the rate; throws like Engine::configure, and changes nothing then.
  void play(Engine* first, Engine* second, Pairing pairing);
  void configure(double rate_hz);
  /// Moves within 20 ms.
  void set(const RigSettings& settings) noexcept;
  void reset() noexcept;
  /// n <= kChunk samples in place; to `raw` goes what the models make, before they are mixed, where it is not null.
  void process(float* x, int n, float* raw) noexcept;

  /// dB to add to the input, and to the output, for these settings.
  double input_db(const RigSettings& settings) const noexcept;
  double output_db(const RigSettings& settings) const noexcept;
  const Levels& levels() const noexcept { return levels_[0]; }
  int latency_samples() const noexcept;
  /// Whether no knob is on its way.
  bool at_rest() const noexcept;
  std::int64_t memory_samples() const noexcept;
  int period_samples() const noexcept;

 private:
  struct Delay {
    std::vector<float> samples;
    std::size_t place = 0;

    void reset() noexcept;
    void process(float* x, int n) noexcept;
  };

  bool both() const noexcept { return engines_[0] != nullptr && engines_[1] != nullptr; }
  bool parallel() const noexcept { return both() && pairing_ == Pairing::parallel; }
  void set_delays();

  std::array<Engine*, 2> engines_{};
  std::array<Levels, 2> levels_;
  Pairing pairing_ = Pairing::series;
  double rate_hz_ = 48000.0;
  SmoothGain into_second_, first_share_, second_share_;
  std::array<Delay, 2> delays_;
  alignas(64) std::array<float, kChunk> second_{};
};

}  // namespace triode
