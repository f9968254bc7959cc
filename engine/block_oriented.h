// Filters and static curves in series (docs/model-file.md, block-oriented): Hammerstein, Wiener-Hammerstein and longer
// chains, the grey-box models of F. Eichas, S. Möller, U. Zölzer, "Block-oriented gray box modeling of guitar
// amplifiers", DAFx-17.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "network.h"

namespace triode {

/// One filter or curve. Only construction allocates.
class ChainBlock {
 public:
  virtual ~ChainBlock() = default;
  /// Runs n <= kChunk finite samples in place.
  virtual void process(double* samples, int n) noexcept = 0;
  virtual void remember() noexcept = 0;
  virtual void recall() noexcept = 0;
};

class BlockOriented final : public Network {
 public:
  BlockOriented(const BlockOrientedSpec& spec, const Tensors& tensors, const std::string& prefix,
                const Kernels& kernels);
  void process(const Rows& in, const MutableRows& out, int n) noexcept override;
  void remember() noexcept override;
  void recall() noexcept override;

 private:
  std::vector<std::unique_ptr<ChainBlock>> blocks_;
};

}  // namespace triode
