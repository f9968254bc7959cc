// The rig's parts in their order, behind the face that hosts see (rig.h):
//
//   input gain -> model -> DC blocker -> gate -> tone stack -> cabinet -> output gain
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "cabinet.h"
#include "engine.h"
#include "gate.h"
#include "levels.h"
#include "rig_settings.h"
#include "slumber.h"
#include "tone_stack.h"

namespace triode {

/// A factor that moves to where it is sent in 20 ms.
class SmoothGain {
 public:
  void configure(double rate_hz) noexcept { samples_ = static_cast<int>(0.02 * rate_hz) + 1; }
  void set(double gain) noexcept;
  void settle() noexcept;
  void process(float* samples, int n) noexcept;

 private:
  int samples_ = 960, left_ = 0;
  double target_ = 1.0, now_ = 1.0, stride_ = 0.0;
};

/// Turns a part on and off by a cross-fade of 10 ms.
class Switch {
 public:
  void configure(double rate_hz) noexcept { stride_ = static_cast<float>(1.0 / (0.01 * rate_hz + 1.0)); }
  /// True where the part begins anew.
  bool set(bool on) noexcept;
  void settle() noexcept { share_ = on_ ? 1.0f : 0.0f; }
  bool idle() const noexcept { return !on_ && share_ == 0.0f; }
  bool moving() const noexcept { return on_ ? share_ < 1.0f : share_ > 0.0f; }
  /// wet = a share of wet + the rest of dry.
  void fade(const float* dry, float* wet, int n) noexcept;

 private:
  bool on_ = false;
  float share_ = 0.0f, stride_ = 0.002f;
};

class DcBlocker {
 public:
  void configure(double rate_hz) noexcept;
  void reset() noexcept { low_ = 0.0; }
  void process(float* samples, int n) noexcept;

 private:
  double pull_ = 0.0, low_ = 0.0;  // low_ follows the offset
};

/// Its methods are those of Rig.
class RigChain {
 public:
  RigChain();

  void play(Engine* engine);
  void configure(double sample_rate_hz);
  void load_response(std::vector<float> samples, double sample_rate_hz);
  void set(const RigSettings& settings) noexcept;
  const Levels& levels() const noexcept { return levels_; }

  void process(const float* in, float* out, std::int64_t n) noexcept;
  void reset() noexcept;
  int latency_samples() const noexcept { return engine_ == nullptr ? 0 : engine_->latency_samples(); }
  bool asleep() const noexcept { return slumber_.asleep(); }
  double host_rate_hz() const noexcept { return rate_hz_; }

 private:
  std::optional<Cabinet> make_cabinet(const std::vector<float>& response, double from_hz, double to_hz) const;
  void set_gains() noexcept;
  void set_slumber() noexcept;
  void run(const float* in, float* out, int n) noexcept;
  void play_silence(int n) noexcept;
  void play_parts(float* x, int n, float* model_out) noexcept;
  template <class Part>
  void through(Switch& turned, Part& part, float* samples, int n) noexcept;

  const Kernels* kernels_;
  Engine* engine_ = nullptr;
  double rate_hz_ = 48000.0, response_rate_hz_ = 0.0;
  RigSettings settings_;
  Levels levels_;
  SmoothGain input_gain_, output_gain_;
  Gate gate_;
  ToneStack tone_;
  DcBlocker dc_blocker_;
  std::vector<float> response_;
  std::optional<Cabinet> cabinet_;
  Switch cabinet_switch_, dc_switch_;
  Slumber slumber_;
  alignas(64) std::array<float, kChunk> chunk_{}, dry_{}, gate_gains_{}, model_out_{};
};

}  // namespace triode
