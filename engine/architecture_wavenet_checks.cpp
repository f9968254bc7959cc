// What the sizes of a WaveNet imply: its tensors, its memory and work, and whether they fit together.
#include <algorithm>
#include <cmath>

#include "architecture_wavenet.h"
#include "bounds.h"

namespace triode {

namespace {

std::string item(const std::string& name, std::size_t index) { return name + std::to_string(index); }

void require_groups(const std::string& where, int groups, int inputs, int outputs) {
  if (inputs % groups != 0 || outputs % groups != 0)
    refuse(where, std::to_string(groups) + " groups for " + std::to_string(inputs) + " to " + std::to_string(outputs) +
                      " channels",
           "a number of groups that divides both");
}

void require_equal(const std::string& where, int found, int expected, const std::string& whose) {
  if (found != expected) refuse(where, std::to_string(found), std::to_string(expected) + ", " + whose);
}

void check_slopes(const Activation& activation, int channels, const std::string& where) {
  const std::size_t count = activation.slopes.size();
  if (activation.shape == Shape::prelu && count != 1 && count != static_cast<std::size_t>(channels))
    refuse(where, std::to_string(count) + " PReLU slopes", "one, or one for each of " + std::to_string(channels));
}

void check_layer(const ArraySpec& array, const LayerSpec& layer, const std::string& where) {
  const int before = array.pre_channels(layer);
  require_groups(where + ".groups_input", array.groups, array.channels, before);
  require_groups(where + ".groups_input_mixin", array.mixin_groups, array.condition_size, before);
  check_slopes(layer.activation, array.bottleneck, where + ".activations");
  if (layer.secondary) check_slopes(*layer.secondary, array.bottleneck, where + ".secondary_activations");
  for (std::size_t p = 0; p < array.film.size(); ++p) {
    if (!array.film[p]) continue;
    const int channels = array.film_channels(static_cast<FilmPlace>(p), layer);
    require_groups(where + "." + kFilmNames[p], array.film[p]->groups, array.condition_size,
                   channels * (array.film[p]->shift ? 2 : 1));
  }
}

void check_array(const ArraySpec& array, const std::string& where) {
  if (array.layer1x1) {
    require_groups(where + ".layer1x1", array.layer1x1->groups, array.bottleneck, array.channels);
  } else {
    require_equal(where + ".bottleneck", array.bottleneck, array.channels,
                  "the number of channels, because there is no 1x1 convolution between them");
    if (array.film_at(FilmPlace::layer1x1_post))
      refuse(where + ".layer1x1_post_film", "one", "none, because there is no 1x1 convolution after the layers");
  }
  if (array.head1x1)
    require_groups(where + ".head1x1", array.head1x1->groups, array.bottleneck, array.head1x1->out_channels);
  else if (array.film_at(FilmPlace::head1x1_post))
    refuse(where + ".head1x1_post_film", "one", "none, because there is no 1x1 convolution before the head");
  for (const LayerSpec& layer : array.layers) check_layer(array, layer, where);
  const std::vector<int>& widths = array.allowed_channels;
  for (std::size_t i = 1; i < widths.size(); ++i)
    if (widths[i] <= widths[i - 1])
      refuse(where + ".allowed_channels", std::to_string(widths[i]) + " after " + std::to_string(widths[i - 1]),
             "an ascending list");
  if (!widths.empty())
    require_equal(where + ".allowed_channels", widths.back(), array.channels, "the number of channels, as last entry");
}

void add_slots(std::vector<Slot>& list, const std::string& name, int outputs, int inputs, int taps, bool bias) {
  list.push_back({name + ".weight", {outputs, inputs, taps}});
  if (bias) list.push_back({name + ".bias", {outputs}});
}

void add_layer_slots(std::vector<Slot>& list, const ArraySpec& array, const LayerSpec& layer,
                     const std::string& name) {
  const int before = array.pre_channels(layer);
  add_slots(list, name + "conv", before, array.channels / array.groups, layer.kernel_size, true);
  add_slots(list, name + "mixin", before, array.condition_size / array.mixin_groups, 1, false);
  if (array.layer1x1)
    add_slots(list, name + "layer1x1", array.channels, array.bottleneck / array.layer1x1->groups, 1, true);
  if (array.head1x1)
    add_slots(list, name + "head1x1", array.head1x1->out_channels, array.bottleneck / array.head1x1->groups, 1, true);
  for (std::size_t p = 0; p < array.film.size(); ++p) {
    if (!array.film[p]) continue;
    const int channels = array.film_channels(static_cast<FilmPlace>(p), layer);
    add_slots(list, name + kFilmNames[p], channels * (array.film[p]->shift ? 2 : 1),
              array.condition_size / array.film[p]->groups, 1, true);
  }
}

}  // namespace

int ArraySpec::film_channels(FilmPlace place, const LayerSpec& layer) const {
  switch (place) {
    case FilmPlace::conv_pre:
    case FilmPlace::layer1x1_post: return channels;
    case FilmPlace::mixin_pre: return condition_size;
    case FilmPlace::activation_post: return bottleneck;
    case FilmPlace::head1x1_post: return head_channels();
    default: return pre_channels(layer);
  }
}

std::int64_t TraceSpec::settling_samples() const {
  // 20 time constants; the square root of a level takes twice as long.
  return static_cast<std::int64_t>(std::ceil((kind == Kind::envelope ? 40.0 : 20.0) * time_constant_samples));
}

void WavenetSpec::check(const std::string& where) const {
  if (inputs() < 1)
    refuse(where + ".arrays[0].input_size", std::to_string(arrays[0].input_size),
           "1 for the audio and one for each of " + std::to_string(traces.size()) + " traces");
  if (condition) {
    if (!traces.empty() || !condition->traces().empty())
      refuse(where + ".condition_dsp", "one beside traces, or with traces of its own", "either it or traces");
    if (std::holds_alternative<ContainerSpec>(condition->spec))
      refuse(where + ".condition_dsp", "a container", "one network");
    condition->check(where + ".condition_dsp");
    require_equal(where + ".condition_dsp", condition->inputs(), inputs(), "the inputs of the network");
  }
  const int condition_size = condition ? condition->outputs() : inputs();
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    const ArraySpec& array = arrays[i];
    const std::string here = where + ".arrays[" + std::to_string(i) + "]";
    require_equal(here + ".condition_size", array.condition_size, condition_size, "the channels of the condition");
    if (i > 0) {
      require_equal(here + ".input_size", array.input_size, arrays[i - 1].channels,
                    "the channels of the array before");
      require_equal(here + ".head", array.head_channels(), arrays[i - 1].head.out_channels,
                    "the head outputs of the array before");
    }
    check_array(array, here);
  }
  if (!post_head) return;
  const PostHeadSpec& head = *post_head;
  const std::size_t slopes = head.activation.slopes.size();
  if (slopes > 1) refuse(where + ".head", std::to_string(slopes) + " PReLU slopes", "one for all channels");
}

