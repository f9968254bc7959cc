// A rig that plays while another model is loaded: what stands behind every plug-in format, and knows none of them.
//
// A thread of its own makes the next rig, warms it up and hands it over by an atomic pointer. The audio thread lets it
// listen for a moment, cross-fades to it, and hands the old one back to be freed. process() never allocates, frees,
// locks or waits.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "loaded_rig.h"
#include "parameters.h"
#include "preset.h"
#include "state.h"
#include "tuner.h"

namespace triode::plugin {

/// What there is to tell a person.
struct Status {
  StatusCode code = kDry;
  std::string text;  // what is wrong, in sentences, or ""
  ModelFacts model, second;
  std::array<std::string, kSlots> paths;  // of the models that these facts are of; others may be asked for by now
  bool has_cabinet = false;
  std::string missing;  // the key of the state whose file is not there, or ""
  std::string preset, preset_path;  // of the one that was loaded or saved last
};

class RigHost {
 public:
  static constexpr double kListenSeconds = 0.04, kFadeSeconds = 0.02;
  static constexpr int kBlock = 256;

  RigHost();
  ~RigHost();

  /// Any thread, also the audio thread.
  void set(int parameter, float value) noexcept;
  float get(int parameter) const noexcept;

  /// As a MIDI program change asks for it, from 0: what it means is what `kPrograms` says. Any thread.
  void ask_for_program(int number) noexcept { program_.store(number, std::memory_order_relaxed); }
  /// Changes whenever parameters were turned behind the host's back: by a preset, or for a model that was chosen.
  unsigned generation() const noexcept { return generation_.load(std::memory_order_acquire); }

  /// Any thread but the audio thread. The key `preset` loads one: a path, or "triode:NAME".
  void set_state(std::string_view key, std::string_view value);
  std::string state(std::string_view key) const;
  /// Another first model, which begins at its own settings: one from a session plays where its knobs were left.
  void choose_model(const std::string& path);
  Status status() const;
  /// All that is set now. The name is that of the preset that was loaded or saved last.
  Preset preset() const;
  /// Saves it under the name that a person chose: from then on it is the preset that is told. Throws PresetError.
  void save_preset(const std::string& path);
  /// Waits until everything asked for is loaded, or has failed to; false where that takes longer than `limit`.
  bool settle(std::chrono::milliseconds limit);

  /// Prepares for playing at this rate, from silence, with everything asked for loaded; not while process() runs.
  void activate(double sample_rate_hz);
  /// Plays n samples of two inputs to two outputs, which may be the same memory; the audio thread.
  void process(const float* const* in, float* const* out, int n) noexcept;
  /// Of what plays now; any thread.
  int latency_samples() const noexcept { return latency_.load(std::memory_order_relaxed); }
  /// Share of the time that playing takes, about 0 to 1, of the last blocks; any thread.
  float load() const noexcept { return load_.load(std::memory_order_relaxed); }

  /// What string is played, if one is; takes a millisecond or two. Any thread but the audio thread.
  std::optional<double> heard_pitch_hz() const { return pitch_hz(tuner_.recent(), tuner_.rate_hz()); }

 private:
  using Channels = std::array<std::array<float, kBlock>, kChannels>;

  void start_loader();
  bool has_work() const;
  void load_what_is_asked();
  bool load_preset(const std::string& path);
  bool change_state(std::string_view key, std::string_view value);
  void follow_program();
  void take_own_settings(LoadedRig& rig, const Build& build);
  Build asked_for() const;
  Status told() const;
  void note_status();
  Values values() const noexcept;
  void take_next() noexcept;
  bool may_follow() const noexcept;
  void follow_settings() noexcept;
  void note_latency() noexcept;
  void play_all(const float* const* in, float* const* out, int n) noexcept;
  void play(const float* const* in, float* const* out, int n) noexcept;
  void fade(float* const* out, int n) noexcept;
  void hand_back() noexcept;

  std::array<std::atomic<float>, kParameters> values_;
  std::atomic<unsigned> edits_{0};
  // A preset turns everything at once, with its model: what plays before keeps its settings until that is there. So
  // does a chosen model with its knobs.
  std::atomic<unsigned> generation_{0}, generation_in_place_{0};  // asked for; played by the rig as it is
  std::atomic<int> program_{-1};

  mutable std::mutex mutex_;  // of what follows, never taken by the audio thread
  std::condition_variable asked_, loaded_;
  State state_;
  double rate_hz_ = 48000.0;
  std::optional<Build> built_;
  bool own_settings_ = false;  // those of the first model are to be taken as soon as it is there
  Status status_;
  std::string preset_name_, preset_path_, preset_problem_;
  bool quit_ = false;
  std::thread loader_;

  std::atomic<LoadedRig*> next_{nullptr}, retired_{nullptr};
  std::atomic<float> load_{0.0f};
  std::atomic<int> latency_{0};
  TunerFeed tuner_;

  // The audio thread's own.
  std::unique_ptr<LoadedRig> current_, fading_;  // fading_: what played before, while it can still be heard
  long long since_taken_ = 0, listen_ = 0, fade_ = 1;  // samples
  unsigned followed_ = 0;
  bool heard_ = false;  // since activate(); until then there is nothing to fade from
  Channels in_{}, old_{};
  float forget_ = 0.99f;  // of the meters, per block of kBlock
  double seconds_per_sample_ = 1.0 / 48000.0;
};

}  // namespace triode::plugin
