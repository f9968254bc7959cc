#include "state.h"

#include <filesystem>
#include <fstream>
#include <optional>
#include <utility>

#include "base64.h"

namespace triode::plugin {

std::filesystem::path path_of(const std::string& utf8) {
  return std::filesystem::path(std::u8string(utf8.begin(), utf8.end()));
}

namespace {

// Nothing where there is no such file, or it is larger than a session should hold.
std::optional<std::string> file_bytes(const std::string& utf8) {
  const std::filesystem::path path = path_of(utf8);
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return std::nullopt;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error || size > kMostModelText / 4 * 3) return std::nullopt;
  std::string bytes(static_cast<std::size_t>(size), '\0');
  std::ifstream stream(path, std::ios::binary);
  if (!stream.read(bytes.data(), static_cast<std::streamsize>(size))) return std::nullopt;
  return bytes;
}

bool is_file(const std::string& utf8) {
  std::error_code error;
  return std::filesystem::is_regular_file(path_of(utf8), error);
}

}  // namespace

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

std::string State::problem() const {
  std::string all;
  for (const std::string* problem : {&version_problem_, &model_problem_, &cabinet_problem_})
    if (!problem->empty()) all += (all.empty() ? "" : "; ") + *problem;
  return all;
}

bool State::set_path(std::string& path, std::string& problem, std::string_view key, std::string_view value) {
  problem = "";
  if (value.size() > kMostPathBytes || !is_plain_text(value)) {
    problem = "the path of the " + std::string(key) + " in this session is no path; choose the file again";
    value = "";
  }
  if (path == value) return false;
  path = value;
  return true;
}

bool State::set_model_data(std::string_view value) {
  std::shared_ptr<const std::string> before = std::move(model_bytes_);
  model_bytes_ = nullptr;
  if (value.empty()) return before != nullptr;
  std::optional<std::string> bytes = value.size() <= kMostModelText ? from_base64(value) : std::nullopt;
  if (!bytes) {
    model_problem_ = "the model kept in this session is damaged; choose its file again";
    return before != nullptr;
  }
  const bool same = before && *before == *bytes;
  model_bytes_ = same ? before : std::make_shared<const std::string>(std::move(*bytes));
  return !same;
}

bool State::set(std::string_view key, std::string_view value) {
  if (key == "version") {
    const bool known = value.empty() || value == kStateVersion;
    version_problem_ =
        known ? "" : "this session is of a newer version of Triode; what is new in it is left out, update Triode";
    return false;
  }
  if (key == "model") {
    const bool changed = set_path(model_path_, model_problem_, key, value);
    if (changed) model_bytes_ = nullptr;
    return changed;
  }
  if (key == "model_data") return set_model_data(value);
  if (key == "cabinet") return set_path(cabinet_path_, cabinet_problem_, key, value);
  return false;
}

std::string State::get(std::string_view key, bool embed) const {
  if (key == "version") return kStateVersion;
  if (key == "model") return model_path_;
  if (key == "cabinet") return cabinet_path_;
  if (key != "model_data") return "";
  if (model_bytes_ && (embed || !is_file(model_path_))) return to_base64(*model_bytes_);
  if (!embed || model_path_.empty()) return "";
  const std::optional<std::string> bytes = file_bytes(model_path_);
  return bytes ? to_base64(*bytes) : "";
}

}  // namespace triode::plugin
