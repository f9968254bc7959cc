// The rig's parts in their order, behind the face that hosts see (rig.h):
//
//   input gain -> model -> DC blocker -> gate -> tone stack -> cabinet -> output gain
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "cabinet.h"
#include "gate.h"
#include "model_pair.h"
#include "rig_settings.h"
#include "slumber.h"
#include "smooth_gain.h"
#include "tone_stack.h"

namespace triode {

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

  void play(Engine* engine, Engine* second, Pairing pairing);
  void configure(double sample_rate_hz);
  void load_response(std::vector<float> samples, double sample_rate_hz, int which);
  void set(const RigSettings& settings) noexcept;
  const Levels& levels() const noexcept { return models_.levels(); }

  void process(const float* in, float* out, std::int64_t n) noexcept;
  void reset() noexcept;
  int latency_samples() const noexcept { return models_.latency_samples(); }
  bool asleep() const noexcept { return slumber_.asleep(); }
  double host_rate_hz() const noexcept { return rate_hz_; }

 private:
  /// At its own rate, and as it is played.
  struct Response {
    std::vector<float> samples;
    double rate_hz = 0.0;
    std::optional<Cabinet> cabinet;
  };

  std::optional<Cabinet> make_cabinet(const std::vector<float>& response, double from_hz, double to_hz) const;
  bool has_cabinet() const noexcept { return responses_[0].cabinet || responses_[1].cabinet; }
  void reset_cabinets() noexcept;
  void play_cabinets(float* samples, int n) noexcept;
  void set_gains() noexcept;
  void set_slumber() noexcept;
  void run(const float* in, float* out, int n) noexcept;
  void play_silence(int n) noexcept;
  void play_parts(float* x, int n, float* model_out) noexcept;
  template <class Part>
  void through(Switch& turned, Part& part, float* samples, int n) noexcept;

  const Kernels* kernels_;
  double rate_hz_ = 48000.0;
  RigSettings settings_;
  ModelPair models_;
  SmoothGain input_gain_, output_gain_, first_response_, second_response_;
  Gate gate_;
  ToneStack tone_;
  DcBlocker dc_blocker_;
  std::array<Response, 2> responses_;
  Switch cabinet_switch_, dc_switch_;
  Slumber slumber_;
  alignas(64) std::array<float, kChunk> chunk_{}, dry_{}, gate_gains_{}, model_out_{}, second_out_{};
};

}  // namespace triode
