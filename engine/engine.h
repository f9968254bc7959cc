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

#include "api.h"
#include "cpu.h"
#include "errors.h"
#include "knob.h"

namespace triode {

struct Description;

class TRIODE_API Engine {
 public:
  struct Options {
    double quality = 1.0;   // 0..1, chooses among the sizes of a file that has several; 1 is the best
    int oversample = 1;     // 1, 2 or 4: the network runs at least at so many times its own rate, for less aliasing
    bool fast = false;      // tanh and sigmoid within 6e-5 instead of 4e-7: an ESR below 1e-5, and less to compute
    Isa isa = best_isa();   // instruction set; the next lower one this build has is taken
  };

  /// Reads a model file of any known format and returns an engine in the model's start state, after silence.
  /// It is configured for the model's own sample rate. Throws ModelFileError for a file that cannot be played,
  /// std::invalid_argument for an option out of range.
  static Engine load(const std::filesystem::path& path, const Options& options);
  static Engine load(std::string_view bytes, const std::string& name, const Options& options);

  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;
  ~Engine();

  /// Prepares for a host's sample rate, 8 to 768 kHz, brings the network to its start state with the knobs where they
  /// are set, and resets. At a whole multiple of the model's rate (up to 8) the
  /// network runs that many times as fast, without latency; at other rates, and where `oversample` asks for more, the
  /// sample rate is converted on the way in and out. Throws std::invalid_argument for what cannot be.
  void configure(double sample_rate_hz);

  /// The model's knobs; a snapshot has none.
  const std::vector<Knob>& knobs() const noexcept;

  /// Turns a knob, in its own unit, limited to its range; on the thread that calls process. The sound follows within
  /// 25 ms, the same whatever the blocks. False where the model has no such knob or the value is NaN.
  bool set(std::string_view knob, double value) noexcept;

  /// Runs n samples, full scale 1.0. `in` and `out` may be the same. NaN and infinite input samples count as 0.
  void process(const float* in, float* out, std::int64_t n) noexcept;

  /// Back to the start state, with the knobs at once where they were set. A start state after silence is that of the
  /// knobs' settings at the last load or configure.
  void reset() noexcept;

  /// Samples of the host by which the output lags the input: 0 where no sample rate is converted.
  int latency_samples() const noexcept;
  /// Whether no knob is on its way to where it was set.
  bool at_rest() const noexcept;
  /// Samples of the host after which the conversion of the sample rate repeats itself: 1 where there is none.
  int period_samples() const noexcept;
  /// What configure() was last told.
  double host_rate_hz() const noexcept;
  /// How fast the network runs for that: its own rate, or a multiple of it.
  double network_rate_hz() const noexcept;

  const std::string& format() const noexcept;
  /// The model's own, whatever the host's.
  double sample_rate_hz() const noexcept;
  std::int64_t receptive_field() const noexcept;
  /// Samples of the model after which silence has made it forget what it heard; recurrent networks do not tell.
  std::int64_t settling_samples() const noexcept;
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
