#include "training/recurrent_layer.h"

#include <stdexcept>
#include <utility>

#include "training/recurrent_chunk.h"

namespace triode::training {
namespace {

// A single register of AVX-512: wider blocks are hardly faster per item, and leave less for other threads.
constexpr int kBlockLanes = 16;
constexpr std::ptrdiff_t kChunkSteps = 32;
static_assert(kBlockLanes % kQuantum == 0);

}  // namespace

void RecurrentShape::check() const {
  if (std::min(inputs, hidden) < 1) throw std::invalid_argument("recurrent layer: sizes must be at least 1");
}

std::size_t RecurrentShape::parameter_count() const {
  const auto rows = static_cast<std::size_t>(gate_rows());
  return rows * static_cast<std::size_t>(inputs + hidden + 2) + static_cast<std::size_t>(hidden) + 1;
}

template <class T>
RecurrentWeights<T>::RecurrentWeights(const RecurrentShape& shape, const T* parameters) {
  const int rows = shape.gate_rows(), units = shape.hidden, inputs = shape.inputs, fed = shape.first_input_row();
  const T* const input_weights = parameters;
  const T* const hidden_weights = input_weights + rows * inputs;
  const T* const input_bias = hidden_weights + rows * units;
  const T* const hidden_bias = input_bias + rows;
  const T* const output_weights = hidden_bias + rows;
  // A GRU's candidate comes last of torch's gates; what the state does for it comes first of ours.
  const auto given = [&](int row) { return (row + rows - fed) % rows; };
  for (int unit = 0; unit < units; ++unit)
    for (int row = 0; row < rows; ++row) steering.weights.push_back(hidden_weights[given(row) * units + unit]);
  for (int input = 0; input < inputs; ++input)
    for (int row = 0; row < rows; ++row)
      steering.weights.push_back(row < fed ? T(0) : input_weights[given(row) * inputs + input]);
  for (int row = 0; row < rows; ++row) {
    steering.bias.push_back(hidden_bias[given(row)] + (row < fed ? T(0) : input_bias[given(row)]));
    const T* const from = hidden_weights + given(row) * units;
    hidden_transposed.weights.insert(hidden_transposed.weights.end(), from, from + units);
  }
  for (int input = 0; input < inputs; ++input)
    for (int row = rows - fed; row < rows; ++row) candidate.weights.push_back(input_weights[row * inputs + input]);
  candidate.bias.assign(input_bias + rows - fed, input_bias + rows);
  hidden_transposed.bias.assign(static_cast<std::size_t>(units), T(0));
  output.weights.assign(output_weights, output_weights + units);
  output.bias.assign(1, output_weights[units]);
  output_transposed.weights = output.weights;
  output_transposed.bias.assign(static_cast<std::size_t>(units), T(0));
}

ChunkLayout::ChunkLayout(const RecurrentShape& shape, int batch, std::ptrdiff_t all_steps)
    : lanes(kBlockLanes),
      blocks((batch + lanes - 1) / lanes),
      chunks((all_steps + kChunkSteps - 1) / kChunkSteps),
      steps(all_steps),
      stride((kChunkSteps + 1) * lanes + kQuantum),
      memory_rows(shape.unit == Unit::lstm ? shape.hidden : 0),
      chunk_size((5 * shape.hidden + memory_rows) * stride) {}

std::ptrdiff_t ChunkLayout::chunk_steps(std::ptrdiff_t chunk) const {
  return std::min(kChunkSteps, steps - chunk * kChunkSteps);
}

template <class T>
RecurrentTape<T>::RecurrentTape(const RecurrentShape&, RecurrentWeights<T> weights, const ChunkLayout& layout, int batch,
                                std::shared_ptr<Recycler> memory)
    : weights_(std::move(weights)), layout_(layout), batch_(batch), memory_(std::move(memory)) {
  const std::ptrdiff_t size = layout.blocks * layout.chunks * layout.chunk_size;
  buffer_ = memory_->take(static_cast<std::size_t>(size) * sizeof(T));
}

template <class T>
RecurrentLayer<T>::RecurrentLayer(RecurrentShape shape, Isa isa)
    : shape_(shape), rows_(row_kernels<T>(isa)), cells_(cell_kernels<T>(shape.unit, isa)) {
  shape_.check();
}

template struct RecurrentWeights<float>;
template struct RecurrentWeights<double>;
template class RecurrentTape<float>;
template class RecurrentTape<double>;
template RecurrentLayer<float>::RecurrentLayer(RecurrentShape, Isa);
template RecurrentLayer<double>::RecurrentLayer(RecurrentShape, Isa);

}  // namespace triode::training
