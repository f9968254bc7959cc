// What a host keeps in its session beside the parameters: strings by key.
//
// Version 1: `version`, `model` and `cabinet` (paths, UTF-8), `model_data` (the model file itself in base64, "" where
// the path is enough), `status` (told to the host, never taken from it), `preset` (taken, never told: RigHost). The state comes from files of strangers: what
// does not fit is refused with a sentence, and leaves the other keys alone.
#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace triode::plugin {

inline constexpr const char* kStateVersion = "1";
/// In the order in which a session has to be restored.
inline constexpr std::array<const char*, 6> kStateKeys = {"version", "model", "model_data", "cabinet", "status", "preset"};
inline constexpr std::size_t kMostPathBytes = 4096;
inline constexpr std::size_t kMostModelText = (std::size_t{64} << 20) / 3 * 4;

class State {
 public:
  /// Takes one key. A `model` takes the bytes of another model away: those come after it. False where nothing changed.
  bool set(std::string_view key, std::string_view value);
  /// What a session keeps under `key`, `status` aside. `model_data` is there with `embed` where the file can be read,
  /// and where there is no file to go back to.
  std::string get(std::string_view key, bool embed) const;

  const std::string& model_path() const noexcept { return model_path_; }
  const std::string& cabinet_path() const noexcept { return cabinet_path_; }
  /// The model itself where the session held it.
  const std::shared_ptr<const std::string>& model_bytes() const noexcept { return model_bytes_; }
  /// What was refused, in sentences for people, or "".
  std::string problem() const;

 private:
  bool set_path(std::string& path, std::string& problem, std::string_view key, std::string_view value);
  bool set_model_data(std::string_view value);

  std::string model_path_, cabinet_path_;
  std::shared_ptr<const std::string> model_bytes_;
  std::string version_problem_, model_problem_, cabinet_problem_;
};

std::filesystem::path path_of(const std::string& utf8);
/// Whether this is text in UTF-8 without control characters, as a path in a session has to be.
bool is_plain_text(std::string_view text) noexcept;

}  // namespace triode::plugin
