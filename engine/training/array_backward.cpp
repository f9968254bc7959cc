#include "training/pass.h"
#include "training/wavenet_array.h"

namespace triode::training {
namespace {

/// The rows that a team works in. `dz` and `head` are read past the end, where they are zero.
template <class T>
struct BackwardFrames {
  Rows<T> input, condition, ones, activation, residual, dh, dz, dtotal, head, dinput;

  static int row_count(const ArrayShape& shape) {
    return 2 * shape.inputs + shape.condition + 1 + 3 * shape.bottleneck + 2 * shape.channels + shape.outputs;
  }
  BackwardFrames(const ArrayShape& shape, Frames<T> frames)
      : input(frames.rows(shape.inputs)),
        condition(frames.rows(shape.condition)),
        ones(frames.rows(1)),
        activation(frames.rows(shape.bottleneck)),
        residual(frames.rows(shape.channels)),
        dh(frames.rows(shape.channels)),
        dz(frames.rows(shape.bottleneck)),
        dtotal(frames.rows(shape.bottleneck)),
        head(frames.rows(shape.outputs)),
        dinput(frames.rows(shape.inputs)) {}
};

/// One thread's sums over time. A sum's parts lie side by side until `take` adds them up.
template <class T>
class Sums {
 public:
  explicit Sums(int lanes) : lanes_(lanes) {}

  T* clear(int count) {
    parts_.assign(static_cast<std::size_t>(count * lanes_), T(0));
    return parts_.data();
  }
  double take(int sum) const {
    const auto first = parts_.begin() + sum * lanes_;
    return std::accumulate(first, first + lanes_, 0.0);
  }

 private:
  int lanes_;
  std::vector<T> parts_;
};

template <class T>
class BackwardPass {
 public:
  BackwardPass(const ArrayShape& shape, const RowKernels<T>& kernels, const Tape<T>& tape,
               const BackwardFrames<T>& frames, Member member)
      : shape_(shape),
        kernels_(kernels),
        tape_(tape),
        axis_(tape.axis()),
        frames_(frames),
        sums_(kernels.lanes),
        member_(member),
        ones_(taps(frames.ones, 1, 0, 0)) {}

  /// Adds this member's share of the gradient of the parameters to `parameters`.
  void run(const ArrayInputs<T>& in, const ArrayGradients<T>& gradients, int item, double* parameters) {
    if (member_.first()) begin(in, gradients, item);
    member_.barrier.wait();
    head(item, parameters);
    for (std::size_t l = shape_.layers.size(); l-- > 0;) layer(l, item, parameters);
    rechannel(gradients.input != nullptr, item, parameters);
    if (!member_.first()) return;
    const Range all = {0, axis_.end};
    if (gradients.input != nullptr) {
      copy_out(frames_.dinput, all, gradients.input + item * shape_.inputs * in.input_samples, in.input_samples);
    }
    if (gradients.head != nullptr) {
      const std::ptrdiff_t output_samples = in.input_samples - shape_.trim();
      copy_out(frames_.dtotal, {axis_.end - output_samples, axis_.end},
               gradients.head + item * shape_.bottleneck * in.head_samples, in.head_samples);
    }
  }

 private:
  void begin(const ArrayInputs<T>& in, const ArrayGradients<T>& gradients, int item) const {
    const Range all = {0, axis_.end}, ahead = {axis_.end, axis_.stride};
    const std::ptrdiff_t output_samples = in.input_samples - shape_.trim();
    const std::ptrdiff_t head_samples = output_samples - shape_.head_span();
    copy_in(in.input + item * shape_.inputs * in.input_samples, in.input_samples, frames_.input, all);
    copy_in(in.condition + item * shape_.condition * in.condition_samples, in.condition_samples, frames_.condition,
            all);
    fill(frames_.ones, all, T(1));
    const Rows<T> last = tape_.residual(item);
    for (int c = 0; c < shape_.channels; ++c) std::copy_n(last.row(c), axis_.end, frames_.residual.row(c));
    incoming(gradients.output, item, output_samples, frames_.dh);
    incoming(gradients.head_output, item, head_samples, frames_.head);
    fill(frames_.head, ahead, T(0));
    fill(frames_.dz, {0, axis_.starts.back()}, T(0));
    fill(frames_.dz, ahead, T(0));
  }

  void incoming(const T* gradient, int item, std::ptrdiff_t samples, Rows<T> to) const {
    if (gradient == nullptr) {
      fill(to, {0, axis_.end}, T(0));
    } else {
      copy_in(gradient + item * to.count * samples, samples, to, {0, axis_.end});
    }
  }

