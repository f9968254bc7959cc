// Forward and backward through one LSTM or GRU layer and the linear map of its hidden values to an output, fast on a CPU:
// for training by truncated back-propagation through time (src/triode/training/recurrent_kernels.py hands it to
// autograd).
//
// Steps follow one another, so what a register holds side by side are the items of a batch: a block of 16 items
// goes through all steps together, and threads take blocks in turns. Steps are worked on in chunks, whose rows
// (row_kernels.h) hold step after step of one value, so that the gradients of the weights are sums along rows.
#pragma once

#include <memory>
#include <vector>

#include "training/array_weights.h"
#include "training/cell_kernels.h"
#include "training/memory.h"

namespace triode::training {

/// Parameters lie in one flat vector: input weights (G H, inputs) and hidden weights (G H, H) as torch has them (LSTM: G =
/// 4, gates i f g o; GRU: G = 3, gates r z n), input bias (G H), hidden bias (G H), output weights (H), output bias.
struct RecurrentShape {
  Unit unit;
  int inputs, hidden;

  /// Throws std::invalid_argument if a size makes no sense.
  void check() const;
  int gate_rows() const { return (unit == Unit::lstm ? 4 : 3) * hidden; }
  // Of the four rows of gates per hidden value (cell_kernels.h), the hidden values go into the first `gate_rows`, the
  // inputs into as many from `first_input_row` on.
  int first_input_row() const { return unit == Unit::lstm ? 0 : hidden; }
  std::size_t parameter_count() const;
};

/// The linear maps as the row kernels take them, with gates in the order of the cell kernels. `steering` takes hidden
/// values and inputs to the gates that the hidden values go into, `candidate` a GRU's inputs to the rest.
template <class T>
struct RecurrentWeights {
  RecurrentWeights(const RecurrentShape& shape, const T* parameters);

  LinearMap<T> steering, candidate, hidden_transposed, output, output_transposed;
};

/// What goes through a layer: `input` (batch, inputs, steps) and the hidden values and memory (batch, hidden) before the
/// first step; `memory` is null for a GRU.
template <class T>
struct RecurrentInputs {
  int batch;
  std::ptrdiff_t steps;
  const T* input;
  const T* hidden;
  const T* memory;
};

/// What comes out: `output` (batch, steps), and the state after the last step.
template <class T>
struct RecurrentOutputs {
  T* output;
  T* hidden;
  T* memory;
};

/// Gradients of the outputs (those of the state null where there are none), and those they make of the parameters and of
/// the state before.
template <class T>
struct RecurrentGradients {
  const T* output;
  const T* last_hidden;
  const T* last_memory;
  T* parameters;
  T* hidden;
  T* memory;
};

/// How a layer's values lie in memory: blocks of items, each a sequence of chunks of steps, each a frame of rows.
struct ChunkLayout {
  ChunkLayout(const RecurrentShape& shape, int batch, std::ptrdiff_t steps);

  int lanes;  // items of a block
  int blocks;
  std::ptrdiff_t chunks, steps;  // steps in all
  std::ptrdiff_t stride;         // from row to row
  int memory_rows;
  std::ptrdiff_t chunk_size;

  std::ptrdiff_t chunk_steps(std::ptrdiff_t chunk) const;
};

/// What the forward pass keeps: the weights, and of every chunk the gates, the memory and the hidden values.
template <class T>
class RecurrentTape {
 public:
  RecurrentTape(const RecurrentShape& shape, RecurrentWeights<T> weights, const ChunkLayout& layout, int batch,
                std::shared_ptr<Recycler> memory);
  ~RecurrentTape() { memory_->give(std::move(buffer_)); }
  RecurrentTape(const RecurrentTape&) = delete;
  RecurrentTape& operator=(const RecurrentTape&) = delete;

  const RecurrentWeights<T>& weights() const { return weights_; }
  const ChunkLayout& layout() const { return layout_; }
  int batch() const { return batch_; }
  bool lies_in(const std::shared_ptr<Recycler>& memory) const { return memory_ == memory; }
  T* chunk(int block, std::ptrdiff_t chunk) const {
    return buffer_.template as<T>() + (block * layout_.chunks + chunk) * layout_.chunk_size;
  }

 private:
  RecurrentWeights<T> weights_;
  ChunkLayout layout_;
  int batch_;
  std::shared_ptr<Recycler> memory_;
  Buffer buffer_;
};

template <class T>
class RecurrentLayer {
 public:
  explicit RecurrentLayer(RecurrentShape shape, Isa isa = best_isa());

  const RecurrentShape& shape() const { return shape_; }
  /// Whether the tape is of a forward pass of this layer over inputs of this size.
  bool made(const RecurrentTape<T>& tape, const RecurrentInputs<T>& inputs) const {
    return tape.lies_in(tapes_) && tape.batch() == inputs.batch && tape.layout().steps == inputs.steps;
  }

  /// Returns null unless `keep`. Results do not depend on `threads`, here and in the backward pass.
  std::unique_ptr<RecurrentTape<T>> forward(const T* parameters, const RecurrentInputs<T>& inputs,
                                            const RecurrentOutputs<T>& outputs, int threads, bool keep) const;
  void backward(const RecurrentTape<T>& tape, const RecurrentInputs<T>& inputs, const RecurrentGradients<T>& gradients,
                int threads) const;

 private:
  RecurrentShape shape_;
  const RowKernels<T>& rows_;
  const CellKernels<T>& cells_;
  std::shared_ptr<Recycler> tapes_ = std::make_shared<Recycler>();
  std::shared_ptr<Recycler> frames_ = std::make_shared<Recycler>();
};

}  // namespace triode::training
