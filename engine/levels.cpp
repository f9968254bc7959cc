#include "levels.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace triode {

namespace {

using nlohmann::json;

std::optional<double> number(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number()) return std::nullopt;
  const double value = found->get<double>();
  return std::isfinite(value) && std::abs(value) < 200.0 ? std::optional(value) : std::nullopt;
}

}  // namespace

Levels levels_of(const std::string& metadata) {
  const json root = json::parse(metadata, nullptr, false);
  if (!root.is_object()) return {};
  if (const auto own = root.find("levels"); own != root.end() && own->is_object())
    return {number(*own, "input_dbu"), number(*own, "output_dbu"), number(*own, "loudness_db")};
  if (const auto nam = root.find("metadata"); nam != root.end() && nam->is_object())
    return {number(*nam, "input_level_dbu"), number(*nam, "output_level_dbu"), number(*nam, "loudness")};
  return {};
}

}  // namespace triode
