#include "state.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <utility>

#include "base64.h"
#include "path_text.h"

namespace triode::plugin {

namespace {

bool is_file(const std::string& utf8) {
  std::error_code error;
  return std::filesystem::is_regular_file(path_of(utf8), error);
}

}  // namespace

std::shared_ptr<const std::string> file_bytes(const std::string& path) {
  const std::filesystem::path place = path_of(path);
  std::error_code error;
  if (!std::filesystem::is_regular_file(place, error)) return nullptr;
  const std::uintmax_t size = std::filesystem::file_size(place, error);
  if (error || size > kMostKeptBytes) return nullptr;
  std::string bytes(static_cast<std::size_t>(size), '\0');
  std::ifstream stream(place, std::ios::binary);
  if (!stream.read(bytes.data(), static_cast<std::streamsize>(size))) return nullptr;
  return std::make_shared<const std::string>(std::move(bytes));
}

bool is_plain_text(std::string_view text) noexcept {
  int following = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (following > 0) {
      if ((byte & 0xC0) != 0x80) return false;
      --following;
    } else if (byte >= 0xC2 && byte <= 0xF4) {
      following = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
    } else if (byte < 0x20 || byte >= 0x7F) {
      return false;
    }
  }
  return following == 0;
}

bool is_file_key(std::string_view key) noexcept {
  return std::find(kModelKeys.begin(), kModelKeys.end(), key) != kModelKeys.end() ||
         std::find(kCabinetKeys.begin(), kCabinetKeys.end(), key) != kCabinetKeys.end() || key == "preset";
}

std::string State::problem() const {
  std::string all = version_problem_;
  for (const auto* files : {&models_, &cabinets_})
    for (const File& file : *files)
      if (!file.problem.empty()) all += (all.empty() ? "" : "; ") + file.problem;
  return all;
}

std::string State::not_kept() const {
  std::string all;
  for (std::size_t slot = 0; slot < kSlots; ++slot) {
    const ChosenFile& file = models_[slot].chosen;
    if (bytes_[slot] || file.size_bytes <= kMostKeptBytes) continue;
    all += (all.empty() ? "" : "; ") + file.path;
    all += ": too large to be kept in the session, 64 MiB at most; keep the file";
  }
  return all;
}

ChosenFile ChosenFile::now(std::string path) {
  ChosenFile file{std::move(path)};
  std::error_code error;
  const std::filesystem::path place = path_of(file.path);
  if (!std::filesystem::is_regular_file(place, error)) return file;
  const auto written = std::filesystem::last_write_time(place, error).time_since_epoch().count();
  const std::uintmax_t size_bytes = error ? 0 : std::filesystem::file_size(place, error);
  if (error) return file;
  file.written = static_cast<std::int64_t>(written);
  file.size_bytes = size_bytes;
  return file;
}

bool State::File::set(std::string_view what, std::string_view value) {
  problem = "";
  if (value.size() > kMostPathBytes || !is_plain_text(value)) {
    problem = "the path of the " + std::string(what) + " in this session is no path; choose the file again";
    value = "";
  }
  ChosenFile now = ChosenFile::now(std::string(value));
  if (chosen == now) return false;
  chosen = std::move(now);
  return true;
}

bool State::set_model_data(std::size_t slot, std::string_view value) {
  std::shared_ptr<const std::string> before = std::move(bytes_[slot]);
  bytes_[slot] = nullptr;
  if (value.empty()) return before != nullptr;
  std::optional<std::string> bytes = value.size() <= kMostModelText ? from_base64(value) : std::nullopt;
  if (!bytes) {
    models_[slot].problem = "the model kept in this session is damaged; choose its file again";
    return before != nullptr;
  }
  const bool same = before && *before == *bytes;
  bytes_[slot] = same ? before : std::make_shared<const std::string>(std::move(*bytes));
  return !same;
}

bool State::set(std::string_view key, std::string_view value) {
  if (key == "version") {
    const bool known = value.empty() || value == "1" || value == kStateVersion;
    version_problem_ =
        known ? "" : "this session is of a newer version of Triode; what is new in it is left out, update Triode";
    return false;
  }
  for (std::size_t slot = 0; slot < kSlots; ++slot) {
    if (key == kModelKeys[slot]) {
      const bool changed = models_[slot].set("model", value);
      if (!changed && !(bytes_[slot] && models_[slot].chosen.was_there())) return false;
      bytes_[slot] = read_[slot] = nullptr;
      return true;
    }
    if (key == kModelDataKeys[slot]) return set_model_data(slot, value);
    if (key == kCabinetKeys[slot]) return cabinets_[slot].set("cabinet", value);
  }
  return false;
}

void State::take_read(std::size_t slot, const ChosenFile& file, std::shared_ptr<const std::string> bytes) {
  if (bytes && models_[slot].chosen == file) read_[slot] = std::move(bytes);
}

std::string State::model_data(std::size_t slot, bool embed) const {
  const std::string& path = models_[slot].chosen.path;
  if (bytes_[slot] && (embed || !is_file(path))) return to_base64(*bytes_[slot]);
  if (!embed || path.empty()) return "";
  const std::shared_ptr<const std::string> bytes = read_[slot] ? read_[slot] : file_bytes(path);
  return bytes ? to_base64(*bytes) : "";
}

std::string State::get(std::string_view key, bool embed) const {
  if (key == "version") return kStateVersion;
  for (std::size_t slot = 0; slot < kSlots; ++slot) {
    if (key == kModelKeys[slot]) return models_[slot].chosen.path;
    if (key == kModelDataKeys[slot]) return model_data(slot, embed);
    if (key == kCabinetKeys[slot]) return cabinets_[slot].chosen.path;
  }
  return "";
}

}  // namespace triode::plugin
