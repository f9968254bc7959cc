#include "bench.h"

#include <algorithm>
#include <chrono>
#include <random>

#include "kernels.h"

namespace triode {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

}  // namespace

std::vector<double> block_seconds(const Process& process, std::int64_t block, std::int64_t blocks) {
  // At guitar level, so that no activation runs saturated all the time.
  std::mt19937 generator(1);
  std::normal_distribution<float> noise(0.0f, 0.1f);
  std::vector<float> in(static_cast<std::size_t>(block)), out(in.size());
  for (float& sample : in) sample = noise(generator);
  const std::int64_t warm_up = std::max<std::int64_t>(16, 48000 / block);
  for (std::int64_t i = 0; i < warm_up; ++i) process(in.data(), out.data(), block);
  std::vector<double> seconds(static_cast<std::size_t>(blocks));
  for (double& taken : seconds) {
    const Clock::time_point start = Clock::now();
    process(in.data(), out.data(), block);
    taken = seconds_since(start);
  }
  return seconds;
}

double peak_multiply_adds_per_second(Isa isa) {
  constexpr int kRounds = 20000, kRuns = 25;
  const Kernels& kernels = kernels_for(isa);
  double best = 0.0;
  volatile float kept = 0.0f;
  for (int run = 0; run < kRuns; ++run) {
    const Clock::time_point start = Clock::now();
    kept = kept + kernels.multiply_add_loop(kRounds);
    best = std::max(best, kRounds * double(kernels.loop_multiply_adds) / seconds_since(start));
  }
  return best;
}

}  // namespace triode
