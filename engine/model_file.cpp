#include "model_file.h"

#include <algorithm>
#include <fstream>

#include "bounds.h"
#include "model_file_formats.h"
#include "path_text.h"

namespace triode {

namespace {

// Messages quote names and values from the file: keep them to one printable line.
std::string one_line(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return text;
}

// A .triode file starts with a 64-bit length, of which a file this size never fills the upper half; text, as in a .nam
// file, holds no zero bytes.
bool starts_with_length(std::string_view bytes) {
  return bytes.size() >= 8 && bytes[4] == 0 && bytes[5] == 0 && bytes[6] == 0 && bytes[7] == 0;
}

bool starts_with_json(std::string_view bytes) {
  if (bytes.starts_with("\xef\xbb\xbf")) bytes.remove_prefix(3);
  const auto first = bytes.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && bytes[first] == '{';
}

// The format of a JSON file is told by the keys of its root.
Description read_json(std::string_view bytes) {
  if (static_cast<std::int64_t>(bytes.size()) > limits::kJsonBytes)
    refuse("the file", std::to_string(bytes.size()) + " bytes of JSON",
           "at most " + std::to_string(limits::kJsonBytes));
  const nlohmann::json root = parse_json(bytes, "the file");
  require_object(root, "the file");
  const auto has = [&](const char* key) { return root.contains(key); };
  if (has("architecture") || has("weights") || has("version")) return read_nam(root);
  if (has("state_dict")) return read_guitarml(root);
  if (has("in_shape")) return read_keras(root);
  if (has("variables")) return read_wavenet_va(root);
  if (has("conv1d")) return read_smart_amp_pro(root);
  throw ModelFileError(
      "the file has no \"architecture\", \"state_dict\", \"in_shape\", \"variables\" or \"conv1d\", one of which "
      "every known model of this kind has; it is no model, or export it again");
}

Description read_any(std::string_view bytes) {
  if (bytes.empty()) throw ModelFileError("the file is empty (0 bytes); copy or download it again");
  if (static_cast<std::int64_t>(bytes.size()) > limits::kFileBytes)
    throw ModelFileError("the file has " + std::to_string(bytes.size()) + " bytes, expected at most " +
                         std::to_string(limits::kFileBytes) + "; it is no model");
  if (!starts_with_length(bytes) && !starts_with_json(bytes))
    throw ModelFileError("the file is no model of a known format; expected a .triode, .nam, .aidax or .json model");
  Description description = starts_with_length(bytes) ? read_triode(bytes) : read_json(bytes);
  check_playable(description);
  return description;
}

#if defined(__wasm__)
std::string read_file(const std::filesystem::path&) {
  throw ModelFileError("files cannot be opened from WebAssembly; load the model from memory");
}
#else
std::string read_file(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) throw ModelFileError("the file does not exist; check the name");
  if (std::filesystem::is_directory(status)) throw ModelFileError("this is a folder; name a model file");
  if (!std::filesystem::is_regular_file(status)) throw ModelFileError("this is no regular file; name a model file");
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (!error && size > static_cast<std::uintmax_t>(limits::kFileBytes))
    throw ModelFileError("the file has " + std::to_string(size) + " bytes, expected at most " +
                         std::to_string(limits::kFileBytes) + "; it is no model");
  std::ifstream stream(path, std::ios::binary);
  std::string bytes(error ? 0 : size, '\0');
  stream.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (error || !stream || static_cast<std::uintmax_t>(stream.gcount()) != size)
    throw ModelFileError("the file cannot be read; check its permissions");
  return bytes;
}
#endif

}  // namespace

void check_playable(const Description& description) {
  const Architecture& architecture = description.architecture;
  const std::size_t knobs = description.knobs.size();
  if (architecture.inputs() != static_cast<int>(1 + knobs) || architecture.outputs() != 1)
    refuse("the network",
           std::to_string(architecture.inputs()) + " inputs and " + std::to_string(architecture.outputs()) + " outputs",
           knobs == 0 ? "one of each" : std::to_string(1 + knobs) + " inputs (audio and knobs) and one output");
  // Every tensor stands for an operation, which costs something however small it is.
  const std::int64_t work = architecture.work() + 32 * static_cast<std::int64_t>(architecture.slots().size());
  const std::int64_t most = limits::kWarmUpWork / work;
  if (description.warm_up_samples > most)
    refuse("the network", "a warm-up of " + std::to_string(description.warm_up_samples) + " samples",
           "at most " + std::to_string(most) + " for a network of this size");
}

Description read_model(std::string_view bytes, const std::string& name) {
  try {
    return read_any(bytes);
  } catch (const ModelFileError& error) {
    throw ModelFileError(one_line(name + ": " + error.what()));
  }
}

Description read_model(const std::filesystem::path& path) {
  std::string bytes;
  try {
    bytes = read_file(path);
  } catch (const ModelFileError& error) {
    throw ModelFileError(one_line(text_of(path) + ": " + error.what()));
  }
  return read_model(bytes, text_of(path));
}

}  // namespace triode
