// What the passes through a recurrent layer share: the rows of a chunk, and how items become lanes.
#pragma once

#include <algorithm>

#include "training/pass.h"
#include "training/recurrent_layer.h"

namespace triode::training {

/// The rows that are kept of a chunk. Step s of the gates lies at s * lanes; hidden values and memory begin with the step
/// before the chunk, so that theirs lies at (s + 1) * lanes.
template <class T>
struct ChunkRows {
  Rows<T> gates, memory, hidden;

  ChunkRows(const RecurrentShape& shape, const ChunkLayout& layout, T* at)
      : gates{at, layout.stride, 4 * shape.hidden},
        memory{at + 4 * shape.hidden * layout.stride, layout.stride, layout.memory_rows},
        hidden{memory.data + layout.memory_rows * layout.stride, layout.stride, shape.hidden} {}
};

/// The items of a block: the batch may end within it.
struct Items {
  int first, count;

  Items(const ChunkLayout& layout, int block, int batch)
      : first(block * layout.lanes), count(std::min(layout.lanes, batch - first)) {}
};

/// Steps [begin, begin + count) of (batch, rows, steps) into rows of lanes, and zeros into the lanes without an item.
template <class T>
void steps_in(const T* from, std::ptrdiff_t steps, Items items, const ChunkLayout& layout, std::ptrdiff_t begin,
              std::ptrdiff_t count, Rows<T> to) {
  for (int row = 0; row < to.count; ++row)
    for (int lane = 0; lane < layout.lanes; ++lane) {
      const T* item = from + ((items.first + lane) * to.count + row) * steps + begin;
      T* at = to.row(row) + lane;
      if (lane < items.count) {
        for (std::ptrdiff_t s = 0; s < count; ++s) at[s * layout.lanes] = item[s];
      } else {
        for (std::ptrdiff_t s = 0; s < count; ++s) at[s * layout.lanes] = T(0);
      }
    }
}

/// The reverse, for a single row.
template <class T>
void steps_out(const T* row, Items items, const ChunkLayout& layout, std::ptrdiff_t begin, std::ptrdiff_t count, T* to,
               std::ptrdiff_t steps) {
  for (int lane = 0; lane < items.count; ++lane) {
    T* item = to + (items.first + lane) * steps + begin;
    for (std::ptrdiff_t s = 0; s < count; ++s) item[s] = row[s * layout.lanes + lane];
  }
}

/// (batch, rows) into one step of rows, zeros where `from` is null or a lane has no item.
template <class T>
void state_in(const T* from, Items items, const ChunkLayout& layout, Rows<T> to) {
  for (int row = 0; row < to.count; ++row)
    for (int lane = 0; lane < layout.lanes; ++lane) {
      const bool there = from != nullptr && lane < items.count;
      to.row(row)[lane] = there ? from[(items.first + lane) * to.count + row] : T(0);
    }
}

template <class T>
void state_out(Rows<T> from, Items items, T* to) {
  if (to == nullptr) return;
  for (int row = 0; row < from.count; ++row)
    for (int lane = 0; lane < items.count; ++lane) to[(items.first + lane) * from.count + row] = from.row(row)[lane];
}

template <class T>
Rows<T> later(Rows<T> rows, std::ptrdiff_t samples) {
  return {rows.data + samples, rows.stride, rows.count};
}

template <class T>
Rows<T> part(Rows<T> rows, int first, int count) {
  return {rows.row(first), rows.stride, count};
}

}  // namespace triode::training
