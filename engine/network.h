// What every architecture is to the engine, and the two building blocks they share.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "aligned.h"
#include "architecture.h"
#include "kernels.h"

namespace triode {

/// A running network. It starts in the zero state. Only construction allocates or throws.
class Network {
 public:
  virtual ~Network() = default;
  /// Runs n <= kChunk samples from the rows of `in` (as many as the architecture has inputs) to the rows of `out`.
  virtual void process(const Rows& in, const MutableRows& out, int n) noexcept = 0;
  /// Makes the present state the one that recall() returns to.
  virtual void remember() noexcept = 0;
  virtual void recall() noexcept = 0;
};

/// Builds the network of `architecture` from the tensors whose names start with `prefix`. Both have been validated.
std::unique_ptr<Network> make_network(const Architecture& architecture, const Tensors& tensors,
                                      const std::string& prefix, const Kernels& kernels);

/// Rows of samples that remember: `past` samples before the current chunk stay readable, contiguous with it.
/// The rows are written forward through a longer buffer; when its end is near, the past is copied to the front.
class History {
 public:
  History(int channels, std::int64_t past);

  /// Where the samples of the current chunk go.
  MutableRows now() { return {buffer_.data() + position_, stride_, channels_}; }
  /// The rows as they were `delay` <= past samples before the current chunk.
  Rows ago(std::ptrdiff_t delay) const { return {buffer_.data() + position_ - delay, stride_, channels_}; }
  /// Ends a chunk of n samples.
  void advance(int n) noexcept {
    position_ += n;
    if (position_ > length_) rewind();
  }
  void remember() noexcept;
  void recall() noexcept;

 private:
  void rewind() noexcept;

  int channels_;
  std::ptrdiff_t past_, length_, stride_, position_;
  AlignedFloats buffer_, remembered_;
};

/// A dense linear map, packed for one instruction set. `weights` is (outputs, inputs) row-major, the inputs being the
/// rows of the sources in the order run() gets them; `bias` has one value per output or is empty.
class Mixer {
 public:
  Mixer(const Kernels& kernels, const std::vector<float>& weights, const std::vector<float>& bias, int outputs);

  int outputs() const { return outputs_; }
  Mix packed() const { return {weights_.data(), bias_.data(), outputs_}; }
  /// Becomes `plain`, a mixer of the same sizes, with every output scaled and shifted.
  void fold(const Mixer& plain, const float* scale, const float* shift) noexcept;
  void run(const Rows* sources, int count, const Rows& add, const MutableRows& out, int n) const noexcept {
    kernels_->mix(packed(), sources, count, add, out, n);
  }
  void run(const Rows& source, const MutableRows& out, int n) const noexcept { run(&source, 1, Rows{}, out, n); }

 private:
  const Kernels* kernels_;
  int outputs_;
  AlignedFloats weights_;
  std::vector<float> bias_;
};

/// Scratch rows for one chunk.
class Scratch {
 public:
  explicit Scratch(int rows) : rows_(rows), buffer_(static_cast<std::size_t>(rows) * kChunk) {}
  MutableRows rows() { return {buffer_.data(), kChunk, rows_}; }
  MutableRows rows(int first, int count) { return {buffer_.data() + first * kChunk, kChunk, count}; }

 private:
  int rows_;
  AlignedFloats buffer_;
};

/// A causal dilated convolution over a History of its input, with further undelayed sources mixed in.
class Convolution {
 public:
  /// `weight` is (outputs, inputs / groups, taps); `extra` is a dense (outputs, extra_inputs) matrix or empty.
  Convolution(const Kernels& kernels, const Tensor& weight, const std::vector<float>& bias, int inputs, int groups,
              int dilation, const std::vector<float>& extra = {}, int extra_inputs = 0);

  /// Where the input of the current chunk goes.
  MutableRows input() { return history_.now(); }
  /// The weights, for a kernel that does more than convolve.
  Mix packed() const { return playing().packed(); }
  /// Makes room for fold().
  void make_foldable() { folded_ = mixer_; }
  /// From now on every output is scaled and shifted; unfold() ends that.
  void fold(const float* scale, const float* shift) noexcept {
    folded_->fold(mixer_, scale, shift);
    plays_folded_ = true;
  }
  void unfold() noexcept { plays_folded_ = false; }
  int outputs() const { return mixer_.outputs(); }
  int taps() const { return taps_; }
  std::ptrdiff_t dilation() const { return dilation_; }
  /// out = bias + taps * input + extra * extra_rows. Does not advance.
  void run(const Rows& extra_rows, const MutableRows& out, int n) noexcept;
  void advance(int n) noexcept { history_.advance(n); }
  void remember() noexcept { history_.remember(); }
  void recall() noexcept { history_.recall(); }

 private:
  int taps_;
  std::ptrdiff_t dilation_;
  History history_;
  const Mixer& playing() const { return plays_folded_ ? *folded_ : mixer_; }

  Mixer mixer_;
  std::optional<Mixer> folded_;
  bool plays_folded_ = false;
  std::vector<Rows> sources_;
};

/// The weight (outputs, inputs / groups, taps) of a grouped convolution as a dense (outputs, taps * inputs) matrix,
/// tap-major.
std::vector<float> dense(const Tensor& weight, int inputs, int groups);

/// The tensor of that name; it is there, the architecture having been checked.
const Tensor& tensor(const Tensors& tensors, const std::string& name);

}  // namespace triode
