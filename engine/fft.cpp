#include "fft.h"

#include <cmath>
#include <numbers>
#include <utility>

namespace triode {

namespace {

typedef float Vec __attribute__((vector_size(16)));
typedef float UnalignedVec __attribute__((vector_size(16), aligned(4), may_alias));
constexpr int kWidth = 4;

inline Vec load(const float* p) { return *reinterpret_cast<const UnalignedVec*>(p); }
inline void store(float* p, Vec v) { *reinterpret_cast<UnalignedVec*>(p) = v; }

struct Complex {
  Vec re, im;

  Complex operator+(const Complex& b) const { return {re + b.re, im + b.im}; }
  Complex operator-(const Complex& b) const { return {re - b.re, im - b.im}; }
  Complex operator*(const Complex& b) const { return {re * b.re - im * b.im, re * b.im + im * b.re}; }
};

inline Complex load(ConstBins bins, int at) { return {load(bins.re + at), load(bins.im + at)}; }
inline void store(Bins bins, int at, const Complex& value) {
  store(bins.re + at, value.re);
  store(bins.im + at, value.im);
}

// Four vectors, sample by sample.
inline void interleave(float* out, Vec a, Vec b, Vec c, Vec d) {
  for (int i = 0; i < kWidth; ++i) {
    out[4 * i] = a[i];
    out[4 * i + 1] = b[i];
    out[4 * i + 2] = c[i];
    out[4 * i + 3] = d[i];
  }
}

// The first two stages at once: radix 4.
void first_stage(ConstBins from, Bins to, int quarter, const float* twiddles) noexcept {
  for (int p = 0; p < quarter; p += kWidth) {
    const Complex a = load(from, p), b = load(from, p + quarter), c = load(from, p + 2 * quarter),
                  d = load(from, p + 3 * quarter);
    const Complex sum = a + c, difference = a - c, other_sum = b + d, other = b - d;
    const Complex turned = {-other.im, other.re};
    const auto twiddle = [&](int k) {
      return load({twiddles + 2 * k * quarter, twiddles + (2 * k + 1) * quarter}, p);
    };
    const Complex y0 = sum + other_sum, y1 = (difference - turned) * twiddle(0), y2 = (sum - other_sum) * twiddle(1),
                  y3 = (difference + turned) * twiddle(2);
    interleave(to.re + 4 * p, y0.re, y1.re, y2.re, y3.re);
    interleave(to.im + 4 * p, y0.im, y1.im, y2.im, y3.im);
  }
}

// One stage of radix 2: `count` butterflies, in groups of `stride` neighbours with the same twiddle factor.
void stage(ConstBins from, Bins to, int count, int stride, const float* cosine, const float* sine) noexcept {
  for (int first = 0; first < count; first += stride) {
    const Complex twiddle = {cosine[2 * first] - Vec{}, -sine[2 * first] - Vec{}};
    for (int i = first; i < first + stride; i += kWidth) {
      const Complex a = load(from, i), b = load(from, i + count);
      store(to, first + i, a + b);
      store(to, first + i + stride, (a - b) * twiddle);
    }
  }
}

}  // namespace

RealFft::RealFft(int n)
    : half_(n / 2),
      cos_(static_cast<std::size_t>(half_)),
      sin_(static_cast<std::size_t>(half_)),
      work_(static_cast<std::size_t>(4 * half_)) {
  const double turn = 2.0 * std::numbers::pi / n;
  for (int k = 0; k < half_; ++k) {
    cos_[static_cast<std::size_t>(k)] = static_cast<float>(std::cos(turn * k));
    sin_[static_cast<std::size_t>(k)] = static_cast<float>(std::sin(turn * k));
  }
  for (const int k : {1, 2, 3}) {
    for (int p = 0; p < half_ / 4; ++p) first_.push_back(static_cast<float>(std::cos(turn * 2 * k * p)));
    for (int p = 0; p < half_ / 4; ++p) first_.push_back(static_cast<float>(-std::sin(turn * 2 * k * p)));
  }
}

// Forward complex transform of n / 2 points; gives back whichever half of the work space holds the result.
Bins RealFft::transform(Bins data) noexcept {
  float* other = data.re == work_.data() ? work_.data() + 2 * half_ : work_.data();
  Bins from = {other, other + half_}, to = data;
  first_stage(data, from, half_ / 4, first_.data());
  for (int stride = 4; stride < half_; stride *= 2) {
    stage(from, to, half_ / 2, stride, cos_.data(), sin_.data());
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
  float *__restrict re = out.re, *__restrict im = out.im;
  re[0] = z.re[0] + z.im[0];
  im[0] = z.re[0] - z.im[0];
  for (int k = 1; k < half_; ++k) {
    const float even_re = 0.5f * (z.re[k] + z.re[half_ - k]), even_im = 0.5f * (z.im[k] - z.im[half_ - k]);
    const float odd_re = 0.5f * (z.im[k] + z.im[half_ - k]), odd_im = 0.5f * (z.re[half_ - k] - z.re[k]);
    const float c = cos_[static_cast<std::size_t>(k)], s = sin_[static_cast<std::size_t>(k)];
    re[k] = even_re + c * odd_re + s * odd_im;
    im[k] = even_im + c * odd_im - s * odd_re;
  }
}

void RealFft::inverse(ConstBins in, float* out) noexcept {
  // With real and imaginary parts exchanged before and after, the forward transform is the inverse.
  float *__restrict re = work_.data(), *__restrict im = work_.data() + half_;
  im[0] = in.re[0] + in.im[0];
  re[0] = in.re[0] - in.im[0];
  for (int k = 1; k < half_; ++k) {
    const float even_re = in.re[k] + in.re[half_ - k], even_im = in.im[k] - in.im[half_ - k];
    const float d_re = in.re[k] - in.re[half_ - k], d_im = in.im[k] + in.im[half_ - k];
    const float c = cos_[static_cast<std::size_t>(k)], s = sin_[static_cast<std::size_t>(k)];
    const float odd_re = d_re * c - d_im * s, odd_im = d_re * s + d_im * c;
    im[k] = even_re - odd_im;
    re[k] = even_im + odd_re;
  }
  const Bins z = transform({re, im});
  for (int k = 0; k < half_; ++k) {
    out[2 * k] = z.im[k];
    out[2 * k + 1] = z.re[k];
  }
}

}  // namespace triode
