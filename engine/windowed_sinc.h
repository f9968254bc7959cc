// The low-pass filter behind every change of sample rate: a sinc under a Kaiser window (J. F. Kaiser, "Nonrecursive
// digital filter design using the I0-sinh window function", ISCAS 1974).
#pragma once

namespace triode {

/// Modified Bessel function of the first kind, order 0.
double bessel_i0(double x);

/// The window's shape parameter for a stop band that is `attenuation_db` >= 50 down.
double kaiser_beta(double attenuation_db);

/// The low-pass's impulse response `t` samples from its middle, 0 outside of +-half_width, with unit gain at 0 Hz where
/// it is sampled once per sample; `cutoff` in cycles per sample.
double windowed_sinc(double t, double cutoff, double half_width, double beta);

}  // namespace triode
