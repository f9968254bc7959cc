// A factor that moves to where it is sent in 20 ms.
#pragma once

namespace triode {

class SmoothGain {
 public:
  void configure(double rate_hz) noexcept { samples_ = static_cast<int>(0.02 * rate_hz) + 1; }
  void set(double gain) noexcept;
  void settle() noexcept;
  void process(float* samples, int n) noexcept;

 private:
  int samples_ = 960, left_ = 0;
  double target_ = 1.0, now_ = 1.0, stride_ = 0.0;
};

}  // namespace triode
