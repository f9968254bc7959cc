// Models and presets that come with the plug-in, inside it: `triode:NAME`, as the Python package has them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace triode::plugin {

inline constexpr std::string_view kFactoryPrefix = "triode:";

/// The bytes of a model file, or nothing where there is no such name.
std::optional<std::string_view> factory_model(std::string_view name);
/// The text of a preset.
std::optional<std::string_view> factory_preset(std::string_view name);
/// Their names, `triode:` included, in alphabetical order.
std::vector<std::string> factory_models();
std::vector<std::string> factory_presets();

}  // namespace triode::plugin
