// Impulse responses come from strangers: every kind of sample plays, every cut is met with a sentence.
#include "wave_file.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <random>

#include "check.h"

using namespace triode::plugin;

namespace {

void put(std::string& bytes, std::uint64_t value, int size) {
  for (int i = 0; i < size; ++i) bytes += static_cast<char>(value >> (8 * i) & 255);
}

std::string wave(int code, int channels, int bits, const std::string& data, bool extensible = false) {
  std::string format;
  put(format, extensible ? 0xFFFE : static_cast<unsigned>(code), 2);
  put(format, static_cast<unsigned>(channels), 2);
  put(format, 44100, 4);
  put(format, static_cast<std::uint64_t>(44100 * channels * bits / 8), 4);
  put(format, static_cast<std::uint64_t>(channels * bits / 8), 2);
  put(format, static_cast<unsigned>(bits), 2);
  if (extensible) {
    put(format, 22, 2), put(format, static_cast<unsigned>(bits), 2), put(format, 0, 4);
    put(format, static_cast<unsigned>(code), 2);
    format += std::string(14, '\1');
  }
  std::string body = "WAVELIST";
  put(body, 3, 4);
  body += "odd";
  body += '\0';
  body += "fmt ";
  put(body, format.size(), 4);
  body += format + "data";
  put(body, data.size(), 4);
  body += data;
  std::string bytes = "RIFF";
  put(bytes, body.size(), 4);
  return bytes + body;
}

void test_kinds_of_samples() {
  struct Kind {
    int code, bits;
    std::uint64_t half, minus_one;  // 0.5 and -1.0
  };
  for (const Kind& kind : {Kind{1, 8, 192, 0}, {1, 16, 0x4000, 0x8000}, {1, 24, 0x400000, 0x800000},
                           {1, 32, 0x40000000, 0x80000000}, {3, 32, std::bit_cast<std::uint32_t>(0.5f),
                            std::bit_cast<std::uint32_t>(-1.0f)},
                           {3, 64, std::bit_cast<std::uint64_t>(0.5), std::bit_cast<std::uint64_t>(-1.0)}})
    for (const bool extensible : {false, true}) {
      std::string data;
      for (const std::uint64_t value : {kind.half, kind.minus_one, kind.minus_one, kind.half})
        put(data, value, kind.bits / 8);
      const Wave read = read_wave(wave(kind.code, 2, kind.bits, data, extensible), "ir.wav");
      const std::string what = std::to_string(kind.code) + " with " + std::to_string(kind.bits) + " bits";
      CHECK_WITH(read.sample_rate_hz == 44100.0 && read.channels.size() == 2, what);
      CHECK_WITH((read.channels[0] == std::vector<float>{0.5f, -1.0f}), what);
      CHECK_WITH((read.channels[1] == std::vector<float>{-1.0f, 0.5f}), what);
    }
}

std::string refusal(const std::string& bytes) {
  try {
    read_wave(bytes, "ir.wav");
  } catch (const WaveFileError& error) {
    return error.what();
  }
  return "";
}

void test_forged_files() {
  CHECK(refusal("").find("no WAV file") != std::string::npos);
  CHECK(refusal(wave(1, 1, 12, "abcd")).find("12 bits") != std::string::npos);
  CHECK(refusal(wave(1, 0, 16, "abcd")).find("0 channels") != std::string::npos);
  CHECK(refusal(wave(2, 1, 4, "abcd")).find("kind 2") != std::string::npos);
  CHECK(refusal(wave(1, 1, 16, "")).find("no samples") != std::string::npos);
  CHECK(refusal(wave(3, 1, 64, "abcd")).find("no samples") != std::string::npos);
  const std::string whole = wave(1, 2, 16, std::string(40, '\1'), true);
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    const std::string said = refusal(whole.substr(0, cut));  // some samples are enough
    CHECK_WITH(said.empty() || said.starts_with("ir.wav: "), std::to_string(cut));
  }
  std::mt19937 random(3);
  for (int i = 0; i < 20'000; ++i) {
    std::string forged = whole;
    for (int k = 0; k < 3; ++k) forged[random() % forged.size()] = static_cast<char>(random());
    refusal(forged);
  }
}

void test_no_file() {
  for (const char* path : {"/nowhere/ir.wav", "/tmp", "/dev/zero"}) {
    std::string said;
    try {
      read_wave(std::filesystem::path(path));
    } catch (const WaveFileError& error) {
      said = error.what();
    }
    CHECK_WITH(said.starts_with(std::string(path) + ": "), said);
  }
}

}  // namespace

int main() {
  test_kinds_of_samples();
  test_forged_files();
  test_no_file();
  return failures == 0 ? 0 : 1;
}
