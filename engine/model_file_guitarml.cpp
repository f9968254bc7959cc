// Files of GuitarML's Automated-GuitarAmpModelling (Proteus, NeuralPi, Chameleon, TS-M1N3, Prince, NeuralSeed): the
// `state_dict` of one PyTorch LSTM, GRU or plain RNN with a linear layer, and the input added to its output.
#include <algorithm>

#include "bounds.h"
#include "model_file_formats.h"

namespace triode {

using nlohmann::json;

namespace {

struct Unit {
  RecurrentSpec spec;
  bool plain_rnn = false;
  std::string prefix;  // of the names in state_dict
};

void parse_kind(const std::string& kind, const std::string& where, Unit& unit) {
  if (kind != "LSTM" && kind != "GRU" && kind != "RNN") refuse(where, shown(kind), "\"LSTM\", \"GRU\" or \"RNN\"");
  unit.plain_rnn = kind == "RNN";
  unit.spec.kind = kind == "LSTM" ? CellKind::lstm : CellKind::gru;
}

void parse_sizes(Fields& fields, Unit& unit) {
  unit.spec.input_size = fields.integer("input_size", 1, 1 + limits::kKnobs);
  unit.spec.hidden_size = fields.integer("hidden_size", 1, limits::kChannels);
  unit.spec.num_layers = fields.integer("num_layers", 1, limits::kLayers, 1);
  fields.integer("output_size", 1, 1, 1);
}

Unit parse_simple(Fields& fields) {
  Unit unit;
  parse_kind(fields.text("unit_type"), fields.path("unit_type"), unit);
  parse_sizes(fields, unit);
  unit.spec.skip = fields.integer("skip", 0, 1, 0) == 1;
  return unit;
}

// The layout before: blocks, of which plugins play one.
Unit parse_blocks(const json& root, Fields& model) {
  const bool newer = root.contains("blocks");
  const std::string list = newer ? "blocks" : "layers";
  Fields top(root, "model");
  Fields blocks(top.at(list), list);
  Fields block(blocks.at("0"), list + ".0");
  blocks.refuse_others();
  Unit unit;
  const std::string kind = newer ? "block_type" : "layer_name";
  parse_kind(block.text(kind), block.path(kind), unit);
  parse_sizes(block, unit);
  // The first version added the input unless told otherwise.
  const int skips = model.integer("skip", 0, 1, 0) + block.integer("skip", 0, 1, newer ? 0 : 1);
  if (skips > 1) refuse(block.path("skip"), "1 in the block and in the model", "1 in one of them");
  unit.spec.skip = skips == 1;
  unit.prefix = "layers.block_1.";
  return unit;
}

// h = tanh(W x + b + U h + d) is a GRU whose reset gate is open and whose update gate is shut: sigmoid(+-100) is 1 and
// 0 in float32. Its weights are the third of the three gates.
void hold_gates(Tensor& tensor, std::int64_t hidden, bool is_bias) {
  const auto held = static_cast<std::size_t>(2 * hidden) * (tensor.data.size() / static_cast<std::size_t>(hidden));
  std::vector<float> gates(held, 0.0f);
  if (is_bias)
    for (std::size_t u = 0; u < held; ++u) gates[u] = u < held / 2 ? 100.0f : -100.0f;
  tensor.data.insert(tensor.data.begin(), gates.begin(), gates.end());
  tensor.shape[0] = 3 * hidden;
}

Tensors read_tensors(Fields& state, const Unit& unit) {
  Tensors tensors;
  const std::int64_t hidden = unit.spec.hidden_size;
  for (Slot& slot : unit.spec.slots("")) {
    if (slot.name == "output_scale") continue;
    const bool recurrent = slot.name.starts_with("rec.");
    const std::string key = unit.prefix + slot.name;
    if (slot.name == "lin.bias" && state.find(key) == nullptr) {
      tensors[slot.name] = {slot.shape, std::vector<float>(1, 0.0f)};
      continue;
    }
    if (unit.plain_rnn && recurrent) slot.shape[0] = hidden;
    Tensor tensor{slot.shape, table(state.at(key), slot.shape, state.path(key))};
    if (unit.plain_rnn && recurrent) hold_gates(tensor, hidden, slot.shape.size() == 1);
    tensors[slot.name] = std::move(tensor);
  }
  state.refuse_others();
  tensors["output_scale"] = {{1}, {1.0f}};
  return tensors;
}

}  // namespace

Description read_guitarml(const json& root) {
  Fields fields(root, "model");
  Fields model(fields.at("model_data"), fields.path("model_data"));
  const std::string kind = model.text("model");
  if (kind != "SimpleRNN" && kind != "RecNet")
    refuse(model.path("model"), shown(kind), "\"SimpleRNN\" or \"RecNet\"");
  const Unit unit = kind == "SimpleRNN" ? parse_simple(model) : parse_blocks(root, model);
  Description description;
  description.format = "guitarml_rnn";
  description.architecture.spec = unit.spec;
  description.architecture.check("model");
  const json* rate = model.find("sample_rate");
  description.sample_rate_hz =
      rate == nullptr ? kGuitarMlRate
                      : checked_rate(number(*rate, model.path("sample_rate")), model.path("sample_rate"), *rate);
  Fields state(fields.at("state_dict"), fields.path("state_dict"));
  description.tensors = read_tensors(state, unit);
  description.knobs = knobs_for_inputs(unit.spec.input_size, root);
  json rest = root;
  rest.erase("state_dict");
  description.metadata = rest.dump();
  return description;
}

}  // namespace triode
