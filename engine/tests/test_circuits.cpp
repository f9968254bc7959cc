// The circuits as a host sees them: no allocation in process(), any block size, nonsense in and finite numbers out;
// and the parts they stand on: oversampling, the tables of the tube, the solver's bounds.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <new>
#include <numbers>
#include <random>
#include <span>
#include <stdexcept>
#include <vector>

#include "circuits.h"
#include "nonlinear_parts.h"
#include "oversample.h"

namespace {

std::size_t allocations = 0;
int failures = 0;

void check(bool holds, const char* what, const char* which = "") {
  if (holds) return;
  std::printf("FAILED: %s %s\n", what, which);
  ++failures;
}

std::vector<float> noise(std::size_t n, float peak) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> spread(-peak, peak);
  std::vector<float> samples(n);
  for (float& sample : samples) sample = spread(random);
  return samples;
}

void test_process_allocates_nothing(const triode::CircuitInfo& info) {
  triode::Circuit circuit(info);
  circuit.configure(48000.0);
  std::vector<float> samples = noise(3000, 0.5F);
  const std::size_t before = allocations;
  circuit.process(samples.data(), samples.data(), samples.size());
  circuit.set(info.knobs[0].name, info.knobs[0].high);
  circuit.process(samples.data(), samples.data(), samples.size());
  circuit.reset();
  check(allocations == before, "process, set and reset allocate nothing:", info.name);
  check(before > 0, "allocations are counted");
}

void test_block_sizes_agree(const triode::CircuitInfo& info) {
  const std::vector<float> in = noise(4000, 0.5F);
  triode::Circuit circuit(info);
  circuit.configure(44100.0);
  std::vector<float> whole(in.size()), pieces(in.size());
  circuit.process(in.data(), whole.data(), in.size());
  circuit.reset();
  std::mt19937 random(2);
  for (std::size_t done = 0; done < in.size();) {
    const std::size_t n = std::min<std::size_t>(random() % 150, in.size() - done);
    circuit.process(in.data() + done, pieces.data() + done, n);
    done += n;
  }
  check(whole == pieces, "the result does not depend on the block size:", info.name);
}

void test_nonsense_stays_finite(const triode::CircuitInfo& info) {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  constexpr float huge = std::numeric_limits<float>::max();
  constexpr float infinite = std::numeric_limits<float>::infinity();
  for (const bool up : {false, true}) {
    triode::Circuit circuit(info);
    for (const auto& knob : info.knobs) circuit.set(knob.name, up ? knob.high : knob.low);
    circuit.configure(22050.0);
    std::vector<float> samples = noise(4000, 100.0F);
    for (std::size_t n = 0; n < samples.size(); n += 97) samples[n] = n % 2 == 0 ? nan : n % 3 == 0 ? -huge : infinite;
    circuit.process(samples.data(), samples.data(), samples.size());
    bool finite = true;
    for (const float sample : samples) finite = finite && std::isfinite(sample);
    check(finite, "nonsense in, finite numbers out:", info.name);
  }
}

void test_nan_is_silence(const triode::CircuitInfo& info) {
  std::vector<float> silent(500, 0.0F), broken(500, std::numeric_limits<float>::quiet_NaN());
  silent[100] = broken[100] = 0.5F;
  triode::Circuit circuit(info);
  circuit.configure(48000.0);
  circuit.process(silent.data(), silent.data(), silent.size());
  circuit.reset();
  circuit.process(broken.data(), broken.data(), broken.size());
  check(silent == broken, "NaN counts as silence:", info.name);
}

void test_large_input_is_cut(const triode::CircuitInfo& info) {
  std::vector<float> cut(300, 100.0F), over(300, 1e6F);
  for (std::vector<float>* samples : {&cut, &over}) {
    triode::Circuit circuit(info);
    circuit.configure(48000.0);
    circuit.process(samples->data(), samples->data(), samples->size());
  }
  check(cut == over, "input is cut at 100:", info.name);
}

void test_knobs_are_checked(const triode::CircuitInfo& info) {
  triode::Circuit circuit(info);
  check(circuit.set(info.knobs[0].name, info.knobs[0].high), "a knob goes to the end of its range:", info.name);
  check(!circuit.set(info.knobs[0].name, info.knobs[0].high + 0.01), "and no further:", info.name);
  check(!circuit.set(info.knobs[0].name, std::nan("")), "nor to NaN:", info.name);
  check(!circuit.set("volume", 1.0), "an unknown knob is refused:", info.name);
  for (const double rate_hz : {22049.0, 192001.0, std::nan("")}) {
    bool refused = false;
    try {
      circuit.configure(rate_hz);
    } catch (const std::invalid_argument&) {
      refused = true;
    }
    check(refused, "an impossible sample rate is refused:", info.name);
  }
}

/// The worst that the solver can meet: noise at the inner rate, every knob at either end.
void test_newton_converges(const triode::CircuitInfo& info) {
  const unsigned corners = 1U << info.knobs.size();
  std::size_t worst = 0;
  for (unsigned corner = 0; corner < corners; ++corner) {
    std::array<double, triode::kMaxKnobs> travel{};
    for (std::size_t n = 0; n < info.knobs.size(); ++n) travel[n] = (corner >> n) & 1U;
    triode::NodalSolver solver(info.parts);
    solver.start(480000.0, std::span(travel).first(info.knobs.size()));
    for (const float volt : noise(400, 100.0F)) {
      const std::size_t before = solver.evaluations();
      solver.step(volt);
      worst = std::max(worst, solver.evaluations() - before);
    }
  }
  check(worst < 50, "Newton's method converges well within its bound:", info.name);
}

