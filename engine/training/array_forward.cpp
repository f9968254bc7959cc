#include <utility>

#include "training/pass.h"
#include "training/wavenet_array.h"

namespace triode::training {
namespace {

/// The rows that a team works in. Without a tape the last three take its place.
template <class T>
struct ForwardFrames {
  Rows<T> input, condition, activation, head, residual, kept, total;

  static int row_count(const ArrayShape& shape) {
    return shape.inputs + shape.condition + shape.outputs + shape.channels + 3 * shape.bottleneck;
  }
  ForwardFrames(const ArrayShape& shape, Frames<T> frames)
      : input(frames.rows(shape.inputs)),
        condition(frames.rows(shape.condition)),
        activation(frames.rows(shape.bottleneck)),
        head(frames.rows(shape.outputs)),
        residual(frames.rows(shape.channels)),
        kept(frames.rows(shape.bottleneck)),
        total(frames.rows(shape.bottleneck)) {}
};

template <class T>
class ForwardPass {
 public:
  ForwardPass(const ArrayShape& shape, const RowKernels<T>& kernels, const ArrayWeights<T>& weights,
              const TimeAxis& axis, const ForwardFrames<T>& frames, Member member)
      : shape_(shape), kernels_(kernels), weights_(weights), axis_(axis), frames_(frames), member_(member) {}

  void run(const ArrayInputs<T>& in, int item, const Tape<T>* tape, T* output, T* head_output) const {
    const Rows<T> residual = tape != nullptr ? tape->residual(item) : frames_.residual;
    const Rows<T> total = tape != nullptr ? tape->total(item) : frames_.total;
    const std::ptrdiff_t output_samples = in.input_samples - shape_.trim();
    if (member_.first()) begin(in, item, total);
    member_.barrier.wait();
    const std::vector<const T*> inputs = taps(frames_.input, 1, 0, 0);
    member_.tiles(member_.share({0, axis_.end}), [&](Range tile) {
      kernels_.mix(weights_.rechannel.view(), view(inputs), {}, residual, tile, {});
    });
    member_.barrier.wait();
    for (std::size_t l = 0; l < shape_.layers.size(); ++l) {
      layer(l, residual, tape != nullptr ? tape->kept(item, static_cast<int>(l)) : frames_.kept, total);
    }
    head(total);
    if (!member_.first()) return;
    copy_out(residual, {0, axis_.end}, output + item * shape_.channels * output_samples, output_samples);
    const std::ptrdiff_t head_samples = output_samples - shape_.head_span();
    copy_out(frames_.head, {0, axis_.end}, head_output + item * shape_.outputs * head_samples, head_samples);
  }

 private:
  void begin(const ArrayInputs<T>& in, int item, Rows<T> total) const {
    const Range all = {0, axis_.end}, last = {axis_.starts.back(), axis_.end};
    copy_in(in.input + item * shape_.inputs * in.input_samples, in.input_samples, frames_.input, all);
    copy_in(in.condition + item * shape_.condition * in.condition_samples, in.condition_samples, frames_.condition,
            all);
    if (in.head == nullptr) {
      fill(total, last, T(0));
    } else {
      copy_in(in.head + item * shape_.bottleneck * in.head_samples, in.head_samples, total, last);
    }
  }

  void layer(std::size_t index, Rows<T> residual, Rows<T> kept, Rows<T> total) const {
    const LayerShape& shape = shape_.layers[index];
    const LayerWeights<T>& weights = weights_.layers[index];
    const Rows<T> a = derivative_from_output(shape.activation) ? kept : frames_.activation;
    std::vector<const T*> rows = taps(residual, shape.kernel_size, shape.kernel_size - 1, shape.dilation);
    append(rows, frames_.condition);
    const std::vector<const T*> activations = taps(a, 1, 0, 0);
    const T slope = static_cast<T>(shape.slope);
    const std::ptrdiff_t total_start = axis_.starts.back();
    const Range time = {axis_.starts[index + 1], axis_.end};
    member_.newest_first(
        time, time,
        [&](Range tile) {
          kernels_.mix(weights.conv.view(), view(rows), {}, kept, tile, {kept.data - kTile, kept.stride, kept.count});
          const Range before = {tile.begin, std::clamp(total_start, tile.begin, tile.end)};
          kernels_.activate(shape.activation, slope, read(kept), a, {}, before);
          kernels_.activate(shape.activation, slope, read(kept), a, total, {before.end, tile.end});
        },
        [&](Range tile) {
          kernels_.mix(weights.layer1x1.view(), view(activations), read(residual), residual, tile, {});
        });
  }

  void head(Rows<T> total) const {
    const std::vector<const T*> rows = taps(total, shape_.head_kernel_size, shape_.head_kernel_size - 1, 1);
    member_.tiles(member_.share({axis_.head_start, axis_.end}), [&](Range tile) {
      kernels_.mix(weights_.head.view(), view(rows), {}, frames_.head, tile, {});
    });
    member_.barrier.wait();
  }

  const ArrayShape& shape_;
  const RowKernels<T>& kernels_;
  const ArrayWeights<T>& weights_;
  const TimeAxis& axis_;
  const ForwardFrames<T>& frames_;
  Member member_;
};

}  // namespace

template <class T>
std::unique_ptr<Tape<T>> WaveNetArray<T>::forward(ArrayParameters<T> parameters, const ArrayInputs<T>& inputs,
                                                  T* output, T* head_output, int threads, bool keep) const {
  const TimeAxis axis(shape_, inputs.input_samples);
  std::vector<ArrayWeights<T>> own_weights;
  for (int item = 0; item < (parameters.per_item ? inputs.batch : 1); ++item)
    own_weights.emplace_back(shape_, parameters.values + static_cast<std::size_t>(item) * shape_.parameter_count());
  const Division division(threads, inputs.batch);
  std::unique_ptr<Tape<T>> tape;
  if (keep) {
    tape = std::make_unique<Tape<T>>(shape_, std::move(own_weights), inputs.input_samples, inputs.batch, tapes_);
  }
  const auto weights = [&](int item) -> const ArrayWeights<T>& {
    return keep ? tape->weights(item) : own_weights[parameters.per_item ? static_cast<std::size_t>(item) : 0];
  };

  const std::ptrdiff_t team_size = ForwardFrames<T>::row_count(shape_) * axis.stride;
  Buffer buffer = frames_->take(static_cast<std::size_t>(team_size * division.teams) * sizeof(T));
  Barrier barrier(division.members);
  run_threads(division.threads(), [&](int thread) {
    const int team = thread / division.members;
    const ForwardFrames<T> frames(shape_, Frames<T>(buffer.as<T>() + team * team_size, axis.stride));
    const Member member = {barrier, thread % division.members, division.members};
    for (int item = team; item < inputs.batch; item += division.teams) {
      const ForwardPass<T> pass(shape_, kernels_, weights(item), axis, frames, member);
      pass.run(inputs, item, tape.get(), output, head_output);
      barrier.wait();
    }
  });
  frames_->give(std::move(buffer));
  return tape;
}

template std::unique_ptr<Tape<float>> WaveNetArray<float>::forward(ArrayParameters<float>, const ArrayInputs<float>&,
                                                                   float*, float*, int, bool) const;
template std::unique_ptr<Tape<double>> WaveNetArray<double>::forward(ArrayParameters<double>,
                                                                     const ArrayInputs<double>&, double*, double*, int,
                                                                     bool) const;

}  // namespace triode::training
