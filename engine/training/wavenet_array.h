// Forward and backward through an array of WaveNet layers, fast on a CPU: what docs/model-file.md calls an array, from
// its rechannel to its head, for training (src/triode/training/kernels.py hands it to autograd).
//
// A layer is z = conv(h) + mixin x + bias; a = act(z); total += a; h = h + layer1x1 a. The forward pass updates h in
// place, from the last sample to the first, and keeps the activations a (or z, where the derivative asks for it) and
// the last h: since a layer leaves the samples before its first output alone, the backward pass gets every earlier h
// back by subtracting again what was added. That halves the memory to be written and read, which is what limits
// training after the arithmetic.
#pragma once

#include <memory>
#include <vector>

#include "training/array_shape.h"
#include "training/array_weights.h"
#include "training/memory.h"

namespace triode::training {

/// The flat parameters of an array, as ArrayShape says: one vector for all items of a batch, or one after the other a
/// vector for each.
template <class T>
struct ArrayParameters {
  const T* values;
  bool per_item;
};

/// What goes into an array, each (batch, rows, samples) without gaps and aligned at the newest sample: the input, the
/// condition (at least as long as the first layer's output), and the head sum of the array before, where it is
/// shorter than the output continued with zeros, or null.
template <class T>
struct ArrayInputs {
  int batch;
  const T* input;
  std::ptrdiff_t input_samples;
  const T* condition;
  std::ptrdiff_t condition_samples;
  const T* head;
  std::ptrdiff_t head_samples;
};

/// The gradients that come in (null where there is none) and those that go out. `input` and `head` are shaped as in
/// ArrayInputs and may be null, `parameters` as those of the forward pass.
template <class T>
struct ArrayGradients {
  const T* output;
  const T* head_output;
  T* parameters;
  T* input;
  T* head;
};

/// What the forward pass keeps for the backward pass: the weights, and per item of the batch the last h, what each layer
/// keeps, and the head sum.
template <class T>
class Tape {
 public:
  Tape(const ArrayShape& shape, std::vector<ArrayWeights<T>> weights, std::ptrdiff_t input_samples, int batch,
       std::shared_ptr<Recycler> memory);
  ~Tape() { memory_->give(std::move(buffer_)); }
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  const ArrayWeights<T>& weights(int item) const { return weights_[per_item() ? static_cast<std::size_t>(item) : 0]; }
  /// Whether each item has weights of its own; in a batch of one that makes no difference.
  bool per_item() const { return weights_.size() > 1; }
  const TimeAxis& axis() const { return axis_; }
  int batch() const { return batch_; }
  std::ptrdiff_t input_samples() const { return input_samples_; }
  bool lies_in(const std::shared_ptr<Recycler>& memory) const { return memory_ == memory; }

  Rows<T> residual(int item) const { return rows(item, 0, channels_); }
  Rows<T> kept(int item, int layer) const { return rows(item, 1 + static_cast<std::size_t>(layer), bottleneck_); }
  Rows<T> total(int item) const { return rows(item, places_.size() - 1, bottleneck_); }

 private:
  struct Place {
    std::ptrdiff_t offset, stride, start;
  };
  Rows<T> rows(int item, std::size_t place, int count) const;

  std::vector<ArrayWeights<T>> weights_;
  TimeAxis axis_;
  std::ptrdiff_t input_samples_;
  int batch_, channels_, bottleneck_;
  std::vector<Place> places_;
  std::ptrdiff_t item_size_ = 0;
  std::shared_ptr<Recycler> memory_;
  Buffer buffer_;
};

template <class T>
class WaveNetArray {
 public:
  /// Throws std::invalid_argument if a size makes no sense.
  explicit WaveNetArray(ArrayShape shape, Isa isa = best_isa());

  const ArrayShape& shape() const { return shape_; }
  /// Whether the tape is of a forward pass of this array over inputs of this size.
  bool made(const Tape<T>& tape, const ArrayInputs<T>& inputs) const {
    return tape.lies_in(tapes_) && tape.batch() == inputs.batch && tape.input_samples() == inputs.input_samples;
  }

  /// Writes output (batch, channels, input samples - trim) and head_output (batch, outputs, input samples - trim -
  /// head span). Returns null unless `keep`. Results do not depend on `threads`.
  std::unique_ptr<Tape<T>> forward(ArrayParameters<T> parameters, const ArrayInputs<T>& inputs, T* output,
                                   T* head_output, int threads, bool keep) const;
  /// `inputs` as in the forward pass. Results are the same in every run with as many `threads`.
  void backward(const Tape<T>& tape, const ArrayInputs<T>& inputs, const ArrayGradients<T>& gradients,
                int threads) const;

 private:
  ArrayShape shape_;
  const RowKernels<T>& kernels_;
  std::shared_ptr<Recycler> tapes_ = std::make_shared<Recycler>();
  std::shared_ptr<Recycler> frames_ = std::make_shared<Recycler>();
};

}  // namespace triode::training
