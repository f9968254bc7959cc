// Choosing among the sizes that one file offers.
#include <algorithm>
#include <cmath>

#include "json_fields.h"
#include "model_file.h"

namespace triode {

namespace {

// The leading block of `tensor` with the given shape.
Tensor leading_block(const Tensor& tensor, const std::vector<std::int64_t>& shape) {
  Tensor block{shape, {}};
  std::vector<std::int64_t> index(shape.size(), 0);
  for (;;) {
    std::int64_t offset = 0;
    for (std::size_t d = 0; d < shape.size(); ++d) offset = offset * tensor.shape[d] + index[d];
    block.data.push_back(tensor.data[static_cast<std::size_t>(offset)]);
    std::size_t d = shape.size();
    while (d > 0 && ++index[d - 1] == shape[d - 1]) index[--d] = 0;
    if (d == 0) return block;
  }
}

int chosen_width(const ArraySpec& array, double quality) {
  const std::vector<int>& widths = array.allowed_channels;
  if (widths.empty()) return array.channels;
  const auto index = static_cast<std::size_t>(quality * static_cast<double>(widths.size()));
  return widths[std::min(index, widths.size() - 1)];
}

void require_sliceable(const WavenetSpec& wavenet) {
  for (const ArraySpec& array : wavenet.arrays) {
    const bool grouped = array.groups != 1 || array.mixin_groups != 1 ||
                         (array.layer1x1 && array.layer1x1->groups != 1) ||
                         (array.head1x1 && array.head1x1->groups != 1);
    if (grouped || array.head.kernel_size != 1 || wavenet.post_head)
      throw ModelFileError(
          "the network cannot be cut down: found groups, a head kernel above 1 or a head after the arrays; choose the "
          "full quality, 1");
  }
}

WavenetSpec narrowed(WavenetSpec wavenet, const std::vector<int>& widths) {
  for (std::size_t i = 0; i < wavenet.arrays.size(); ++i) {
    ArraySpec& array = wavenet.arrays[i];
    array.bottleneck = array.layer1x1 ? std::max(1, array.bottleneck * widths[i] / array.channels) : widths[i];
    array.channels = widths[i];
    if (array.layer1x1) array.layer1x1->out_channels = widths[i];
    if (i > 0) array.input_size = widths[i - 1];
    if (i + 1 < wavenet.arrays.size()) array.head.out_channels = widths[i + 1];
    array.allowed_channels.clear();
  }
  return wavenet;
}

Description wavenet_at(Description description, double quality) {
  const auto& wavenet = std::get<WavenetSpec>(description.architecture.spec);
  std::vector<int> widths;
  bool full = true;
  for (const ArraySpec& array : wavenet.arrays) {
    widths.push_back(chosen_width(array, quality));
    full = full && widths.back() == array.channels;
  }
  if (full) return description;
  require_sliceable(wavenet);
  const Architecture narrow{narrowed(wavenet, widths)};
  narrow.check("the network at this quality");
  for (const Slot& slot : narrow.slots()) {
    Tensor& tensor = description.tensors.at(slot.name);
    if (tensor.shape != slot.shape) tensor = leading_block(tensor, slot.shape);
  }
  description.architecture = narrow;
  description.tensors.erase("selftest.input");
  description.tensors.erase("selftest.output");
  return description;
}

Description submodel_at(const Description& container, double quality) {
  const auto& submodels = std::get<ContainerSpec>(container.architecture.spec).submodels;
  std::size_t chosen = 0;
  while (chosen + 1 < submodels.size() && !(quality < submodels[chosen].max_value)) ++chosen;
  Description description = container;
  description.architecture = *submodels[chosen].architecture;
  description.tensors.clear();
  nlohmann::json metadata = nlohmann::json::parse(container.metadata);
  metadata.merge_patch(nlohmann::json::parse(submodels[chosen].metadata));
  description.metadata = metadata.dump();
  const std::string prefix = "submodels." + std::to_string(chosen) + ".";
  for (const auto& [name, tensor] : container.tensors) {
    if (name.starts_with(prefix)) description.tensors[name.substr(prefix.size())] = tensor;
    // The self-test was made with the largest submodel.
    if (name.starts_with("selftest.") && chosen + 1 == submodels.size()) description.tensors[name] = tensor;
  }
  return description;
}

}  // namespace

Description at_quality(Description description, double quality) {
  if (!(quality >= 0.0 && quality <= 1.0))
    throw std::invalid_argument("quality is " + std::to_string(quality) + ", expected 0 to 1");
  if (std::holds_alternative<ContainerSpec>(description.architecture.spec))
    return at_quality(submodel_at(description, quality), quality);
  if (std::holds_alternative<WavenetSpec>(description.architecture.spec))
    return wavenet_at(std::move(description), quality);
  return description;
}

}  // namespace triode
