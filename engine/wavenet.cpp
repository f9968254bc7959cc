#include "wavenet.h"

#include <algorithm>

namespace triode {

namespace {

std::vector<float> bias_of(const Tensors& tensors, const std::string& name) {
  const auto found = tensors.find(name + ".bias");
  return found == tensors.end() ? std::vector<float>{} : found->second.data;
}

Mixer pointwise_mixer(const Kernels& kernels, const Tensors& tensors, const std::string& name, int inputs,
                      int groups) {
  const Tensor& weight = tensor(tensors, name + ".weight");
  return {kernels, dense(weight, inputs, groups), bias_of(tensors, name), static_cast<int>(weight.shape[0])};
}

bool is_plain(const ArraySpec& array, const LayerSpec& layer) {
  const bool films = std::any_of(array.film.begin(), array.film.end(), [](const auto& f) { return f.has_value(); });
  return layer.gating == Gating::none && !films && !array.head1x1;
}

bool is_whole(const ArraySpec& array, const LayerSpec& layer) {
  return is_plain(array, layer) && array.layer1x1 && array.bottleneck == array.channels &&
         has_layer_kernel(array.channels);
}

// The convolution of a layer; it takes the condition along where nothing acts on the condition's part alone.
Convolution layer_convolution(const Kernels& kernels, const Tensors& tensors, const std::string& name,
                              const ArraySpec& array, const LayerSpec& layer, bool mixes_apart) {
  const Tensor& weight = tensor(tensors, name + "conv.weight");
  const Tensor& mixin = tensor(tensors, name + "mixin.weight");
  const std::vector<float> extra =
      mixes_apart ? std::vector<float>{} : dense(mixin, array.condition_size, array.mixin_groups);
  return {kernels,        weight,       bias_of(tensors, name + "conv"),      array.channels, array.groups,
          layer.dilation, extra,        mixes_apart ? 0 : array.condition_size};
}

bool needs_mixin_apart(const ArraySpec& array) {
  return array.film_at(FilmPlace::conv_post) || array.film_at(FilmPlace::mixin_pre) ||
         array.film_at(FilmPlace::mixin_post);
}

}  // namespace

Pointwise pointwise(const Activation& activation, int channels, std::vector<float>& slopes) {
  slopes = activation.slopes;
  if (slopes.size() == 1) slopes.assign(static_cast<std::size_t>(channels), activation.slopes[0]);
  return {activation.shape, activation.low, activation.high, activation.low_slope, activation.high_slope,
          slopes.data()};
}

Film::Film(const Kernels& kernels, const Tensors& tensors, const std::string& name, const FilmSpec& spec, int channels,
           int condition_size)
    : kernels_(&kernels),
      channels_(channels),
      shift_(spec.shift),
      mixer_(pointwise_mixer(kernels, tensors, name, condition_size, spec.groups)),
      modulation_(mixer_.outputs()) {}

void Film::run(const Rows& condition, const Rows& in, const MutableRows& out, int n) noexcept {
  mixer_.run(condition, modulation_.rows(), n);
  const Rows shift = shift_ ? Rows(modulation_.rows(channels_, channels_)) : Rows{};
  kernels_->modulate(in, modulation_.rows(0, channels_), shift, out, n);
}

WavenetLayer::WavenetLayer(const Kernels& kernels, const Tensors& tensors, const std::string& name,
                           const ArraySpec& array, const LayerSpec& layer)
    : kernels_(&kernels),
      gating_(layer.gating),
      plain_(is_plain(array, layer)),
      whole_(is_whole(array, layer)),
      bottleneck_(array.bottleneck),
      activation_(pointwise(layer.activation, array.bottleneck, slopes_)),
      secondary_(pointwise(layer.secondary.value_or(Activation{}), array.bottleneck, secondary_slopes_)),
      mixes_apart_(needs_mixin_apart(array)),
      convolution_(layer_convolution(kernels, tensors, name, array, layer, mixes_apart_)),
      pre_(array.pre_channels(layer)) {
  if (mixes_apart_) {
    mixin_ = pointwise_mixer(kernels, tensors, name + "mixin", array.condition_size, array.mixin_groups);
    mixed_.emplace(array.pre_channels(layer));
    condition_.emplace(array.condition_size);
  }
  if (array.layer1x1) {
    layer1x1_ = pointwise_mixer(kernels, tensors, name + "layer1x1", array.bottleneck, array.layer1x1->groups);
    passed_.emplace(array.channels);
  }
  if (array.head1x1) {
    head1x1_ = pointwise_mixer(kernels, tensors, name + "head1x1", array.bottleneck, array.head1x1->groups);
    head_.emplace(array.head1x1->out_channels);
  }
  for (std::size_t p = 0; p < films_.size(); ++p)
    if (array.film[p])
      films_[p].emplace(kernels, tensors, name + kFilmNames[p], *array.film[p],
                        array.film_channels(static_cast<FilmPlace>(p), layer), array.condition_size);
  if (film(FilmPlace::conv_pre)) residual_.emplace(array.channels);
  if (gating_ == Gating::blended) activated_.emplace(array.bottleneck);
}

void WavenetLayer::fold(const float* scale, const float* shift) noexcept {
  convolution_.fold(scale, shift);
  turning_ = false;
}

void WavenetLayer::turn(const Ramps& ramps) noexcept {
  convolution_.unfold();
  ramps_ = ramps;
  turning_ = true;
}

void WavenetLayer::run(const Rows& condition, const MutableRows& head_sum, const MutableRows& out, int n) noexcept {
  const Rows in = input();
  if (plain_) {
    convolution_.run(condition, pre_.rows(), n);
    if (turning_) kernels_->ramp(ramps_, pre_.rows(), n);
    kernels_->apply_and_sum(activation_, pre_.rows(), head_sum, n);
  } else {
    if (auto& pre = film(FilmPlace::conv_pre)) pre->run(condition, in, convolution_.input(), n);
    convolve(condition, n);
    activate(n);
    const MutableRows activated = pre_.rows(0, bottleneck_);
    if (auto& post = film(FilmPlace::activation_post)) post->run(condition, activated, activated, n);
    sum_into_head(condition, head_sum, n);
  }
  if (out.data != nullptr) pass_on(condition, in, out, n);
  convolution_.advance(n);
}

Layer WavenetLayer::described() noexcept {
  return {convolution_.packed(), layer1x1_->packed(), convolution_.taps(), convolution_.dilation(), activation_,
          turning_ ? &ramps_ : nullptr, convolution_.input(), {}};
}

void WavenetLayer::convolve(const Rows& condition, int n) noexcept {
  const MutableRows pre = pre_.rows();
  convolution_.run(condition, pre, n);
  if (mixes_apart_) {
    if (auto& post = film(FilmPlace::conv_post)) post->run(condition, pre, pre, n);
    Rows mixin_in = condition;
    if (auto& before = film(FilmPlace::mixin_pre)) {
      before->run(condition, condition, condition_->rows(), n);
      mixin_in = condition_->rows();
    }
    mixin_->run(mixin_in, mixed_->rows(), n);
    if (auto& post = film(FilmPlace::mixin_post)) post->run(condition, mixed_->rows(), mixed_->rows(), n);
    kernels_->add(mixed_->rows(), pre, n);
  }
  if (turning_) kernels_->ramp(ramps_, pre, n);
  if (auto& before = film(FilmPlace::activation_pre)) before->run(condition, pre, pre, n);
}

void WavenetLayer::activate(int n) noexcept {
  const MutableRows first = pre_.rows(0, bottleneck_);
  if (gating_ == Gating::none) return kernels_->apply(activation_, first, n);
  const MutableRows second = pre_.rows(bottleneck_, bottleneck_);
  kernels_->apply(secondary_, second, n);
  if (gating_ == Gating::gated) {
    kernels_->apply(activation_, first, n);
    kernels_->multiply(second, first, n);
  } else {
    const MutableRows activated = activated_->rows();
    kernels_->scale(first, 1.0f, activated, n);
    kernels_->apply(activation_, activated, n);
    kernels_->blend(second, activated, first, n);
  }
}

void WavenetLayer::sum_into_head(const Rows& condition, const MutableRows& head_sum, int n) noexcept {
  if (!head1x1_) return kernels_->add(pre_.rows(0, bottleneck_), head_sum, n);
  head1x1_->run(pre_.rows(0, bottleneck_), head_->rows(), n);
  if (auto& post = film(FilmPlace::head1x1_post)) post->run(condition, head_->rows(), head_->rows(), n);
  kernels_->add(head_->rows(), head_sum, n);
}

void WavenetLayer::pass_on(const Rows& condition, const Rows& in, const MutableRows& out, int n) noexcept {
  if (!layer1x1_) return kernels_->scale(in, 1.0f, out, n);
  const Rows activated = pre_.rows(0, bottleneck_);
  auto& post = film(FilmPlace::layer1x1_post);
  if (!post || gating_ != Gating::blended) return layer1x1_->run(&activated, 1, in, out, n);
  layer1x1_->run(activated, passed_->rows(), n);
  post->run(condition, passed_->rows(), passed_->rows(), n);
  kernels_->scale(in, 1.0f, out, n);
  kernels_->add(passed_->rows(), out, n);
}

WavenetArray::WavenetArray(const Kernels& kernels, const Tensors& tensors, const std::string& name,
                           const ArraySpec& spec)
    : kernels_(&kernels),
      channels_(spec.channels),
      rechannel_(pointwise_mixer(kernels, tensors, name + "rechannel", spec.input_size, 1)),
      head_(kernels, tensor(tensors, name + "head.weight"), bias_of(tensors, name + "head"), spec.head_channels(), 1,
            spec.head.dilation) {
  layers_.reserve(spec.layers.size());
  for (std::size_t l = 0; l < spec.layers.size(); ++l)
    layers_.emplace_back(kernels, tensors, name + "layers." + std::to_string(l) + ".", spec, spec.layers[l]);
  if (std::all_of(layers_.begin(), layers_.end(), [](const WavenetLayer& layer) { return layer.whole(); }))
    whole_.resize(layers_.size());
  describe();
}

void WavenetArray::describe() noexcept {
  for (std::size_t l = 0; l < whole_.size(); ++l) {
    whole_[l] = layers_[l].described();
    if (l > 0) whole_[l - 1].out = layers_[l].input();
  }
}

void WavenetArray::run(std::span<const Rows> in, const Rows& condition, const MutableRows& head_out,
                       const MutableRows& out, int n) noexcept {
  rechannel_.run(in.data(), static_cast<int>(in.size()), Rows{}, layers_.front().input(), n);
  if (whole_.empty())
    run_layers(condition, out, n);
  else
    run_whole_layers(condition, out, n);
  head_.run(Rows{}, head_out, n);
  head_.advance(n);
}

void WavenetArray::run_layers(const Rows& condition, const MutableRows& out, int n) noexcept {
  for (std::size_t l = 0; l < layers_.size(); ++l)
    layers_[l].run(condition, head_.input(), l + 1 < layers_.size() ? layers_[l + 1].input() : out, n);
}

void WavenetArray::run_whole_layers(const Rows& condition, const MutableRows& out, int n) noexcept {
  whole_.back().out = out;
  // Pointers alone: a struct that is read in other pieces than it was written in makes the processor wait.
  for (std::size_t l = 0; l < whole_.size(); ++l) {
    float* input = layers_[l].input().data;
    whole_[l].in.data = input;
    if (l > 0) whole_[l - 1].out.data = input;
  }
  kernels_->layers(whole_.data(), static_cast<int>(whole_.size()), condition, head_.input(), n);
  for (WavenetLayer& layer : layers_) layer.advance(n);
}

void WavenetArray::remember() noexcept {
  for (WavenetLayer& layer : layers_) layer.remember();
  head_.remember();
}

void WavenetArray::recall() noexcept {
  for (WavenetLayer& layer : layers_) layer.recall();
  head_.recall();
}

PostHead::PostHead(const Kernels& kernels, const Tensors& tensors, const std::string& prefix, const PostHeadSpec& spec,
                   int inputs)
    : kernels_(&kernels),
      activation_(pointwise(spec.activation, std::max(inputs, spec.channels), slopes_)) {
  for (std::size_t k = 0; k < spec.kernel_sizes.size(); ++k) {
    const std::string name = prefix + "head." + std::to_string(k);
    const Tensor& weight = tensor(tensors, name + ".weight");
    stages_.emplace_back(kernels, weight, bias_of(tensors, name), static_cast<int>(weight.shape[1]), 1, 1);
  }
}

void PostHead::run(const MutableRows& out, int n) noexcept {
  for (std::size_t k = 0; k < stages_.size(); ++k) {
    kernels_->apply(activation_, stages_[k].input(), n);
    stages_[k].run(Rows{}, k + 1 < stages_.size() ? stages_[k + 1].input() : out, n);
    stages_[k].advance(n);
  }
}

void PostHead::remember() noexcept {
  for (Convolution& stage : stages_) stage.remember();
}

void PostHead::recall() noexcept {
  for (Convolution& stage : stages_) stage.recall();
}

Wavenet::Wavenet(const WavenetSpec& spec, const Tensors& tensors, const std::string& prefix, const Kernels& kernels)
    : kernels_(&kernels),
      head_scale_(tensor(tensors, prefix + "head_scale").data[0]),
      condition_(spec.arrays[0].condition_size),
      head_out_(spec.arrays.back().head.out_channels) {
  heard_.resize(1);
  if (!spec.traces.empty()) {
    traces_.emplace(spec.traces, kernels);
    heard_.insert(heard_.end(), traces_->sources().begin(), traces_->sources().end());
    if (spec.inputs() > 1) heard_.emplace_back();
  }
  if (spec.condition) condition_network_ = make_network(*spec.condition, tensors, prefix + "condition_dsp.", kernels);
  arrays_.reserve(spec.arrays.size());
  for (std::size_t i = 0; i < spec.arrays.size(); ++i) {
    arrays_.emplace_back(kernels, tensors, prefix + "arrays." + std::to_string(i) + ".", spec.arrays[i]);
    between_.emplace_back(spec.arrays[i].channels);
  }
  if (spec.post_head)
    post_head_.emplace(kernels, tensors, prefix, *spec.post_head, spec.arrays.back().head.out_channels);
}

void Wavenet::process(const Rows& in, const MutableRows& out, int n) noexcept {
  if (traces_) traces_->run(in.data, n);
  run(in, out, n);
}

void Wavenet::run(const Rows& in, const MutableRows& out, int n) noexcept {
  heard_.front() = in;
  if (traces_) {
    heard_.front().rows = 1;
    if (in.rows > 1) heard_.back() = {in.data + in.stride, in.stride, in.rows - 1};
  }
  Rows condition = in;
  if (condition_network_) {
    condition_network_->process(in, condition_.rows(), n);
    condition = condition_.rows();
  }
  const MutableRows first_sum = arrays_.front().head_sum();
  const int registers = (n + kMaxWidth - 1) / kMaxWidth;
  for (int r = 0; r < first_sum.rows; ++r)
    std::fill_n(first_sum.data + r * first_sum.stride, registers * kMaxWidth, 0.0f);
  std::span<const Rows> layer_in = heard_;
  Rows passed{};
  for (std::size_t i = 0; i < arrays_.size(); ++i) {
    const bool last = i + 1 == arrays_.size();
    const MutableRows head_out = last ? head_out_.rows() : arrays_[i + 1].head_sum();
    const MutableRows layer_out = last ? MutableRows{} : between_[i].rows();
    arrays_[i].run(layer_in, condition, head_out, layer_out, n);
    passed = layer_out;
    layer_in = {&passed, 1};
  }
  kernels_->scale(head_out_.rows(), head_scale_, post_head_ ? post_head_->input() : out, n);
  if (post_head_) post_head_->run(out, n);
}

void Wavenet::remember() noexcept {
  if (traces_) traces_->remember();
  if (condition_network_) condition_network_->remember();
  for (WavenetArray& array : arrays_) array.remember();
  if (post_head_) post_head_->remember();
}

void Wavenet::recall() noexcept {
  if (traces_) traces_->recall();
  if (condition_network_) condition_network_->recall();
  for (WavenetArray& array : arrays_) array.recall();
  if (post_head_) post_head_->recall();
}

template <class F>
void Wavenet::each_layer(F f) noexcept {
  std::ptrdiff_t first = 0;
  for (WavenetArray& array : arrays_) {
    std::ptrdiff_t rows = 0, row = first;
    for (WavenetLayer& layer : array.layers()) rows += layer.rows();
    for (WavenetLayer& layer : array.layers()) {
      f(layer, row, row + rows);
      row += layer.rows();
    }
    first += 2 * rows;
  }
}

void Wavenet::make_turnable() {
  each_layer([](WavenetLayer& layer, std::ptrdiff_t, std::ptrdiff_t) { layer.make_turnable(); });
}

void Wavenet::fold(const float* rows) noexcept {
  each_layer([rows](WavenetLayer& layer, std::ptrdiff_t scale, std::ptrdiff_t shift) {
    layer.fold(rows + scale, rows + shift);
  });
  for (WavenetArray& array : arrays_) array.describe();
}

void Wavenet::turn(const float* from, const float* step, int steps) noexcept {
  each_layer([=](WavenetLayer& layer, std::ptrdiff_t scale, std::ptrdiff_t shift) {
    layer.turn({from + scale, step + scale, from + shift, step + shift, static_cast<float>(steps)});
  });
  for (WavenetArray& array : arrays_) array.describe();
}

}  // namespace triode
