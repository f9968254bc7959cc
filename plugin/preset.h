// Presets as files: everything that makes a sound, in one JSON file.
//
//   {"triode_preset": 1, "name": "Crunch", "parameters": {"bass": 3.0, "knob_1": 0.7}, "model": "amp.triode"}
//
// `parameters` go by their symbols; one that is left out is at its default. `model` and `cabinet` are paths, relative to
// the preset's folder where they lie in it; `model_data` is the model itself in base64, where it is kept in the preset;
// `model_2` and so on are the second ones. What belongs to the interface and the session, not to the sound, is not in a
// preset: belongs_to_the_place().
#pragma once

#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "parameters.h"

namespace triode::plugin {

/// One sentence for people, which starts with the preset's name.
class PresetError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Preset {
  std::string name;
  Values values = default_values();
  std::map<std::string, std::string> states;  // by the keys of kPresetKeys, absolute paths; "" is none
};

/// In the order in which they have to be set.
inline constexpr std::array<const char*, 6> kPresetKeys = {"model",   "model_data",   "cabinet",
                                                            "model_2", "model_2_data", "cabinet_2"};
inline constexpr std::size_t kMostPresetBytes = std::size_t{192} << 20;

/// Parameters that a preset leaves as they are.
bool belongs_to_the_place(int parameter) noexcept;

/// Reads a preset: a file, or one that comes with the plug-in ("triode:NAME"). Throws PresetError.
Preset read_preset(const std::string& path);
/// The same from its text; `path` is where it is from.
Preset parse_preset(std::string_view text, const std::string& path);
std::string preset_text(const Preset& preset, const std::filesystem::path& folder);
/// Writes beside the file and renames. Throws PresetError.
void write_preset(const std::string& path, const Preset& preset);
/// Writes it under the name that a person chose, which it takes, and returns its path. Where the name lacks its ending,
/// nobody was asked whether another preset may go: that is refused. Throws PresetError.
std::string save_preset_as(std::string path, Preset preset);

/// Whether a file says that it is a preset: models, too, end in .json. Reads its first and last 16 KiB, where the key
/// is in presets that were written here, and by hand.
bool is_preset(const std::filesystem::path& file);

/// Where a person's own presets are looked for; it need not be there.
std::filesystem::path preset_folder();
/// All presets, as read_preset takes them: one's own in the order of names, then those that come with the plug-in.
std::vector<std::string> all_presets(const std::filesystem::path& folder);

}  // namespace triode::plugin
