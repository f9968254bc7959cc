#include "oversample.h"

#include <algorithm>

#include "windowed_sinc.h"

namespace triode {
namespace {

constexpr double kCutoff = 0.4575;   // middle of the transition band, of the outer rate
constexpr double kKaiserBeta = 7.86;  // 80 dB
constexpr std::size_t kLanes = 8;     // partial sums, so that the compiler keeps them in vector registers

/// Windowed-sinc low-pass of `length` taps (odd) with unit gain at 0 Hz; `cutoff` in cycles per sample.
std::vector<double> lowpass(std::size_t length, double cutoff) {
  std::vector<double> taps(length);
  const double middle = static_cast<double>(length - 1) / 2.0;
  double sum = 0.0;
  for (std::size_t n = 0; n < length; ++n) {
    taps[n] = windowed_sinc(static_cast<double>(n) - middle, cutoff, middle, kKaiserBeta);
    sum += taps[n];
  }
  for (double& tap : taps) tap /= sum;
  return taps;
}

std::size_t padded(std::size_t taps) { return (taps + kLanes - 1) / kLanes * kLanes; }

/// Sum of a[n] * b[n]; `n` is a multiple of kLanes.
float dot(const float* a, const float* b, std::size_t n) {
  float sums[kLanes] = {};
  for (std::size_t k = 0; k < n; k += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) sums[lane] += a[k + lane] * b[k + lane];
  }
  float sum = 0.0F;
  for (const float partial : sums) sum += partial;
  return sum;
}

}  // namespace

void Oversampler::configure(std::size_t factor) {
  factor_ = factor;
  const std::size_t span = kLatencySamples;
  const std::vector<double> taps = lowpass(span * factor + 1, kCutoff / static_cast<double>(factor));
  up_length_ = padded(span + 1);
  up_taps_.assign(up_length_ * factor, 0.0F);
  down_taps_.assign(padded(taps.size()), 0.0F);
  for (std::size_t n = 0; n < taps.size(); ++n) {
    const std::size_t delay = n / factor, phase = n % factor;
    up_taps_[phase * up_length_ + span - delay] = static_cast<float>(taps[n] * static_cast<double>(factor));
    down_taps_[n] = static_cast<float>(taps[n]);
  }
  // The padding of the taps reaches past the newest sample that counts: something must be there.
  up_past_.assign(span + kBlockSamples + kLanes, 0.0F);
  down_past_.assign((span + kBlockSamples) * factor + kLanes, 0.0F);
}

void Oversampler::reset() noexcept {
  std::fill(up_past_.begin(), up_past_.end(), 0.0F);
  std::fill(down_past_.begin(), down_past_.end(), 0.0F);
}

void Oversampler::up(const float* in, std::size_t n, float* out) noexcept {
  const std::size_t span = kLatencySamples;
  std::copy_n(in, n, up_past_.begin() + span);
  for (std::size_t m = 0; m < n; ++m) {
    for (std::size_t phase = 0; phase < factor_; ++phase) {
      out[m * factor_ + phase] = dot(&up_taps_[phase * up_length_], &up_past_[m], up_length_);
    }
  }
  std::copy_n(up_past_.begin() + n, span, up_past_.begin());
}

void Oversampler::down(const float* in, std::size_t n, float* out) noexcept {
  const std::size_t past = kLatencySamples * factor_;
  std::copy_n(in, n * factor_, down_past_.begin() + past);
  for (std::size_t m = 0; m < n; ++m) {
    // The window ends at the first inner sample of each group: both ways together are late by whole outer samples.
    out[m] = dot(down_taps_.data(), &down_past_[m * factor_], down_taps_.size());
  }
  std::copy_n(down_past_.begin() + n * factor_, past, down_past_.begin());
}

}  // namespace triode
