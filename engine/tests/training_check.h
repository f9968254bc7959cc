// What the tests of the training kernels share: failures, the instruction sets to try, and noise.
#pragma once

#include <cstddef>
#include <cstdio>
#include <random>
#include <vector>

#include "cpu.h"

inline int failures = 0;

inline void expect(bool condition, const char* what, double found) {
  if (condition) return;
  std::fprintf(stderr, "FAILED: %s (%g)\n", what, found);
  ++failures;
}

inline std::vector<triode::Isa> isas() {
  std::vector<triode::Isa> all = {triode::Isa::baseline};
  if (triode::best_isa() != triode::Isa::baseline) all.push_back(triode::Isa::avx2);
  if (triode::best_isa() == triode::Isa::avx512) all.push_back(triode::Isa::avx512);
  return all;
}

template <class T>
std::vector<T> noise(std::size_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<double> uniform(-1.0, 1.0);
  std::vector<T> values(count);
  for (T& value : values) value = static_cast<T>(uniform(generator));
  return values;
}
