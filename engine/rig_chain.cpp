#include "rig_chain.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>
#include <string>
#include <utility>

#include "decibels.h"
#include "denormals.h"

namespace triode {

namespace {

constexpr double kDcHz = 5.0;

double in_range(double value, double low, double high, double otherwise) {
  return std::isfinite(value) ? std::clamp(value, low, high) : otherwise;
}

RigSettings in_range(RigSettings s) {
  for (double* gain_db : {&s.input_gain_db, &s.output_gain_db, &s.second_gain_db})
    *gain_db = in_range(*gain_db, -60.0, 60.0, 0.0);
  for (double* tone_db : {&s.bass_db, &s.middle_db, &s.treble_db, &s.presence_db})
    *tone_db = in_range(*tone_db, -20.0, 20.0, 0.0);
  for (double* share : {&s.blend, &s.cabinet_blend}) *share = in_range(*share, 0.0, 1.0, 0.5);
  if (s.interface_dbu) s.interface_dbu = in_range(*s.interface_dbu, -60.0, 60.0, 0.0);
  GateSettings& gate = s.gate_settings;
  const GateSettings usual;
  gate.threshold_db = in_range(gate.threshold_db, -120.0, 0.0, usual.threshold_db);
  gate.hysteresis_db = in_range(gate.hysteresis_db, 0.0, 40.0, usual.hysteresis_db);
  gate.hold_seconds = in_range(gate.hold_seconds, 0.0, 10.0, usual.hold_seconds);
  gate.release_seconds = in_range(gate.release_seconds, 0.0, 10.0, usual.release_seconds);
  return s;
}

}  // namespace

bool Switch::set(bool on) noexcept {
  const bool anew = on && idle();
  on_ = on;
  return anew;
}

void Switch::fade(const float* dry, float* wet, int n) noexcept {
  for (int t = 0; t < n; ++t) {
    share_ = std::clamp(share_ + (on_ ? stride_ : -stride_), 0.0f, 1.0f);
    if (share_ < 1.0f) wet[t] = dry[t] + share_ * (wet[t] - dry[t]);
  }
}

void DcBlocker::configure(double rate_hz) noexcept {
  pull_ = 1.0 - std::exp(-2.0 * std::numbers::pi * kDcHz / rate_hz);
  reset();
}

void DcBlocker::process(float* samples, int n) noexcept {
  for (int t = 0; t < n; ++t) {
    low_ += pull_ * (samples[t] - low_);
    samples[t] -= static_cast<float>(low_);
  }
}

RigChain::RigChain() : kernels_(&kernels_for(best_isa())) { configure(rate_hz_); }

void RigChain::play(Engine* engine, Engine* second, Pairing pairing) {
  models_.play(engine, second, pairing);
  set_gains();
  set_slumber();
}

void RigChain::configure(double sample_rate_hz) {
  if (!(sample_rate_hz > 0.0)) throw std::invalid_argument("a sample rate of 0 Hz or less; expected 8 to 768 kHz");
  std::array<std::optional<Cabinet>, 2> cabinets;
  for (std::size_t i = 0; i < cabinets.size(); ++i)
    cabinets[i] = make_cabinet(responses_[i].samples, responses_[i].rate_hz, sample_rate_hz);
  models_.configure(sample_rate_hz);
  for (std::size_t i = 0; i < cabinets.size(); ++i) responses_[i].cabinet = std::move(cabinets[i]);
  rate_hz_ = sample_rate_hz;
  for (SmoothGain* gain : {&input_gain_, &output_gain_, &first_response_, &second_response_}) gain->configure(rate_hz_);
  for (Switch* turned : {&cabinet_switch_, &dc_switch_}) turned->configure(rate_hz_);
  gate_.configure(rate_hz_);
  tone_.configure(rate_hz_);
  dc_blocker_.configure(rate_hz_);
  reset();
}

void RigChain::load_response(std::vector<float> samples, double sample_rate_hz, int which) {
  if (!samples.empty() && !(sample_rate_hz >= 1e3 && sample_rate_hz <= 768e3))
    throw std::invalid_argument("an impulse response of " + std::to_string(sample_rate_hz) +
                                " Hz; expected 1 to 768 kHz");
  if (!std::all_of(samples.begin(), samples.end(), [](float value) { return std::isfinite(value); }))
    throw std::invalid_argument("an impulse response with samples that are no numbers; export it again");
  if (which != 0 && which != 1) throw std::invalid_argument("a response in another place than 0 and 1");
  std::optional<Cabinet> cabinet = make_cabinet(samples, sample_rate_hz, rate_hz_);
  responses_[static_cast<std::size_t>(which)] = {std::move(samples), sample_rate_hz, std::move(cabinet)};
  cabinet_switch_.set(has_cabinet() && settings_.cabinet);
  cabinet_switch_.settle();
  set_slumber();
}

std::optional<Cabinet> RigChain::make_cabinet(const std::vector<float>& response, double from_hz, double to_hz) const {
  if (response.empty()) return std::nullopt;
  const double seconds = static_cast<double>(response.size()) / from_hz;
  const double most = std::min(Cabinet::kMostSeconds, Cabinet::kMostTaps / to_hz);
  if (seconds > most)
    throw std::invalid_argument("an impulse response of " + std::to_string(seconds) + " s; expected at most " +
                                std::to_string(most) + " s, cut it");
  return std::optional<Cabinet>(std::in_place, *kernels_, resampled_response(*kernels_, response, from_hz, to_hz));
}

void RigChain::set(const RigSettings& settings) noexcept {
  slumber_.wake();
  settings_ = in_range(settings);
  set_gains();
  gate_.set(settings_.gate_settings);
  gate_.turn(settings_.gate);
  tone_.set({settings_.bass_db, settings_.middle_db, settings_.treble_db, settings_.presence_db});
  if (cabinet_switch_.set(has_cabinet() && settings_.cabinet)) reset_cabinets();
  if (dc_switch_.set(settings_.dc_blocker)) dc_blocker_.reset();
}

void RigChain::set_gains() noexcept {
  input_gain_.set(from_db(settings_.input_gain_db + models_.input_db(settings_)));
  output_gain_.set(from_db(settings_.output_gain_db + models_.output_db(settings_)));
  models_.set(settings_);
  first_response_.set(1.0 - settings_.cabinet_blend);
  second_response_.set(settings_.cabinet_blend);
}

void RigChain::reset_cabinets() noexcept {
  for (Response& response : responses_)
    if (response.cabinet) response.cabinet->reset();
}

void RigChain::reset() noexcept {
  models_.reset();
  for (SmoothGain* gain : {&input_gain_, &output_gain_, &first_response_, &second_response_}) gain->settle();
  for (Switch* turned : {&cabinet_switch_, &dc_switch_}) turned->settle();
  gate_.reset();
  tone_.reset();
  dc_blocker_.reset();
  reset_cabinets();
  set_slumber();
}

void RigChain::process(const float* in, float* out, std::int64_t n) noexcept {
  const StopDenormals stop_denormals;
  while (n > 0) {
    const int count = static_cast<int>(std::min<std::int64_t>(n, kChunk));
    run(in, out, count);
    in += count;
    out += count;
    n -= count;
  }
}

template <class Part>
void RigChain::through(Switch& turned, Part& part, float* samples, int n) noexcept {
  if (turned.idle()) return;
  const bool moving = turned.moving();
  if (moving) std::copy_n(samples, n, dry_.data());
  part(samples, n);
  if (moving) turned.fade(dry_.data(), samples, n);
}

void RigChain::set_slumber() noexcept {
  std::int64_t memory = models_.memory_samples();
  for (const Response& response : responses_)
    if (response.cabinet) memory += response.cabinet->memory_samples();
  slumber_.configure(rate_hz_, memory, models_.period_samples());
}

void RigChain::run(const float* in, float* out, int n) noexcept {
  float* x = chunk_.data();
  kernels_->finite(in, x, n);
  if (slumber_.asleep() && !models_.at_rest()) slumber_.wake();
  for (int done = 0; done < n;) {
    const int slept = slumber_.sleep_through(x + done, n - done);
    std::fill_n(x + done, slept, slumber_.rest());
    if ((done += slept) == n) break;
    play_silence(slumber_.take_owed());
    const int count = slumber_.awake_for(n - done);
    const bool silence = slumber_.listen(x + done, count);
    play_parts(x + done, count, silence ? model_out_.data() : nullptr);
    if (silence) slumber_.heard(model_out_.data(), x + done, count, gate_.at_rest() && models_.at_rest());
    done += count;
  }
  std::copy_n(x, n, out);
}

void RigChain::play_silence(int n) noexcept {
  for (; n > 0; n -= kChunk) {
    const int count = std::min(n, kChunk);
    std::fill_n(model_out_.data(), count, 0.0f);
    play_parts(model_out_.data(), count, nullptr);
  }
}

void RigChain::play_cabinets(float* samples, int n) noexcept {
  auto &first = responses_[0].cabinet, &second = responses_[1].cabinet;
  if (!first || !second) return (first ? first : second)->process(samples, samples, n);
  float* other = second_out_.data();
  second->process(samples, other, n);
  first->process(samples, samples, n);
  first_response_.process(samples, n);
  second_response_.process(other, n);
  for (int t = 0; t < n; ++t) samples[t] += other[t];
}

void RigChain::play_parts(float* x, int n, float* model_out) noexcept {
  const bool gated = !gate_.idle();
  if (gated) gate_.listen(x, gate_gains_.data(), n);
  input_gain_.process(x, n);
  models_.process(x, n, model_out);
  const auto block_dc = [this](float* samples, int count) { dc_blocker_.process(samples, count); };
  through(dc_switch_, block_dc, x, n);
  if (gated)
    for (int t = 0; t < n; ++t) x[t] *= gate_gains_[static_cast<std::size_t>(t)];
  tone_.process(x, n);
  const auto play_cabinet = [this](float* samples, int count) { play_cabinets(samples, count); };
  through(cabinet_switch_, play_cabinet, x, n);
  output_gain_.process(x, n);
  kernels_->finite(x, x, n);
}

}  // namespace triode
