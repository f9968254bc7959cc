#include "browse.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <string_view>
#include <vector>

#include "factory_files.h"
#include "loaded_rig.h"
#include "path_text.h"
#include "state.h"

namespace triode::plugin {

namespace {

constexpr std::array<std::string_view, 4> kEndings = {".triode", ".nam", ".aidax", ".json"};
constexpr std::size_t kMostFiles = 10'000;

}  // namespace

std::vector<std::string> models_beside(const std::string& path) {
  if (path.starts_with(kFactoryPrefix)) return factory_models();
  std::error_code error;
  std::vector<std::string> models;
  std::filesystem::directory_iterator entry(path_of(path).parent_path(), error);
  const std::filesystem::directory_iterator end;
  for (; !error && entry != end && models.size() < kMostFiles; entry.increment(error)) {
    const std::string ending = text_of(entry->path().extension());
    if (std::find(kEndings.begin(), kEndings.end(), ending) != kEndings.end()) models.push_back(text_of(entry->path()));
  }
  std::sort(models.begin(), models.end());
  return models;
}

std::string neighbour_model(const std::string& path, int step) {
  std::vector<std::string> models = models_beside(path);
  if (path.empty() && models.empty()) models = factory_models();
  if (models.empty()) return "";
  const auto count = static_cast<long>(models.size());
  const auto place = std::lower_bound(models.begin(), models.end(), path);
  const bool found = place != models.end() && *place == path;
  // From a file that has gone, the next is the one that came after it.
  const long from = place - models.begin() - (!found && step > 0 ? 1 : 0);
  return models[static_cast<std::size_t>(((from + step) % count + count) % count)];
}

std::string neighbour_preset(const std::vector<std::string>& presets, const std::string& path, int step) {
  if (presets.empty()) return "";
  const auto count = static_cast<long>(presets.size());
  const auto place = std::find(presets.begin(), presets.end(), path);
  const long from = place != presets.end() ? place - presets.begin() : step > 0 ? -1 : 0;
  return presets[static_cast<std::size_t>(((from + step) % count + count) % count)];
}

std::string reading(const Knob& knob, double travel) {
  const double value = value_at(knob, travel);
  const double span = std::abs(knob.high - knob.low);
  const double size = knob.logarithmic ? std::abs(value) : span;
  const int digits = size <= 2.0 ? 2 : size <= 50.0 ? 1 : 0;
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return knob.unit.empty() ? text : std::string(text) + " " + knob.unit;
}

std::string latency_reading(int samples, double rate_hz) {
  char text[64];
  std::snprintf(text, sizeof text, "%d samples, %.1f ms", samples, 1000.0 * samples / rate_hz);
  return text;
}

}  // namespace triode::plugin
