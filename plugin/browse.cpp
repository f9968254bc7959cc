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
#include "preset.h"
#include "state.h"

namespace triode::plugin {

namespace {

constexpr std::array<std::string_view, 4> kModelEndings = {".triode", ".nam", ".aidax", ".json"};
constexpr std::array<std::string_view, 2> kCabinetEndings = {".wav", ".WAV"};
constexpr std::size_t kMostFiles = 10'000;

// Those in the folder of `path`, in the order of names.
template <class Endings>
std::vector<std::string> files_beside(const std::string& path, const Endings& endings) {
  std::error_code error;
  std::vector<std::string> files;
  if (path.empty()) return files;
  std::filesystem::directory_iterator entry(path_of(path).parent_path(), error);
  const std::filesystem::directory_iterator end;
  for (; !error && entry != end && files.size() < kMostFiles; entry.increment(error)) {
    const std::string ending = text_of(entry->path().extension());
    const bool has_one = std::find(endings.begin(), endings.end(), ending) != endings.end();
    if (has_one && !is_preset(entry->path())) files.push_back(text_of(entry->path()));
  }
  std::sort(files.begin(), files.end());
  return files;
}

// Round the end of `files`, which are in order; "" where there are none.
std::string neighbour(const std::vector<std::string>& files, const std::string& path, int step) {
  if (files.empty()) return "";
  const auto count = static_cast<long>(files.size());
  const auto place = std::lower_bound(files.begin(), files.end(), path);
  const bool found = place != files.end() && *place == path;
  // From a file that has gone, the next is the one that came after it.
  const long from = place - files.begin() - (!found && step > 0 ? 1 : 0);
  return files[static_cast<std::size_t>(((from + step) % count + count) % count)];
}

}  // namespace

std::vector<std::string> models_beside(const std::string& path) {
  return path.starts_with(kFactoryPrefix) ? factory_models() : files_beside(path, kModelEndings);
}

std::string neighbour_model(const std::string& path, int step) {
  return neighbour(path.empty() ? factory_models() : models_beside(path), path, step);
}

std::string neighbour_cabinet(const std::string& path, int step) {
  return neighbour(files_beside(path, kCabinetEndings), path, step);
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
