// The Fourier transform of real signals whose length is a power of two.
//
// Our own, because no library fits both the audio thread and the build, which takes its dependencies from PyPI:
// pocketfft allocates in every call, FFTW is under the GPL, kissfft and pffft are not there. It is small, and the
// convolution that uses it spends most of its time elsewhere.
#pragma once

#include <vector>

namespace triode {

/// n / 2 bins of a spectrum, real and imaginary parts apart. Bin 0 holds two real numbers: 0 Hz and half the rate.
struct Bins {
  float* re;
  float* im;
};
struct ConstBins {
  const float* re;
  const float* im;

  ConstBins(const float* r, const float* i) : re(r), im(i) {}
  ConstBins(Bins bins) : re(bins.re), im(bins.im) {}
};

/// Stockham's self-sorting transform of half the length, on pairs of real samples, four butterflies at a time (C. Van
/// Loan, "Computational frameworks for the fast Fourier transform", 1992, sections 1.7 and 4.3). Only construction
/// allocates.
class RealFft {
 public:
  /// `n` is a power of two, at least 32.
  explicit RealFft(int n);

  int size() const { return 2 * half_; }
  /// `in` (n,) to `out`: X[k] = sum over t of in[t] exp(-2 pi i k t / n).
  void forward(const float* in, Bins out) noexcept;
  /// n times the inverse: `out` (n,).
  void inverse(ConstBins in, float* out) noexcept;

 private:
  Bins transform(Bins data) noexcept;

  int half_;
  std::vector<float> cos_, sin_;  // of 2 pi k / n
  std::vector<float> first_;      // twiddle factors of the first stage, real and imaginary parts apart
  std::vector<float> work_;       // two complex signals of n / 2
};

}  // namespace triode