std::vector<Slot> WavenetSpec::own_slots(const std::string& prefix) const {
  std::vector<Slot> list;
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    const ArraySpec& array = arrays[i];
    const std::string name = prefix + item("arrays.", i) + ".";
    add_slots(list, name + "rechannel", array.channels, array.input_size, 1, array.rechannel_bias);
    for (std::size_t l = 0; l < array.layers.size(); ++l)
      add_layer_slots(list, array, array.layers[l], name + item("layers.", l) + ".");
    add_slots(list, name + "head", array.head.out_channels, array.head_channels(), array.head.kernel_size,
              array.head.bias);
  }
  if (post_head) {
    int inputs = arrays.back().head.out_channels;
    const PostHeadSpec& head = *post_head;
    for (std::size_t k = 0; k < head.kernel_sizes.size(); ++k) {
      const int outputs = k + 1 == head.kernel_sizes.size() ? head.out_channels : head.channels;
      add_slots(list, prefix + item("head.", k), outputs, inputs, head.kernel_sizes[k], true);
      inputs = outputs;
    }
  }
  list.push_back({prefix + "head_scale", {1}});
  return list;
}

std::vector<Slot> WavenetSpec::slots(const std::string& prefix) const {
  std::vector<Slot> list = own_slots(prefix);
  if (!condition) return list;
  const std::vector<Slot> inner = condition->slots(prefix + "condition_dsp.");
  list.insert(list.end(), inner.begin(), inner.end());
  return list;
}

