// A libFuzzer target: any bytes are refused with a ModelFileError or play, and whatever goes in, finite samples come out.
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string_view>

#include "engine.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const double quality : {1.0, 0.0}) {
    try {
      triode::Engine engine = triode::Engine::load(bytes, "fuzz", {.quality = quality});
      std::array<float, 150> in{}, out{};
      for (std::size_t i = 0; i < 100; ++i) in[i] = 0.5f * std::sin(0.3f * static_cast<float>(i));
      in[20] = std::numeric_limits<float>::quiet_NaN();
      in[21] = std::numeric_limits<float>::max();
      engine.process(in.data(), out.data(), 1);
      for (const triode::Knob& knob : engine.knobs()) engine.set(knob.name, knob.high);
      engine.process(in.data() + 1, out.data() + 1, in.size() - 1);
      for (const float sample : out)
        if (!std::isfinite(sample)) std::abort();
      if (engine.latency_samples() < 0 || !(engine.sample_rate_hz() > 0.0)) std::abort();
    } catch (const triode::ModelFileError&) {
      return 0;
    }
  }
  return 0;
}
