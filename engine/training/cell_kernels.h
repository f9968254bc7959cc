// The units of recurrent layers, between the matrix products of their steps: one source (cell_kernels.cpp), compiled once
// per instruction set, reached through a table of functions. Rows are those of row_kernels.h, with another meaning: a
// step is `lanes` consecutive samples, one for each item of a batch, so that a register holds items side by side.
#pragma once

#include "training/row_kernels.h"

namespace triode::training {

/// The rows of a unit of H hidden values at one step. `gates` are 4 H rows: of an LSTM input gate, forget gate, candidate
/// and output gate; of a GRU the candidate's part from the state, reset gate, update gate, and the candidate. `memory`
/// (LSTM only) and `hidden` are H rows whose step before lies at the same time and whose own step `lanes` later.
///
/// Meanwhile what lies `soon` samples further in all of these comes from memory: the rows are many and short, more than
/// the processor guesses by itself.
template <class T>
struct CellKernels {
  /// Turns the gates' inputs into the gates, and makes the step's memory and hidden values.
  void (*forward)(Rows<T> gates, Rows<T> memory, Rows<T> hidden, std::ptrdiff_t lanes, Range step,
                  std::ptrdiff_t soon) noexcept;
  /// From the gradient of the step's hidden values, `dhidden` later by `lanes`, and of its memory, `dmemory` at time 0 of
  /// its rows: the gradients of the gates' inputs, of the memory before, and, added to it, of the hidden values before as
  /// far as they do not go through the gates' inputs.
  void (*backward)(Rows<const T> gates, Rows<const T> memory, Rows<const T> hidden, Rows<T> dmemory, Rows<T> dhidden,
                   Rows<T> dgates, std::ptrdiff_t lanes, Range step, std::ptrdiff_t soon) noexcept;
};

enum class Unit { lstm, gru };

template <class T>
const CellKernels<T>& cell_kernels(Unit unit, Isa isa);

}  // namespace triode::training
