#include "activation.h"

#include <charconv>

#include "json_fields.h"
#include "bounds.h"

namespace triode {

using nlohmann::json;

namespace {

struct Name {
  const char* name;
  Shape shape;
};

constexpr Name kNames[] = {{"Tanh", Shape::tanh},
                           {"Fasttanh", Shape::fast_tanh},
                           {"Hardtanh", Shape::hard_tanh},
                           {"ReLU", Shape::relu},
                           {"LeakyReLU", Shape::leaky_relu},
                           {"PReLU", Shape::prelu},
                           {"Sigmoid", Shape::sigmoid},
                           {"SiLU", Shape::silu},
                           {"Hardswish", Shape::hard_swish},
                           {"LeakyHardtanh", Shape::leaky_hard_tanh},
                           {"Softsign", Shape::softsign}};

Shape shape_of(const std::string& name, const std::string& where) {
  if (name == "LeakyHardTanh") return Shape::leaky_hard_tanh;  // both spellings are in use
  std::string known;
  for (const Name& entry : kNames) {
    if (name == entry.name) return entry.shape;
    known += (known.empty() ? "" : ", ") + std::string(entry.name);
  }
  refuse(where, shown(name), "one of " + known);
}

std::vector<float> parse_slopes(Fields& fields) {
  if (fields.find("negative_slope") != nullptr) return {fields.number("negative_slope", 0.01f)};
  const json* list = fields.find("negative_slopes");
  if (list == nullptr) return {0.01f};
  require_array(*list, 1, limits::kChannels, fields.path("negative_slopes"));
  std::vector<float> slopes;
  for (const json& slope : *list) slopes.push_back(finite_float(slope, fields.path("negative_slopes")));
  return slopes;
}

}  // namespace

Activation parse_activation(const json& value, const std::string& where, bool strict) {
  Activation activation;
  if (value.is_string()) {
    activation.shape = shape_of(value.get<std::string>(), where);
    if (activation.shape == Shape::prelu) activation.slopes = {0.01f};
    return activation;
  }
  Fields fields(value, where);
  activation.shape = shape_of(fields.text("type"), fields.path("type"));
  if (activation.shape == Shape::prelu) activation.slopes = parse_slopes(fields);
  if (activation.shape == Shape::leaky_relu) activation.low_slope = fields.number("negative_slope", 0.01f);
  if (activation.shape == Shape::leaky_hard_tanh) {
    activation.low = fields.number("min_val", -1.0f);
    activation.high = fields.number("max_val", 1.0f);
    activation.low_slope = fields.number("min_slope", 0.01f);
    activation.high_slope = fields.number("max_slope", 0.01f);
  }
  if (strict) fields.refuse_others();
  return activation;
}

json to_json(const Activation& activation) {
  // The shortest decimal that reads back as the same float: 0.01, not 0.009999999776482582.
  const auto decimal = [](float x) {
    char text[32];
    const auto end = std::to_chars(text, text + sizeof text, x).ptr;
    return json::parse(text, end).get<double>();
  };
  json object;
  for (const Name& entry : kNames)
    if (entry.shape == activation.shape) object["type"] = entry.name;
  if (activation.shape == Shape::leaky_relu) object["negative_slope"] = decimal(activation.low_slope);
  if (activation.shape == Shape::prelu)
    for (const float slope : activation.slopes) object["negative_slopes"].push_back(decimal(slope));
  if (activation.shape == Shape::leaky_hard_tanh) {
    object["min_val"] = decimal(activation.low);
    object["max_val"] = decimal(activation.high);
    object["min_slope"] = decimal(activation.low_slope);
    object["max_slope"] = decimal(activation.high_slope);
  }
  return object;
}

}  // namespace triode
