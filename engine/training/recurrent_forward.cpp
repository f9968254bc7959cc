#include <utility>

#include "training/recurrent_chunk.h"
#include "training/recurrent_layer.h"

namespace triode::training {
namespace {

template <class T>
class ForwardPass {
 public:
  ForwardPass(const RecurrentShape& shape, const RowKernels<T>& rows, const CellKernels<T>& cells,
              const RecurrentWeights<T>& weights, const ChunkLayout& layout)
      : shape_(shape), rows_(rows), cells_(cells), weights_(weights), layout_(layout) {}

  /// One chunk of a block, whose rows begin with the state before it; `input` and `output` are rows to work in, and the
  /// next chunk lies `soon` samples further.
  void chunk(const RecurrentInputs<T>& in, Items items, std::ptrdiff_t index, const ChunkRows<T>& chunk,
             std::ptrdiff_t soon, Rows<T> input, Rows<T> output, T* to) const {
    const std::ptrdiff_t count = layout_.chunk_steps(index), begin = first_step(index), lanes = layout_.lanes;
    const Range all = {0, count * lanes};
    const int fed = shape_.first_input_row(), gates = shape_.gate_rows();
    steps_in(in.input, in.steps, items, layout_, begin, count, input);
    const std::vector<const T*> inputs = taps(input, 1, 0, 0);
    std::vector<const T*> steering = taps(chunk.hidden, 1, 0, 0);
    append(steering, input);
    const Rows<T> steered = part(chunk.gates, 0, gates), rest = part(chunk.gates, gates, fed);
    for (std::ptrdiff_t s = 0; s < count; ++s) {
      const Range step = {s * lanes, (s + 1) * lanes};
      rows_.mix(weights_.steering.view(), view(steering), {}, steered, step, {});
      rows_.mix(weights_.candidate.view(), view(inputs), {}, rest, step, {});
      cells_.forward(chunk.gates, chunk.memory, chunk.hidden, lanes, step, soon);
    }
    const std::vector<const T*> now = taps(later(chunk.hidden, lanes), 1, 0, 0);
    rows_.mix(weights_.output.view(), view(now), {}, output, all, {});
    steps_out(output.row(0), items, layout_, begin, count, to, in.steps);
  }

  /// The state after a chunk to where the next one has the state before it; they may be the same.
  void carry(std::ptrdiff_t index, const ChunkRows<T>& from, const ChunkRows<T>& to) const {
    const std::ptrdiff_t end = layout_.chunk_steps(index) * layout_.lanes;
    for (int c = 0; c < from.hidden.count; ++c)
      std::copy_n(from.hidden.row(c) + end, layout_.lanes, to.hidden.row(c));
    for (int c = 0; c < from.memory.count; ++c)
      std::copy_n(from.memory.row(c) + end, layout_.lanes, to.memory.row(c));
  }

 private:
  std::ptrdiff_t first_step(std::ptrdiff_t index) const { return index * layout_.chunk_steps(0); }

  const RecurrentShape& shape_;
  const RowKernels<T>& rows_;
  const CellKernels<T>& cells_;
  const RecurrentWeights<T>& weights_;
  const ChunkLayout& layout_;
};

}  // namespace

template <class T>
std::unique_ptr<RecurrentTape<T>> RecurrentLayer<T>::forward(const T* parameters, const RecurrentInputs<T>& inputs,
                                                             const RecurrentOutputs<T>& outputs, int threads,
                                                             bool keep) const {
  const ChunkLayout layout(shape_, inputs.batch, inputs.steps);
  RecurrentWeights<T> own_weights(shape_, parameters);
  std::unique_ptr<RecurrentTape<T>> tape;
  if (keep) tape = std::make_unique<RecurrentTape<T>>(shape_, std::move(own_weights), layout, inputs.batch, tapes_);
  const RecurrentWeights<T>& weights = keep ? tape->weights() : own_weights;

  // Of each thread: inputs, output, and a chunk where none is kept.
  const std::ptrdiff_t size = (shape_.inputs + 1) * layout.stride + layout.chunk_size;
  const int workers = std::min(threads, layout.blocks);
  Buffer buffer = frames_->take(static_cast<std::size_t>(size * workers) * sizeof(T));
  run_threads(workers, [&](int worker) {
    Frames<T> frames(buffer.as<T>() + worker * size, layout.stride);
    const Rows<T> input = frames.rows(shape_.inputs), output = frames.rows(1);
    T* const own_chunk = frames.rows(0).data;
    const ForwardPass<T> pass(shape_, rows_, cells_, weights, layout);
    for (int block = worker; block < layout.blocks; block += workers) {
      const Items items(layout, block, inputs.batch);
      const auto rows = [&](std::ptrdiff_t chunk) {
        return ChunkRows<T>(shape_, layout, keep ? tape->chunk(block, chunk) : own_chunk);
      };
      state_in(inputs.hidden, items, layout, rows(0).hidden);
      state_in(inputs.memory, items, layout, rows(0).memory);
      for (std::ptrdiff_t chunk = 0; chunk < layout.chunks; ++chunk) {
        if (chunk > 0) pass.carry(chunk - 1, rows(chunk - 1), rows(chunk));
        const std::ptrdiff_t soon = keep && chunk + 1 < layout.chunks ? layout.chunk_size : 0;
        pass.chunk(inputs, items, chunk, rows(chunk), soon, input, output, outputs.output);
      }
      const ChunkRows<T> last = rows(layout.chunks - 1);
      const std::ptrdiff_t end = layout.chunk_steps(layout.chunks - 1) * layout.lanes;
      state_out(later(last.hidden, end), items, outputs.hidden);
      state_out(later(last.memory, end), items, outputs.memory);
    }
  });
  frames_->give(std::move(buffer));
  return tape;
}

template std::unique_ptr<RecurrentTape<float>> RecurrentLayer<float>::forward(
    const float*, const RecurrentInputs<float>&, const RecurrentOutputs<float>&, int, bool) const;
template std::unique_ptr<RecurrentTape<double>> RecurrentLayer<double>::forward(
    const double*, const RecurrentInputs<double>&, const RecurrentOutputs<double>&, int, bool) const;

}  // namespace triode::training
