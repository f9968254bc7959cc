#include "parametric.h"

#include <algorithm>
#include <cmath>

namespace triode {

namespace {

// Gains and scales lie within e^-20 and e^20, so that no position of the knobs makes an infinity.
constexpr float kMostLog = 20.0f;

// 1 where the modulation is a factor (gains and scales), 0 where it is a shift, in the order of docs/model-file.md.
std::vector<bool> factors(const WavenetSpec& wavenet) {
  std::vector<bool> list = {true};
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

KnobNetwork::KnobNetwork(const ParametricSpec& spec, const Tensors& tensors, const std::string& prefix)
    : knobs_(static_cast<std::size_t>(spec.knobs)), is_factor_(factors(spec.wavenet())) {
  std::size_t widest = knobs_;
  for (std::size_t i = 0; i < spec.hidden_sizes.size(); ++i) {
    const std::string name = prefix + "hidden." + std::to_string(i);
    hidden_.push_back({tensor(tensors, name + ".weight").data, tensor(tensors, name + ".bias").data});
    widest = std::max(widest, hidden_.back().bias.size());
  }
  bias_ = tensor(tensors, prefix + "output.bias").data;
  const std::vector<float>& weight = tensor(tensors, prefix + "output.weight").data;
  const std::size_t features = weight.size() / bias_.size();
  columns_.reserve(weight.size());
  for (std::size_t f = 0; f < features; ++f)
    for (std::size_t m = 0; m < bias_.size(); ++m) columns_.push_back(weight[m * features + f]);
  features_.resize(widest + knobs_);
  next_.resize(widest);
}

void KnobNetwork::run(const float* travels, float* modulation) noexcept {
  for (std::size_t k = 0; k < knobs_; ++k) features_[k] = 2.0f * travels[k] - 1.0f;
  std::size_t size = knobs_;
  for (const Dense& layer : hidden_) {
    for (std::size_t o = 0; o < layer.bias.size(); ++o) {
      float sum = layer.bias[o];
      for (std::size_t i = 0; i < size; ++i) sum += layer.weight[o * size + i] * features_[i];
      next_[o] = std::tanh(sum);
    }
    size = layer.bias.size();
    std::copy_n(next_.begin(), size, features_.begin());
  }
  if (!hidden_.empty())
    for (std::size_t k = 0; k < knobs_; ++k) features_[size + k] = 2.0f * travels[k] - 1.0f;
  const std::size_t outputs = bias_.size();
  std::copy(bias_.begin(), bias_.end(), modulation);
  for (std::size_t f = 0; f < columns_.size() / outputs; ++f) {
    const float* column = columns_.data() + f * outputs;
    const float feature = features_[f];
    for (std::size_t m = 0; m < outputs; ++m) modulation[m] += column[m] * feature;
  }
  for (std::size_t m = 0; m < outputs; ++m)
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

void Parametric::process(Rows in, MutableRows out, int n) noexcept {
  for (int at = 0, count; at < n; at += count) {
    if (position_ == 0) look(in, at);
    count = std::min(n - at, kKnobInterval - position_);
    // At rest a look that finds nothing new need not interrupt the network.
    while (resting_ && at + count < n && !moved(in, at + count)) count = std::min(n - at, count + kKnobInterval);
    play(in, out, at, count);
    position_ = (position_ + count) % kKnobInterval;
  }
}

bool Parametric::moved(Rows in, int at) const noexcept {
  for (std::size_t k = 0; k < travels_.size(); ++k)
    if (in.data[static_cast<std::ptrdiff_t>(k + 1) * in.stride + at] != travels_[k]) return true;
  return false;
}

void Parametric::look(Rows in, int at) noexcept {
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

void Parametric::play(Rows in, MutableRows out, int at, int n) noexcept {
  float* const network_in = in_.rows().data;
  const float* const network_out = out_.rows().data;
  const std::size_t last = aim_.size() - 1;
  if (resting_) {
    for (int t = 0; t < n; ++t) network_in[t] = in.data[at + t] * aim_[0];
    network_.process(in_.rows(), out_.rows(), n);
    for (int t = 0; t < n; ++t) out.data[at + t] = network_out[t] * aim_[last];
    return;
  }
  // The first sample after a look has made one step.
  const auto gain = [&](std::size_t m, int t) { return from_[m] + step_[m] * static_cast<float>(position_ + t + 1); };
  for (int t = 0; t < n; ++t) network_in[t] = in.data[at + t] * gain(0, t);
  network_.turn(from_.data() + 1, step_.data() + 1, position_ + 1);
  network_.process(in_.rows(), out_.rows(), n);
  for (int t = 0; t < n; ++t) out.data[at + t] = network_out[t] * gain(last, t);
}

}  // namespace triode
