#include "tuner.h"

#include <algorithm>
#include <cmath>

namespace triode::plugin {

namespace {

constexpr double kLowestHz = 27.0, kHighestHz = 1400.0, kFeedHz = 12000.0;
constexpr double kClear = 0.9;        // of what repeats, for there to be a pitch
constexpr double kFirstPeak = 0.85;   // of the highest peak: the first that reaches it is the period
constexpr float kQuiet = 1e-4f;       // -80 dBFS

// 2 sum x(t) x(t + lag) / sum x(t)^2 + x(t + lag)^2: 1 where it repeats itself exactly.
double likeness(const std::vector<float>& x, std::size_t lag) {
  double product = 0.0, energy = 0.0;
  for (std::size_t t = 0; t + lag < x.size(); ++t) {
    product += static_cast<double>(x[t]) * x[t + lag];
    energy += static_cast<double>(x[t]) * x[t] + static_cast<double>(x[t + lag]) * x[t + lag];
  }
  return energy > 0.0 ? 2.0 * product / energy : 0.0;
}

// The top of the parabola through three neighbours, from the middle one.
double top(double before, double at, double after) {
  const double bend = before - 2.0 * at + after;
  return bend < 0.0 ? 0.5 * (before - after) / bend : 0.0;
}

}  // namespace

std::optional<double> pitch_hz(const std::vector<float>& samples, double rate_hz) {
  std::vector<float> x = samples;
  double mean = 0.0;
  for (const float sample : x) mean += sample / static_cast<double>(x.size());
  float peak = 0.0f;
  for (float& sample : x) peak = std::max(peak, std::abs(sample -= static_cast<float>(mean)));
  const auto longest = std::min(static_cast<std::size_t>(rate_hz / kLowestHz) + 1, x.size() / 2);
  const auto shortest = static_cast<std::size_t>(rate_hz / kHighestHz);
  if (!(peak > kQuiet) || shortest < 2 || longest < shortest + 2) return std::nullopt;
  std::vector<double> like(longest + 1);
  for (std::size_t lag = 1; lag <= longest; ++lag) like[lag] = likeness(x, lag);
  // Peaks count only after the first dip: everything is like itself at once.
  std::size_t from = 1;
  while (from < longest && like[from] > 0.0) ++from;
  from = std::max(from, shortest);
  double highest = 0.0;
  const auto is_peak = [&](std::size_t lag) { return like[lag] >= like[lag - 1] && like[lag] > like[lag + 1]; };
  // Between two lags a high note's peak is higher than at either.
  const auto height = [&](std::size_t lag) {
    return like[lag] - 0.25 * (like[lag - 1] - like[lag + 1]) * top(like[lag - 1], like[lag], like[lag + 1]);
  };
  for (std::size_t lag = from; lag < longest; ++lag)
    if (is_peak(lag)) highest = std::max(highest, height(lag));
  if (highest < kClear) return std::nullopt;
  std::size_t period = from;
  while (!is_peak(period) || height(period) < kFirstPeak * highest) ++period;
  double exact = static_cast<double>(period) + top(like[period - 1], like[period], like[period + 1]);
  // A later repetition tells the period so many times as exactly.
  for (int times = 2; times * exact + 2.0 < static_cast<double>(longest); ++times) {
    const auto lag = static_cast<std::size_t>(std::lround(times * exact));
    if (is_peak(lag)) exact = (static_cast<double>(lag) + top(like[lag - 1], like[lag], like[lag + 1])) / times;
  }
  return rate_hz / exact;
}

Note note_of(double pitch_hz) {
  static constexpr std::array<const char*, 12> kNames = {"C",  "C#", "D",  "D#", "E",  "F",
                                                         "F#", "G",  "G#", "A",  "A#", "B"};
  const double semitones = 69.0 + 12.0 * std::log2(pitch_hz / 440.0);  // as MIDI counts them
  const long nearest = std::lround(semitones);
  const long octave = static_cast<long>(std::floor(static_cast<double>(nearest) / 12.0)) - 1;
  const auto place = static_cast<std::size_t>(((nearest % 12) + 12) % 12);
  return {kNames[place] + std::to_string(octave), 100.0 * (semitones - static_cast<double>(nearest))};
}

void TunerFeed::configure(double rate_hz) noexcept {
  every_ = std::max(1, static_cast<int>(std::lround(std::min(rate_hz, 1e6) / kFeedHz)));
  rate_hz_.store(rate_hz / every_, std::memory_order_relaxed);
  for (auto& sample : ring_) sample.store(0.0f, std::memory_order_relaxed);
  summed_ = 0;
  sum_ = 0.0f;
}

void TunerFeed::hear(const float* samples, int n) noexcept {
  std::size_t place = place_.load(std::memory_order_relaxed);
  for (int t = 0; t < n; ++t) {
    if (std::isfinite(samples[t])) sum_ += samples[t];
    if (++summed_ < every_) continue;
    ring_[place].store(sum_ / static_cast<float>(every_), std::memory_order_relaxed);
    place = (place + 1) % kLength;
    summed_ = 0;
    sum_ = 0.0f;
  }
  place_.store(place, std::memory_order_release);
}

std::vector<float> TunerFeed::recent() const {
  const std::size_t place = place_.load(std::memory_order_acquire);
  std::vector<float> samples(kLength);
  for (std::size_t t = 0; t < kLength; ++t) samples[t] = ring_[(place + t) % kLength].load(std::memory_order_relaxed);
  return samples;
}

}  // namespace triode::plugin
