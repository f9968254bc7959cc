#include <utility>

#include "training/recurrent_chunk.h"
#include "training/recurrent_layer.h"

namespace triode::training {
namespace {

/// The rows that a thread works in. Hidden values have a step before the chunk's first, as in ChunkRows.
template <class T>
struct BackwardFrames {
  Rows<T> input, doutput, ones, dhidden, dmemory, dgates;

  static int row_count(const RecurrentShape& shape) { return shape.inputs + 2 + 6 * shape.hidden; }
  BackwardFrames(const RecurrentShape& shape, Frames<T> frames)
      : input(frames.rows(shape.inputs)),
        doutput(frames.rows(1)),
        ones(frames.rows(1)),
        dhidden(frames.rows(shape.hidden)),
        dmemory(frames.rows(shape.hidden)),
        dgates(frames.rows(4 * shape.hidden)) {}
};

template <class T>
class BackwardPass {
 public:
  BackwardPass(const RecurrentShape& shape, const RowKernels<T>& rows, const CellKernels<T>& cells,
               const RecurrentTape<T>& tape, const BackwardFrames<T>& frames)
      : shape_(shape),
        rows_(rows),
        cells_(cells),
        weights_(tape.weights()),
        layout_(tape.layout()),
        frames_(frames),
        steered_(part(frames.dgates, 0, shape.gate_rows())),
        fed_(part(frames.dgates, shape.first_input_row(), shape.gate_rows())) {
    fill(frames_.ones, {0, layout_.chunk_steps(0) * layout_.lanes}, T(1));
    const int gates = shape.gate_rows();
    sums_.resize(static_cast<std::size_t>((gates * (shape.hidden + shape.inputs + 2) + shape.hidden + 1) * rows.lanes));
  }

  /// Adds a block's gradient of the parameters to `parameters`.
  void block(const RecurrentTape<T>& tape, int block, const RecurrentInputs<T>& in,
             const RecurrentGradients<T>& gradients, double* parameters) {
    const Items items(layout_, block, in.batch);
    std::fill(sums_.begin(), sums_.end(), T(0));
    state_in(gradients.last_hidden, items, layout_, frames_.dhidden);
    state_in(gradients.last_memory, items, layout_, frames_.dmemory);
    for (std::ptrdiff_t chunk = layout_.chunks; chunk-- > 0;) {
      const ChunkRows<T> rows(shape_, layout_, tape.chunk(block, chunk));
      const std::ptrdiff_t begin = chunk * layout_.chunk_steps(0), count = layout_.chunk_steps(chunk);
      steps_in(in.input, in.steps, items, layout_, begin, count, frames_.input);
      steps_in(gradients.output, in.steps, items, layout_, begin, count, frames_.doutput);
      steps(rows, count, chunk > 0 ? -layout_.chunk_size : 0);
      correlate(rows, count);
    }
    state_out(frames_.dhidden, items, gradients.hidden);
    state_out(frames_.dmemory, items, gradients.memory);
    take(parameters);
  }

 private:
  /// Back through the steps of a chunk; the gradient of the state after it lies at the rows' beginning, and afterwards
  /// that of the state before it. The next chunk lies `soon` samples further.
  void steps(const ChunkRows<T>& chunk, std::ptrdiff_t count, std::ptrdiff_t soon) const {
    const std::ptrdiff_t lanes = layout_.lanes;
    const Rows<T> dh = frames_.dhidden;
    for (int c = 0; c < dh.count; ++c) std::copy_n(dh.row(c), lanes, dh.row(c) + count * lanes);
    const std::vector<const T*> doutput = taps(frames_.doutput, 1, 0, 0), dgates = taps(steered_, 1, 0, 0);
    const Weights<T> shown = weights_.output_transposed.view();
    const Rows<T> made = later(dh, lanes);
    const Range last = {(count - 1) * lanes, count * lanes};
    rows_.mix(shown, view(doutput), {}, made, {0, last.begin}, {});
    rows_.mix(shown, view(doutput), read(made), made, last, {});
    fill(dh, {0, lanes}, T(0));
    for (std::ptrdiff_t s = count; s-- > 0;) {
      const Range step = {s * lanes, (s + 1) * lanes};
      cells_.backward(read(chunk.gates), read(chunk.memory), read(chunk.hidden), frames_.dmemory, dh, frames_.dgates,
                      lanes, step, soon);
      rows_.mix(weights_.hidden_transposed.view(), view(dgates), read(dh), dh, step, {});
    }
  }

