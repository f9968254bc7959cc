// The engine's face. Five verbs: load, configure, set, process, reset; and the latency.
//
// Only load and configure allocate or throw. process is real-time safe: it does not allocate, lock, log or throw, and
// takes blocks of any length. Engines share nothing: any number may run, one thread each.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cpu.h"
#include "errors.h"

namespace triode {

struct Description;

class Engine {
 public:
  struct Options {
    double quality = 1.0;   // 0..1, chooses among the sizes of a file that has several; 1 is the best
    Isa isa = best_isa();   // instruction set; the next lower one this build has is taken
  };

  /// Reads a model file of any known format and returns an engine in the model's start state, after silence.
  /// Throws ModelFileError for a file that cannot be played, std::invalid_argument for a quality outside 0..1.
  static Engine load(const std::filesystem::path& path, const Options& options);
  static Engine load(std::string_view bytes, const std::string& name, const Options& options);

  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;
  ~Engine();

  /// Prepares for a host's sample rate and resets. Throws std::invalid_argument where it is not the model's own: the
  /// host resamples.
  void configure(double sample_rate_hz);

  /// Turns a knob, in its own unit. False where the model has no such knob, as no snapshot has one.
  bool set(std::string_view knob, double value) noexcept;

  /// Runs n samples, full scale 1.0. `in` and `out` may be the same. NaN and infinite input samples count as 0.
  void process(const float* in, float* out, std::int64_t n) noexcept;

  /// Back to the start state.
  void reset() noexcept;

  /// Samples by which the output lags the input; it is 0, all models being causal and run without look-ahead.
  int latency_samples() const noexcept { return 0; }

  const std::string& format() const noexcept;
  double sample_rate_hz() const noexcept;
  std::int64_t receptive_field() const noexcept;
  /// Number of learned values of the network that plays.
  std::int64_t parameters() const noexcept;
  /// JSON of the architecture that plays, and of the file's metadata.
  const std::string& architecture() const noexcept;
  const std::string& metadata() const noexcept;
  /// Name of the instruction set in use.
  const char* isa() const noexcept;
  /// Largest absolute difference between the file's self-test output and what this engine makes of its input, or -1
  /// where the file has no self-test. Leaves the engine reset. Allocates.
  double self_test();

 private:
  struct Model;
  explicit Engine(std::unique_ptr<Model> model) noexcept;
  static Engine build(Description description, const Options& options);

  std::unique_ptr<Model> model_;
};

}  // namespace triode
