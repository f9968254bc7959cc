// What a network looks like, without its weights: one checked description, whatever format it was read from.
// docs/model-file.md says what each number means and how the network runs.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "biquad.h"
#include "kernels.h"

namespace triode {

/// Values in C order.
struct Tensor {
  std::vector<std::int64_t> shape;
  std::vector<float> data;
};

using Tensors = std::map<std::string, Tensor>;

struct Activation {
  Shape shape = Shape::tanh;
  float low = -1.0f, high = 1.0f, low_slope = 0.01f, high_slope = 0.01f;  // as in kernels.h
  std::vector<float> slopes;                                              // prelu: one for all channels, or one each

  bool operator==(const Activation&) const = default;
};

enum class Gating { none, gated, blended };

/// Where the condition can scale and shift the signal in a layer, in the order in which .nam files store them.
enum class FilmPlace {
  conv_pre,
  conv_post,
  mixin_pre,
  mixin_post,
  activation_pre,
  activation_post,
  layer1x1_post,
  head1x1_post
};
inline constexpr std::array<const char*, 8> kFilmNames = {
    "conv_pre_film",       "conv_post_film",       "input_mixin_pre_film", "input_mixin_post_film",
    "activation_pre_film", "activation_post_film", "layer1x1_post_film",   "head1x1_post_film"};

struct FilmSpec {
  bool shift = true;
  int groups = 1;
};

struct LayerSpec {
  int kernel_size = 1;
  int dilation = 1;
  Activation activation;
  Gating gating = Gating::none;
  std::optional<Activation> secondary;  // with gating only
};

/// A 1x1 convolution with a bias.
struct PointwiseConvSpec {
  int out_channels = 1;
  int groups = 1;
};

struct HeadSpec {
  int out_channels = 1;
  int kernel_size = 1;
  int dilation = 1;
  bool bias = false;
};

struct ArraySpec {
  int input_size = 1;
  int condition_size = 1;
  int channels = 1;
  int bottleneck = 1;
  int groups = 1;        // of the layers' convolutions
  int mixin_groups = 1;  // of the condition's 1x1 convolutions
  bool rechannel_bias = false;
  std::vector<LayerSpec> layers;
  HeadSpec head;
  std::optional<PointwiseConvSpec> layer1x1 = PointwiseConvSpec{};  // its out_channels is `channels`
  std::optional<PointwiseConvSpec> head1x1;
  std::array<std::optional<FilmSpec>, kFilmNames.size()> film;
  std::vector<int> allowed_channels;  // widths this array can be cut down to, ascending; empty: only its own

  const std::optional<FilmSpec>& film_at(FilmPlace place) const { return film[static_cast<std::size_t>(place)]; }
  /// Channels of what the layers add to the head sum.
  int head_channels() const { return head1x1 ? head1x1->out_channels : bottleneck; }
  /// Channels before the activation.
  int pre_channels(const LayerSpec& layer) const {
    return layer.gating == Gating::none ? bottleneck : 2 * bottleneck;
  }
  /// Channels of the signal that FiLM at `place` acts on.
  int film_channels(FilmPlace place, const LayerSpec& layer) const;
};

/// After the arrays: per kernel size, the activation and then a convolution with a bias.
struct PostHeadSpec {
  int channels = 1;
  int out_channels = 1;
  std::vector<int> kernel_sizes;
  Activation activation;
};

struct Architecture;

/// A tensor that an architecture needs, by name and shape.
struct Slot {
  std::string name;
  std::vector<std::int64_t> shape;

  std::int64_t size() const;
};

/// Floats that a History of `channels` rows takes, and those that rows of scratch take: what memory() adds up.
inline std::int64_t history_floats(std::int64_t channels, std::int64_t past) {
  return channels * (3 * past + 6 * kChunk);
}
inline std::int64_t scratch_floats(std::int64_t channels) { return channels * kChunk; }

/// What every architecture answers about itself. The derived structs hold the numbers; all numbers have been checked
/// one by one when they were read.
template <class Spec>
concept DescribesItself = requires(const Spec& spec, const std::string& text) {
  /// Channels in and out.
  { spec.inputs() } -> std::same_as<int>;
  { spec.outputs() } -> std::same_as<int>;
  /// Samples of input that can reach one sample of output other than through a state.
  { spec.receptive_field() } -> std::same_as<std::int64_t>;
  /// Multiplications per sample, all groups counted as dense; and floats of histories and scratch, rounded up.
  { spec.work() } -> std::same_as<std::int64_t>;
  { spec.memory() } -> std::same_as<std::int64_t>;
  /// All tensors, named as in docs/model-file.md with a prefix, in the order in which a .nam file stores them
  /// (recurrent networks apart, whose .nam order interleaves tensors); and those that may be there or not.
  { spec.slots(text) } -> std::same_as<std::vector<Slot>>;
  { spec.optional_slots(text) } -> std::same_as<std::vector<Slot>>;
  /// The object of a .triode file, with every key that is not at its default.
  { spec.to_json() } -> std::same_as<nlohmann::json>;
  /// Throws ModelFileError where sizes contradict each other; `text` says where we are.
  { spec.check(text) } -> std::same_as<void>;
};

/// A slow filter of the audio that the first array hears beside it: a one-pole low-pass, or the square root of one of
/// the audio's magnitude. What it hears is scale * (level - offset).
struct TraceSpec {
  enum class Kind { low_pass, envelope } kind = Kind::low_pass;
  double time_constant_samples = 1.0;
  double offset = 0.0;
  double scale = 1.0;

