#include "circuits.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "denormals.h"

namespace triode {
namespace {

// Ten times 48 kHz keeps aliasing below -60 dB (docs/circuits.md has the table); outer rates that use the band up
// to 96 kHz need a little more than that.
constexpr double kLowestInnerRateHz = 480000.0;
constexpr double kSmallestFactor = 4.0;

constexpr const CircuitInfo* kAll[] = {&kOverdrive, &kPreamp};

}  // namespace

std::span<const CircuitInfo* const> circuits() { return kAll; }

Circuit::Circuit(const CircuitInfo& info) : info_(info), solver_(info.parts) {
  for (std::size_t n = 0; n < info.knobs.size(); ++n) {
    const CircuitKnob& knob = info.knobs[n];
    travel_[n] = (knob.initial - knob.low) / (knob.high - knob.low);
  }
}

void Circuit::configure(double rate_hz) {
  if (!(rate_hz >= kLowestRateHz && rate_hz <= kHighestRateHz)) {
    throw std::invalid_argument("the circuits run at sample rates from 22050 to 192000 Hz");
  }
  const double factor = std::max(kSmallestFactor, std::ceil(kLowestInnerRateHz / rate_hz));
  inner_rate_hz_ = rate_hz * factor;
  oversampler_.configure(static_cast<std::size_t>(factor));
  inner_.assign(Oversampler::kBlockSamples * oversampler_.factor(), 0.0F);
  reset();
}

bool Circuit::set(std::string_view name, double value) noexcept {
  for (std::size_t n = 0; n < info_.knobs.size(); ++n) {
    const CircuitKnob& knob = info_.knobs[n];
    if (name != knob.name) continue;
    if (!(value >= knob.low && value <= knob.high)) return false;
    travel_[n] = (value - knob.low) / (knob.high - knob.low);
    turned_ = true;
    return true;
  }
  return false;
}

void Circuit::reset() noexcept {
  oversampler_.reset();
  solver_.start(inner_rate_hz_, std::span(travel_).first(info_.knobs.size()));
  turned_ = false;
}

void Circuit::process(const float* in, float* out, std::size_t n) noexcept {
  const StopDenormals stop_denormals;
  if (turned_) solver_.turn(std::span(travel_).first(info_.knobs.size()));
  turned_ = false;
  while (n > 0) {
    const std::size_t block = std::min(n, Oversampler::kBlockSamples);
    process_block(in, out, block);
    in += block;
    out += block;
    n -= block;
  }
}

void Circuit::process_block(const float* in, float* out, std::size_t n) noexcept {
  std::array<float, Oversampler::kBlockSamples> safe{};
  for (std::size_t k = 0; k < n; ++k) {
    safe[k] = std::isnan(in[k]) ? 0.0F : std::clamp(in[k], -kLargestInput, kLargestInput);
  }
  oversampler_.up(safe.data(), n, inner_.data());
  const double out_scale = 1.0 / info_.output_full_scale_volt;
  for (std::size_t k = 0; k < n * oversampler_.factor(); ++k) {
    inner_[k] = static_cast<float>(solver_.step(inner_[k] * info_.input_full_scale_volt) * out_scale);
  }
  oversampler_.down(inner_.data(), n, out);
}

}  // namespace triode
