// A WaveNet whose weights follow the knobs, as in docs/model-file.md.
//
// The knobs' inputs are looked at every kKnobInterval samples. Where they have moved, a small network says what every
// row's scale and shift shall be, and these move there along straight lines until the next look: sample by sample, so
// that nothing steps. At rest they are folded into the weights, and the WaveNet plays as if there were no knobs.
#pragma once

#include <string>
#include <vector>

#include "wavenet.h"

namespace triode {

/// Samples from one look at the knobs to the next. They are counted from the start state on, whatever the blocks.
inline constexpr int kKnobInterval = 64;

/// The knobs' travels -> the gain before the network, scale and shift of every row, the gain after it.
class KnobNetwork {
 public:
  KnobNetwork(const ParametricSpec& spec, const Tensors& tensors, const std::string& prefix);

  int modulations() const { return static_cast<int>(output_.bias.size()); }
  /// Writes modulations() numbers, scales and gains as factors.
  void run(const float* travels, float* modulation) noexcept;

 private:
  /// The columns of the weight, all outputs of an input after each other, so that sums run side by side.
  struct Dense {
    std::vector<float> columns, bias;

    Dense(const Tensors& tensors, const std::string& name);
    void run(const float* in, float* out) const noexcept;
  };

  void tell(const float* travels, float* told) const noexcept;

  std::size_t knobs_;
  std::vector<ParametricSpec::Taper> tapers_;
  std::vector<Dense> hidden_;
  Dense output_;
  std::vector<char> is_factor_;
  std::vector<float> features_, next_;
};

class Parametric final : public Network {
 public:
  Parametric(const ParametricSpec& spec, const Tensors& tensors, const std::string& prefix, const Kernels& kernels);
  void process(const Rows& in, const MutableRows& out, int n) noexcept override;
  // After both, the knobs are at once where they are found next.
  void remember() noexcept override;
  void recall() noexcept override;

 private:
  void start() noexcept;
  bool moved(const Rows& in, int at) const noexcept;
  void look(const Rows& in, int at) noexcept;
  void play(const Rows& in, const MutableRows& out, int at, int n) noexcept;
  /// What the network hears: n samples of the audio and of its traces, times gain(t).
  template <class Gain>
  void amplify(const Rows& in, int at, int n, Gain gain) noexcept;

  KnobNetwork knobs_;
  Wavenet network_;
  Scratch in_, out_;
  std::vector<float> travels_;            // at the last look
  std::vector<float> from_, step_, aim_;  // the modulation then, its change per sample, and what it moves to
  int position_ = 0;                      // samples since the last look
  bool resting_ = false, lost_ = true;    // lost: the next look tells where the knobs are
};

}  // namespace triode
