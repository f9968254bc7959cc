#include "slumber.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace triode {

namespace {

constexpr double kSteadySeconds = 1.0;
constexpr int kStep = 64;  // it falls asleep after whole steps of silence, whatever the blocks are

bool silent(float sample) { return std::abs(sample) <= Slumber::kFloor; }

}  // namespace

void Slumber::Watch::hear(const float* x, int n) noexcept {
  for (int t = 0; t < n; ++t, ++samples) {
    if (std::abs(x[t] - level) <= kSteady + kSteadyShare * std::abs(level)) continue;
    level = x[t];
    samples = 0;
  }
}

void Slumber::configure(double rate_hz, std::int64_t memory_samples, int period_samples) noexcept {
  steady_ = static_cast<std::int64_t>(kSteadySeconds * rate_hz);
  needed_ = memory_samples + steady_;
  period_ = period_samples;
  asleep_ = false;
  quiet_ = 0;
  owed_ = 0;
}

void Slumber::wake() noexcept {
  // What was slept through was whole periods and a rest, which is played before the next sample.
  if (asleep_) owed_ = static_cast<int>(slept_ % period_);
  asleep_ = false;
  quiet_ = 0;
}

int Slumber::sleep_through(const float* in, int n) noexcept {
  if (!asleep_) return 0;
  const auto slept = static_cast<int>(std::find_if_not(in, in + n, silent) - in);
  slept_ += slept;
  if (slept < n) wake();
  return slept;
}

int Slumber::take_owed() noexcept { return std::exchange(owed_, 0); }

int Slumber::awake_for(int n) const noexcept {
  return quiet_ == 0 ? n : std::min(n, kStep - static_cast<int>(quiet_ % kStep));
}

bool Slumber::listen(const float* in, int n) noexcept {
  int silence = 0;
  while (silence < n && silent(in[n - 1 - silence])) ++silence;
  const bool all = silence == n;
  if (!all || quiet_ == 0) model_.samples = out_.samples = 0;
  quiet_ = silence + (all ? quiet_ : 0);
  return all;
}

void Slumber::heard(const float* model, const float* out, int n, bool may_sleep) noexcept {
  if (!may_sleep) return wake();
  model_.hear(model, n);
  out_.hear(out, n);
  asleep_ = quiet_ >= needed_ && quiet_ % kStep == 0 && model_.samples >= steady_ && out_.samples >= steady_ &&
            period_ <= kLongestPeriod;
  if (asleep_) slept_ = 0;
}

}  // namespace triode
