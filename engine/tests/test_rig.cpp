// The rig's promises to a host: no allocation while playing, any block size, harmless settings; and the transform below
// its cabinet.
#include <cmath>
#include <complex>
#include <limits>
#include <numbers>
#include <stdexcept>
#include <vector>

#include "cabinet.h"
#include "check.h"
#include "count_allocations.h"
#include "fft.h"
#include "levels.h"
#include "rig.h"
#include "sample_models.h"

using namespace triode;

namespace {

std::vector<float> play(Rig& rig, const std::vector<float>& x, std::int64_t block) {
  std::vector<float> y(x.size());
  rig.reset();
  const auto total = static_cast<std::int64_t>(x.size());
  for (std::int64_t start = 0; start < total; start += block)
    rig.process(x.data() + start, y.data() + start, std::min(block, total - start));
  return y;
}

RigSettings everything() {
  RigSettings settings;
  settings.input_gain_db = 6.0;
  settings.output_gain_db = -6.0;
  settings.gate = settings.dc_blocker = true;
  settings.bass_db = 4.0;
  settings.presence_db = -3.0;
  return settings;
}

void test_transform() {
  for (const int n : {32, 64, 128, 2048}) {
    const std::vector<float> x = samples::signal(static_cast<std::size_t>(n));
    const auto half = static_cast<std::size_t>(n / 2);
    std::vector<float> re(half), im(half), back(x.size());
    RealFft fft(n);
    fft.forward(x.data(), {re.data(), im.data()});
    for (std::size_t k = 0; k <= half; k += half < 100 ? 1 : 37) {
      std::complex<double> sum = 0.0;
      for (std::size_t t = 0; t < x.size(); ++t)
        sum += static_cast<double>(x[t]) *
               std::polar(1.0, -2.0 * std::numbers::pi * static_cast<double>(k * t % x.size()) / n);
      // Bin 0 holds 0 Hz and half the rate, both real.
      const std::complex<double> found = k == 0      ? re[0]
                                         : k == half ? im[0]
                                                     : std::complex<double>(re[k], im[k]);
      CHECK_WITH(std::abs(found - sum) < 1e-6 * n, std::to_string(n) + ", bin " + std::to_string(k));
    }
    fft.inverse(ConstBins(re.data(), im.data()), back.data());
    for (std::size_t t = 0; t < x.size(); ++t) CHECK(std::abs(back[t] / static_cast<float>(n) - x[t]) < 1e-6f);
  }
}

void test_no_allocation(Rig& rig) {
  const std::vector<float> x = samples::signal(20000);
  std::vector<float> y(x.size());
  const RigSettings settings[] = {everything(), {}, everything()};
  const long before = allocations;
  for (std::int64_t block = 1, start = 0; start + block < 20000; start += block, block = block * 2 % 4099) {
    rig.set(settings[block % 3]);
    rig.process(x.data() + start, y.data() + start, block);
  }
  rig.reset();
  rig.process(x.data(), y.data(), 5000);
  CHECK(allocations == before);
}

void test_blocks(Rig& rig) {
  const std::vector<float> x = samples::signal(6000);
  rig.set(everything());
  const std::vector<float> whole = play(rig, x, 6000);
  CHECK(whole != x);
  for (const int block : {1, 17, 64, 1000}) CHECK_WITH(play(rig, x, block) == whole, std::to_string(block));
  std::vector<float> in_place = x;
  rig.reset();
  rig.process(in_place.data(), in_place.data(), 6000);
  CHECK(in_place == whole);
}

void test_absurd_settings(Rig& rig) {
  const double nan = std::nan(""), inf = std::numeric_limits<double>::infinity();
  for (const double absurd : {nan, inf, -inf, 1e300, -1e300}) {
    RigSettings s = everything();
    for (double* value :
         {&s.input_gain_db, &s.output_gain_db, &s.bass_db, &s.middle_db, &s.treble_db, &s.presence_db,
          &s.gate_settings.threshold_db, &s.gate_settings.hysteresis_db, &s.gate_settings.hold_seconds,
          &s.gate_settings.release_seconds})
      *value = absurd;
    s.interface_dbu = absurd;
    rig.set(s);
    for (const float value : play(rig, samples::signal(3000), 64)) CHECK(std::isfinite(value));
  }
  rig.set({});
}

// A finite sample may be as large as floats go; what the filters make of it has to be forgotten again.
void test_a_huge_sample(Rig& rig) {
  RigSettings settings = everything();
  settings.gate = false;
  settings.input_gain_db = 60.0;
  rig.set(settings);
  std::vector<float> x(480'000);
  x[10] = 3e38f;
  x[11] = -3e38f;
  const std::vector<float> calm = samples::signal(4800);
  std::copy(calm.begin(), calm.end(), x.end() - 4800);
  const std::vector<float> y = play(rig, x, 64);
  for (const float value : y) CHECK(std::isfinite(value));
  double heard = 0.0;
  for (std::size_t t = y.size() - 4800; t < y.size(); ++t) heard = std::max<double>(heard, std::abs(y[t]));
  CHECK_WITH(heard > 1e-3, std::to_string(heard));
  rig.set({});
}

// A file may say anything: what no device and no recording could be must not become a gain.
void test_levels_that_cannot_be() {
  const auto model = [](const std::string& metadata) {
    return R"({"version": "0.5.4", "architecture": "Linear", "config": {"receptive_field": 1, "bias": false}, "weights":
               [1.0], "sample_rate": 48000, "metadata": )" + metadata + "}";
  };
  const std::vector<float> x = samples::signal(1000);
  RigSettings settings;
  settings.interface_dbu = 12.0;
  for (const char* absurd : {R"({"loudness": -150, "input_level_dbu": -90, "output_level_dbu": 90})",
                             R"({"loudness": 21, "input_level_dbu": 61, "output_level_dbu": -61})"}) {
    Engine engine = Engine::load(std::string_view(model(absurd)), "sample", {});
    Rig rig;
    rig.play(&engine);
    for (const OutputLevel level : {OutputLevel::normalized, OutputLevel::calibrated}) {
      settings.output_level = level;
      rig.set(settings);
      CHECK_WITH(play(rig, x, 64) == x, absurd);
    }
    CHECK(!rig.levels().loudness_db && !rig.levels().input_dbu && !rig.levels().output_dbu);
  }
  const Levels levels = levels_of(R"({"levels": {"loudness_db": -60, "input_dbu": 30, "output_dbu": -40}})");
  CHECK(levels.loudness_db == -60.0 && levels.input_dbu == 30.0 && levels.output_dbu == -40.0);
}

