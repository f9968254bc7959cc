// What a WaveNet hears beside the audio: traces of what came long before, as in docs/model-file.md.
#pragma once

#include <vector>

#include "network.h"

namespace triode {

class Traces {
 public:
  Traces(const std::vector<TraceSpec>& specs, const Kernels& kernels);

  /// Goes on by n <= kChunk finite samples.
  void run(const float* audio, int n) noexcept;
  /// Where run() left what the next layer hears, to be changed before it does; in an order of its own.
  MutableRows rows() { return out_.rows(); }
  /// The same rows as sources in the order of the file.
  const std::vector<Rows>& sources() const { return sources_; }
  void remember() noexcept { remembered_ = states_; }
  void recall() noexcept { states_ = remembered_; }

 private:
  const Kernels* kernels_;
  int low_passes_, envelopes_;  // of the lanes
  std::vector<double> keeps_, states_, remembered_;
  std::vector<float> scales_, offsets_;
  Scratch out_;
  std::vector<Rows> sources_;
};

}  // namespace triode
