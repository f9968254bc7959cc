#include "smooth_gain.h"

namespace triode {

void SmoothGain::set(double gain) noexcept {
  if (gain == target_) return;
  target_ = gain;
  left_ = samples_;
  stride_ = (target_ - now_) / samples_;
}

void SmoothGain::settle() noexcept {
  now_ = target_;
  left_ = 0;
}

void SmoothGain::process(float* samples, int n) noexcept {
  int t = 0;
  for (; t < n && left_ > 0; ++t) {
    now_ = --left_ == 0 ? target_ : now_ + stride_;
    samples[t] *= static_cast<float>(now_);
  }
  if (now_ == 1.0) return;
  const float gain = static_cast<float>(now_);
  for (; t < n; ++t) samples[t] *= gain;
}

}  // namespace triode
