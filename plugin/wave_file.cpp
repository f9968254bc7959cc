#include "wave_file.h"

#include <bit>
#include <cstdint>
#include <cstring>
#include <fstream>

#include "path_text.h"

namespace triode::plugin {

namespace {

constexpr int kPcm = 1, kFloat = 3, kExtensible = 0xFFFE, kMostChannels = 64;

std::uint64_t number(std::string_view bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = size; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

struct Format {
  int code = 0, channels = 0, bits = 0;
  std::uint64_t rate_hz = 0;

  std::size_t sample_bytes() const { return static_cast<std::size_t>(bits) / 8; }
  bool plays() const {
    const bool integer = code == kPcm && (bits == 8 || bits == 16 || bits == 24 || bits == 32);
    return integer || (code == kFloat && (bits == 32 || bits == 64));
  }
};

Format read_format(std::string_view chunk, const std::string& name) {
  if (chunk.size() < 16) throw WaveFileError(name + ": its format chunk is cut off; export the file again");
  Format format{static_cast<int>(number(chunk, 0, 2)), static_cast<int>(number(chunk, 2, 2)),
                static_cast<int>(number(chunk, 14, 2)), number(chunk, 4, 4)};
  if (format.code == kExtensible && chunk.size() >= 26) format.code = static_cast<int>(number(chunk, 24, 2));
  if (!format.plays())
    throw WaveFileError(name + ": samples of kind " + std::to_string(format.code) + " with " +
                        std::to_string(format.bits) + " bits; expected integers or floats, export it as 24 bit WAV");
  if (format.channels < 1 || format.channels > kMostChannels)
    throw WaveFileError(name + ": " + std::to_string(format.channels) + " channels; expected 1 to " +
                        std::to_string(kMostChannels));
  return format;
}

float sample(std::string_view data, std::size_t at, const Format& format) {
  const std::uint64_t bits = number(data, at, format.sample_bytes());
  if (format.code == kFloat)
    return format.bits == 32 ? std::bit_cast<float>(static_cast<std::uint32_t>(bits))
                             : static_cast<float>(std::bit_cast<double>(bits));
  if (format.bits == 8) return (static_cast<float>(bits) - 128.0f) / 128.0f;  // the only unsigned one
  const std::uint32_t high = static_cast<std::uint32_t>(bits) << (32 - format.bits);
  return static_cast<float>(static_cast<double>(static_cast<std::int32_t>(high)) / 2147483648.0);
}

Wave read_samples(std::string_view data, const Format& format) {
  const auto count = static_cast<std::size_t>(format.channels);
  const std::size_t frames = data.size() / (format.sample_bytes() * count);
  Wave wave{std::vector<std::vector<float>>(count, std::vector<float>(frames)), static_cast<double>(format.rate_hz)};
  for (std::size_t frame = 0; frame < frames; ++frame)
    for (std::size_t channel = 0; channel < count; ++channel)
      wave.channels[channel][frame] = sample(data, (frame * count + channel) * format.sample_bytes(), format);
  return wave;
}

}  // namespace

Wave read_wave(std::string_view bytes, const std::string& name) {
  if (bytes.size() < 12 || bytes.substr(0, 4) != "RIFF" || bytes.substr(8, 4) != "WAVE")
    throw WaveFileError(name + ": no WAV file; export the impulse response as WAV");
  Format format;
  for (std::size_t at = 12; at + 8 <= bytes.size();) {
    const std::string_view kind = bytes.substr(at, 4);
    const std::uint64_t size = number(bytes, at + 4, 4);
    const std::string_view chunk = bytes.substr(at + 8, size);  // what is there of a file cut off
    if (kind == "fmt ") format = read_format(chunk, name);
    if (kind == "data") {
      if (format.channels == 0) throw WaveFileError(name + ": samples before their format; export the file again");
      Wave wave = read_samples(chunk, format);
      if (wave.channels[0].empty()) throw WaveFileError(name + ": it has no samples; export the file again");
      return wave;
    }
    at += 8 + static_cast<std::size_t>(size) + (size & 1);
  }
  throw WaveFileError(name + ": it has no samples; export the file again");
}

Wave read_wave(const std::filesystem::path& path) {
  const std::string name = text_of(path);
  std::error_code error;
  if (!std::filesystem::exists(path, error)) throw WaveFileError(name + ": there is no such file");
  if (!std::filesystem::is_regular_file(path, error)) throw WaveFileError(name + ": no file; choose a WAV file");
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error || size > kMostWaveBytes)
    throw WaveFileError(name + ": larger than " + std::to_string(kMostWaveBytes >> 20) +
                        " MiB; that is no impulse response");
  std::ifstream stream(path, std::ios::binary);
  std::string bytes(static_cast<std::size_t>(size), '\0');
  if (!stream.read(bytes.data(), static_cast<std::streamsize>(size)))
    throw WaveFileError(name + ": it cannot be read; check its permissions");
  return read_wave(bytes, name);
}

}  // namespace triode::plugin
