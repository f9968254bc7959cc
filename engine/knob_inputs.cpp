#include "knob_inputs.h"

#include <algorithm>
#include <cmath>

namespace triode {

namespace {

constexpr double kRampSeconds = 0.02;

float* row_of(const MutableRows& rows, std::size_t index) {
  return rows.data + static_cast<std::ptrdiff_t>(index) * rows.stride;
}

}  // namespace

KnobInputs::KnobInputs(std::vector<Knob> knobs) : knobs_(std::move(knobs)) {
  for (const Knob& knob : knobs_)
    inputs_.push_back({static_cast<float>(knob.travel(knob.default_value)), 0.0f, 0, false});
}

void KnobInputs::start(double sample_rate_hz) noexcept {
  ramp_samples_ = std::max(1, static_cast<int>(std::lround(kRampSeconds * sample_rate_hz)));
  for (Input& input : inputs_) input = {input.target, 0.0f, 0, false};
  moved_ = false;
}

bool KnobInputs::set(std::string_view name, double value) noexcept {
  const auto found = std::find_if(knobs_.begin(), knobs_.end(), [&](const Knob& knob) { return knob.name == name; });
  if (found == knobs_.end() || std::isnan(value)) return false;
  Input& input = inputs_[static_cast<std::size_t>(found - knobs_.begin())];
  const float now = input.target - input.slope * static_cast<float>(input.remaining);
  const float before = input.target;
  input.target = static_cast<float>(found->travel(std::clamp(value, found->low, found->high)));
  if (input.target == before) return true;  // a line under way goes on
  moved_ = true;
  input.slope = (input.target - now) / static_cast<float>(ramp_samples_);
  input.remaining = input.slope == 0.0f ? 0 : ramp_samples_;
  input.row_is_set = false;
  return true;
}

bool KnobInputs::at_rest() const noexcept {
  return std::all_of(inputs_.begin(), inputs_.end(), [](const Input& input) { return input.remaining == 0; });
}

void KnobInputs::jump() noexcept {
  for (Input& input : inputs_) {
    input.row_is_set = input.row_is_set && input.remaining == 0;
    input.remaining = 0;
  }
}

void KnobInputs::fill(const MutableRows& rows, int first, int step, int n) noexcept {
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    Input& input = inputs_[i];
    if (input.row_is_set) continue;
    float* row = row_of(rows, i);
    if (input.remaining == 0) {
      std::fill_n(row, kChunk, input.target);
      input.row_is_set = true;
      continue;
    }
    for (int t = 0; t < n; ++t) {
      // Counted down, not summed up: the line ends exactly at its target.
      const int left = std::max(0, input.remaining - (first + t * step) - 1);
      row[t] = input.target - input.slope * static_cast<float>(left);
    }
  }
}

void KnobInputs::advance(int n) noexcept {
  for (Input& input : inputs_) input.remaining = std::max(0, input.remaining - n);
}

void KnobInputs::rest(const MutableRows& rows) const noexcept {
  for (std::size_t i = 0; i < inputs_.size(); ++i) std::fill_n(row_of(rows, i), kChunk, inputs_[i].target);
}

}  // namespace triode
