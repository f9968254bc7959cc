#include "cabinet.h"

#include <algorithm>
#include <cmath>

#include "resample.h"

namespace triode {

namespace {

// sum += a * b, bin by bin; bin 0 holds two real numbers.
void multiply_add(ConstBins a, ConstBins b, Bins sum, int bins) noexcept {
  const float *a_re = a.re, *a_im = a.im, *b_re = b.re, *b_im = b.im;
  float *__restrict sum_re = sum.re, *__restrict sum_im = sum.im;
  const float zero = sum_re[0] + a_re[0] * b_re[0], half = sum_im[0] + a_im[0] * b_im[0];
  for (int k = 0; k < bins; ++k) {
    sum_re[k] += a_re[k] * b_re[k] - a_im[k] * b_im[k];
    sum_im[k] += a_re[k] * b_im[k] + a_im[k] * b_re[k];
  }
  sum_re[0] = zero;
  sum_im[0] = half;
}

}  // namespace

Partitions::Partitions(const float* taps, std::int64_t count, int block)
    : block_(block),
      count_(static_cast<int>((std::max<std::int64_t>(count, 0) + block - 1) / block)),
      fft_(2 * block),
      responses_(static_cast<std::size_t>(count_) * static_cast<std::size_t>(2 * block)),
      inputs_(responses_.size()),
      sum_(static_cast<std::size_t>(2 * block)),
      time_(static_cast<std::size_t>(2 * block)) {
  // The inverse transform multiplies by its length.
  const float scale = 1.0f / static_cast<float>(2 * block);
  for (int p = 0; p < count_; ++p) {
    const float* first = taps + static_cast<std::ptrdiff_t>(p) * block;
    const auto length = std::min<std::ptrdiff_t>(block, taps + count - first);
    std::fill(time_.begin(), time_.end(), 0.0f);
    std::transform(first, first + length, time_.begin(), [&](float tap) { return tap * scale; });
    fft_.forward(time_.data(), bins(responses_, p));
  }
}

void Partitions::push(const float* two_blocks) noexcept {
  newest_ = (newest_ + count_ - 1) % count_;
  fft_.forward(two_blocks, bins(inputs_, newest_));
}

void Partitions::add(int first, int last) noexcept {
  for (int p = first; p < last; ++p)
    multiply_add(bins(inputs_, (newest_ + p) % count_), bins(responses_, p), bins(sum_, 0), block_);
}

void Partitions::finish(float* out) noexcept {
  // Of the circular convolution only the second half is free of what wraps around.
  fft_.inverse(bins(sum_, 0), time_.data());
  std::copy_n(time_.data() + block_, block_, out);
  std::fill(sum_.begin(), sum_.end(), 0.0f);
}

void Partitions::reset() noexcept {
  std::fill(inputs_.begin(), inputs_.end(), 0.0f);
  std::fill(sum_.begin(), sum_.end(), 0.0f);
  newest_ = 0;
}

Cabinet::Cabinet(const Kernels& kernels, const std::vector<float>& response)
    : kernels_(&kernels),
      direct_(response.begin(), response.begin() + std::min<std::ptrdiff_t>(kSmall, std::ssize(response))),
      small_(response.data() + direct_.size(), std::min<std::int64_t>(std::ssize(response), 2 * kLarge) - kSmall, kSmall),
      large_(response.data() + std::min<std::ptrdiff_t>(std::ssize(response), 2 * kLarge),
             std::ssize(response) - 2 * kLarge, kLarge),
      small_in_(3 * kSmall),
      large_in_(2 * kLarge),
      small_tail_(kSmall),
      large_tail_(kLarge),
      coming_(kLarge),
      direct_out_(kSmall + kMaxWidth) {}

std::int64_t Cabinet::memory_samples() const noexcept {
  const std::int64_t taps = static_cast<std::int64_t>(direct_.size()) + small_.count() * kSmall + large_.count() * kLarge;
  return taps + 2 * kLarge;  // what is spread over the blocks to come
}

void Cabinet::reset() noexcept {
  small_.reset();
  large_.reset();
  for (std::vector<float>* buffer : {&small_in_, &large_in_, &small_tail_, &large_tail_, &coming_})
    std::fill(buffer->begin(), buffer->end(), 0.0f);
  place_ = step_ = 0;
}

void Cabinet::process(const float* in, float* out, std::int64_t n) noexcept {
  while (n > 0) {
    const int count = static_cast<int>(std::min<std::int64_t>(n, kSmall - place_));
    run(in, out, count);
    in += count;
    out += count;
    n -= count;
  }
}

void Cabinet::run(const float* in, float* out, int n) noexcept {
  float* now = small_in_.data() + kSmall + place_;
  std::copy_n(in, n, now);
  kernels_->convolve(direct_.data(), static_cast<int>(direct_.size()), 0.0f, now, direct_out_.data(), n);
  const float* small_tail = small_tail_.data() + place_;
  const float* large_tail = large_tail_.data() + step_ * kSmall + place_;
  for (int t = 0; t < n; ++t) out[t] = direct_out_[static_cast<std::size_t>(t)] + small_tail[t] + large_tail[t];
  place_ += n;
  if (place_ == kSmall) end_small_block();
}

void Cabinet::end_small_block() noexcept {
  place_ = 0;
  const float* block = small_in_.data() + kSmall;
  if (small_.count() > 0) {
    small_.push(small_in_.data());
    small_.add(0, small_.count());
    small_.finish(small_tail_.data());
  }
  if (large_.count() > 0) {
    std::copy_n(block, kSmall, large_in_.data() + kLarge + step_ * kSmall);
    step_large_block();
  }
  std::copy_n(block, kSmall, small_in_.data());
}

// A share of the work for the next large block. The two transforms get a step of their own.
void Cabinet::step_large_block() noexcept {
  const int shares = kSteps - 2, share = (large_.count() + shares - 1) / shares;
  if (step_ < shares)
    large_.add(std::min(step_ * share, large_.count()), std::min((step_ + 1) * share, large_.count()));
  else if (step_ == shares)
    large_.finish(coming_.data());
  if (++step_ < kSteps) return;
  step_ = 0;
  std::swap(large_tail_, coming_);
  large_.push(large_in_.data());
  std::copy_n(large_in_.data() + kLarge, kLarge, large_in_.data());
}

std::vector<float> resampled_response(const Kernels& kernels, const std::vector<float>& response, double from_hz,
                                      double to_hz) {
  if (from_hz == to_hz) return response;
  constexpr int kPiece = 4096;
  const Ratio ratio = nearest_ratio(to_hz / from_hz);
  // There is time for a filter that is flat to 0.45 of the lower rate.
  const double lower = std::min(1.0, to_hz / from_hz);
  Resampler resampler(kernels, ratio, {0.475 * lower, 65.0 / lower}, kPiece, ratio.down / ratio.up + 1);
  const auto length = static_cast<std::size_t>(std::ceil(static_cast<double>(response.size()) * to_hz / from_hz));
  std::vector<float> result(length), piece(kPiece);
  std::size_t made = 0, used = 0;
  while (made < length) {
    const std::size_t count = std::min<std::size_t>(kPiece, response.size() - used);
    std::fill(piece.begin(), piece.end(), 0.0f);
    std::copy_n(response.data() + used, count, piece.begin());
    used += count;
    resampler.push(piece.data(), kPiece);
    made += static_cast<std::size_t>(resampler.pull(result.data() + made, static_cast<int>(length - made)));
  }
  for (float& tap : result) tap *= static_cast<float>(from_hz / to_hz);
  return result;
}

}  // namespace triode
