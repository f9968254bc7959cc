#include "resample.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "windowed_sinc.h"

namespace triode {

namespace {

constexpr int kMostTerm = 4096;
constexpr double kPass = 0.41, kStop = 0.5;  // of the lower rate
constexpr double kAttenuationDb = 85.0;
// Kaiser's formula for the length of the window, per cycle per sample of transition.
constexpr double kLength = (kAttenuationDb - 7.95) / 14.36;

}  // namespace

Ratio nearest_ratio(double value) {
  // Convergents of the continued fraction; where the next one's terms are too large, the nearest fraction before it.
  long long up = 1, down = 0, last_up = 0, last_down = 1;
  for (double rest = value;;) {
    const double exact = std::floor(rest);
    long long whole = static_cast<long long>(std::min(exact, 1.0 + kMostTerm));
    if (up > 0) whole = std::min(whole, (kMostTerm - last_up) / up);
    if (down > 0) whole = std::min(whole, (kMostTerm - last_down) / down);
    const bool cut = static_cast<double>(whole) < exact;
    if (cut && 2.0 * static_cast<double>(whole) < exact) break;
    const long long next_up = whole * up + last_up, next_down = whole * down + last_down;
    last_up = up, last_down = down, up = next_up, down = next_down;
    if (cut || rest - exact < 1e-9) break;
    rest = 1.0 / (rest - exact);
  }
  return {static_cast<int>(up), static_cast<int>(down)};
}

Lowpass Lowpass::for_rates(double input_hz, double lowest_hz) {
  const double lower = std::min(1.0, lowest_hz / input_hz);
  return {0.5 * (kPass + kStop) * lower, 0.5 * kLength / (kStop - kPass) / lower};
}

Resampler::Resampler(const Kernels& kernels, Ratio ratio, Lowpass lowpass, int most_in, int held)
    : kernels_(&kernels), ratio_(ratio), half_(static_cast<int>(std::ceil(lowpass.half_width))) {
  width_ = (2 * half_ + kMaxWidth - 1) / kMaxWidth * kMaxWidth;
  taps_.assign(static_cast<std::size_t>(ratio.up) * static_cast<std::size_t>(width_), 0.0f);
  const double beta = kaiser_beta(kAttenuationDb);
  std::vector<double> phase_taps(static_cast<std::size_t>(2 * half_));
  for (int phase = 0; phase < ratio.up; ++phase) {
    double sum = 0.0;
    for (int j = 0; j < 2 * half_; ++j) {
      const double t = static_cast<double>(phase) / ratio.up + half_ - 1 - j;
      sum += phase_taps[static_cast<std::size_t>(j)] = windowed_sinc(t, lowpass.cutoff, half_, beta);
    }
    float* taps = taps_.data() + static_cast<std::ptrdiff_t>(phase) * width_;
    for (int j = 0; j < 2 * half_; ++j) taps[j] = static_cast<float>(phase_taps[static_cast<std::size_t>(j)] / sum);
  }
  buffer_.resize(static_cast<std::size_t>(2 * half_ + held + most_in + width_));
  reset(0, 0.0f);
}

void Resampler::reset(long long numerator, float rest) noexcept {
  const long long whole = (numerator + ratio_.up - 1) / ratio_.up;
  phase_ = static_cast<int>(whole * ratio_.up - numerator);
  place_ = half_ - 1;
  filled_ = half_ - 1 + static_cast<int>(whole);
  std::fill(buffer_.begin(), buffer_.end(), rest);
}

void Resampler::push(const float* in, int n) noexcept {
  const int done = std::min(place_ - (half_ - 1), filled_);
  std::memmove(buffer_.data(), buffer_.data() + done, static_cast<std::size_t>(filled_ - done) * sizeof(float));
  place_ -= done;
  filled_ -= done;
  std::copy_n(in, n, buffer_.data() + filled_);
  filled_ += n;
}

int Resampler::pull(float* out, int most) noexcept {
  int count = 0;
  while (count < most && place_ + half_ < filled_) {
    const float* taps = taps_.data() + static_cast<std::ptrdiff_t>(phase_) * width_;
    out[count++] = kernels_->dot(taps, buffer_.data() + place_ - (half_ - 1), width_);
    phase_ += ratio_.down;
    place_ += phase_ / ratio_.up;
    phase_ %= ratio_.up;
  }
  return count;
}

}  // namespace triode
