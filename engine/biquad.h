// Second-order sections by R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients" (W3C Working
// Group Note, 2021). At 0 dB the shelves and the peak are exactly a wire.
#pragma once

namespace triode {

struct Biquad {
  double b0 = 1.0, b1 = 0.0, b2 = 0.0, a1 = 0.0, a2 = 0.0;  // a0 = 1
};

enum class Band { low_shelf, peak, high_shelf, high_pass, low_pass };

/// The cookbook's section; frequencies above 0.45 of the rate count as that. The passes have no gain.
Biquad biquad(Band band, double hz, double q, double gain_db, double rate_hz);

}  // namespace triode
