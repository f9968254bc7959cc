#include "traces.h"

#include <algorithm>
#include <cmath>

namespace triode {

namespace {

// Lanes of the filters of one kind.
int lanes(const std::vector<TraceSpec>& specs, TraceSpec::Kind kind) {
  const auto count = std::count_if(specs.begin(), specs.end(), [=](const auto& spec) { return spec.kind == kind; });
  return static_cast<int>((count + kTraceLanes - 1) / kTraceLanes * kTraceLanes);
}

}  // namespace

Traces::Traces(const std::vector<TraceSpec>& specs, const Kernels& kernels)
    : kernels_(&kernels),
      low_passes_(lanes(specs, TraceSpec::Kind::low_pass)),
      envelopes_(lanes(specs, TraceSpec::Kind::envelope)),
      keeps_(static_cast<std::size_t>(low_passes_ + envelopes_)),
      states_(keeps_.size()),
      remembered_(keeps_.size()),
      scales_(keeps_.size()),
      offsets_(keeps_.size()),
      out_(low_passes_ + envelopes_) {
  int next_low_pass = 0, next_envelope = low_passes_;
  for (const TraceSpec& spec : specs) {
    const bool envelope = spec.kind == TraceSpec::Kind::envelope;
    const int lane = envelope ? next_envelope++ : next_low_pass++;
    const auto at = static_cast<std::size_t>(lane);
    // l += a (x - l) for l = a u is u = (1 - a) u + x: one operation less for each sample to wait for.
    const double share = -std::expm1(-1.0 / spec.time_constant_samples);
    keeps_[at] = std::exp(-1.0 / spec.time_constant_samples);
    scales_[at] = static_cast<float>(spec.scale * (envelope ? std::sqrt(share) : share));
    offsets_[at] = static_cast<float>(-spec.scale * spec.offset);
    const Rows row = out_.rows(lane, 1);
    if (!sources_.empty() && sources_.back().data + sources_.back().rows * row.stride == row.data)
      ++sources_.back().rows;
    else
      sources_.push_back(row);
  }
}

void Traces::run(const float* audio, int n) noexcept {
  kernels_->traces({keeps_.data(), scales_.data(), offsets_.data(), low_passes_, envelopes_}, audio, states_.data(),
                   out_.rows(), n);
}

}  // namespace triode
