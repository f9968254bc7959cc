// What a host keeps in its session beside the parameters: strings by key.
//
// Version 1: `version`, `model` and `cabinet` (paths, UTF-8), `model_data` (the model file itself in base64, "" where
// the path is enough), `status` (told to the host, never taken from it), `preset` (taken, never told: RigHost).
// Version 2 adds a second of each: `model_2`, `model_2_data`, `cabinet_2`. The state comes from files of strangers: what
// does not fit is refused with a sentence, and leaves the other keys alone.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace triode::plugin {

inline constexpr const char* kStateVersion = "2";
/// There is room for two models and two cabinets.
inline constexpr std::size_t kSlots = 2;
inline constexpr std::array<const char*, kSlots> kModelKeys = {"model", "model_2"};
inline constexpr std::array<const char*, kSlots> kModelDataKeys = {"model_data", "model_2_data"};
inline constexpr std::array<const char*, kSlots> kCabinetKeys = {"cabinet", "cabinet_2"};
/// In the order in which a session has to be restored.
inline constexpr std::array<const char*, 9> kStateKeys = {"version", "model",   "model_data",   "cabinet",  "status",
                                                           "preset",  "model_2", "model_2_data", "cabinet_2"};
/// What of it is a path that a person chooses.
bool is_file_key(std::string_view key) noexcept;
inline constexpr std::size_t kMostPathBytes = 4096;
inline constexpr std::size_t kMostKeptBytes = std::size_t{64} << 20;
inline constexpr std::size_t kMostModelText = kMostKeptBytes / 3 * 4;

/// A file as it was when it was chosen: chosen again after it came back or was overwritten, it is another one.
struct ChosenFile {
  std::string path;         // UTF-8; "" is none
  std::int64_t written = 0;  // by the file system's clock; 0 where there was no file
  std::uintmax_t size_bytes = 0;

  static ChosenFile now(std::string path);
  bool was_there() const noexcept { return written != 0; }
  bool operator==(const ChosenFile&) const = default;
};

class State {
 public:
  /// Takes one key. A `model` that is there takes the bytes that were kept away: a session's own come after it. False
  /// where nothing changed.
  bool set(std::string_view key, std::string_view value);
  /// A model was read from this file: it is what a session keeps, whatever becomes of the file.
  void take_read(std::size_t slot, const ChosenFile& file, std::shared_ptr<const std::string> bytes);
  /// What a session keeps under `key`, `status` aside. `model_data` is there with `embed` where the file was read or
  /// can be, and where there is no file to go back to.
  std::string get(std::string_view key, bool embed) const;

  const ChosenFile& model(std::size_t slot = 0) const noexcept { return models_[slot].chosen; }
  const ChosenFile& cabinet(std::size_t slot = 0) const noexcept { return cabinets_[slot].chosen; }
  /// The model itself where the session held it.
  const std::shared_ptr<const std::string>& model_bytes(std::size_t slot = 0) const noexcept { return bytes_[slot]; }
  /// What was refused, in sentences for people, or "".
  std::string problem() const;
  /// The same of models that are too large to be kept in a session.
  std::string not_kept() const;

 private:
  struct File {
    ChosenFile chosen;
    std::string problem;

    bool set(std::string_view what, std::string_view value);
  };

  bool set_model_data(std::size_t slot, std::string_view value);
  std::string model_data(std::size_t slot, bool embed) const;

  std::array<File, kSlots> models_, cabinets_;
  std::array<std::shared_ptr<const std::string>, kSlots> bytes_, read_;  // of the session; of the file
  std::string version_problem_;
};

/// Nothing where there is no such file, or it is larger than a session should hold.
std::shared_ptr<const std::string> file_bytes(const std::string& path);

/// Whether this is text in UTF-8 without control characters, as a path in a session has to be.
bool is_plain_text(std::string_view text) noexcept;

}  // namespace triode::plugin