  /// Samples of silence after which the level is 180 dB down.
  std::int64_t settling_samples() const;
};

struct WavenetSpec {
  std::vector<ArraySpec> arrays;
  std::vector<TraceSpec> traces;
  std::optional<PostHeadSpec> post_head;
  std::shared_ptr<const Architecture> condition;  // turns the input into the condition; null: the input is it

  int inputs() const { return arrays[0].input_size - static_cast<int>(traces.size()); }
  int outputs() const { return post_head ? post_head->out_channels : arrays.back().head.out_channels; }
  std::int64_t receptive_field() const;
  std::int64_t work() const;
  std::int64_t memory() const;
  std::vector<Slot> slots(const std::string& prefix) const;
  std::vector<Slot> own_slots(const std::string& prefix) const;  // without those of the condition
  std::vector<Slot> optional_slots(const std::string& prefix) const;
  nlohmann::json to_json() const;
  void check(const std::string& where) const;
};

enum class CellKind { lstm, gru };

struct RecurrentSpec {
  CellKind kind = CellKind::lstm;
  int input_size = 1;
  int hidden_size = 1;
  int num_layers = 1;
  int output_size = 1;
  bool skip = false;

  int inputs() const { return input_size; }
  int outputs() const { return output_size; }
  std::int64_t receptive_field() const { return 1; }
  std::int64_t work() const;
  std::int64_t memory() const { return scratch_floats(4 * (std::int64_t{hidden_size} + 64) * num_layers); }
  std::vector<Slot> slots(const std::string& prefix) const;
  std::vector<Slot> optional_slots(const std::string& prefix) const;
  nlohmann::json to_json() const;
  void check(const std::string& where) const;
};

struct LinearSpec {
  int taps = 1;

  int inputs() const { return 1; }
  int outputs() const { return 1; }
  std::int64_t receptive_field() const { return taps; }
  std::int64_t work() const { return taps; }
  std::int64_t memory() const { return history_floats(1, taps); }
  std::vector<Slot> slots(const std::string& prefix) const;
  std::vector<Slot> optional_slots(const std::string&) const { return {}; }
  nlohmann::json to_json() const;
  void check(const std::string&) const {}
};

struct ConvnetSpec {
  int input_size = 1;
  int output_size = 1;
  int channels = 1;
  int groups = 1;
  std::vector<int> dilations;
  bool batchnorm = false;
  Activation activation;

  int inputs() const { return input_size; }
  int outputs() const { return output_size; }
  std::int64_t receptive_field() const;
  std::int64_t work() const;
  std::int64_t memory() const;
  std::vector<Slot> slots(const std::string& prefix) const;
  std::vector<Slot> optional_slots(const std::string&) const { return {}; }
  nlohmann::json to_json() const;
  void check(const std::string& where) const;
};

struct Submodel {
  double max_value = 1.0;
  std::shared_ptr<const Architecture> architecture;
  std::string metadata;  // a JSON object as text
};

/// Several sizes of one model; the first whose max_value exceeds the wanted quality is used.
struct ContainerSpec {
  std::vector<Submodel> submodels;

  int inputs() const;
  int outputs() const;
  std::int64_t receptive_field() const;
  std::int64_t work() const;
  std::int64_t memory() const;
  std::vector<Slot> slots(const std::string& prefix) const;
  std::vector<Slot> optional_slots(const std::string& prefix) const;
  nlohmann::json to_json() const;
  void check_values(const Tensors& tensors, const std::string& prefix) const;
  void check(const std::string& where) const;
};

/// One causal convolution with a bias, and an activation after it: also a dense layer, being one of a single tap.
struct ConvSpec {
  int input_size = 1;
  int output_size = 1;
  int kernel_size = 1;
  int dilation = 1;
  int groups = 1;
  std::optional<Activation> activation;

