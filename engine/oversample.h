#pragma once

#include <cstddef>
#include <vector>

namespace triode {

/// Raises the sample rate by a whole factor and lowers it again, with one linear-phase low-pass (Kaiser window,
/// flat to 0.41 of the outer rate, at least 80 dB down from half of it on) on either way, in polyphase form
/// (P. P. Vaidyanathan, "Multirate systems and filter banks", 1993, section 4.3).
class Oversampler {
 public:
  /// Delay of both ways together in samples of the outer rate, exact for every factor.
  static constexpr std::size_t kLatencySamples = 64;
  /// Most outer samples that one call of up() or down() takes.
  static constexpr std::size_t kBlockSamples = 64;

  /// Designs the filters for `factor` >= 1 (1 = still filtered, same latency); allocates.
  void configure(std::size_t factor);
  void reset() noexcept;
  std::size_t factor() const { return factor_; }

  /// `in` (n,) at the outer rate to `out` (n * factor,); n <= kBlockSamples.
  void up(const float* in, std::size_t n, float* out) noexcept;
  /// `in` (n * factor,) to `out` (n,) at the outer rate; n <= kBlockSamples.
  void down(const float* in, std::size_t n, float* out) noexcept;

 private:
  std::size_t factor_ = 0;
  std::size_t up_length_ = 0;     // taps of one phase, padded
  std::vector<float> up_taps_;    // (phase, up_length_), oldest input first
  std::vector<float> down_taps_;  // symmetric, padded
  std::vector<float> up_past_;    // past inputs, then the block
  std::vector<float> down_past_;  // past inner samples, then the block
};

}  // namespace triode
