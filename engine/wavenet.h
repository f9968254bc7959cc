// WaveNet, as in docs/model-file.md: arrays of layers of dilated convolutions, with everything a .nam file can ask for.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "network.h"
#include "traces.h"

namespace triode {

/// Feature-wise linear modulation: the condition, through a 1x1 convolution, scales and shifts a signal
/// (Perez et al., FiLM: Visual Reasoning with a General Conditioning Layer, AAAI 2018).
class Film {
 public:
  Film(const Kernels& kernels, const Tensors& tensors, const std::string& name, const FilmSpec& spec, int channels,
       int condition_size);
  /// out = in * scale(condition) (+ shift(condition)); in and out may be the same rows.
  void run(const Rows& condition, const Rows& in, const MutableRows& out, int n) noexcept;

 private:
  const Kernels* kernels_;
  int channels_;
  bool shift_;
  Mixer mixer_;
  Scratch modulation_;
};

/// One layer; it owns the history of its input and the scratch for its activations.
class WavenetLayer {
 public:
  WavenetLayer(const Kernels& kernels, const Tensors& tensors, const std::string& name, const ArraySpec& array,
               const LayerSpec& layer);

  /// Where the layer's input of the current chunk goes.
  MutableRows input() { return film(FilmPlace::conv_pre) ? residual_->rows() : convolution_.input(); }
  /// Adds to the head sum and writes the input of the next layer, unless `out.data` is null.
  void run(const Rows& condition, const MutableRows& head_sum, const MutableRows& out, int n) noexcept;
  /// Whether a kernel does all of it.
  bool whole() const { return whole_; }
  /// What that kernel needs to know, apart from where the samples of a chunk are.
  Layer described() noexcept;
  void advance(int n) noexcept { convolution_.advance(n); }
  void remember() noexcept { convolution_.remember(); }
  void recall() noexcept { convolution_.recall(); }
  /// Rows before the activation.
  int rows() const { return convolution_.outputs(); }
  void make_turnable() { convolution_.make_foldable(); }
  void fold(const float* scale, const float* shift) noexcept;
  void turn(const Ramps& ramps) noexcept;

 private:
  std::optional<Film>& film(FilmPlace place) { return films_[static_cast<std::size_t>(place)]; }
  void convolve(const Rows& condition, int n) noexcept;
  void activate(int n) noexcept;
  void sum_into_head(const Rows& condition, const MutableRows& head_sum, int n) noexcept;
  void pass_on(const Rows& condition, const Rows& in, const MutableRows& out, int n) noexcept;

  const Kernels* kernels_;
  Gating gating_;
  bool plain_;  // no gating, no FiLM, no head1x1: the short path
  bool whole_;  // plain, and a kernel does all of it
  int bottleneck_;
  std::vector<float> slopes_, secondary_slopes_;
  Pointwise activation_, secondary_;
  bool mixes_apart_;  // FiLM stands between the condition's 1x1 convolution and the sum
  Convolution convolution_;
  std::optional<Mixer> mixin_, layer1x1_, head1x1_;
  std::array<std::optional<Film>, kFilmNames.size()> films_;
  Ramps ramps_{};
  bool turning_ = false;
  Scratch pre_;                      // before and after the activation
  std::optional<Scratch> residual_;  // the input, where the convolution sees another signal
  std::optional<Scratch> mixed_, condition_, activated_, head_, passed_;
};

class WavenetArray {
 public:
  WavenetArray(const Kernels& kernels, const Tensors& tensors, const std::string& name, const ArraySpec& spec);

  /// Where the sum of the layers' activations starts from: zero, or the head output of the array before.
  MutableRows head_sum() { return head_.input(); }
  /// Writes the head output; the last layer's output goes to `out` unless its data is null.
  void run(std::span<const Rows> in, const Rows& condition, const MutableRows& head_out, const MutableRows& out,
           int n) noexcept;
  int channels() const { return channels_; }
  std::vector<WavenetLayer>& layers() { return layers_; }
  /// To be called when something about the layers has changed.
  void describe() noexcept;
  void remember() noexcept;
  void recall() noexcept;

 private:
  void run_layers(const Rows& condition, const MutableRows& out, int n) noexcept;
  void run_whole_layers(const Rows& condition, const MutableRows& out, int n) noexcept;

  const Kernels* kernels_;
  int channels_;
  Mixer rechannel_;
  std::vector<WavenetLayer> layers_;
  std::vector<Layer> whole_;  // the layers where a kernel does all of each; else empty
  Convolution head_;
};

/// After the arrays: activation and convolution in turn.
class PostHead {
 public:
  PostHead(const Kernels& kernels, const Tensors& tensors, const std::string& prefix, const PostHeadSpec& spec,
           int inputs);
  MutableRows input() { return stages_.front().input(); }
  void run(const MutableRows& out, int n) noexcept;
  void remember() noexcept;
  void recall() noexcept;

 private:
  const Kernels* kernels_;
  std::vector<float> slopes_;
  Pointwise activation_;
  std::vector<Convolution> stages_;
};

class Wavenet final : public Network {
 public:
  Wavenet(const WavenetSpec& spec, const Tensors& tensors, const std::string& prefix, const Kernels& kernels);
  void process(const Rows& in, const MutableRows& out, int n) noexcept override;
  void remember() noexcept override;
  void recall() noexcept override;

  /// Null where it has none.
  Traces* traces() { return traces_ ? &*traces_ : nullptr; }
  /// process() for a network whose traces have been run already.
  void run(const Rows& in, const MutableRows& out, int n) noexcept;

  // For a network whose rows before the activations are scaled and shifted from outside; without FiLM of its own. Rows
  // are handed over as the scales of all layers of the first array, their shifts, then those of the next.
  /// Makes room for fold().
  void make_turnable();
  /// Plays with these scales and shifts folded into the weights.
  void fold(const float* rows) noexcept;
  /// Plays the next chunk with scales and shifts on the way: from `from`, the first sample having made `steps` steps.
  /// The pointers must stay valid for that chunk.
  void turn(const float* from, const float* step, int steps) noexcept;

 private:
  template <class F>
  void each_layer(F f) noexcept;

  const Kernels* kernels_;
  float head_scale_;
  std::unique_ptr<Network> condition_network_;
  Scratch condition_, head_out_;
  std::optional<Traces> traces_;
  std::vector<Rows> heard_;  // what the first array takes: the audio, the traces, the knobs
  std::vector<WavenetArray> arrays_;
  std::vector<Scratch> between_;  // layer outputs from array to array
  std::optional<PostHead> post_head_;
};

/// The engine's form of an activation on `channels` rows; `slopes` keeps what it points to.
Pointwise pointwise(const Activation& activation, int channels, std::vector<float>& slopes);

}  // namespace triode