  int inputs() const { return input_size; }
  int outputs() const { return output_size; }
  std::int64_t receptive_field() const { return 1 + static_cast<std::int64_t>(kernel_size - 1) * dilation; }
  std::int64_t work() const;
  std::int64_t memory() const;
  std::vector<Slot> slots(const std::string& prefix) const;
  std::vector<Slot> optional_slots(const std::string&) const { return {}; }
  nlohmann::json to_json() const;
  void check(const std::string& where) const;
};

/// Convolutions and recurrent networks one after the other, their output scaled, the input added to it if `skip`.
struct SequentialSpec {
  std::vector<std::shared_ptr<const Architecture>> layers;
  bool skip = false;

  int inputs() const;
  int outputs() const;
  std::int64_t receptive_field() const;
  std::int64_t work() const;
  std::int64_t memory() const;
  std::vector<Slot> slots(const std::string& prefix) const;
  std::vector<Slot> optional_slots(const std::string& prefix) const;
  nlohmann::json to_json() const;
  void check(const std::string& where) const;
};

/// A WaveNet whose scales and shifts before the activations, and whose gains, are what a small network makes of the
/// knobs: tanh layers, then a linear one that sees their output and the knobs' travels.
struct ParametricSpec {
  /// How a travel is told to the network: as it is, or on a logarithmic scale that is fine near one of its ends.
  enum class Taper { linear, log, reverse_log };

  int knobs = 1;
  std::vector<Taper> tapers = {Taper::linear};
  std::vector<int> hidden_sizes;
  std::shared_ptr<const Architecture> network;

  /// The network that is modulated, once checked.
  const WavenetSpec& wavenet() const;
  /// Inputs of the first layer.
  std::int64_t told() const { return knobs * static_cast<std::int64_t>(tapers.size()); }
  /// Inputs and outputs of the last layer.
  std::int64_t features() const;
  std::int64_t modulations() const;

  int inputs() const { return 1 + knobs; }
  int outputs() const;
  std::int64_t receptive_field() const;
  std::int64_t work() const;
  std::int64_t memory() const;
  std::vector<Slot> slots(const std::string& prefix) const;
  std::vector<Slot> optional_slots(const std::string& prefix) const;
  nlohmann::json to_json() const;
  void check(const std::string& where) const;
};

/// Filters and static curves in series: Hammerstein, Wiener-Hammerstein and longer chains.
struct BlockOrientedSpec {
  struct Block {
    enum class Kind { sections, fir, curve } kind = Kind::curve;
    std::vector<Band> bands;  // of second-order sections
    int taps = 1;             // of an impulse response
  };
  std::vector<Block> blocks;

  int inputs() const { return 1; }
  int outputs() const { return 1; }
  std::int64_t receptive_field() const;
  std::int64_t work() const;
  std::int64_t memory() const;
  std::vector<Slot> slots(const std::string& prefix) const;
  std::vector<Slot> optional_slots(const std::string&) const { return {}; }
  nlohmann::json to_json() const;
  void check(const std::string&) const {}
  /// Throws where a value in a tensor makes no stable filter or no curve; their shapes have been checked.
  void check_values(const Tensors& tensors, const std::string& prefix) const;
};

struct Architecture {
  std::variant<WavenetSpec, RecurrentSpec, LinearSpec, ConvnetSpec, ContainerSpec, ConvSpec, SequentialSpec,
               ParametricSpec, BlockOrientedSpec>
      spec;

  int inputs() const;
  int outputs() const;
  std::int64_t receptive_field() const;
  /// What its traces are, where it is a WaveNet or plays one.
  const std::vector<TraceSpec>& traces() const;
  /// Samples of silence until what was before can no longer be heard, as far as that is known: the receptive field, and
  /// for as long as the slowest trace remembers.
  std::int64_t settling_samples() const;
  std::int64_t work() const;
  std::int64_t memory() const;
  std::vector<Slot> slots(const std::string& prefix = "") const;
  std::vector<Slot> optional_slots(const std::string& prefix = "") const;
  nlohmann::json to_json() const;
  /// Also throws where weights or memory would be absurd.
  void check(const std::string& where) const;
  /// Throws where the tensors, whose shapes have been checked, hold values that their network cannot have.
  void check_values(const Tensors& tensors, const std::string& prefix = "") const;
};

/// Reads the `architecture` object of a .triode file, `nesting` models being around it. Throws ModelFileError where a
/// key is missing, unknown, of the wrong type or out of range. check() comes next.
Architecture parse_architecture(const nlohmann::json& object, const std::string& where, int nesting = 0);

}  // namespace triode