void test_solver_recovers(const triode::CircuitInfo& info) {
  std::array<double, triode::kMaxKnobs> travel{};
  travel.fill(0.5);
  triode::NodalSolver solver(info.parts);
  solver.start(480000.0, std::span(travel).first(info.knobs.size()));
  const double fresh = solver.step(1.0);
  check(solver.step(std::nan("")) == 0.0, "a state that is not finite is left at once:", info.name);
  check(fresh != 0.0 && solver.step(1.0) == fresh, "for the operating point:", info.name);
}

/// Up and down again is a delay of exactly kLatencySamples, for a tone in the pass band.
void test_oversampling_is_a_delay() {
  for (const std::size_t factor : {1U, 4U, 10U, 11U, 22U}) {
    triode::Oversampler oversampler;
    oversampler.configure(factor);
    constexpr std::size_t n = triode::Oversampler::kBlockSamples, blocks = 8;
    std::vector<float> inner(n * factor), out(n);
    double worst = 0.0;
    const auto tone = [](double t) { return std::sin(2.0 * std::numbers::pi * 0.41 * t); };
    for (std::size_t block = 0; block < blocks; ++block) {
      std::vector<float> in(n);
      for (std::size_t k = 0; k < n; ++k) in[k] = static_cast<float>(tone(static_cast<double>(block * n + k)));
      oversampler.up(in.data(), n, inner.data());
      oversampler.down(inner.data(), n, out.data());
      if (block < 4) continue;
      for (std::size_t k = 0; k < n; ++k) {
        const double t = static_cast<double>(block * n + k) - double{triode::Oversampler::kLatencySamples};
        worst = std::max(worst, std::abs(out[k] - tone(t)));
      }
    }
    check(worst < 3e-4, "up and down again is a pure delay");
  }
}

/// A tone of the inner rate, just above what the outer rate can hold, does not come down.
void test_decimation_stops_what_would_fold() {
  constexpr std::size_t factor = 10, n = triode::Oversampler::kBlockSamples;
  triode::Oversampler oversampler;
  oversampler.configure(factor);
  std::vector<float> inner(n * factor), out(n);
  float largest = 0.0F;
  for (std::size_t block = 0; block < 8; ++block) {
    for (std::size_t k = 0; k < inner.size(); ++k) {
      const double t = static_cast<double>(block * inner.size() + k) / factor;
      inner[k] = static_cast<float>(std::sin(2.0 * std::numbers::pi * 0.503 * t));
    }
    oversampler.down(inner.data(), n, out.data());
    if (block < 4) continue;
    for (const float sample : out) largest = std::max(largest, std::abs(sample));
  }
  check(largest < 1.3e-4F, "80 dB down from half the outer rate on");
}

void test_tube_table_follows_the_formula() {
  const triode::Tube12AX7 tube;
  using T = triode::Tube12AX7;
  double worst = 0.0;
  for (double grid = -6.0; grid < 4.0; grid += 0.0137) {
    for (const double plate : {-30.0, 5.0, 80.0, 330.0}) {
      const double volt[2] = {grid, plate};
      double ampere[2], slope[2][2];
      tube.currents(volt, ampere, slope);
      const double cathode_soft = std::log1p(std::exp(T::kKnee * (plate / T::kMu + grid))) / T::kKnee;
      const double grid_soft = std::log1p(std::exp(T::kGridKnee * grid)) / T::kGridKnee;
      const double grid_ampere = T::kGridPerveance * std::pow(grid_soft, T::kXi) + T::kGridLeak;
      const double plate_ampere = T::kPerveance * std::pow(cathode_soft, T::kGamma) - grid_ampere;
      worst = std::max({worst, std::abs(ampere[0] - grid_ampere), std::abs(ampere[1] - plate_ampere)});
    }
  }
  check(worst < 1e-9, "the tube's tables follow the formula within a nanoampere");
}

/// The slopes that Newton's method uses are the slopes of the currents.
template <typename Device>
void test_slopes(const Device& device, double centre_volt, const char* name) {
  constexpr std::size_t ports = Device::kPorts;
  constexpr double delta = 1e-6;
  for (double shift = -1.0; shift < 1.0; shift += 0.093) {
    double volt[ports], ampere[ports], slope[ports][ports], unused[ports][ports];
    for (std::size_t n = 0; n < ports; ++n) volt[n] = centre_volt * static_cast<double>(n) + shift;
    device.currents(volt, ampere, slope);
    for (std::size_t column = 0; column < ports; ++column) {
      double above[ports], below[ports];
      volt[column] += delta;
      device.currents(volt, above, unused);
      volt[column] -= 2.0 * delta;
      device.currents(volt, below, unused);
      volt[column] += delta;
      for (std::size_t row = 0; row < ports; ++row) {
        const double expected = (above[row] - below[row]) / (2.0 * delta);
        check(std::abs(slope[row][column] - expected) < 1e-4 * std::abs(expected) + 1e-9, "slope of a current:", name);
      }
    }
  }
}

}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

int main() {
  for (const triode::CircuitInfo* info : triode::circuits()) {
    test_process_allocates_nothing(*info);
    test_block_sizes_agree(*info);
    test_nonsense_stays_finite(*info);
    test_nan_is_silence(*info);
    test_large_input_is_cut(*info);
    test_knobs_are_checked(*info);
    test_newton_converges(*info);
    test_solver_recovers(*info);
  }
  test_oversampling_is_a_delay();
  test_decimation_stops_what_would_fold();
  test_tube_table_follows_the_formula();
  test_slopes(triode::DiodePair(), 0.0, "diodes");
  test_slopes(triode::Tube12AX7(), 120.0, "tube");
  return failures == 0 ? 0 : 1;
}
