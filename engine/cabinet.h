// A loudspeaker cabinet: convolution with its impulse response, without delay.
//
// The first 64 taps are a direct sum. The rest works on whole blocks in the frequency domain, whose results are not due
// before their input is complete: up to 2048 taps partitions of 64, then partitions of 1024, whose work is spread
// evenly over the 16 small blocks that pass before it is due (W. G. Gardner, "Efficient convolution without
// input-output delay", JAES 43(3), 1995; overlap-save with a delay line of spectra).
#pragma once

#include <cstdint>
#include <vector>

#include "fft.h"
#include "kernels.h"

namespace triode {

/// Convolution of blocks with the taps that lie in partitions of the block's length, in the frequency domain.
class Partitions {
 public:
  /// `taps` (count,) are cut into partitions of `block` samples.
  Partitions(const float* taps, std::int64_t count, int block);

  int count() const { return count_; }
  /// The newest block of input and the one before it: (2 * block,).
  void push(const float* two_blocks) noexcept;
  /// Adds up what partitions `first` to `last` - 1 make of the last blocks, partition 0 of the newest.
  void add(int first, int last) noexcept;
  /// Writes the block (block,) that add() has summed up and begins the next sum.
  void finish(float* out) noexcept;
  void reset() noexcept;

 private:
  Bins bins(std::vector<float>& spectra, int index) noexcept {
    float* re = spectra.data() + static_cast<std::ptrdiff_t>(index) * 2 * block_;
    return {re, re + block_};
  }

  int block_, count_, newest_ = 0;
  RealFft fft_;
  std::vector<float> responses_, inputs_, sum_;  // spectra: (partition), (delay line), one
  std::vector<float> time_;                      // (2 * block,)
};

/// Plays one channel through one impulse response. Only construction allocates.
class Cabinet {
 public:
  /// The longest response; at more than 192 kHz it is shorter, for its memory.
  static constexpr double kMostSeconds = 10.0, kMostTaps = kMostSeconds * 192e3;

  /// `response` has at least one tap and is sampled at the rate that is played.
  Cabinet(const Kernels& kernels, const std::vector<float>& response);

  /// Any n; `in` and `out` may be the same.
  void process(const float* in, float* out, std::int64_t n) noexcept;
  void reset() noexcept;
  /// How long anything that was played is remembered.
  std::int64_t memory_samples() const noexcept;

 private:
  static constexpr int kSmall = 64, kLarge = 1024, kSteps = kLarge / kSmall;

  void run(const float* in, float* out, int n) noexcept;
  void end_small_block() noexcept;
  void step_large_block() noexcept;

  const Kernels* kernels_;
  std::vector<float> direct_;
  Partitions small_, large_;
  std::vector<float> small_in_;             // the block before, this block, padding
  std::vector<float> large_in_;             // the block before, this block
  std::vector<float> small_tail_;           // of this block, (kSmall,)
  std::vector<float> large_tail_, coming_;  // of this block and the next, (kLarge,)
  std::vector<float> direct_out_;
  int place_ = 0, step_ = 0;  // in the small block; small block in the large one
};

/// A response sampled at `from_hz` as it would be at `to_hz`: the same gain at every frequency that both can
/// carry, where it does not begin within its first 16 samples: how these ring before they sound is cut off.
std::vector<float> resampled_response(const Kernels& kernels, const std::vector<float>& response, double from_hz,
                                      double to_hz);

}  // namespace triode
