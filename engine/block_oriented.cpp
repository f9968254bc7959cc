#include "block_oriented.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "biquad.h"

namespace triode {

namespace {

// Far above any signal, far below where the longest chain of filters could leave a double's range.
constexpr double kLargest = 1e9;

double limited(double x) { return std::clamp(x, -kLargest, kLargest); }

/// Second-order sections in series, transposed direct form II.
class SectionsBlock final : public ChainBlock {
 public:
  SectionsBlock(const std::vector<Band>& bands, const Tensors& tensors, const std::string& name)
      : states_(bands.size()), remembered_(bands.size()) {
    const auto values = [&](const char* part) -> const std::vector<float>& { return tensor(tensors, name + part).data; };
    for (std::size_t i = 0; i < bands.size(); ++i)
      sections_.push_back(biquad(bands[i], values("frequency")[i], values("q")[i], values("gain_db")[i], 1.0));
  }

  void process(double* samples, int n) noexcept override {
    for (std::size_t i = 0; i < sections_.size(); ++i) {
      const Biquad& q = sections_[i];
      State state = states_[i];
      for (int t = 0; t < n; ++t) {
        const double x = samples[t], y = q.b0 * x + state.s1;
        state.s1 = q.b1 * x - q.a1 * y + state.s2;
        state.s2 = q.b2 * x - q.a2 * y;
        samples[t] = y;
      }
      states_[i] = state;
    }
  }
  void remember() noexcept override { std::copy(states_.begin(), states_.end(), remembered_.begin()); }
  void recall() noexcept override { std::copy(remembered_.begin(), remembered_.end(), states_.begin()); }

 private:
  struct State {
    double s1 = 0.0, s2 = 0.0;
  };
  std::vector<Biquad> sections_;
  std::vector<State> states_, remembered_;
};

/// A finite impulse response.
class FirBlock final : public ChainBlock {
 public:
  FirBlock(const Tensor& taps, const Kernels& kernels)
      : kernels_(&kernels), taps_(taps.data), history_(1, static_cast<std::int64_t>(taps.data.size()) - 1), out_(1) {}

  void process(double* samples, int n) noexcept override {
    float* now = history_.now().data;
    for (int t = 0; t < n; ++t) now[t] = static_cast<float>(samples[t]);
    kernels_->convolve(taps_.data(), static_cast<int>(taps_.size()), 0.0f, now, out_.rows().data, n);
    for (int t = 0; t < n; ++t) samples[t] = out_.rows().data[t];
    history_.advance(n);
  }
  void remember() noexcept override { history_.remember(); }
  void recall() noexcept override { history_.recall(); }

 private:
  const Kernels* kernels_;
  std::vector<float> taps_;
  History history_;
  Scratch out_;
};

/// A static curve whose operating point follows the level.
class CurveBlock final : public ChainBlock {
 public:
  CurveBlock(const Tensors& tensors, const std::string& name) {
    const auto value = [&](const char* part, std::size_t i = 0) {
      return static_cast<double>(tensor(tensors, name + part).data[i]);
    };
    pre_gain_ = value("pre_gain");
    bias_ = value("bias");
    bias_shift_ = value("bias_shift");
    follow_ = 1.0 - std::exp(-2.0 * std::numbers::pi * value("bias_shift_frequency"));
    post_gain_ = value("post_gain");
    for (std::size_t side : {0u, 1u}) {
      const double knee = value("knees", side), level = std::tanh(knee), slope = value("slopes", side);
      sides_[side] = {knee, level, (1.0 - level * level) / slope, slope};
    }
    rest_ = curve(bias_);
  }

  void process(double* samples, int n) noexcept override {
    for (int t = 0; t < n; ++t) {
      const double u = pre_gain_ * samples[t];
      level_ += follow_ * (std::abs(std::tanh(u)) - level_);
      samples[t] = post_gain_ * (curve(u + bias_ + bias_shift_ * level_) - rest_);
    }
  }
  void remember() noexcept override { remembered_ = level_; }
  void recall() noexcept override { level_ = remembered_; }

 private:
  struct Side {
    double knee, level, height, slope;
  };

  double curve(double z) const noexcept {
    const bool positive = z >= 0.0;
    const Side& side = sides_[positive ? 0 : 1];
    const double size = std::abs(z);
    const double bent = size <= side.knee
                            ? std::tanh(size)
                            : side.level + side.height * std::tanh(side.slope * (size - side.knee));
    return positive ? bent : -bent;
  }

  double pre_gain_, bias_, bias_shift_, follow_, post_gain_, rest_ = 0.0;
  std::array<Side, 2> sides_;  // above and below 0
  double level_ = 0.0, remembered_ = 0.0;
};

std::unique_ptr<ChainBlock> make_block(const BlockOrientedSpec::Block& block, const Tensors& tensors,
                                       const std::string& name, const Kernels& kernels) {
  using Kind = BlockOrientedSpec::Block::Kind;
  if (block.kind == Kind::sections) return std::make_unique<SectionsBlock>(block.bands, tensors, name);
  if (block.kind == Kind::fir) return std::make_unique<FirBlock>(tensor(tensors, name + "taps"), kernels);
  return std::make_unique<CurveBlock>(tensors, name);
}

}  // namespace

BlockOriented::BlockOriented(const BlockOrientedSpec& spec, const Tensors& tensors, const std::string& prefix,
                             const Kernels& kernels) {
  for (std::size_t i = 0; i < spec.blocks.size(); ++i)
    blocks_.push_back(make_block(spec.blocks[i], tensors, prefix + "blocks." + std::to_string(i) + ".", kernels));
}

void BlockOriented::process(const Rows& in, const MutableRows& out, int n) noexcept {
  std::array<double, kChunk> samples;
  std::copy_n(in.data, n, samples.begin());
  for (const std::unique_ptr<ChainBlock>& block : blocks_) {
    std::transform(samples.begin(), samples.begin() + n, samples.begin(), limited);
    block->process(samples.data(), n);
  }
  for (int t = 0; t < n; ++t) out.data[t] = static_cast<float>(limited(samples[static_cast<std::size_t>(t)]));
}

void BlockOriented::remember() noexcept {
  for (const std::unique_ptr<ChainBlock>& block : blocks_) block->remember();
}

void BlockOriented::recall() noexcept {
  for (const std::unique_ptr<ChainBlock>& block : blocks_) block->recall();
}

}  // namespace triode
