// What a host relies on, for every kind of network: no allocation in process, any block size, reset, independence of
// instances and of the instruction set, harmless input.
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "check.h"
#include "count_allocations.h"
#include "engine.h"
#include "sample_models.h"

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

using namespace triode;

namespace {

Engine load(const std::string& bytes, Engine::Options options = {}) {
  return Engine::load(std::string_view(bytes), "sample", options);
}

std::vector<float> render(Engine& engine, const std::vector<float>& x, std::int64_t block) {
  std::vector<float> y(x.size());
  engine.reset();
  const auto total = static_cast<std::int64_t>(x.size());
  for (std::int64_t start = 0; start < total; start += block)
    engine.process(x.data() + start, y.data() + start, std::min(block, total - start));
  return y;
}

double distance(const std::vector<float>& a, const std::vector<float>& b) {
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) worst = std::fmax(worst, std::abs(static_cast<double>(a[i]) - b[i]));
  return worst;
}

void test_no_allocation(Engine& engine, const std::string& name) {
  const std::vector<float> x = samples::signal(20000);
  std::vector<float> y(x.size());
  const long before = allocations;
  for (std::int64_t block = 1, start = 0; start + block < 20000; start += block, block = block * 2 % 4099)
    engine.process(x.data() + start, y.data() + start, block);
  engine.reset();
  engine.set("drive", 0.5);
  engine.process(x.data(), y.data(), 512);
  CHECK_WITH(allocations == before, name);
}

void test_blocks(Engine& engine, const std::string& name) {
  const std::vector<float> x = samples::signal(5000);
  const std::vector<float> whole = render(engine, x, 5000);
  CHECK_WITH(distance(whole, std::vector<float>(whole.size(), whole[0])) > 1e-3, name);  // it does something
  for (const int block : {1, 2, 15, 16, 17, 63, 64, 65, 100, 1023, 4096})
    CHECK_WITH(render(engine, x, block) == whole, name + ", block " + std::to_string(block));
}

void test_reset_and_start(Engine& engine, const std::string& name) {
  const std::vector<float> x = samples::signal(3000), silence(3000, 0.0f);
  const std::vector<float> first = render(engine, x, 64);
  CHECK_WITH(render(engine, x, 64) == first, name);
  // The start state is the state after silence: more silence changes nothing.
  const std::vector<float> quiet = render(engine, silence, 64);
  CHECK_WITH(distance(quiet, std::vector<float>(quiet.size(), quiet[0])) < 1e-5, name);
}

void test_instances(const std::string& bytes, const std::string& name) {
  const std::vector<float> x = samples::signal(2000, 1), other = samples::signal(2000, 2);
  Engine alone = load(bytes), a = load(bytes), b = load(bytes);
  const std::vector<float> expected = render(alone, x, 50);
  std::vector<float> y(x.size()), z(x.size());
  for (std::size_t start = 0; start < x.size(); start += 50) {
    a.process(x.data() + start, y.data() + start, 50);
    b.process(other.data() + start, z.data() + start, 50);
  }
  CHECK_WITH(y == expected, name);
  CHECK_WITH(z != expected, name);
}

void test_harmless_input(Engine& engine, const std::string& name) {
  std::vector<float> bad = samples::signal(1000), good = bad;
  const float inf = std::numeric_limits<float>::infinity();
  for (const auto& [index, value] : {std::pair{10, NAN}, {100, inf}, {500, -inf}}) {
    bad[static_cast<std::size_t>(index)] = value;
    good[static_cast<std::size_t>(index)] = 0.0f;
  }
  CHECK_WITH(render(engine, bad, 64) == render(engine, good, 64), name);
  // The largest numbers there are may sound terrible, but are gone once they have left the memory.
  std::vector<float> loud(9000, 0.0f);
  for (std::size_t i = 0; i < 100; ++i) loud[i] = std::numeric_limits<float>::max();
  const std::vector<float> y = render(engine, loud, 64), quiet = render(engine, std::vector<float>(9000, 0.0f), 64);
  for (const float value : y) CHECK_WITH(std::isfinite(value), name);
  CHECK_WITH(std::abs(y.back() - quiet.back()) < 1e-5, name);
}

