// Mutations for the fuzzer that know the formats: they change the JSON in a model file, a value, a key, a shape, a
// length, the nesting, and write the file again, so that it still parses and the checks behind the parser get to work.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "model_file.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

using nlohmann::json;
using Random = std::minstd_rand;

constexpr std::size_t kDeepest = 60;  // brackets within brackets that are still walked
// Written for a number or a string without regard to JSON's types, and partly to its grammar.
constexpr std::array kTokens = {"0", "-1", "1", "2", "3", "17", "255", "65536", "2147483648", "4294967295",
                                "9223372036854775807", "18446744073709551616", "-9223372036854775808", "0.5", "-0.0",
                                "1e39", "1e400", "-1e400", "1e-46", "NaN", "Infinity", "null", "true", "[]", "{}",
                                "\"\"", "\"\\u0000\"", "[[[[1]]]]", "\"48000\"", "{\"type\":\"Tanh\"}"};
constexpr const char* kMark = "@token@";

std::size_t below(Random& random, std::size_t n) { return n == 0 ? 0 : random() % n; }

bool is_too_deep(std::string_view text) {
  std::size_t depth = 0;
  for (const char c : text) {
    if (c == '[' || c == '{') ++depth;
    if ((c == ']' || c == '}') && depth > 0) --depth;
    if (depth > kDeepest) return true;
  }
  return false;
}

// Every value inside `value`; of long lists, which are weights, no more than the first and the last.
void collect(json& value, std::vector<json*>& found) {
  found.push_back(&value);
  if (!value.is_structured()) return;
  const std::size_t last = value.size() - 1;
  std::size_t index = 0;
  for (json& inner : value) {
    if (value.is_object() || last < 64 || index == 0 || index == last) collect(inner, found);
    ++index;
  }
}

void change_number(json& value, Random& random) {
  const double x = value.get<double>();
  if (value.is_number_integer()) {
    const auto whole = static_cast<std::int64_t>(std::clamp(x, -1e9, 1e9));
    value = std::array{whole + 1, whole - 1, whole * 2, whole / 2, -whole, whole * 1000}[below(random, 6)];
  } else {
    value = std::array{x * 2, -x, x * 1e6, x * 1e-6, x + 1, 0.0}[below(random, 6)];
  }
}

void change_list(json& list, Random& random) {
  const std::size_t size = list.size(), at = below(random, size);
  const auto place = list.begin() + static_cast<std::ptrdiff_t>(at);
  switch (below(random, 5)) {
    case 0: list.erase(place); return;
    case 1: list.erase(place, list.end()); return;
    case 2: list.push_back(json(list[at])); return;
    case 3: std::swap(list[at], list[below(random, size)]); return;
    default:
      for (std::size_t i = 0; i < std::min<std::size_t>(size, 16); ++i) list.push_back(json(list[i]));
  }
}

void change_object(json& object, Random& random) {
  const auto any = [&] { return std::next(object.begin(), static_cast<std::ptrdiff_t>(below(random, object.size()))); };
  const std::string key = any().key(), other = any().key();
  switch (below(random, 4)) {
    case 0: object.erase(key); return;
    case 1: std::swap(object[key], object[other]); return;
    case 2: object[key + "s"] = json(object[key]); return;
    default: object["@twice@" + key] = json(object[other]);  // becomes a second `key`
  }
}

