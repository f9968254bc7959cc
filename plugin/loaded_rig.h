// A rig with its model and its cabinet, for one or two channels: made and warmed up off the audio thread, then played.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine.h"
#include "parameters.h"
#include "rig.h"
#include "state.h"

namespace triode::plugin {

inline constexpr int kChannels = 2;

/// Everything that a rig has to be built anew for.
struct Build {
  double sample_rate_hz = 48000.0;
  struct Source {
    ChosenFile file;
    std::shared_ptr<const std::string> bytes;  // instead of the file, where the state held the model itself

    bool operator==(const Source&) const = default;
  };
  std::array<Source, kSlots> models;
  std::array<ChosenFile, kSlots> cabinets;
  bool model_on = true;
  Second second = kSecondInSeries;
  Inputs inputs = kLeft;
  Quality quality = kNormal;

  bool operator==(const Build&) const = default;
};

/// The inverse of Knob::travel.
double value_at(const Knob& knob, double travel) noexcept;

/// The travels where a file has the first model's knobs.
void put_defaults(const std::vector<Knob>& knobs, Values& values) noexcept;

/// What the window shows.
struct ModelFacts {
  std::string name, format;
  double sample_rate_hz = 0.0;
  std::optional<double> esr;
  std::vector<Knob> knobs;
};

class LoadedRig {
 public:
  /// Never throws for a model or a cabinet that cannot be had: that part is left out and problem() says why.
  /// `generation` numbers the preset that `values` are of. With `own_settings` the first model's knobs begin where its
  /// file has them, not at `values`.
  LoadedRig(const Build& build, Values values, unsigned generation = 0, bool own_settings = false);
  LoadedRig(const LoadedRig&) = delete;
  LoadedRig& operator=(const LoadedRig&) = delete;

  /// Turns everything to where `values` say; on the thread that calls process.
  void set(const Values& values) noexcept;
  /// Plays n samples of the two inputs to the two outputs, which may be the same memory.
  void process(const float* const* in, float* const* out, int n) noexcept;
  /// From silence at these values, as if it were loaded anew with them; not on the audio thread.
  void restart(const Values& values);
  unsigned generation() const noexcept { return generation_; }
  void belong_to(unsigned generation) noexcept { generation_ = generation; }
  int latency_samples() const noexcept { return rigs_[0].latency_samples(); }
  bool has_model() const noexcept { return engines_[0][0].has_value() || engines_[1][0].has_value(); }
  bool has_cabinet() const noexcept { return has_cabinet_; }
  const std::array<ModelFacts, kSlots>& facts() const noexcept { return facts_; }
  /// The models as they were in their files, where those can be kept in a session.
  const std::array<std::shared_ptr<const std::string>, kSlots>& read() const noexcept { return read_; }
  /// Sentences for people, or nothing where all is well.
  const std::string& problem() const noexcept { return problem_; }
  /// The key of the state whose file is not there, or "".
  const std::string& missing() const noexcept { return missing_; }

 private:
  void load_model(const Build& build, std::size_t slot);
  void load_cabinet(const Build& build, std::size_t slot);
  void turn_knobs(const Values& values) noexcept;
  void complain(const std::string& what);
  void look_for(const char* key, const std::string& path);

  double rate_hz_;
  Inputs inputs_;
  int channels_;
  unsigned generation_;
  std::array<std::array<std::optional<Engine>, kChannels>, kSlots> engines_;
  std::array<Rig, kChannels> rigs_;
  bool has_cabinet_ = false;
  std::array<ModelFacts, kSlots> facts_;
  std::array<std::shared_ptr<const std::string>, kSlots> read_;
  std::string problem_, missing_;
};

}  // namespace triode::plugin
