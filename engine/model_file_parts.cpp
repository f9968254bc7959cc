// What the readers of several formats need.
#include <cmath>
#include <set>

#include "bounds.h"
#include "model_file_formats.h"

namespace triode {

using nlohmann::json;

namespace {

void append_table(const json& value, const std::int64_t* shape, std::size_t depth, const std::string& where,
                  std::vector<float>& values) {
  if (depth == 0) return values.push_back(finite_float(value, where));
  const auto length = static_cast<std::size_t>(*shape);
  require_array(value, length, length, where);
  for (const json& inner : value) append_table(inner, shape + 1, depth - 1, where, values);
}

Knob parse_knob(const json& object, const std::string& where) {
  Fields fields(object, where);
  Knob knob;
  knob.name = fields.text("name");
  if (knob.name.empty() || knob.name.find_first_of("=%, \t\n") != std::string::npos)
    refuse(fields.path("name"), shown(knob.name), "a word without spaces, '=', '%' or ','");
  if (fields.find("unit") != nullptr) knob.unit = fields.text("unit");
  const auto value = [&](const char* key, double otherwise) {
    const json* found = fields.find(key);
    return found == nullptr ? otherwise : number(*found, fields.path(key));
  };
  knob.low = value("low", knob.low);
  knob.high = value("high", knob.high);
  knob.default_value = value("default", knob.default_value);
  if (!(knob.low < knob.high) || !(std::abs(knob.low) < 1e30) || !(std::abs(knob.high) < 1e30))
    refuse(where, "a range from " + std::to_string(knob.low) + " to " + std::to_string(knob.high), "low below high");
  if (!(knob.low <= knob.default_value && knob.default_value <= knob.high))
    refuse(fields.path("default"), std::to_string(knob.default_value), "a value from low to high");
  const std::string taper = fields.find("taper") == nullptr ? "linear" : fields.text("taper");
  if (taper != "linear" && taper != "log") refuse(fields.path("taper"), shown(taper), "\"linear\" or \"log\"");
  knob.logarithmic = taper == "log";
  if (knob.logarithmic && knob.low <= 0.0)
    refuse(fields.path("low"), std::to_string(knob.low), "more than 0 for a log taper");
  fields.refuse_others();
  return knob;
}

}  // namespace

double checked_rate(double rate, const std::string& where, const json& found) {
  if (!(rate >= 1000.0 && rate <= 1e6)) refuse(where, shown(found), "1,000 to 1,000,000 Hz");
  return rate;
}

double number_in_text(const json& text, const std::string& where) {
  const std::string& digits = text.get_ref<const std::string&>();
  const bool plain = digits.find_first_not_of("0123456789+-.eE") == std::string::npos;
  // Not std::from_chars, which not every standard library has for doubles.
  if (!plain || !json::accept(digits)) refuse(where, shown(text), "a number");
  return number(parse_json(digits, where), where);
}

std::vector<float> table(const json& value, const std::vector<std::int64_t>& shape, const std::string& where) {
  std::vector<float> values;
  append_table(value, shape.data(), shape.size(), where, values);
  return values;
}

std::vector<float> torch_order(const std::vector<float>& kernel, std::int64_t taps, std::int64_t inputs,
                               std::int64_t outputs) {
  std::vector<float> weight;
  weight.reserve(kernel.size());
  for (std::int64_t o = 0; o < outputs; ++o)
    for (std::int64_t i = 0; i < inputs; ++i)
      for (std::int64_t k = 0; k < taps; ++k)
        weight.push_back(kernel[static_cast<std::size_t>((k * inputs + i) * outputs + o)]);
  return weight;
}

std::vector<Knob> parse_knobs(const json& list, const std::string& where) {
  require_array(list, 0, limits::kKnobs, where);
  std::vector<Knob> knobs;
  std::set<std::string> names;
  for (std::size_t i = 0; i < list.size(); ++i) {
    knobs.push_back(parse_knob(list[i], where + "[" + std::to_string(i) + "]"));
    if (!names.insert(knobs.back().name).second)
      refuse(where, "two knobs named " + shown(knobs.back().name), "a name for each");
  }
  return knobs;
}

std::vector<Knob> knobs_for_inputs(int inputs, const json& root) {
  const auto metadata = root.find("metadata");
  if (metadata != root.end() && metadata->is_object() && metadata->contains("knobs"))
    return parse_knobs((*metadata)["knobs"], "metadata.knobs");
  std::vector<Knob> knobs;
  for (int i = 1; i < inputs; ++i) {
    knobs.emplace_back();
    knobs.back().name = inputs == 2 ? "gain" : "knob" + std::to_string(i);
  }
  return knobs;
}

}  // namespace triode
