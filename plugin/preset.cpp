#include "preset.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <system_error>

#include "factory_files.h"
#include "path_text.h"
#include "state.h"

namespace triode::plugin {

namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr int kPresetVersion = 1;
constexpr std::string_view kEnding = ".json", kKey = "triode_preset";
constexpr std::streamoff kLookedAt = 16 << 10;
constexpr std::size_t kMostNameBytes = 200, kMostPresets = 10'000;

bool is_path(std::string_view key) { return key != "model_data" && key != "model_2_data"; }
bool from_factory(std::string_view path) { return path.starts_with(kFactoryPrefix); }

std::string absolute(const std::string& path, const fs::path& folder) {
  if (path.empty() || from_factory(path)) return path;
  return text_of((folder / path_of(path)).lexically_normal());
}

// Relative where it lies in the folder, so that a folder of presets and models can be moved as a whole.
std::string portable(const std::string& path, const fs::path& folder) {
  if (path.empty() || from_factory(path) || folder.empty()) return path;
  const fs::path relative = path_of(path).lexically_relative(folder);
  return relative.empty() || *relative.begin() == ".." ? path : text_of(relative.generic_u8string());
}

void read_parameters(Preset& preset, const json& parameters) {
  for (int i = 0; i < kFirstOutput; ++i) {
    const auto place = static_cast<std::size_t>(i);
    const auto found = parameters.find(kParameterInfos[place].symbol);
    if (found != parameters.end() && found->is_number() && !belongs_to_the_place(i))
      preset.values[place] = in_range(i, static_cast<float>(std::clamp(found->get<double>(), -1e30, 1e30)));
  }
}

}  // namespace

bool belongs_to_the_place(int parameter) noexcept {
  switch (parameter) {
    case kInputs:
    case kCalibrate:
    case kInterfaceDbu:
    case kEmbed:
    case kPrograms:
      return true;
    default:
      return false;
  }
}

Preset parse_preset(std::string_view text, const std::string& path) {
  const json root = json::parse(text, nullptr, false);
  const auto version = root.is_object() ? root.find(kKey) : root.end();
  if (!root.is_object() || version == root.end() || !version->is_number_integer())
    throw PresetError(path + ": this is no preset of Triode; choose another file");
  if (*version != kPresetVersion)
    throw PresetError(path + ": this preset is of a newer version of Triode; update Triode");
  Preset preset;
  preset.name = from_factory(path) ? path.substr(kFactoryPrefix.size()) : text_of(path_of(path).stem());
  if (const auto name = root.find("name"); name != root.end() && name->is_string()) {
    const auto& words = name->get_ref<const std::string&>();
    if (!words.empty() && words.size() <= kMostNameBytes && is_plain_text(words)) preset.name = words;
  }
  if (const auto parameters = root.find("parameters"); parameters != root.end() && parameters->is_object())
    read_parameters(preset, *parameters);
  for (const char* key : kPresetKeys) {
    const auto found = root.find(key);
    std::string value = found != root.end() && found->is_string() ? found->get<std::string>() : "";
    if (is_path(key)) {
      if (value.size() > kMostPathBytes || !is_plain_text(value))
        throw PresetError(path + ": its " + key + " is no path; save the preset again");
      value = absolute(value, from_factory(path) ? fs::path() : path_of(path).parent_path());
    }
    preset.states[key] = std::move(value);
  }
  return preset;
}

Preset read_preset(const std::string& path) {
  if (const auto text = factory_preset(path)) return parse_preset(*text, path);
  std::error_code error;
  const fs::path file = path_of(path);
  if (!fs::is_regular_file(file, error)) throw PresetError(path + ": there is no such preset");
  if (fs::file_size(file, error) > kMostPresetBytes || error)
    throw PresetError(path + ": this is too large for a preset; choose another file");
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  if (!(text << stream.rdbuf())) throw PresetError(path + ": this preset cannot be read");
  return parse_preset(text.view(), path);
}

std::string preset_text(const Preset& preset, const fs::path& folder) {
  json root = {{"triode_preset", kPresetVersion}, {"name", preset.name}, {"parameters", json::object()}};
  for (int i = 0; i < kFirstOutput; ++i) {
    const auto place = static_cast<std::size_t>(i);
    if (belongs_to_the_place(i)) continue;
    // As a person would write it: no 0.10000000149.
    root["parameters"][kParameterInfos[place].symbol] = std::round(1e6 * preset.values[place]) / 1e6;
  }
  for (const char* key : kPresetKeys)
    if (const auto found = preset.states.find(key); found != preset.states.end() && !found->second.empty())
      root[key] = is_path(key) ? portable(found->second, folder) : found->second;
  return root.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

void write_preset(const std::string& path, const Preset& preset) {
  const fs::path file = path_of(path);
  fs::path beside = file;
  beside += ".writing";
  std::error_code error;
  if (file.has_parent_path()) fs::create_directories(file.parent_path(), error);
  {
    std::ofstream stream(beside, std::ios::binary);
    stream << preset_text(preset, file.parent_path());
    stream.close();
    if (!stream) error = std::make_error_code(std::errc::io_error);
  }
  if (!error) fs::rename(beside, file, error);
  if (!error) return;
  std::error_code ignored;
  fs::remove(beside, ignored);
  throw PresetError(path + ": the preset cannot be written; choose another folder");
}

std::string save_preset_as(std::string path, Preset preset) {
  std::error_code error;
  if (!path.ends_with(kEnding)) {
    path += kEnding;
    if (fs::exists(path_of(path), error))
      throw PresetError(path + ": there is such a preset already; choose it, or another name");
  }
  preset.name = text_of(path_of(path).stem());
  write_preset(path, preset);
  return path;
}

bool is_preset(const fs::path& file) {
  std::error_code error;
  if (file.extension() != kEnding || !fs::is_regular_file(file, error)) return false;
  std::ifstream stream(file, std::ios::binary | std::ios::ate);
  const std::streamoff size = stream.tellg();
  for (const std::streamoff from : {std::streamoff{0}, std::max<std::streamoff>(0, size - kLookedAt)}) {
    std::string text(static_cast<std::size_t>(kLookedAt), '\0');
    stream.clear();
    stream.seekg(from);
    stream.read(text.data(), kLookedAt);
    text.resize(static_cast<std::size_t>(std::max<std::streamsize>(0, stream.gcount())));
    if (text.find('"' + std::string(kKey) + '"') != std::string::npos) return true;
  }
  return false;
}

fs::path preset_folder() {
#if defined(_WIN32)
  const wchar_t* data = _wgetenv(L"APPDATA");
  return fs::path(data == nullptr ? L"" : data) / "Triode" / "presets";
#else
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? fs::path() : fs::path(value);
  };
#if defined(__APPLE__)
  return variable("HOME") / "Library" / "Application Support" / "Triode" / "presets";
#else
  const fs::path data = variable("XDG_DATA_HOME");
  return (data.empty() ? variable("HOME") / ".local" / "share" : data) / "triode" / "presets";
#endif
#endif
}

std::vector<std::string> all_presets(const fs::path& folder) {
  std::vector<std::string> all;
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator() && all.size() < kMostPresets; entry.increment(error))
    if (is_preset(entry->path())) all.push_back(text_of(entry->path()));
  std::sort(all.begin(), all.end());
  for (std::string& name : factory_presets()) all.push_back(std::move(name));
  return all;
}

}  // namespace triode::plugin
