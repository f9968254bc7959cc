#include "player.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "bounds.h"

namespace triode {

namespace {

constexpr double kLowestHz = 8e3, kHighestHz = 768e3;
constexpr int kMostCopies = 8;  // to meet a host at a multiple of the model's rate

// host / model as a whole number, or 0.
int whole_multiple(double model_hz, double host_hz) {
  const double multiple = std::round(host_hz / model_hz);
  const bool whole = std::abs(host_hz - multiple * model_hz) < 1e-6 * model_hz;
  return whole && multiple >= 1.0 && multiple <= kMostCopies ? static_cast<int>(multiple) : 0;
}

}  // namespace

RatePlan plan_rates(double model_hz, double host_hz, int oversample, std::int64_t memory) {
  if (host_hz != model_hz && !(host_hz >= kLowestHz && host_hz <= kHighestHz))
    throw std::invalid_argument("a sample rate of " + std::to_string(host_hz) + " Hz; expected 8 to 768 kHz");
  if (oversample != 1 && oversample != 2 && oversample != 4)
    throw std::invalid_argument("oversampling by " + std::to_string(oversample) + "; expected 1, 2 or 4");
  RatePlan plan;
  const int multiple = whole_multiple(model_hz, host_hz);
  const int rounded = multiple > 0 ? (oversample + multiple - 1) / multiple * multiple : oversample;
  plan.copies = rounded * memory <= limits::kState ? rounded : oversample;
  if (plan.copies > 1 && plan.copies * memory > limits::kState)
    throw std::invalid_argument("oversampling by " + std::to_string(oversample) +
                                " would take too much memory with this model; choose less");
  plan.inner = nearest_ratio(plan.copies * model_hz / host_hz);
  return plan;
}

Player::Player(std::vector<std::unique_ptr<Network>> copies, const Kernels& kernels, const RatePlan& plan,
               double model_hz, double host_hz, const KnobInputs& knobs)
    : copies_(std::move(copies)), in_(1 + knobs.count()), out_(1), ratio_(plan.inner) {
  if (!plan.resamples()) return;
  const Ratio back = {ratio_.down, ratio_.up};
  const double lowest_hz = std::min(host_hz, model_hz);
  const int most_inner = kChunk * ratio_.up / ratio_.down + 2;
  to_inner_.emplace(kernels, ratio_, Lowpass::for_rates(host_hz, lowest_hz), kChunk, ratio_.down / ratio_.up + 1);
  // An inner sample comes out look_ahead() host samples after its time; the way back waits for that, and for its own.
  const Lowpass lowpass = Lowpass::for_rates(host_hz * ratio_.up / ratio_.down, lowest_hz);
  const int ahead = static_cast<int>(std::ceil(lowpass.half_width));
  latency_samples_ = to_inner_->look_ahead() + ahead * ratio_.down / ratio_.up;
  to_host_.emplace(kernels, back, lowpass, most_inner, latency_samples_ * ratio_.up / ratio_.down + 2);
  inner_.resize(static_cast<std::size_t>(most_inner));
  knobs.rest(in_.rows(1, knobs.count()));
  copies_[0]->process(in_.rows(), out_.rows(), kChunk);
  rest_ = out_.rows().data[kChunk - 1];
  reset();
}

void Player::reset() noexcept {
  for (auto& copy : copies_) copy->recall();
  turn_ = 0;
  if (!to_inner_) return;
  to_inner_->reset(0, 0.0f);
  to_host_->reset(static_cast<long long>(latency_samples_) * ratio_.up, rest_);
}

void Player::process(const float* in, float* out, int n, KnobInputs& knobs) noexcept {
  if (!to_inner_) return run_copies(in, out, n, knobs);
  to_inner_->push(in, n);
  const int count = to_inner_->pull(inner_.data(), static_cast<int>(inner_.size()));
  run_copies(inner_.data(), inner_.data(), count, knobs);
  to_host_->push(inner_.data(), count);
  to_host_->pull(out, n);
}

void Player::run_copies(const float* in, float* out, int n, KnobInputs& knobs) noexcept {
  const int step = static_cast<int>(copies_.size());
  float* copy_in = in_.rows().data;
  const float* copy_out = out_.rows().data;
  for (int start = 0; start < n; start += kChunk * step) {
    const int count = std::min(n - start, kChunk * step);
    for (int first = 0; first < std::min(step, count); ++first) {
      const int samples = (count - first + step - 1) / step;
      for (int t = 0; t < samples; ++t) copy_in[t] = in[start + first + t * step];
      knobs.fill(in_.rows(1, knobs.count()), first, step, samples);
      copies_[(turn_ + static_cast<std::size_t>(first)) % copies_.size()]->process(in_.rows(), out_.rows(), samples);
      for (int t = 0; t < samples; ++t) out[start + first + t * step] = copy_out[t];
    }
    knobs.advance(count);
    turn_ = (turn_ + static_cast<std::size_t>(count)) % copies_.size();
  }
}

}  // namespace triode