void test_in_place(Engine& engine, const std::string& name) {
  const std::vector<float> x = samples::signal(1000), expected = render(engine, x, 1000);
  std::vector<float> y = x;
  engine.reset();
  engine.process(y.data(), y.data(), 1000);
  CHECK_WITH(y == expected, name);
}

void test_instruction_sets(const std::string& bytes, const std::string& name) {
  const std::vector<float> x = samples::signal(4000);
  Engine plain = load(bytes, {.isa = Isa::baseline});
  const std::vector<float> expected = render(plain, x, 64);
  for (int level = 1; level <= static_cast<int>(best_isa()); ++level) {
    Engine engine = load(bytes, {.isa = static_cast<Isa>(level)});
    const double error = distance(render(engine, x, 64), expected);
    CHECK_WITH(error < 1e-5, name + " " + engine.isa() + ": " + std::to_string(error));
  }
}

// Hidden units that fill registers, halves of them, and parts of those; and two layers.
void test_recurrent_sizes() {
  for (const std::string cell : {"lstm", "gru"})
    for (const int hidden : {1, 3, 4, 5, 8, 9, 12, 16, 17, 20, 24, 25, 32, 40}) {
      const std::string architecture = R"({"name": ")" + cell + R"(", "input_size": 1, "hidden_size": )" +
                                       std::to_string(hidden) + R"(, "num_layers": 2, "skip": true})";
      const std::string name = cell + " of " + std::to_string(hidden), bytes = samples::triode_bytes(architecture);
      test_instruction_sets(bytes, name);
      Engine engine = load(bytes);
      test_blocks(engine, name);
    }
}

// The same promises where copies run side by side and sample rates are converted.
void test_other_rates(const std::string& bytes, const std::string& name) {
  for (const auto& [rate_hz, oversample] : {std::pair{44100.0, 1}, {48000.0, 2}, {96000.0, 1}, {88200.0, 4}}) {
    const std::string here = name + " at " + std::to_string(rate_hz) + " Hz";
    Engine engine = load(bytes, {.oversample = oversample});
    engine.configure(rate_hz);
    test_no_allocation(engine, here);
    test_blocks(engine, here);
    test_reset_and_start(engine, here);
    test_in_place(engine, here);
  }
}

void test_knobs_are_smooth(const std::string& bytes, double rate_hz, int oversample) {
  Engine engine = load(bytes, {.oversample = oversample});
  const std::vector<float> x = samples::signal(6000);
  // The same turns at the same samples, whatever the blocks; and no allocation in them.
  std::vector<float> expected;
  for (const int block : {1000, 1, 63, 64, 100}) {
    std::vector<float> y(x.size());
    engine.set("drive", 0.5);
    engine.set("tone", 100.0);
    engine.configure(rate_hz);
    const long before = allocations;
    for (int start = 0; start < 6000; start += 1000) {
      engine.set("drive", start / 6000.0);
      engine.set("tone", 1e9);  // limited to its range
      for (int at = start; at < start + 1000; at += block)
        engine.process(x.data() + at, y.data() + at, std::min(block, start + 1000 - at));
    }
    const long made = allocations - before;
    const std::string here = std::to_string(rate_hz) + " Hz, block " + std::to_string(block);
    CHECK_WITH(made == 0, here);
    if (expected.empty()) expected = y;
    CHECK_WITH(y == expected, here);
  }
  // Turned back and reset: as if never touched.
  engine.set("drive", 0.5);
  engine.set("tone", 100.0);
  engine.configure(rate_hz);
  Engine untouched = load(bytes, {.oversample = oversample});
  untouched.configure(rate_hz);
  const std::vector<float> plain = render(untouched, x, 64);
  CHECK(render(engine, x, 64) == plain);
  CHECK(distance(expected, plain) > 1e-3);
}

