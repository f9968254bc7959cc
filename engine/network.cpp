#include "network.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <type_traits>

#include "block_oriented.h"
#include "blocks.h"
#include "parametric.h"
#include "recurrent.h"
#include "sequential.h"
#include "wavenet.h"

namespace triode {

namespace {

std::ptrdiff_t rounded_up(std::ptrdiff_t n, std::ptrdiff_t unit) { return (n + unit - 1) / unit * unit; }

// At least this many samples go by between two copies of the past to the front.
constexpr std::ptrdiff_t kLeastRun = 4 * kChunk;

}  // namespace

std::unique_ptr<Network> make_network(const Architecture& architecture, const Tensors& tensors,
                                      const std::string& prefix, const Kernels& kernels) {
  const auto make = [&]<class Spec>(const Spec& spec) -> std::unique_ptr<Network> {
    if constexpr (std::is_same_v<Spec, WavenetSpec>) return std::make_unique<Wavenet>(spec, tensors, prefix, kernels);
    if constexpr (std::is_same_v<Spec, RecurrentSpec>)
      return std::make_unique<Recurrent>(spec, tensors, prefix, kernels);
    if constexpr (std::is_same_v<Spec, ConvnetSpec>) return std::make_unique<Convnet>(spec, tensors, prefix, kernels);
    if constexpr (std::is_same_v<Spec, ConvSpec>) return std::make_unique<Conv>(spec, tensors, prefix, kernels);
    if constexpr (std::is_same_v<Spec, SequentialSpec>)
      return std::make_unique<Sequential>(spec, tensors, prefix, kernels);
    if constexpr (std::is_same_v<Spec, ParametricSpec>)
      return std::make_unique<Parametric>(spec, tensors, prefix, kernels);
    if constexpr (std::is_same_v<Spec, BlockOrientedSpec>)
      return std::make_unique<BlockOriented>(spec, tensors, prefix, kernels);
    if constexpr (std::is_same_v<Spec, LinearSpec>) return std::make_unique<Linear>(spec, tensors, prefix, kernels);
    throw std::logic_error("a container does not play: at_quality() chooses one of its models first");
  };
  return std::visit(make, architecture.spec);
}

History::History(int channels, std::int64_t past)
    : channels_(channels), past_(rounded_up(past, kMaxWidth)), length_(past_ + std::max(past_, kLeastRun)) {
  // An odd number of cache lines per row keeps the rows from competing for the same cache sets.
  stride_ = rounded_up(length_ + kChunk, kMaxWidth);
  if (stride_ / kMaxWidth % 2 == 0) stride_ += kMaxWidth;
  position_ = past_;
  buffer_.assign(static_cast<std::size_t>(stride_) * channels_, 0.0f);
  remembered_.assign(static_cast<std::size_t>(past_) * channels_, 0.0f);
}

void History::rewind() noexcept {
  for (int c = 0; c < channels_; ++c) {
    float* row = buffer_.data() + c * stride_;
    std::memmove(row, row + position_ - past_, static_cast<std::size_t>(past_) * sizeof(float));
  }
  position_ = past_;
}

void History::remember() noexcept {
  for (int c = 0; c < channels_; ++c)
    std::copy_n(buffer_.data() + c * stride_ + position_ - past_, past_, remembered_.data() + c * past_);
}

void History::recall() noexcept {
  position_ = past_;
  for (int c = 0; c < channels_; ++c)
    std::copy_n(remembered_.data() + c * past_, past_, buffer_.data() + c * stride_);
}

Mixer::Mixer(const Kernels& kernels, const std::vector<float>& weights, const std::vector<float>& bias, int outputs)
    : kernels_(&kernels), outputs_(outputs), bias_(bias) {
  bias_.resize(static_cast<std::size_t>(outputs), 0.0f);
  const std::size_t inputs = weights.size() / static_cast<std::size_t>(outputs);
  weights_.reserve(weights.size());
  for (int first = 0; first < outputs; first += kernels.mix_tile) {
    const int last = std::min(first + kernels.mix_tile, outputs);
    for (std::size_t i = 0; i < inputs; ++i)
      for (int r = first; r < last; ++r) weights_.push_back(weights[static_cast<std::size_t>(r) * inputs + i]);
  }
}

void Mixer::fold(const Mixer& plain, const float* scale, const float* shift) noexcept {
  const std::size_t inputs = weights_.size() / static_cast<std::size_t>(outputs_);
  std::size_t at = 0;
  for (int first = 0; first < outputs_; first += kernels_->mix_tile) {
    const int last = std::min(first + kernels_->mix_tile, outputs_);
    for (std::size_t i = 0; i < inputs; ++i)
      for (int r = first; r < last; ++r, ++at) weights_[at] = plain.weights_[at] * scale[r];
  }
  for (int r = 0; r < outputs_; ++r) bias_[static_cast<std::size_t>(r)] = plain.bias_[static_cast<std::size_t>(r)] * scale[r] + shift[r];
}

std::vector<float> dense(const Tensor& weight, int inputs, int groups) {
  const auto outputs = static_cast<std::size_t>(weight.shape[0]);
  const auto group_inputs = static_cast<std::size_t>(weight.shape[1]);
  const auto taps = static_cast<std::size_t>(weight.shape.size() > 2 ? weight.shape[2] : 1);
  const std::size_t group_outputs = outputs / static_cast<std::size_t>(groups), all = static_cast<std::size_t>(inputs);
  std::vector<float> matrix(outputs * taps * all, 0.0f);
  for (std::size_t o = 0; o < outputs; ++o)
    for (std::size_t i = 0; i < group_inputs; ++i)
      for (std::size_t k = 0; k < taps; ++k)
        matrix[(o * taps + k) * all + o / group_outputs * group_inputs + i] =
            weight.data[(o * group_inputs + i) * taps + k];
  return matrix;
}

namespace {

// The rows of `a` and `b` side by side: (outputs, a's columns + b's columns).
std::vector<float> side_by_side(const std::vector<float>& a, const std::vector<float>& b, std::size_t outputs) {
  std::vector<float> both;
  both.reserve(a.size() + b.size());
  const auto columns_a = static_cast<std::ptrdiff_t>(a.size() / outputs);
  const auto columns_b = static_cast<std::ptrdiff_t>(b.size() / outputs);
  for (std::ptrdiff_t o = 0; o < static_cast<std::ptrdiff_t>(outputs); ++o) {
    both.insert(both.end(), a.begin() + o * columns_a, a.begin() + (o + 1) * columns_a);
    both.insert(both.end(), b.begin() + o * columns_b, b.begin() + (o + 1) * columns_b);
  }
  return both;
}

}  // namespace

Convolution::Convolution(const Kernels& kernels, const Tensor& weight, const std::vector<float>& bias, int inputs,
                         int groups, int dilation, const std::vector<float>& extra, int extra_inputs)
    : taps_(static_cast<int>(weight.shape[2])),
      dilation_(dilation),
      history_(inputs, static_cast<std::int64_t>(taps_ - 1) * dilation),
      mixer_(kernels, side_by_side(dense(weight, inputs, groups), extra, static_cast<std::size_t>(weight.shape[0])),
             bias, static_cast<int>(weight.shape[0])),
      sources_(static_cast<std::size_t>(taps_ + (extra_inputs > 0 ? 1 : 0))) {}

void Convolution::run(const Rows& extra_rows, const MutableRows& out, int n) noexcept {
  for (int k = 0; k < taps_; ++k) sources_[static_cast<std::size_t>(k)] = history_.ago((taps_ - 1 - k) * dilation_);
  if (sources_.size() > static_cast<std::size_t>(taps_)) sources_.back() = extra_rows;
  playing().run(sources_.data(), static_cast<int>(sources_.size()), Rows{}, out, n);
}

const Tensor& tensor(const Tensors& tensors, const std::string& name) { return tensors.find(name)->second; }

}  // namespace triode
