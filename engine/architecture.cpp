#include "architecture.h"

#include <algorithm>

#include "architecture_parts.h"
#include "architecture_wavenet.h"
#include "bounds.h"

namespace triode {

using nlohmann::json;

static_assert(DescribesItself<WavenetSpec> && DescribesItself<RecurrentSpec> && DescribesItself<LinearSpec> &&
              DescribesItself<ConvnetSpec> && DescribesItself<ContainerSpec> && DescribesItself<ConvSpec> &&
              DescribesItself<SequentialSpec> && DescribesItself<ParametricSpec> &&
              DescribesItself<BlockOrientedSpec> && DescribesItself<Architecture>);

std::int64_t Slot::size() const {
  std::int64_t product = 1;
  for (const std::int64_t length : shape) product *= length;
  return product;
}

Architecture parse_architecture(const json& object, const std::string& where, int nesting) {
  if (nesting > limits::kNesting)
    refuse(where, "models within models, " + std::to_string(nesting) + " levels deep",
           "at most " + std::to_string(limits::kNesting));
  Fields fields(object, where);
  const std::string name = fields.text("name");
  Architecture architecture;
  if (name == "wavenet")
    architecture.spec = parse_wavenet(fields, nesting);
  else if (name == "lstm" || name == "gru")
    architecture.spec = parse_recurrent(fields, name == "lstm" ? CellKind::lstm : CellKind::gru);
  else if (name == "linear")
    architecture.spec = LinearSpec{fields.integer("taps", 1, limits::kTaps)};
  else if (name == "convnet")
    architecture.spec = parse_convnet(fields, true);
  else if (name == "container")
    architecture.spec = parse_container(fields, nesting);
  else if (name == "conv")
    architecture.spec = parse_conv(fields);
  else if (name == "sequential")
    architecture.spec = parse_sequential(fields, nesting);
  else if (name == "parametric")
    architecture.spec = parse_parametric(fields, nesting);
  else if (name == "block-oriented")
    architecture.spec = parse_block_oriented(fields);
  else
    refuse(where + ".name", shown(name),
           "wavenet, parametric, lstm, gru, linear, convnet, conv, sequential, block-oriented or container");
  fields.refuse_others();
  return architecture;
}

int Architecture::inputs() const {
  return std::visit([](const auto& s) { return s.inputs(); }, spec);
}

int Architecture::outputs() const {
  return std::visit([](const auto& s) { return s.outputs(); }, spec);
}

std::int64_t Architecture::receptive_field() const {
  return std::visit([](const auto& s) { return s.receptive_field(); }, spec);
}

const std::vector<TraceSpec>& Architecture::traces() const {
  static const std::vector<TraceSpec> none;
  if (const auto* parametric = std::get_if<ParametricSpec>(&spec)) return parametric->network->traces();
  const auto* wavenet = std::get_if<WavenetSpec>(&spec);
  return wavenet != nullptr ? wavenet->traces : none;
}

std::int64_t Architecture::settling_samples() const {
  std::int64_t longest = 0;
  for (const TraceSpec& trace : traces()) longest = std::max(longest, trace.settling_samples());
  return receptive_field() + longest;
}

std::int64_t Architecture::work() const {
  return std::visit([](const auto& s) { return s.work(); }, spec);
}

std::int64_t Architecture::memory() const {
  return std::visit([](const auto& s) { return s.memory(); }, spec);
}

std::vector<Slot> Architecture::slots(const std::string& prefix) const {
  return std::visit([&](const auto& s) { return s.slots(prefix); }, spec);
}

std::vector<Slot> Architecture::optional_slots(const std::string& prefix) const {
  return std::visit([&](const auto& s) { return s.optional_slots(prefix); }, spec);
}

json Architecture::to_json() const {
  return std::visit([](const auto& s) { return s.to_json(); }, spec);
}

void Architecture::check(const std::string& where) const {
  std::visit([&](const auto& s) { s.check(where); }, spec);
  if (work() > limits::kWeights)
    refuse(where, "a network of " + std::to_string(work()) + " weights", "at most " + std::to_string(limits::kWeights));
  if (memory() > limits::kState)
    refuse(where, "layers and dilations that need a memory of " + std::to_string(memory()) + " samples",
           "at most " + std::to_string(limits::kState));
}

void Architecture::check_values(const Tensors& tensors, const std::string& prefix) const {
  if (const auto* blocks = std::get_if<BlockOrientedSpec>(&spec)) blocks->check_values(tensors, prefix);
  if (const auto* container = std::get_if<ContainerSpec>(&spec)) container->check_values(tensors, prefix);
}

}  // namespace triode
