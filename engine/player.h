// How a model of one sample rate plays for a host of another, and at a multiple of its own rate.
//
// A network whose every delay is d times as long, run d times as fast, filters as it does at its own rate but bends
// with less aliasing: what lies above half its own rate has not folded back yet. Multiplying every delay by d is the
// same as running d copies side by side, copy k on the samples k, k + d, k + 2 d, ... This is exact for every
// architecture: dilations grow d-fold, and a recurrent network's state is that of d samples ago (the state transition
// method of A. Carson, A. Wright, J. Chowdhury, V. Valimaki, S. Bilbao, "Sample rate independent recurrent neural
// networks for audio effects processing", DAFx-24, for whole ratios).
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "knob_inputs.h"
#include "network.h"
#include "resample.h"

namespace triode {

/// `copies` of the network, together at `copies` times the model's rate; `inner` is that rate over the host's.
struct RatePlan {
  int copies = 1;
  Ratio inner;

  bool resamples() const { return inner.up != inner.down; }
};

/// For a host at a whole multiple of the model's rate (up to 8) copies alone, else resampling as well; `oversample` is
/// the least number of copies, `memory` the floats that each takes. Throws std::invalid_argument for a rate outside 8
/// to 768 kHz, for an `oversample` other than 1, 2, 4, and where the copies would take absurd amounts of memory.
RatePlan plan_rates(double model_hz, double host_hz, int oversample, std::int64_t memory);

/// Plays one channel. Only construction allocates.
class Player {
 public:
  /// The copies are in their start states, the knobs at rest.
  Player(std::vector<std::unique_ptr<Network>> copies, const Kernels& kernels, const RatePlan& plan, double model_hz,
         double host_hz, const KnobInputs& knobs);

  /// Runs n <= kChunk finite samples; what comes out may not be finite. `in` and `out` may be the same.
  void process(const float* in, float* out, int n, KnobInputs& knobs) noexcept;
  void reset() noexcept;
  int latency_samples() const noexcept { return latency_samples_; }
  int period_samples() const noexcept { return to_inner_ ? ratio_.down : 1; }
  int copies() const noexcept { return static_cast<int>(copies_.size()); }

 private:
  void run_copies(const float* in, float* out, int n, KnobInputs& knobs) noexcept;

  std::vector<std::unique_ptr<Network>> copies_;
  std::size_t turn_ = 0;  // the copy that gets the next sample
  Scratch in_, out_;      // of one copy; in_: the audio, then the knobs
  std::optional<Resampler> to_inner_, to_host_;
  std::vector<float> inner_;  // at the inner rate
  Ratio ratio_;
  int latency_samples_ = 0;
  float rest_ = 0.0f;  // what the network makes of silence
};

}  // namespace triode
