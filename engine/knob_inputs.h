// The knobs of a model as the further inputs of its network, smoothed so that turning them makes no clicks.
#pragma once

#include <string_view>
#include <vector>

#include "kernels.h"
#include "knob.h"

namespace triode {

class KnobInputs {
 public:
  /// At their defaults, at rest; start() comes before set().
  explicit KnobInputs(std::vector<Knob> knobs);

  const std::vector<Knob>& knobs() const noexcept { return knobs_; }
  int count() const noexcept { return static_cast<int>(knobs_.size()); }

  /// All at rest where they are set, for a network that takes so many samples per second, and rows not yet written.
  void start(double sample_rate_hz) noexcept;
  /// Whether any knob was set to another value since start().
  bool moved() const noexcept { return moved_; }

  /// The knob's input moves to `value` (in the knob's unit, limited to its range) along a straight line of 20 ms that
  /// starts with the next sample; where it is set to that already, a line under way goes on. False where there is no
  /// such knob or the value is NaN.
  bool set(std::string_view name, double value) noexcept;
  /// Whether all inputs are at their set values.
  bool at_rest() const noexcept;
  /// All inputs are at their set values from the next sample on.
  void jump() noexcept;

  /// Writes to each knob's row n <= kChunk of its next samples: the one after `first` others, then every `step`th. The
  /// rows must be the same at every call: those of resting knobs are left as they are.
  void fill(const MutableRows& rows, int first, int step, int n) noexcept;
  /// `n` samples have gone by.
  void advance(int n) noexcept;
  /// Fills the rows with the set values.
  void rest(const MutableRows& rows) const noexcept;

 private:
  struct Input {
    float target, slope;
    int remaining;    // samples until the target is reached
    bool row_is_set;  // the whole row holds the target
  };

  std::vector<Knob> knobs_;
  std::vector<Input> inputs_;
  int ramp_samples_ = 1;
  bool moved_ = false;
};

}  // namespace triode
