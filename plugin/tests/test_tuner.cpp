// The tuner: strings of known pitch, at the rates of hosts, through the feed that the audio thread fills.
#include "tuner.h"

#include <cmath>
#include <numbers>
#include <random>

#include "check.h"

using namespace triode::plugin;

namespace {

/// A plucked string: eight overtones, a little stretched, the fundamental `weak` times as loud as the second.
std::vector<float> plucked(double hz, double rate_hz, double weak, double noise) {
  std::mt19937 random(5);
  std::normal_distribution<double> hiss(0.0, noise);
  std::vector<float> x(static_cast<std::size_t>(0.25 * rate_hz));
  for (std::size_t t = 0; t < x.size(); ++t) {
    const double seconds = static_cast<double>(t) / rate_hz;
    double sample = 0.0;
    for (int k = 1; k <= 8; ++k)
      sample += (k == 1 ? weak : 1.0 / k) * std::exp(-k * seconds) *
                std::sin(2.0 * std::numbers::pi * hz * k * std::sqrt(1.0 + 2e-6 * k * k) * seconds + k * k);
    x[t] = static_cast<float>(0.1 * sample + hiss(random));
  }
  return x;
}

std::optional<double> heard(const std::vector<float>& x, double rate_hz) {
  TunerFeed feed;
  feed.configure(rate_hz);
  for (std::size_t at = 0; at + 100 <= x.size(); at += 100) feed.hear(x.data() + at, 100);
  return pitch_hz(feed.recent(), feed.rate_hz());
}

void test_strings() {
  // Bass from its low B, guitar from its low E, both detuned, up to the 24th fret.
  for (const double hz : {30.87, 41.20, 82.41, 83.2, 110.0, 146.83, 196.0, 246.94, 329.63, 440.0, 659.26, 1318.5})
    for (const double rate_hz : {44100.0, 48000.0, 96000.0})
      for (const double weak : {1.0, 0.3}) {
        const std::optional<double> found = heard(plucked(hz, rate_hz, weak, 1e-4), rate_hz);
        const double cents = found ? 1200.0 * std::log2(*found / hz) : 1e9;
        CHECK_WITH(std::abs(cents) < 1.0, std::to_string(hz) + " Hz: " + std::to_string(cents) + " cents off");
      }
}

void test_no_string() {
  CHECK(!heard(std::vector<float>(12000, 0.0f), 48000.0));
  CHECK(!heard(std::vector<float>(12000, 0.3f), 48000.0));  // an offset
  std::mt19937 random(6);
  std::uniform_real_distribution<float> uniform(-0.5f, 0.5f);
  std::vector<float> noise(12000);
  for (float& sample : noise) sample = uniform(random);
  CHECK(!heard(noise, 48000.0));
  noise[5] = std::nanf("");
  heard(noise, 48000.0);
  CHECK(!pitch_hz({}, 12000.0) && !pitch_hz({0.1f, 0.2f}, 12000.0) && !pitch_hz(noise, 1.0));
}

void test_notes() {
  CHECK(note_of(440.0).name == "A4" && std::abs(note_of(440.0).cents) < 1e-9);
  CHECK(note_of(82.41).name == "E2" && std::abs(note_of(82.41).cents) < 0.1);
  CHECK(note_of(30.87).name == "B0" && note_of(261.63).name == "C4");
  CHECK(std::abs(note_of(440.0 * std::pow(2.0, 30.0 / 1200.0)).cents - 30.0) < 1e-6);
  CHECK(note_of(440.0 * std::pow(2.0, 70.0 / 1200.0)).name == "A#4");
}

}  // namespace

int main() {
  test_strings();
  test_no_string();
  test_notes();
  return failures == 0 ? 0 : 1;
}
