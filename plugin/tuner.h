// The tuner: the audio thread keeps the last moments of the guitar, the window finds their pitch.
#pragma once

#include <array>
#include <atomic>
#include <optional>
#include <string>
#include <vector>

namespace triode::plugin {

/// The fundamental of a plucked string, 27 to 1400 Hz; nothing where there is none to be heard. By the normalised square
/// difference (P. McLeod, G. Wyvill, "A smarter way to find pitch", ICMC 2005), refined at several periods.
std::optional<double> pitch_hz(const std::vector<float>& samples, double rate_hz);

struct Note {
  std::string name;    // "E2", in equal temperament, A4 at 440 Hz
  double cents = 0.0;  // -50 to 50: sharp where above 0
};
Note note_of(double pitch_hz);

/// The last 170 ms of the input, at about 12 kHz. One thread hears, any other looks.
class TunerFeed {
 public:
  /// While nobody hears.
  void configure(double rate_hz) noexcept;
  /// Real-time safe.
  void hear(const float* samples, int n) noexcept;
  std::vector<float> recent() const;
  double rate_hz() const noexcept { return rate_hz_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t kLength = 2048;

  std::array<std::atomic<float>, kLength> ring_{};
  std::atomic<std::size_t> place_{0};
  std::atomic<double> rate_hz_{12000.0};
  int every_ = 4, summed_ = 0;
  float sum_ = 0.0f;
};

}  // namespace triode::plugin