template <class Action>
bool refused(const Action& action) {
  try {
    action();
  } catch (const std::invalid_argument&) {
    return true;
  }
  return false;
}

// The limit is a time: a response that plays at one rate of the host plays at every other.
void test_a_long_response(Rig& rig) {
  std::vector<float> response(80'000);  // 10 s
  response.back() = 0.5f;
  CHECK(!refused([&] { rig.load_response(response, 8'000.0); }));
  rig.load_response({}, 0.0);
}

void test_refusals_change_nothing(Rig& rig) {
  const std::vector<float> x = samples::signal(3000), expected = play(rig, x, 64);
  const double rate_hz = rig.host_rate_hz();
  CHECK(refused([&] { rig.load_response(std::vector<float>(80'001, 0.0f), 8'000.0); }));  // 10 s and a sample
  CHECK(refused([&] { rig.load_response({std::nanf("")}, rate_hz); }));
  CHECK(refused([&] { rig.load_response({1.0f}, 0.0); }));
  CHECK(refused([&] { rig.configure(std::nan("")); }));
  CHECK(refused([&] { rig.configure(1e9); }));
  CHECK(rig.host_rate_hz() == rate_hz);
  CHECK(play(rig, x, 64) == expected);
}

}  // namespace

int main() {
  count_every_malloc();
  test_transform();
  test_levels_that_cannot_be();
  const std::string bytes = samples::triode_bytes(samples::architectures().at("plain wavenet"));
  for (const double rate_hz : {44100.0, 48000.0, 96000.0}) {
    Engine engine = Engine::load(std::string_view(bytes), "sample", {});
    Rig rig;
    rig.play(&engine);
    rig.load_response(samples::signal(5000), 48000.0);
    rig.configure(rate_hz);
    CHECK(engine.host_rate_hz() == rate_hz && rig.latency_samples() == engine.latency_samples());
    test_no_allocation(rig);
    test_blocks(rig);
    test_absurd_settings(rig);
    test_refusals_change_nothing(rig);
    test_a_long_response(rig);
    rig.play(nullptr);
    rig.load_response({}, 0.0);
    const std::vector<float> x = samples::signal(1000);
    CHECK(play(rig, x, 64) == x && rig.latency_samples() == 0);
    test_a_huge_sample(rig);
  }
  return failures == 0 ? 0 : 1;
}
