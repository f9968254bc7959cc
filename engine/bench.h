// How fast a model plays here and now: the time of every block, against what the core could do at best.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "cpu.h"

namespace triode {

/// Plays n samples from `in` to `out`.
using Process = std::function<void(const float* in, float* out, std::int64_t n)>;

/// Plays noise in blocks of `block` samples, `blocks` of them after a short warm-up, and returns the seconds that each
/// took.
std::vector<double> block_seconds(const Process& process, std::int64_t block, std::int64_t blocks);

/// Multiply-adds per second that one core reaches in a loop that does nothing else, with the kernels of `isa`: the
/// best of several short runs.
double peak_multiply_adds_per_second(Isa isa);

}  // namespace triode