  void correlate(const ChunkRows<T>& chunk, std::ptrdiff_t count) {
    const Range all = {0, count * layout_.lanes};
    std::vector<const T*> before = taps(chunk.hidden, 1, 0, 0), input = taps(frames_.input, 1, 0, 0);
    std::vector<const T*> now = taps(later(chunk.hidden, layout_.lanes), 1, 0, 0);
    for (std::vector<const T*>* rows : {&before, &input, &now}) append(*rows, frames_.ones);
    T* sums = sums_.data();
    rows_.correlate(view(before), read(steered_), sums, all);
    sums += static_cast<std::ptrdiff_t>(before.size()) * steered_.count * rows_.lanes;
    rows_.correlate(view(input), read(fed_), sums, all);
    sums += static_cast<std::ptrdiff_t>(input.size()) * fed_.count * rows_.lanes;
    rows_.correlate(view(now), read(frames_.doutput), sums, all);
  }

  /// The sums, from rows in the order of the cell kernels to the flat vector of parameters.
  void take(double* parameters) const {
    const int gates = shape_.gate_rows(), units = shape_.hidden, inputs = shape_.inputs;
    double* const input_weights = parameters;
    double* const hidden_weights = input_weights + gates * inputs;
    double* const input_bias = hidden_weights + gates * units;
    double* const hidden_bias = input_bias + gates;
    double* const output = hidden_bias + gates;
    std::ptrdiff_t at = 0;
    const auto next = [&] {
      const auto first = sums_.begin() + rows_.lanes * at++;
      return std::accumulate(first, first + rows_.lanes, 0.0);
    };
    for (int unit = 0; unit <= units; ++unit)
      for (int row = 0; row < gates; ++row) {
        const int given = (row + gates - shape_.first_input_row()) % gates;
        (unit < units ? hidden_weights[given * units + unit] : hidden_bias[given]) += next();
      }
    for (int input = 0; input <= inputs; ++input)
      for (int row = 0; row < gates; ++row)
        (input < inputs ? input_weights[row * inputs + input] : input_bias[row]) += next();
    for (int unit = 0; unit <= units; ++unit) output[unit] += next();
  }

  const RecurrentShape& shape_;
  const RowKernels<T>& rows_;
  const CellKernels<T>& cells_;
  const RecurrentWeights<T>& weights_;
  const ChunkLayout& layout_;
  const BackwardFrames<T>& frames_;
  Rows<T> steered_, fed_;  // the gates' gradients that the hidden values see, and the inputs
  std::vector<T> sums_;
};

}  // namespace

template <class T>
void RecurrentLayer<T>::backward(const RecurrentTape<T>& tape, const RecurrentInputs<T>& inputs,
                                 const RecurrentGradients<T>& gradients, int threads) const {
  const ChunkLayout& layout = tape.layout();
  const std::size_t parameter_count = shape_.parameter_count();
  const auto rows = static_cast<std::size_t>(BackwardFrames<T>::row_count(shape_) * layout.stride);
  const int workers = std::min(threads, layout.blocks);
  // Keeping blocks apart until they are added in order makes the result independent of which thread did which.
  std::vector<double> shares(static_cast<std::size_t>(layout.blocks) * parameter_count);
  Buffer buffer = frames_->take(static_cast<std::size_t>(workers) * rows * sizeof(T));
  run_threads(workers, [&](int worker) {
    T* const own = buffer.as<T>() + static_cast<std::size_t>(worker) * rows;
    const BackwardFrames<T> frames(shape_, Frames<T>(own, layout.stride));
    BackwardPass<T> pass(shape_, rows_, cells_, tape, frames);
    for (int block = worker; block < layout.blocks; block += workers) {
      pass.block(tape, block, inputs, gradients, shares.data() + static_cast<std::size_t>(block) * parameter_count);
    }
  });
  for (std::size_t p = 0; p < parameter_count; ++p) {
    double sum = 0.0;
    for (std::size_t at = p; at < shares.size(); at += parameter_count) sum += shares[at];
    gradients.parameters[p] = static_cast<T>(sum);
  }
  frames_->give(std::move(buffer));
}

template void RecurrentLayer<float>::backward(const RecurrentTape<float>&, const RecurrentInputs<float>&,
                                              const RecurrentGradients<float>&, int) const;
template void RecurrentLayer<double>::backward(const RecurrentTape<double>&, const RecurrentInputs<double>&,
                                               const RecurrentGradients<double>&, int) const;

}  // namespace triode::training
