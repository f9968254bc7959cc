// What the bindings of everything that plays share.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/tuple.h>

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

#include "bench.h"
#include "count_allocations.h"

namespace nb = nanobind;

using In = nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Unlocked = nb::call_guard<nb::gil_scoped_release>;

inline nb::ndarray<nb::numpy, float> to_numpy(std::vector<float>&& values, const std::vector<std::size_t>& shape) {
  auto* kept = new std::vector<float>(std::move(values));
  const nb::capsule owner(kept, [](void* p) noexcept { delete static_cast<std::vector<float>*>(p); });
  return {kept->data(), shape.size(), shape.data(), owner};
}

template <class Player>
nb::ndarray<nb::numpy, float> play_block(Player& player, const In& block) {
  std::vector<float> out(block.shape(0));
  {
    const nb::gil_scoped_release unlocked;
    player.process(block.data(), out.data(), static_cast<std::int64_t>(out.size()));
  }
  return to_numpy(std::move(out), {block.shape(0)});
}

/// In blocks, as a host would: from the start state, `block` samples at a time.
template <class Player>
nb::ndarray<nb::numpy, float> play_all(Player& player, const In& audio, std::int64_t block) {
  std::vector<float> out(audio.shape(0));
  {
    const nb::gil_scoped_release unlocked;
    const auto total = static_cast<std::int64_t>(out.size());
    player.reset();
    for (std::int64_t start = 0; start < total; start += block)
      player.process(audio.data() + start, out.data() + start, std::min(block, total - start));
  }
  return to_numpy(std::move(out), {audio.shape(0)});
}

/// Seconds of each block, and how many allocations playing made.
using Measured = std::tuple<nb::ndarray<nb::numpy, double>, std::int64_t>;

template <class Player>
Measured measure(Player& player, std::int64_t block, std::int64_t blocks) {
  const auto process = [&](const float* in, float* out, std::int64_t n) { player.process(in, out, n); };
  std::vector<double> seconds;
  std::int64_t before = 0, after = 0;
  {
    const nb::gil_scoped_release unlocked;
    // The buffers of the measurement itself are the same however many blocks are played.
    before = allocations_on_this_thread();
    triode::block_seconds(process, block, 1);
    const std::int64_t own = allocations_on_this_thread() - before;
    before = allocations_on_this_thread() + own;
    seconds = triode::block_seconds(process, block, blocks);
    after = allocations_on_this_thread();
  }
  auto* kept = new std::vector<double>(std::move(seconds));
  const nb::capsule owner(kept, [](void* p) noexcept { delete static_cast<std::vector<double>*>(p); });
  return {nb::ndarray<nb::numpy, double>(kept->data(), {kept->size()}, owner), after - before};
}
