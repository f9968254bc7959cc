#include "levels.h"

#include <nlohmann/json.hpp>

namespace triode {

namespace {

using nlohmann::json;

struct Range {
  double low, high;
};

// What devices and recordings can be, with room around it: a level becomes a gain.
constexpr Range kLoudnessDb = {-80.0, 20.0}, kDbu = {-60.0, 60.0};

std::optional<double> number(const json& object, const char* key, const Range& range) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number()) return std::nullopt;
  const double value = found->get<double>();
  return value >= range.low && value <= range.high ? std::optional(value) : std::nullopt;
}

}  // namespace

Levels levels_of(const std::string& metadata) {
  const json root = json::parse(metadata, nullptr, false);
  if (!root.is_object()) return {};
  if (const auto own = root.find("levels"); own != root.end() && own->is_object())
    return {number(*own, "input_dbu", kDbu), number(*own, "output_dbu", kDbu),
            number(*own, "loudness_db", kLoudnessDb)};
  if (const auto nam = root.find("metadata"); nam != root.end() && nam->is_object())
    return {number(*nam, "input_level_dbu", kDbu), number(*nam, "output_level_dbu", kDbu),
            number(*nam, "loudness", kLoudnessDb)};
  return {};
}

}  // namespace triode