// As all else that is wrong with a file: with its name, and what to do.
void test_a_size_that_cannot_be_had() {
  auto architecture = samples::json::parse(samples::architectures().at("plain wavenet"));
  architecture["arrays"][0]["allowed_channels"] = {2, 5};  // the second array's head looks back
  std::string said;
  try {
    load(samples::triode_bytes(architecture.dump()), {.quality = 0.0});
  } catch (const ModelFileError& error) {
    said = error.what();
  }
  CHECK_WITH(said.starts_with("sample: the network cannot be cut down") && said.ends_with("choose the full quality, 1"),
             said);
}

void test_knobs() {
  Engine engine = load(samples::with_knobs(samples::kParametric));
  CHECK(engine.knobs().size() == 2 && engine.knobs()[0].name == "drive" && engine.knobs()[1].unit == "Hz");
  CHECK(std::abs(engine.knobs()[1].travel(100.0) - 0.5) < 1e-12);
  CHECK(!engine.set("presence", 0.5) && !engine.set("drive", NAN) && engine.set("drive", 0.7));
  for (const char* architecture : {samples::kKnobsAsInputs, samples::kParametric}) {
    const std::string bytes = samples::with_knobs(architecture);
    for (const auto& [rate_hz, oversample] : {std::pair{48000.0, 1}, {96000.0, 1}, {44100.0, 1}, {48000.0, 2}})
      test_knobs_are_smooth(bytes, rate_hz, oversample);
    test_instruction_sets(bytes, architecture);
    test_harmless_input(engine, architecture);
  }
}

// A tail that sinks below the smallest normal float must end in exact zeros, and the caller's mode must survive.
void test_denormals() {
  samples::Parts parts = samples::triode_parts(R"({"name": "linear", "taps": 2})", 1);
  const float taps[] = {1e-20f, 0.0f, 0.0f};  // the third is the bias
  parts.data.assign(reinterpret_cast<const char*>(taps), sizeof taps);
  Engine engine = load(parts.bytes());
#if defined(__SSE__)
  const unsigned mode = _mm_getcsr();
#endif
  const std::vector<float> x(100, 1e-20f);
  const std::vector<float> y = render(engine, x, 64);
  for (const float value : y) CHECK(value == 0.0f);
#if defined(__SSE__)
  CHECK(_mm_getcsr() == mode);
#endif
}

void test_face() {
  const std::string bytes = samples::triode_bytes(samples::kEverything);
  Engine engine = load(bytes);
  CHECK(engine.format() == "triode" && engine.sample_rate_hz() == 48000.0 && engine.latency_samples() == 0);
  CHECK(!engine.set("drive", 0.5));
  // Layers 2 * 1 + 5 + 3 * 70, head 2 * 2; second array 3; own head 1 + 2; condition 1 + 2; and the sample itself.
  CHECK(engine.receptive_field() == 1 + 217 + 4 + 3 + 3 + 3);
  engine.configure(96000.0);
  CHECK(engine.host_rate_hz() == 96000.0 && engine.sample_rate_hz() == 48000.0 && engine.latency_samples() == 0);
  engine.configure(44100.0);
  CHECK(engine.latency_samples() > 0 && engine.latency_samples() < 0.0015 * 44100.0);
  for (const double absurd : {0.0, 7999.0, 1e6, -48000.0, std::nan("")}) {
    bool refused = false;
    try {
      engine.configure(absurd);
    } catch (const std::invalid_argument&) {
      refused = true;
    }
    CHECK(refused && engine.host_rate_hz() == 44100.0);
  }
  engine.configure(48000.0);
}

}  // namespace

int main() {
  count_every_malloc();
  for (const auto& [name, architecture] : samples::architectures()) {
    std::printf("%s\n", name.c_str());
    const std::string bytes = samples::triode_bytes(architecture);
    Engine engine = load(bytes);
    test_no_allocation(engine, name);
    test_blocks(engine, name);
    test_reset_and_start(engine, name);
    test_instances(bytes, name);
    test_harmless_input(engine, name);
    test_in_place(engine, name);
    test_instruction_sets(bytes, name);
    test_other_rates(bytes, name);
  }
  test_knobs();
  test_a_size_that_cannot_be_had();
  test_recurrent_sizes();
  test_denormals();
  test_face();
  return failures == 0 ? 0 : 1;
}
