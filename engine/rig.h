// The playing chain around a model:
//
//   input gain -> model -> DC blocker -> gate -> tone stack -> cabinet -> output gain
//
// The gate listens to the input, before its gain, and acts after the model: it silences the model's hiss as well, and
// turning up the input does not open it. Where the model has a latency it opens that much early.
//
// A part that does nothing costs nothing. Settings move without clicks. As with the Engine, only construction,
// configure, play and load_response allocate or throw, and blocks of any length give the same samples.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "cabinet.h"
#include "engine.h"
#include "gate.h"
#include "levels.h"
#include "tone_stack.h"

namespace triode {

enum class OutputLevel {
  raw,         // as the model has it
  normalized,  // its loudness at -18 dBFS, as players of .nam files do
  calibrated   // its level in dBu at the interface's output, where both are known
};

struct RigSettings {
  double input_gain_db = 0.0, output_gain_db = 0.0;         // -60 to 60
  std::optional<double> interface_dbu;                      // level of full scale; brings the model what it expects
  OutputLevel output_level = OutputLevel::raw;
  bool gate = false;
  GateSettings gate_settings;                               // threshold -120 to 0, hysteresis 0 to 40, times 0 to 10
  double bass_db = 0.0, middle_db = 0.0, treble_db = 0.0, presence_db = 0.0;  // -20 to 20
  bool cabinet = true;                                      // where a response is loaded
  bool dc_blocker = false;                                  // high-pass of first order at 5 Hz
};

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

class Rig {
 public:
  Rig();

  /// Plays this engine from now on, none where null; configures it for the rig's sample rate. It must outlive the rig
  /// or the next play(). Throws like Engine::configure.
  void play(Engine* engine);
  /// Prepares for a host's sample rate, the engine too, and resets. Throws like Engine::configure.
  void configure(double sample_rate_hz);
  /// The cabinet's impulse response, kept at its own rate; an empty one takes the cabinet away. Throws
  /// std::invalid_argument for a rate outside 1 to 768 kHz, samples that are not finite, or more than Cabinet's
  /// kMostTaps at the host's rate.
  void load_response(std::vector<float> samples, double sample_rate_hz);

  /// Out of range counts as the end of the range; what is no number counts as the default.
  void set(const RigSettings& settings) noexcept;
  /// What the model's file says; calibration and normalisation do nothing where it is silent.
  const Levels& levels() const noexcept { return levels_; }

  void process(const float* in, float* out, std::int64_t n) noexcept;
  /// Back to the state after silence, at the settings as they are.
  void reset() noexcept;
  int latency_samples() const noexcept { return engine_ == nullptr ? 0 : engine_->latency_samples(); }
  double host_rate_hz() const noexcept { return rate_hz_; }

 private:
  std::optional<Cabinet> make_cabinet(const std::vector<float>& response, double from_hz, double to_hz) const;
  void set_gains() noexcept;
  void run(const float* in, float* out, int n) noexcept;
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
  alignas(64) std::array<float, kChunk> chunk_{}, dry_{}, gate_gains_{};
};

}  // namespace triode
