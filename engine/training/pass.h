// What the forward and the backward pass share: how threads divide a batch, and rows to work in.
#pragma once

#include <algorithm>
#include <numeric>
#include <vector>

#include "training/array_shape.h"
#include "training/memory.h"
#include "training/team.h"

namespace triode::training {

/// Samples worked on at once, so that they stay in the first-level cache from step to step; a multiple of every tile
/// of the row kernels.
inline constexpr std::ptrdiff_t kTile = 1536;

/// Threads take items in turns, each alone. Where the batch does not divide evenly and is small, all threads work on
/// one item together, each on its share of the time.
struct Division {
  int teams, members;

  Division(int threads, int batch) {
    const bool alone = batch % threads == 0 || batch >= 4 * threads;
    teams = alone ? std::min(threads, batch) : 1;
    members = alone ? 1 : threads;
  }
  int threads() const { return teams * members; }
};

/// One thread's place in its team.
struct Member {
  Barrier& barrier;
  int index, members;

  bool first() const { return index == 0; }

  /// This member's share of a range of time.
  Range share(Range time) const {
    const std::ptrdiff_t quanta = (time.end - time.begin) / kQuantum;
    return {time.begin + quanta * index / members * kQuantum, time.begin + quanta * (index + 1) / members * kQuantum};
  }

  /// Calls prepare(tile) for the tiles of `prepared` and use(tile) for those of `used`, newest first. Both end
  /// together. A use may need what was prepared in its own and in newer tiles, and may spoil what a prepare of its own
  /// and of newer tiles needs.
  template <class Prepare, class Use>
  void newest_first(Range prepared, Range used, const Prepare& prepare, const Use& use) const {
    if (members == 1) {
      tiles({std::max(prepared.begin, used.begin), used.end}, [&](Range tile) {
        prepare(tile);
        use(tile);
      });
      tiles({used.begin, std::max(prepared.begin, used.begin)}, use);
      return;
    }
    tiles(share(prepared), prepare);
    barrier.wait();
    tiles(share(used), use);
    barrier.wait();
  }

  template <class Work>
  static void tiles(Range time, const Work& work) {
    for (std::ptrdiff_t end = time.end; end > time.begin; end -= kTile) {
      work(Range{std::max(time.begin, end - kTile), end});
    }
  }
};

/// Hands out rows of one buffer.
template <class T>
class Frames {
 public:
  Frames(T* memory, std::ptrdiff_t stride) : next_(memory), stride_(stride) {}

  Rows<T> rows(int count) {
    const Rows<T> rows = {next_, stride_, count};
    next_ += count * stride_;
    return rows;
  }

 private:
  T* next_;
  std::ptrdiff_t stride_;
};

template <class T>
Rows<const T> read(Rows<T> rows) {
  return {rows.data, rows.stride, rows.count};
}

template <class T>
void fill(Rows<T> rows, Range time, T value) {
  for (int c = 0; c < rows.count; ++c) std::fill(rows.row(c) + time.begin, rows.row(c) + time.end, value);
}

/// The newest of `samples` samples per row of `from`, as many as there are and fit, to the end of `time`; zeros before.
template <class T>
void copy_in(const T* from, std::ptrdiff_t samples, Rows<T> to, Range time) {
  const std::ptrdiff_t count = std::min(samples, time.end - time.begin);
  fill(to, {time.begin, time.end - count}, T(0));
  for (int c = 0; c < to.count; ++c) {
    std::copy_n(from + (c + 1) * samples - count, count, to.row(c) + time.end - count);
  }
}

/// The reverse: rows of `samples` samples, zeros before `begin`.
template <class T>
void copy_out(Rows<T> from, Range time, T* to, std::ptrdiff_t samples) {
  const std::ptrdiff_t count = std::min(samples, time.end - time.begin);
  for (int c = 0; c < from.count; ++c) {
    T* row = to + c * samples;
    std::fill(row, row + samples - count, T(0));
    std::copy_n(from.row(c) + time.end - count, count, row + samples - count);
  }
}

/// Pointers to `rows` once per tap of a kernel, moved by `step` samples from one tap to the next; the tap `home` is not
/// moved.
template <class T>
std::vector<const T*> taps(Rows<T> rows, int kernel_size, int home, std::ptrdiff_t step) {
  std::vector<const T*> table;
  for (int k = 0; k < kernel_size; ++k)
    for (int c = 0; c < rows.count; ++c) table.push_back(rows.row(c) + (k - home) * step);
  return table;
}

template <class T>
void append(std::vector<const T*>& table, Rows<T> rows) {
  for (int c = 0; c < rows.count; ++c) table.push_back(rows.row(c));
}

template <class T>
RowTable<T> view(const std::vector<const T*>& table) {
  return {table.data(), static_cast<int>(table.size())};
}

}  // namespace triode::training
