// A WaveNet whose weights follow the knobs: what its sizes imply.
#include <algorithm>

#include "architecture_parts.h"
#include "bounds.h"

namespace triode {

using nlohmann::json;

namespace {

// By the number of the enumerator.
constexpr const char* kTapers[] = {"linear", "log", "reverse-log"};

std::vector<ParametricSpec::Taper> parse_tapers(const json* names, const std::string& where) {
  if (names == nullptr) return {ParametricSpec::Taper::linear};
  require_array(*names, 1, std::size(kTapers), where);
  std::vector<ParametricSpec::Taper> tapers;
  for (const json& name : *names) {
    const auto known = std::find(std::begin(kTapers), std::end(kTapers), name);
    if (known == std::end(kTapers)) refuse(where, shown(name), "linear, log or reverse-log");
    tapers.push_back(static_cast<ParametricSpec::Taper>(known - std::begin(kTapers)));
  }
  return tapers;
}

}  // namespace

ParametricSpec parse_parametric(Fields& fields, int nesting) {
  ParametricSpec spec;
  spec.knobs = fields.integer("knobs", 1, limits::kKnobs);
  spec.tapers = parse_tapers(fields.find("tapers"), fields.path("tapers"));
  const json& sizes = fields.at("hidden_sizes");
  require_array(sizes, 0, limits::kKnobLayers, fields.path("hidden_sizes"));
  for (const json& size : sizes)
    spec.hidden_sizes.push_back(static_cast<int>(whole_number(size, 1, limits::kChannels, fields.path("hidden_sizes"))));
  spec.network = std::make_shared<const Architecture>(
      parse_architecture(fields.at("network"), fields.path("network"), nesting + 1));
  return spec;
}

const WavenetSpec& ParametricSpec::wavenet() const { return std::get<WavenetSpec>(network->spec); }

int ParametricSpec::outputs() const { return network->outputs(); }

std::int64_t ParametricSpec::receptive_field() const { return network->receptive_field(); }

std::int64_t ParametricSpec::features() const {
  return told() + (hidden_sizes.empty() ? 0 : std::int64_t{hidden_sizes.back()});
}

std::int64_t ParametricSpec::modulations() const {
  std::int64_t rows = 0;
  for (const ArraySpec& array : wavenet().arrays)
    for (const LayerSpec& layer : array.layers) rows += array.pre_channels(layer);
  return 2 + 2 * rows;
}

std::int64_t ParametricSpec::work() const {
  if (!std::holds_alternative<WavenetSpec>(network->spec)) return network->work();
  std::int64_t work = network->work() + modulations() * features();
  for (std::size_t i = 0; i < hidden_sizes.size(); ++i)
    work += hidden_sizes[i] * (i == 0 ? told() : std::int64_t{hidden_sizes[i - 1]});
  return work;
}

std::int64_t ParametricSpec::memory() const { return network->memory() + scratch_floats(2); }

std::vector<Slot> ParametricSpec::slots(const std::string& prefix) const {
  std::vector<Slot> list = network->slots(prefix + "network.");
  std::int64_t inputs = told();
  for (std::size_t i = 0; i < hidden_sizes.size(); ++i) {
    const std::string name = prefix + "knobs.hidden." + std::to_string(i);
    list.push_back({name + ".weight", {hidden_sizes[i], inputs}});
    list.push_back({name + ".bias", {hidden_sizes[i]}});
    inputs = hidden_sizes[i];
  }
  list.push_back({prefix + "knobs.output.weight", {modulations(), features()}});
  list.push_back({prefix + "knobs.output.bias", {modulations()}});
  return list;
}

std::vector<Slot> ParametricSpec::optional_slots(const std::string& prefix) const {
  return network->optional_slots(prefix + "network.");
}

json ParametricSpec::to_json() const {
  json names = json::array();
  for (const Taper taper : tapers) names.push_back(kTapers[static_cast<std::size_t>(taper)]);
  return {{"name", "parametric"},
          {"knobs", knobs},
          {"tapers", names},
          {"hidden_sizes", hidden_sizes},
          {"network", network->to_json()}};
}

void ParametricSpec::check(const std::string& where) const {
  const std::string here = where + ".network";
  if (!std::holds_alternative<WavenetSpec>(network->spec)) refuse(here, "another kind of network", "a wavenet");
  network->check(here);
  const WavenetSpec& net = wavenet();
  if (net.inputs() != 1) refuse(here, std::to_string(net.inputs()) + " inputs", "1, the audio");
  if (net.condition || net.post_head) refuse(here, "a condition_dsp or a head of its own", "neither");
  for (const ArraySpec& array : net.arrays) {
    const bool films = std::any_of(array.film.begin(), array.film.end(), [](const auto& f) { return f.has_value(); });
    if (films || !array.allowed_channels.empty()) refuse(here, "FiLM or allowed_channels", "neither");
  }
}

}  // namespace triode
