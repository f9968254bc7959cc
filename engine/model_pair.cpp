#include "model_pair.h"

#include <algorithm>
#include <numeric>

#include "decibels.h"

namespace triode {

namespace {

constexpr double kNormalLoudnessDb = -18.0;

// A sine that fills the interface is interface_dbu; the model takes one of input_dbu for full scale.
double calibration_db(const Levels& levels, const RigSettings& settings) {
  return settings.interface_dbu && levels.input_dbu ? *settings.interface_dbu - *levels.input_dbu : 0.0;
}

double leveling_db(const Levels& levels, const RigSettings& settings) {
  if (settings.output_level == OutputLevel::normalized && levels.loudness_db)
    return kNormalLoudnessDb - *levels.loudness_db;
  if (settings.output_level == OutputLevel::calibrated && settings.interface_dbu && levels.output_dbu)
    return *levels.output_dbu - *settings.interface_dbu;
  return 0.0;
}

void configure_both(const std::array<Engine*, 2>& engines, double rate_hz) {
  const double before_hz = engines[0] != nullptr ? engines[0]->host_rate_hz() : 0.0;
  if (engines[0] != nullptr) engines[0]->configure(rate_hz);
  if (engines[1] == nullptr) return;
  try {
    engines[1]->configure(rate_hz);
  } catch (...) {
    if (engines[0] != nullptr) engines[0]->configure(before_hz);
    throw;
  }
}

}  // namespace

void ModelPair::Delay::reset() noexcept {
  std::fill(samples.begin(), samples.end(), 0.0f);
  place = 0;
}

void ModelPair::Delay::process(float* x, int n) noexcept {
  if (samples.empty()) return;
  for (int t = 0; t < n; ++t) {
    std::swap(x[t], samples[place]);
    if (++place == samples.size()) place = 0;
  }
}

void ModelPair::play(Engine* first, Engine* second, Pairing pairing) {
  configure_both({first, second}, rate_hz_);
  engines_ = {first, second};
  pairing_ = pairing;
  for (std::size_t i = 0; i < 2; ++i)
    levels_[i] = engines_[i] == nullptr ? Levels{} : levels_of(engines_[i]->metadata());
  set_delays();
}

void ModelPair::configure(double rate_hz) {
  configure_both(engines_, rate_hz);
  rate_hz_ = rate_hz;
  for (SmoothGain* gain : {&into_second_, &first_share_, &second_share_}) gain->configure(rate_hz);
  set_delays();
}

void ModelPair::set_delays() {
  for (Delay& delay : delays_) delay = {};
  if (!parallel()) return;
  const int ahead = engines_[0]->latency_samples() - engines_[1]->latency_samples();
  delays_[ahead > 0 ? 1 : 0].samples.resize(static_cast<std::size_t>(std::abs(ahead)));
}

double ModelPair::input_db(const RigSettings& settings) const noexcept {
  return calibration_db(levels_[engines_[0] != nullptr ? 0 : 1], settings);
}

double ModelPair::output_db(const RigSettings& settings) const noexcept {
  const bool second = engines_[1] != nullptr && !parallel();
  return leveling_db(levels_[second ? 1 : 0], settings);
}

void ModelPair::set(const RigSettings& settings) noexcept {
  if (!both()) return;
  double gain_db = settings.second_gain_db;
  // What comes out of the first has its level; side by side, both get what was calibrated for the first.
  if (parallel())
    gain_db += calibration_db(levels_[1], settings) - calibration_db(levels_[0], settings);
  else if (settings.interface_dbu && levels_[0].output_dbu && levels_[1].input_dbu)
    gain_db += *levels_[0].output_dbu - *levels_[1].input_dbu;
  into_second_.set(from_db(gain_db));
  first_share_.set(1.0 - settings.blend);
  second_share_.set(settings.blend *
                    from_db(leveling_db(levels_[1], settings) - leveling_db(levels_[0], settings)));
}

void ModelPair::reset() noexcept {
  for (Engine* engine : engines_)
    if (engine != nullptr) engine->reset();
  for (SmoothGain* gain : {&into_second_, &first_share_, &second_share_}) gain->settle();
  for (Delay& delay : delays_) delay.reset();
}

void ModelPair::process(float* x, int n, float* raw) noexcept {
  if (!both()) {
    for (Engine* engine : engines_)
      if (engine != nullptr) engine->process(x, x, n);
    if (raw != nullptr) std::copy_n(x, n, raw);
    return;
  }
  float* y = second_.data();
  if (pairing_ == Pairing::parallel) std::copy_n(x, n, y);
  engines_[0]->process(x, x, n);
  if (pairing_ == Pairing::series) std::copy_n(x, n, y);
  into_second_.process(y, n);
  engines_[1]->process(y, y, n);
  if (raw != nullptr)
    for (int t = 0; t < n; ++t) raw[t] = x[t] + y[t];
  if (pairing_ == Pairing::series) {
    std::copy_n(y, n, x);
    return;
  }
  delays_[0].process(x, n);
  delays_[1].process(y, n);
  first_share_.process(x, n);
  second_share_.process(y, n);
  for (int t = 0; t < n; ++t) x[t] += y[t];
}

int ModelPair::latency_samples() const noexcept {
  int sum = 0, most = 0;
  for (const Engine* engine : engines_) {
    if (engine == nullptr) continue;
    sum += engine->latency_samples();
    most = std::max(most, engine->latency_samples());
  }
  return parallel() ? most : sum;
}

bool ModelPair::at_rest() const noexcept {
  return std::all_of(engines_.begin(), engines_.end(),
                     [](const Engine* engine) { return engine == nullptr || engine->at_rest(); });
}

std::int64_t ModelPair::memory_samples() const noexcept {
  std::int64_t memory = 0;
  for (const Engine* engine : engines_) {
    if (engine == nullptr) continue;
    const double per_model_sample = rate_hz_ / engine->sample_rate_hz();
    memory += static_cast<std::int64_t>(per_model_sample * static_cast<double>(engine->settling_samples())) + 1;
    memory += 2 * engine->latency_samples();
  }
  return memory;
}

int ModelPair::period_samples() const noexcept {
  int period = 1;
  for (const Engine* engine : engines_)
    if (engine != nullptr) period = std::lcm(period, engine->period_samples());
  return period;
}

}  // namespace triode
