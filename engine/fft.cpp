#include "fft.h"

#include <cmath>
#include <numbers>
#include <utility>

namespace triode {

RealFft::RealFft(int n)
    : half_(n / 2),
      cos_(static_cast<std::size_t>(half_)),
      sin_(static_cast<std::size_t>(half_)),
      work_(static_cast<std::size_t>(4 * half_)) {
  for (int k = 0; k < half_; ++k) {
    const double angle = 2.0 * std::numbers::pi * k / n;
    cos_[static_cast<std::size_t>(k)] = static_cast<float>(std::cos(angle));
    sin_[static_cast<std::size_t>(k)] = static_cast<float>(std::sin(angle));
  }
}

namespace {

// One stage: `apart` butterflies of `stride` neighbours each, of which a fixed number lets the compiler unroll.
template <int kStride>
void stage(ConstBins from, Bins to, int apart, int stride, const float* cosine, const float* sine) noexcept {
  if constexpr (kStride > 0) stride = kStride;
  for (int p = 0; p < apart; ++p) {
    const float c = cosine[2 * p * stride], s = sine[2 * p * stride];
    const float *a_re = from.re + stride * p, *a_im = from.im + stride * p;
    const float *b_re = a_re + stride * apart, *b_im = a_im + stride * apart;
    float *__restrict sum_re = to.re + stride * 2 * p, *__restrict sum_im = to.im + stride * 2 * p;
    float *__restrict turned_re = sum_re + stride, *__restrict turned_im = sum_im + stride;
    for (int q = 0; q < stride; ++q) {
      const float d_re = a_re[q] - b_re[q], d_im = a_im[q] - b_im[q];
      sum_re[q] = a_re[q] + b_re[q];
      sum_im[q] = a_im[q] + b_im[q];
      turned_re[q] = d_re * c + d_im * s;
      turned_im[q] = d_im * c - d_re * s;
    }
  }
}

}  // namespace

// Forward complex transform of n / 2 points; gives back whichever half of the work space holds the result.
Bins RealFft::transform(Bins data) noexcept {
  Bins from = data;
  Bins to = {data.re == work_.data() ? work_.data() + 2 * half_ : work_.data(), nullptr};
  to.im = to.re + half_;
  for (int apart = half_ / 2, stride = 1; apart >= 1; apart /= 2, stride *= 2) {
    const auto run = stride == 1 ? stage<1> : stride == 2 ? stage<2> : stride == 4 ? stage<4> : stage<0>;
    run(from, to, apart, stride, cos_.data(), sin_.data());
    std::swap(from, to);
  }
  return from;
}

void RealFft::forward(const float* in, Bins out) noexcept {
  const Bins pairs = {work_.data(), work_.data() + half_};
  for (int k = 0; k < half_; ++k) {
    pairs.re[k] = in[2 * k];
    pairs.im[k] = in[2 * k + 1];
  }
  // The spectra of the even and the odd samples are the symmetric parts of z.
  const Bins z = transform(pairs);
  out.re[0] = z.re[0] + z.im[0];
  out.im[0] = z.re[0] - z.im[0];
  for (int k = 1; k < half_; ++k) {
    const float even_re = 0.5f * (z.re[k] + z.re[half_ - k]), even_im = 0.5f * (z.im[k] - z.im[half_ - k]);
    const float odd_re = 0.5f * (z.im[k] + z.im[half_ - k]), odd_im = 0.5f * (z.re[half_ - k] - z.re[k]);
    const float c = cos_[static_cast<std::size_t>(k)], s = sin_[static_cast<std::size_t>(k)];
    out.re[k] = even_re + c * odd_re + s * odd_im;
    out.im[k] = even_im + c * odd_im - s * odd_re;
  }
}

void RealFft::inverse(ConstBins in, float* out) noexcept {
  // With real and imaginary parts exchanged before and after, the forward transform is the inverse.
  const Bins swapped = {work_.data(), work_.data() + half_};
  swapped.im[0] = in.re[0] + in.im[0];
  swapped.re[0] = in.re[0] - in.im[0];
  for (int k = 1; k < half_; ++k) {
    const float even_re = in.re[k] + in.re[half_ - k], even_im = in.im[k] - in.im[half_ - k];
    const float d_re = in.re[k] - in.re[half_ - k], d_im = in.im[k] + in.im[half_ - k];
    const float c = cos_[static_cast<std::size_t>(k)], s = sin_[static_cast<std::size_t>(k)];
    const float odd_re = d_re * c - d_im * s, odd_im = d_re * s + d_im * c;
    swapped.im[k] = even_re - odd_im;
    swapped.re[k] = even_im + odd_re;
  }
  const Bins z = transform(swapped);
  for (int k = 0; k < half_; ++k) {
    out[2 * k] = z.im[k];
    out[2 * k + 1] = z.re[k];
  }
}

}  // namespace triode
