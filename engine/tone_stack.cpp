#include "tone_stack.h"

#include <algorithm>
#include <cmath>

namespace triode {

namespace {

constexpr double kMoveSeconds = 0.02, kTailSeconds = 0.1;
constexpr int kStep = 16;  // samples between two settings of a movement

}  // namespace

void ToneStack::configure(double rate_hz) noexcept {
  rate_hz_ = rate_hz;
  reset();
}

void ToneStack::set(const Gains& gains_db) noexcept {
  if (gains_db == target_) return;
  target_ = gains_db;
  if (idle_) states_ = {};
  for (std::size_t i = 0; i < target_.size(); ++i)
    stride_[i] = std::abs(target_[i] - now_[i]) * kStep / (kMoveSeconds * rate_hz_);
  moving_ = true;
  idle_ = false;
}

void ToneStack::reset() noexcept {
  now_ = target_;
  states_ = {};
  to_step_ = 0;
  tail_ = 0;
  moving_ = false;
  idle_ = flat();
  derive();
}

void ToneStack::derive() noexcept {
  for (std::size_t i = 0; i < sections_.size(); ++i)
    sections_[i] = biquad(kSections[i].band, kSections[i].hz, kSections[i].q, now_[i], rate_hz_);
}

void ToneStack::step() noexcept {
  for (std::size_t i = 0; i < now_.size(); ++i)
    now_[i] += std::clamp(target_[i] - now_[i], -stride_[i], stride_[i]);
  moving_ = now_ != target_;
  tail_ = static_cast<long long>(kTailSeconds * rate_hz_);
  const auto before = sections_;
  derive();
  for (std::size_t i = 0; i < sections_.size(); ++i) {
    const Biquad& from = before[i];
    const Biquad& to = sections_[i];
    drift_[i] = {(to.b0 - from.b0) / kStep, (to.b1 - from.b1) / kStep, (to.b2 - from.b2) / kStep,
                 (to.a1 - from.a1) / kStep, (to.a2 - from.a2) / kStep};
  }
  sections_ = before;
  to_step_ = kStep;
}

void ToneStack::process(float* samples, int n) noexcept {
  while (n > 0 && !idle_) {
    if (moving_ && to_step_ == 0) step();
    const bool drifting = to_step_ > 0;
    int count = n;
    if (drifting) count = std::min(count, to_step_);
    if (tail_ > 0) count = static_cast<int>(std::min<long long>(count, tail_));
    if (drifting)
      for (int t = 0; t < count; ++t) drift(samples + t);
    else
      filter(samples, count);
    samples += count;
    n -= count;
    if (drifting && (to_step_ -= count) == 0) derive();
    tail_ = std::max(0LL, tail_ - count);
    idle_ = tail_ == 0 && flat();
  }
}

bool ToneStack::flat() const noexcept {
  const Gains zero{};
  return now_ == zero && target_ == zero;
}

// One sample, the coefficients on their way in a straight line: stable at both ends, stable between.
void ToneStack::drift(float* sample) noexcept {
  for (std::size_t i = 0; i < sections_.size(); ++i) {
    Biquad& q = sections_[i];
    const Biquad& by = drift_[i];
    q = {q.b0 + by.b0, q.b1 + by.b1, q.b2 + by.b2, q.a1 + by.a1, q.a2 + by.a2};
  }
  filter(sample, 1);
}

void ToneStack::filter(float* samples, int n) noexcept {
  for (std::size_t i = 0; i < sections_.size(); ++i) {
    const Biquad& q = sections_[i];
    State state = states_[i];
    for (int t = 0; t < n; ++t) {
      const double x = samples[t], y = q.b0 * x + state.s1;
      state.s1 = q.b1 * x - q.a1 * y + state.s2;
      state.s2 = q.b2 * x - q.a2 * y;
      samples[t] = static_cast<float>(y);
    }
    states_[i] = state;
  }
}

}  // namespace triode
