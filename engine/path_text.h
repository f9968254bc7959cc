// Paths as texts in UTF-8, on every system: Windows has others of its own, in which not every path can be told.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace triode {

inline std::filesystem::path path_of(std::string_view utf8) {
  return std::filesystem::path(std::u8string(utf8.begin(), utf8.end()));
}

inline std::string text_of(const std::filesystem::path& path) {
  const std::u8string utf8 = path.u8string();
  return {utf8.begin(), utf8.end()};
}

}  // namespace triode