  void head(int item, double* parameters) {
    const int taps_count = shape_.head_kernel_size, outputs = shape_.outputs, bottleneck = shape_.bottleneck;
    const Rows<T> total = tape_.total(item);
    const std::vector<const T*> rows = taps(frames_.head, taps_count, taps_count - 1, -1);
    T* sums = sums_.clear(outputs * taps_count * bottleneck + outputs);
    T* bias_sums = sums + outputs * taps_count * bottleneck * kernels_.lanes;
    member_.tiles(member_.share({axis_.starts.back(), axis_.end}), [&](Range tile) {
      kernels_.mix(tape_.weights(item).head_transposed.view(), view(rows), {}, frames_.dtotal, tile, {});
      kernels_.correlate(view(rows), read(total), sums, tile);
      kernels_.correlate(view(ones_), read(frames_.head), bias_sums, tile);
    });
    member_.barrier.wait();
    double* weights = parameters + shape_.head_parameters();
    take_convolution(0, weights, outputs, bottleneck, taps_count);
    if (!shape_.head_bias) return;
    const int weight_count = outputs * bottleneck * taps_count;
    for (int o = 0; o < outputs; ++o) weights[weight_count + o] += sums_.take(weight_count + o);
  }

  void layer(std::size_t index, int item, double* parameters) {
    const LayerShape& shape = shape_.layers[index];
    const LayerWeights<T>& weights = tape_.weights(item).layers[index];
    const int channels = shape_.channels, bottleneck = shape_.bottleneck;
    const T slope = static_cast<T>(shape.slope);
    const bool kept_output = derivative_from_output(shape.activation);
    const Rows<T> kept = tape_.kept(item, static_cast<int>(index)), a = kept_output ? kept : frames_.activation;
    const Rows<T> dh = frames_.dh, dz = frames_.dz, h = frames_.residual;

    std::vector<const T*> a_rows = taps(a, 1, 0, 0), a_and_one = a_rows, x_and_one = taps(frames_.condition, 1, 0, 0);
    append(a_and_one, frames_.ones);
    append(x_and_one, frames_.ones);
    const std::vector<const T*> dh_rows = taps(dh, 1, 0, 0);
    const std::vector<const T*> dz_rows = taps(dz, shape.kernel_size, shape.kernel_size - 1, -shape.dilation);

    const int conv_count = shape.kernel_size * bottleneck * channels, out_count = (bottleneck + 1) * channels;
    T* conv_sums = sums_.clear(conv_count + out_count + (shape_.condition + 1) * bottleneck);
    T* out_sums = conv_sums + conv_count * kernels_.lanes;
    T* mixin_sums = out_sums + out_count * kernels_.lanes;
    const std::ptrdiff_t total_start = axis_.starts.back();
    member_.newest_first(
        {axis_.starts[index + 1], axis_.end}, {axis_.starts[index], axis_.end},
        [&](Range tile) {
          if (!kept_output) kernels_.activate(shape.activation, slope, read(kept), a, {}, tile);
          kernels_.correlate(view(a_and_one), read(dh), out_sums, tile);
          const Range before = {tile.begin, std::clamp(total_start, tile.begin, tile.end)};
          kernels_.mix(weights.layer1x1_transposed.view(), view(dh_rows), {}, dz, before, {});
          kernels_.mix(weights.layer1x1_transposed.view(), view(dh_rows), read(frames_.dtotal), dz,
                       {before.end, tile.end}, {});
          kernels_.differentiate(shape.activation, slope, read(kept), dz, tile);
          kernels_.correlate(view(x_and_one), read(dz), mixin_sums, tile);
          kernels_.mix(weights.minus_layer1x1.view(), view(a_rows), read(h), h, tile, {});
        },
        [&](Range tile) {
          kernels_.correlate(view(dz_rows), read(h), conv_sums, tile);
          kernels_.mix(weights.conv_transposed.view(), view(dz_rows), read(dh), dh, tile, needed_after(tile, index, item));
        });

    const LayerParameters at = shape_.layer_parameters(static_cast<int>(index));
    take_convolution(0, parameters + at.conv, bottleneck, channels, shape.kernel_size);
    take_transposed(conv_count, parameters + at.layer1x1, channels, bottleneck);
    take_vector(conv_count + bottleneck * channels, parameters + at.layer1x1_bias, channels);
    take_transposed(conv_count + out_count, parameters + at.mixin, bottleneck, shape_.condition);
    take_vector(conv_count + out_count + shape_.condition * bottleneck, parameters + at.conv_bias, bottleneck);
  }

  void rechannel(bool input_gradient, int item, double* parameters) {
    const std::vector<const T*> input = taps(frames_.input, 1, 0, 0), dh = taps(frames_.dh, 1, 0, 0);
    T* sums = sums_.clear(shape_.inputs * shape_.channels);
    member_.tiles(member_.share({0, axis_.end}), [&](Range tile) {
      kernels_.correlate(view(input), read(frames_.dh), sums, tile);
      if (!input_gradient) return;
      kernels_.mix(tape_.weights(item).rechannel_transposed.view(), view(dh), {}, frames_.dinput, tile, {});
    });
    member_.barrier.wait();
    take_transposed(0, parameters, shape_.channels, shape_.inputs);
  }

