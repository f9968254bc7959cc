#include "json_fields.h"

#include <cmath>
#include <limits>

namespace triode {

using nlohmann::json;

namespace {

constexpr int kMaxDepth = 64;
constexpr std::size_t kShownCharacters = 80;

// Deepest nesting of brackets outside strings; an upper bound of what the parser will see.
int nesting_depth(std::string_view text) {
  int depth = 0, deepest = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      deepest = std::max(deepest, ++depth);
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return deepest;
}

}  // namespace

json parse_json(std::string_view text, const std::string& where) {
  const int depth = nesting_depth(text);
  if (depth > kMaxDepth)
    refuse(where, "JSON nested " + std::to_string(depth) + " levels deep", "at most " + std::to_string(kMaxDepth));
  try {
    return json::parse(text.begin(), text.end());
  } catch (const json::parse_error& error) {
    throw ModelFileError(where + " is damaged: its JSON ends or breaks at byte " + std::to_string(error.byte) + " of " +
                         std::to_string(text.size()) + "; copy or download the file again");
  } catch (const json::exception&) {
    throw ModelFileError(where + " holds a number too large for any computer; export the model again");
  }
}

std::string shown(const json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  std::string text = value.dump(-1, ' ', true, json::error_handler_t::replace);
  if (text.size() > kShownCharacters) text = text.substr(0, kShownCharacters) + "...";
  return text;
}

void refuse(const std::string& where, const std::string& found, const std::string& expected) {
  throw ModelFileError(where + ": found " + found + ", expected " + expected + "; export the model again");
}

std::int64_t whole_number(const json& value, std::int64_t low, std::int64_t high, const std::string& where) {
  const auto wanted = [&] {
    return "a whole number from " + std::to_string(low) + " to " + std::to_string(high);
  };
  if (!value.is_number()) refuse(where, shown(value), wanted());
  const double number = value.get<double>();
  if (!(number >= static_cast<double>(low) && number <= static_cast<double>(high)) || number != std::floor(number))
    refuse(where, shown(value), wanted());
  return static_cast<std::int64_t>(number);
}

double number(const json& value, const std::string& where) {
  if (!value.is_number()) refuse(where, shown(value), "a number");
  return value.get<double>();
}

float finite_float(const json& value, const std::string& where) {
  const double x = number(value, where);
  if (!(std::abs(x) <= static_cast<double>(std::numeric_limits<float>::max())))
    refuse(where, shown(value), "a number within float32's range");
  return static_cast<float>(x);
}

void require_object(const json& value, const std::string& where) {
  if (!value.is_object()) refuse(where, shown(value), "an object");
}

void require_array(const json& value, std::size_t least, std::size_t most, const std::string& where) {
  if (!value.is_array()) refuse(where, shown(value), "a list");
  if (value.size() < least || value.size() > most)
    refuse(where, "a list of " + std::to_string(value.size()),
           least == most ? std::to_string(least) + " entries"
                         : "from " + std::to_string(least) + " to " + std::to_string(most) + " entries");
}

Fields::Fields(const json& object, std::string where) : object_(object), where_(std::move(where)) {
  require_object(object_, where_);
}

const json* Fields::find(const std::string& key) {
  asked_.insert(key);
  const auto found = object_.find(key);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

const json& Fields::at(const std::string& key) {
  const json* value = find(key);
  if (value == nullptr) throw ModelFileError(where_ + " has no \"" + key + "\"; export the model again");
  return *value;
}

int Fields::integer(const std::string& key, int low, int high) {
  return static_cast<int>(whole_number(at(key), low, high, path(key)));
}

int Fields::integer(const std::string& key, int low, int high, int otherwise) {
  return find(key) == nullptr ? otherwise : integer(key, low, high);
}

double Fields::number(const std::string& key, double low, double high) {
  const double x = triode::number(at(key), path(key));
  if (!(x >= low && x <= high)) refuse(path(key), shown(at(key)), "a number from " + shown(low) + " to " + shown(high));
  return x;
}

float Fields::number(const std::string& key, float otherwise) {
  const json* value = find(key);
  return value == nullptr ? otherwise : finite_float(*value, path(key));
}

bool Fields::boolean(const std::string& key) {
  const json& value = at(key);
  if (!value.is_boolean()) refuse(path(key), shown(value), "true or false");
  return value.get<bool>();
}

bool Fields::boolean(const std::string& key, bool otherwise) { return find(key) == nullptr ? otherwise : boolean(key); }

std::string Fields::text(const std::string& key) {
  const json& value = at(key);
  if (!value.is_string()) refuse(path(key), shown(value), "a text");
  return value.get<std::string>();
}

void Fields::refuse_others() const {
  for (const auto& [key, value] : object_.items())
    if (!asked_.contains(key))
      throw ModelFileError(where_ + " has a key " + shown(key) + " that this version does not know; update Triode or export the model again");
}

}  // namespace triode
