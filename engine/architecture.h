// What a network looks like, without its weights: one checked description, whatever format it was read from.
// docs/model-file.md says what each number means and how the network runs.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <variant>
#include <vector>

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

struct WavenetSpec {
  std::vector<ArraySpec> arrays;
  std::optional<PostHeadSpec> post_head;
  std::shared_ptr<const Architecture> condition;  // turns the input into the condition; null: the input is it
};

enum class CellKind { lstm, gru };

struct RecurrentSpec {
  CellKind kind = CellKind::lstm;
  int input_size = 1;
  int hidden_size = 1;
  int num_layers = 1;
  int output_size = 1;
  bool skip = false;
};

struct LinearSpec {
  int taps = 1;
};

struct ConvnetSpec {
  int input_size = 1;
  int output_size = 1;
  int channels = 1;
  int groups = 1;
  std::vector<int> dilations;
  bool batchnorm = false;
  Activation activation;
};

struct Submodel {
  double max_value = 1.0;
  std::shared_ptr<const Architecture> architecture;
  std::string metadata;  // a JSON object as text
};

struct ContainerSpec {
  std::vector<Submodel> submodels;
};

struct Architecture {
  std::variant<WavenetSpec, RecurrentSpec, LinearSpec, ConvnetSpec, ContainerSpec> spec;
};

/// A tensor that an architecture needs, by name and shape.
struct Slot {
  std::string name;
  std::vector<std::int64_t> shape;

  std::int64_t size() const;
};

/// Reads the `architecture` object of a .triode file. Throws ModelFileError where a key is missing, unknown, of the
/// wrong type or out of range, or where sizes contradict each other.
Architecture parse_architecture(const nlohmann::json& object, const std::string& where);

/// The same object, with every key that is not at its default.
nlohmann::json to_json(const Architecture& architecture);

/// Throws ModelFileError where sizes contradict each other or would need absurd memory.
void check_architecture(const Architecture& architecture, const std::string& where);

/// All tensors, named as in docs/model-file.md, in the order in which a .nam file stores them (recurrent networks
/// apart: their .nam order interleaves tensors).
std::vector<Slot> slots(const Architecture& architecture, const std::string& prefix = "");

/// Tensors that a file may or may not have: initial states.
std::vector<Slot> optional_slots(const Architecture& architecture, const std::string& prefix = "");

int input_channels(const Architecture& architecture);
int output_channels(const Architecture& architecture);

/// Samples of input that can reach one sample of output; 1 where the memory is a state and has no such number.
std::int64_t receptive_field(const Architecture& architecture);

/// Whether silence changes the state, so that a warm-up is worth its time.
bool needs_warm_up(const Architecture& architecture);

/// Multiplications per sample, all groups counted as dense.
std::int64_t work_per_sample(const Architecture& architecture);

}  // namespace triode
