#include "parametric.h"

#include <algorithm>
#include <cmath>

namespace triode {

namespace {

// Gains and scales lie within e^-20 and e^20, so that no position of the knobs makes an infinity.
constexpr float kMostLog = 20.0f;
// A logarithmic scale is that of a pot whose resistance grows 21-fold over its travel.
constexpr float kTaper = 20.0f;

// A travel, -1 to 1.
float told(ParametricSpec::Taper taper, float travel) {
  if (taper == ParametricSpec::Taper::linear) return 2.0f * travel - 1.0f;
  const auto log = [](float u) { return 2.0f * std::log1p(kTaper * std::clamp(u, 0.0f, 1.0f)) / std::log1p(kTaper) - 1.0f; };
  return taper == ParametricSpec::Taper::log ? log(travel) : -log(1.0f - travel);
}

// Whether the modulation is a factor (gains and scales) or a shift, in the order of docs/model-file.md.
std::vector<char> factors(const WavenetSpec& wavenet) {
  std::vector<char> list = {true};
  for (const ArraySpec& array : wavenet.arrays) {
    std::size_t rows = 0;
    for (const LayerSpec& layer : array.layers) rows += static_cast<std::size_t>(array.pre_channels(layer));
    list.insert(list.end(), rows, true);
    list.insert(list.end(), rows, false);
  }
  list.push_back(true);
  return list;
}

}  // namespace

KnobNetwork::Dense::Dense(const Tensors& tensors, const std::string& name)
    : bias(tensor(tensors, name + ".bias").data) {
  const std::vector<float>& weight = tensor(tensors, name + ".weight").data;
  const std::size_t inputs = weight.size() / bias.size();
  columns.reserve(weight.size());
  for (std::size_t i = 0; i < inputs; ++i)
    for (std::size_t o = 0; o < bias.size(); ++o) columns.push_back(weight[o * inputs + i]);
}

void KnobNetwork::Dense::run(const float* in, float* __restrict out) const noexcept {
  const std::size_t outputs = bias.size(), inputs = columns.size() / outputs;
  std::copy(bias.begin(), bias.end(), out);
  for (std::size_t i = 0; i < inputs; ++i) {
    const float* const column = columns.data() + i * outputs;
    for (std::size_t o = 0; o < outputs; ++o) out[o] += column[o] * in[i];
  }
}

KnobNetwork::KnobNetwork(const ParametricSpec& spec, const Tensors& tensors, const std::string& prefix)
    : knobs_(static_cast<std::size_t>(spec.knobs)),
      tapers_(spec.tapers),
      output_(tensors, prefix + "output"),
      is_factor_(factors(spec.wavenet())) {
  const std::size_t told = static_cast<std::size_t>(spec.told());
  std::size_t widest = told;
  for (std::size_t i = 0; i < spec.hidden_sizes.size(); ++i) {
    hidden_.emplace_back(tensors, prefix + "hidden." + std::to_string(i));
    widest = std::max(widest, hidden_.back().bias.size());
  }
  features_.resize(widest + told);
  next_.resize(widest);
}

void KnobNetwork::tell(const float* travels, float* told_travels) const noexcept {
  for (const ParametricSpec::Taper taper : tapers_)
    for (std::size_t k = 0; k < knobs_; ++k) *told_travels++ = told(taper, travels[k]);
}

void KnobNetwork::run(const float* travels, float* modulation) noexcept {
  tell(travels, features_.data());
  std::size_t size = 0;
  for (const Dense& layer : hidden_) {
    layer.run(features_.data(), next_.data());
    size = layer.bias.size();
    for (std::size_t o = 0; o < size; ++o) features_[o] = std::tanh(next_[o]);
  }
  tell(travels, features_.data() + size);
  output_.run(features_.data(), modulation);
  for (std::size_t m = 0; m < is_factor_.size(); ++m)
    if (is_factor_[m]) modulation[m] = std::exp(std::clamp(modulation[m], -kMostLog, kMostLog));
}

Parametric::Parametric(const ParametricSpec& spec, const Tensors& tensors, const std::string& prefix,
                       const Kernels& kernels)
    : knobs_(spec, tensors, prefix + "knobs."),
      network_(spec.wavenet(), tensors, prefix + "network.", kernels),
      in_(1),
      out_(1),
      travels_(static_cast<std::size_t>(spec.knobs)) {
  network_.make_turnable();
  for (std::vector<float>* values : {&from_, &step_, &aim_}) values->resize(static_cast<std::size_t>(knobs_.modulations()));
}

void Parametric::remember() noexcept {
  network_.remember();
  start();
}

void Parametric::recall() noexcept {
  network_.recall();
  start();
}

void Parametric::start() noexcept {
  position_ = 0;
  lost_ = true;
}

void Parametric::process(const Rows& in, const MutableRows& out, int n) noexcept {
  for (int at = 0, count; at < n; at += count) {
    if (position_ == 0) look(in, at);
    count = std::min(n - at, kKnobInterval - position_);
    // At rest a look that finds nothing new need not interrupt the network.
    while (resting_ && at + count < n && !moved(in, at + count)) count = std::min(n - at, count + kKnobInterval);
    play(in, out, at, count);
    position_ = (position_ + count) % kKnobInterval;
  }
}

bool Parametric::moved(const Rows& in, int at) const noexcept {
  for (std::size_t k = 0; k < travels_.size(); ++k)
    if (in.data[static_cast<std::ptrdiff_t>(k + 1) * in.stride + at] != travels_[k]) return true;
  return false;
}

void Parametric::look(const Rows& in, int at) noexcept {
  if (!lost_ && !moved(in, at)) {
    if (resting_) return;
    resting_ = true;
    return network_.fold(aim_.data() + 1);
  }
  for (std::size_t k = 0; k < travels_.size(); ++k)
    travels_[k] = in.data[static_cast<std::ptrdiff_t>(k + 1) * in.stride + at];
  from_ = aim_;
  knobs_.run(travels_.data(), aim_.data());
  resting_ = lost_;
  lost_ = false;
  if (resting_) return network_.fold(aim_.data() + 1);
  for (std::size_t m = 0; m < step_.size(); ++m) step_[m] = (aim_[m] - from_[m]) / static_cast<float>(kKnobInterval);
}

template <class Gain>
void Parametric::amplify(const Rows& in, int at, int n, Gain gain) noexcept {
  float* const network_in = in_.rows().data;
  for (int t = 0; t < n; ++t) network_in[t] = in.data[at + t] * gain(t);
  if (network_.traces() == nullptr) return;
  const MutableRows traces = network_.traces()->rows();
  for (int r = 0; r < traces.rows; ++r)
    for (int t = 0; t < n; ++t) traces.data[r * traces.stride + t] *= gain(t);
}

void Parametric::play(const Rows& in, const MutableRows& out, int at, int n) noexcept {
  const float* const network_out = out_.rows().data;
  const std::size_t last = aim_.size() - 1;
  // They are traces of the audio before the gain, which scales them as it scales the audio.
  if (Traces* traces = network_.traces()) traces->run(in.data + at, n);
  if (resting_) {
    amplify(in, at, n, [this](int) { return aim_[0]; });
    network_.run(in_.rows(), out_.rows(), n);
    for (int t = 0; t < n; ++t) out.data[at + t] = network_out[t] * aim_[last];
    return;
  }
  // The first sample after a look has made one step.
  const auto gain = [&](std::size_t m, int t) { return from_[m] + step_[m] * static_cast<float>(position_ + t + 1); };
  amplify(in, at, n, [&](int t) { return gain(0, t); });
  network_.turn(from_.data() + 1, step_.data() + 1, position_ + 1);
  network_.run(in_.rows(), out_.rows(), n);
  for (int t = 0; t < n; ++t) out.data[at + t] = network_out[t] * gain(last, t);
}

}  // namespace triode