void change(json& root, Random& random) {
  std::vector<json*> all;
  collect(root, all);
  json& value = *all[below(random, all.size())];
  const std::size_t choice = below(random, 8);
  if (choice == 0) {
    value = std::string(kMark) + std::to_string(below(random, kTokens.size())) + "@";
  } else if (choice == 1) {
    json copy = *all[below(random, all.size())];  // also a whole within its own part
    if (copy.dump().size() < 4000) value = std::move(copy);
  } else if (choice == 2) {
    value = json::array({json(value)});
  } else if (value.is_number()) {
    change_number(value, random);
  } else if (value.is_array() && !value.empty()) {
    change_list(value, random);
  } else if (value.is_object() && !value.empty()) {
    change_object(value, random);
  } else if (value.is_boolean()) {
    value = !value.get<bool>();
  }
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

std::string written(const json& root) {
  std::string text = root.dump(-1, ' ', false, json::error_handler_t::replace);
  for (std::size_t i = 0; i < kTokens.size(); ++i)
    replace_all(text, '"' + std::string(kMark) + std::to_string(i) + "@\"", kTokens[i]);
  replace_all(text, "\"@twice@", "\"");
  return text;
}

// Gives the list of weights the length that the changed network needs, where the reader says that it has another.
void fit_weights(json& value, std::size_t has, std::size_t needs) {
  for (auto& [key, inner] : value.items()) {
    if (key == "weights" && inner.is_array() && inner.size() == has) {
      const json first = has == 0 ? json(0.1) : json(inner[0]);
      inner.get_ref<json::array_t&>().resize(needs, first);
    } else if (inner.is_structured() && inner.size() < 64) {
      fit_weights(inner, has, needs);
    }
  }
}

void fit_weights(json& root) {
  try {
    triode::read_model(written(root), "");
  } catch (const triode::ModelFileError& error) {
    const char* counts = std::strstr(error.what(), ": found ");
    unsigned long has = 0, needs = 0;
    if (counts == nullptr || std::sscanf(counts, ": found %9lu weights, expected %6lu ", &has, &needs) != 2) return;
    if (needs < 30000) fit_weights(root, has, needs);
  }
}

// The text, changed; empty where it is no JSON that can be.
std::string changed(std::string_view text, Random& random) {
  if (is_too_deep(text)) return {};
  json root = json::parse(text, nullptr, false);
  if (root.is_discarded() || !root.is_structured()) return {};
  for (std::size_t times = 1 + below(random, 3); times > 0; --times) change(root, random);
  if (below(random, 2) == 0 && root.is_object()) fit_weights(root);
  return written(root);
}

// Of a .triode file: the length of the header, the header, with the description as a string in it, and the numbers.
std::string changed_triode(std::string_view bytes, Random& random) {
  std::uint64_t length = 0;
  if (bytes.size() < sizeof length) return {};
  std::memcpy(&length, bytes.data(), sizeof length);
  if (length > bytes.size() - sizeof length) return {};
  std::string_view header = bytes.substr(sizeof length, length);
  std::string numbers(bytes.substr(sizeof length + length)), text;
  if (is_too_deep(header)) return {};
  json root = json::parse(header, nullptr, false);
  const json::json_pointer place("/__metadata__/triode");
  const std::size_t choice = below(random, 4);
  if (choice == 0 && !numbers.empty()) {
    constexpr std::array<std::uint32_t, 6> kBits = {0x7fc00000, 0x7f800000, 0xff800000, 0x7f7fffff, 1, 0x4b800000};
    const std::size_t at = below(random, numbers.size()) / 4 * 4;
    if (at + 4 <= numbers.size()) std::memcpy(&numbers[at], &kBits[below(random, kBits.size())], 4);
    text = std::string(header);
  } else if (choice == 1) {
    numbers.resize(below(random, numbers.size() + 40));
    text = std::string(header);
  } else if (choice == 2 && root.is_object() && root.contains(place) && root[place].is_string()) {
    const std::string description = changed(root[place].get<std::string>(), random);
    if (description.empty()) return {};
    root[place] = description;
    text = root.dump(-1, ' ', false, json::error_handler_t::replace);
  } else {
    text = changed(header, random);
  }
  if (text.empty()) return {};
  length = text.size();
  std::string file(sizeof length, '\0');
  std::memcpy(file.data(), &length, sizeof length);
  return file + text + numbers;
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned int seed) {
  Random random(seed);
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (below(random, 3) == 0) return LLVMFuzzerMutate(data, size, max_size);
  const bool is_json = !bytes.empty() && (bytes[0] == '{' || bytes[0] == '[');
  const std::string file = is_json ? changed(bytes, random) : changed_triode(bytes, random);
  if (file.empty() || file.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::memcpy(data, file.data(), file.size());
  return file.size();
}