std::vector<Slot> WavenetSpec::optional_slots(const std::string& prefix) const {
  return condition ? condition->optional_slots(prefix + "condition_dsp.") : std::vector<Slot>{};
}

std::int64_t WavenetSpec::memory() const {
  std::int64_t floats = condition ? condition->memory() : 0;
  if (!traces.empty()) floats += scratch_floats(static_cast<std::int64_t>(traces.size()) + 2 * kTraceLanes);
  for (const ArraySpec& array : arrays) {
    for (const LayerSpec& layer : array.layers) {
      floats += history_floats(array.channels, static_cast<std::int64_t>(layer.kernel_size - 1) * layer.dilation);
      floats += scratch_floats(6 * array.bottleneck + 2 * array.channels + array.condition_size + array.head_channels());
      for (std::size_t p = 0; p < array.film.size(); ++p)
        if (array.film[p]) floats += scratch_floats(2 * array.film_channels(static_cast<FilmPlace>(p), layer));
    }
    floats += history_floats(array.head_channels(),
                             static_cast<std::int64_t>(array.head.kernel_size - 1) * array.head.dilation);
  }
  if (post_head)
    for (const int kernel : post_head->kernel_sizes)
      floats += history_floats(std::max(arrays.back().head.out_channels, post_head->channels), kernel);
  return floats;
}

std::int64_t WavenetSpec::receptive_field() const {
  std::int64_t samples = condition ? condition->receptive_field() : 1;
  for (const ArraySpec& array : arrays) {
    for (const LayerSpec& layer : array.layers)
      samples += static_cast<std::int64_t>(layer.kernel_size - 1) * layer.dilation;
    samples += static_cast<std::int64_t>(array.head.kernel_size - 1) * array.head.dilation;
  }
  if (post_head)
    for (const int kernel : post_head->kernel_sizes) samples += kernel - 1;
  return samples;
}

std::int64_t WavenetSpec::work() const {
  std::int64_t work = (condition ? condition->work() : 0) + 2 * static_cast<std::int64_t>(traces.size());
  const auto product = [](std::int64_t a, std::int64_t b, std::int64_t c = 1) { return a * b * c; };
  for (const ArraySpec& array : arrays) {
    work += product(array.channels, array.input_size);
    for (const LayerSpec& layer : array.layers) {
      const int before = array.pre_channels(layer);
      work += product(before, array.channels, layer.kernel_size) + product(before, array.condition_size);
      work += product(array.channels, array.bottleneck);
      if (array.head1x1) work += product(array.head1x1->out_channels, array.bottleneck);
      for (std::size_t p = 0; p < array.film.size(); ++p)
        if (array.film[p])
          work += product(2 * array.film_channels(static_cast<FilmPlace>(p), layer), array.condition_size);
    }
    work += product(array.head.out_channels, array.head_channels(), array.head.kernel_size);
  }
  if (!post_head) return work;
  const std::int64_t widest = std::max({arrays.back().head.out_channels, post_head->channels,
                                        post_head->out_channels});
  for (const int kernel : post_head->kernel_sizes) work += product(widest, widest, kernel);
  return work;
}

}  // namespace triode
