// WAV files: what impulse responses of cabinets come as.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace triode::plugin {

/// One sentence for people, as ModelFileError is.
class WaveFileError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Wave {
  std::vector<std::vector<float>> channels;  // full scale 1.0, all as long
  double sample_rate_hz = 0.0;
};

/// Integers of 8, 16, 24 and 32 bits, floats of 32 and 64, plain or extensible; at most kMostWaveBytes. Throws
/// WaveFileError, whose message starts with the path.
inline constexpr std::size_t kMostWaveBytes = std::size_t{64} << 20;
Wave read_wave(const std::filesystem::path& path);
/// The same from memory; `name` stands for the path in messages.
Wave read_wave(std::string_view bytes, const std::string& name);

}  // namespace triode::plugin
