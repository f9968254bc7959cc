#include "gate.h"

#include <algorithm>
#include <cmath>

#include "decibels.h"

namespace triode {

namespace {

constexpr double kForgetSeconds = 0.02, kAttackSeconds = 0.001;
constexpr float kClosed = 1e-4f, kOpen = 0.9999f;  // nearer than that counts as 0 and 1

}  // namespace

void Gate::configure(double rate_hz) noexcept {
  rate_hz_ = rate_hz;
  derive();
  reset();
}

void Gate::set(const GateSettings& settings) noexcept {
  settings_ = settings;
  derive();
}

void Gate::turn(bool on) noexcept {
  if (on && idle()) {
    open_ = true;
    held_ = hold_;
    level_ = 0.0f;
  }
  on_ = on;
}

void Gate::derive() noexcept {
  opens_at_ = static_cast<float>(from_db(settings_.threshold_db));
  closes_at_ = static_cast<float>(from_db(settings_.threshold_db - settings_.hysteresis_db));
  forget_ = static_cast<float>(std::exp(-1.0 / (kForgetSeconds * rate_hz_)));
  attack_ = static_cast<float>(1.0 - std::exp(-1.0 / (kAttackSeconds * rate_hz_)));
  release_ = static_cast<float>(from_db(-60.0 / std::max(1.0, settings_.release_seconds * rate_hz_)));
  hold_ = static_cast<long long>(settings_.hold_seconds * rate_hz_);
}

void Gate::reset() noexcept {
  open_ = false;
  held_ = 0;
  level_ = 0.0f;
  gain_ = on_ ? 0.0f : 1.0f;
}

void Gate::listen(const float* in, float* gains, int n) noexcept {
  for (int t = 0; t < n; ++t) {
    level_ = std::max(std::abs(in[t]), level_ * forget_);
    if (level_ >= opens_at_) open_ = true;
    if (level_ >= closes_at_) held_ = hold_;
    else if (held_ > 0) --held_;
    else open_ = false;
    if (open_ || !on_) {
      gain_ += (1.0f - gain_) * attack_;
      if (gain_ > kOpen) gain_ = 1.0f;
    } else {
      gain_ *= release_;
      if (gain_ < kClosed) gain_ = 0.0f;
    }
    gains[t] = gain_;
  }
}

}  // namespace triode