  // What the next step reads first: what the layer kept of the tile before this one, or, at the layer's beginning, what
  // the layer before it kept of its newest tile.
  Rows<const T> needed_after(Range tile, std::size_t index, int item) const {
    const bool layer_ends = tile.begin <= axis_.starts[index + 1];
    if (layer_ends && index == 0) return {};
    Rows<const T> rows = read(tape_.kept(item, static_cast<int>(layer_ends ? index - 1 : index)));
    rows.data += (layer_ends ? axis_.end : tile.begin) - tile.end;
    return rows;
  }

  // Sums in the order (tap, out, in) to parameters in the order (out, in, tap).
  void take_convolution(int first, double* to, int outs, int ins, int kernel_size) const {
    for (int k = 0; k < kernel_size; ++k)
      for (int o = 0; o < outs; ++o)
        for (int i = 0; i < ins; ++i) to[(o * ins + i) * kernel_size + k] += sums_.take(first + (k * outs + o) * ins + i);
  }
  // Sums in the order (in, out) to parameters in the order (out, in).
  void take_transposed(int first, double* to, int outs, int ins) const {
    for (int i = 0; i < ins; ++i)
      for (int o = 0; o < outs; ++o) to[o * ins + i] += sums_.take(first + i * outs + o);
  }
  void take_vector(int first, double* to, int count) const {
    for (int i = 0; i < count; ++i) to[i] += sums_.take(first + i);
  }

  const ArrayShape& shape_;
  const RowKernels<T>& kernels_;
  const Tape<T>& tape_;
  const TimeAxis& axis_;
  const BackwardFrames<T>& frames_;
  Sums<T> sums_;
  Member member_;
  std::vector<const T*> ones_;
};

}  // namespace

template <class T>
void WaveNetArray<T>::backward(const Tape<T>& tape, const ArrayInputs<T>& inputs, const ArrayGradients<T>& gradients,
                               int threads) const {
  const Division division(threads, inputs.batch);
  const std::size_t parameter_count = shape_.parameter_count();
  const std::ptrdiff_t stride = tape.axis().stride;
  // The rows of each team, then the gradient of each item by each thread. Keeping items apart until they are added in
  // order makes the result independent of which thread did which.
  const std::size_t rows = static_cast<std::size_t>(BackwardFrames<T>::row_count(shape_) * stride);
  const auto teams = static_cast<std::size_t>(division.teams), members = static_cast<std::size_t>(division.members);
  const std::size_t shares = static_cast<std::size_t>(inputs.batch) * members;
  Buffer buffer = frames_->take(teams * rows * sizeof(T) + shares * parameter_count * sizeof(double));
  double* const shares_at = reinterpret_cast<double*>(buffer.as<T>() + teams * rows);
  std::fill_n(shares_at, shares * parameter_count, 0.0);

  Barrier barrier(division.members);
  run_threads(division.threads(), [&](int thread) {
    const int team = thread / division.members;
    const BackwardFrames<T> frames(shape_, Frames<T>(buffer.as<T>() + static_cast<std::size_t>(team) * rows, stride));
    const Member member = {barrier, thread % division.members, division.members};
    BackwardPass<T> pass(shape_, kernels_, tape, frames, member);
    for (int item = inputs.batch - 1 - team; item >= 0; item -= division.teams) {
      const std::size_t share = static_cast<std::size_t>(item) * members + static_cast<std::size_t>(member.index);
      pass.run(inputs, gradients, item, shares_at + share * parameter_count);
      barrier.wait();
    }
  });
  // One gradient per vector of parameters: of the shares of all items, or of each item's alone.
  const std::size_t vectors = tape.per_item() ? static_cast<std::size_t>(inputs.batch) : 1, together = shares / vectors;
  for (std::size_t vector = 0; vector < vectors; ++vector) {
    const double* const first = shares_at + vector * together * parameter_count;
    for (std::size_t p = 0; p < parameter_count; ++p) {
      double sum = 0.0;
      for (std::size_t share = 0; share < together; ++share) sum += first[share * parameter_count + p];
      gradients.parameters[vector * parameter_count + p] = static_cast<T>(sum);
    }
  }
  frames_->give(std::move(buffer));
}

template void WaveNetArray<float>::backward(const Tape<float>&, const ArrayInputs<float>&,
                                            const ArrayGradients<float>&, int) const;
template void WaveNetArray<double>::backward(const Tape<double>&, const ArrayInputs<double>&,
                                             const ArrayGradients<double>&, int) const;

}  // namespace triode::training
