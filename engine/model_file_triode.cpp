// The .triode format: safetensors with one metadata entry. Specified in docs/model-file.md.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <set>

#include "bounds.h"
#include "model_file_formats.h"

namespace triode {

using nlohmann::json;

namespace {

static_assert(std::endian::native == std::endian::little, "safetensors data is little-endian");

constexpr std::int64_t kFormatVersion = 1;
constexpr std::int64_t kMaxWarmUp = std::int64_t{1} << 24;
constexpr std::int64_t kMostBytes = std::int64_t{1} << 40;  // that an offset may name
constexpr std::int64_t kLeastSelfTest = 1024, kMostSelfTest = 96000;

struct Extent {
  std::int64_t begin, end;
  std::string name;
};

[[noreturn]] void refuse_cut(const std::string& what) {
  throw ModelFileError("the file is truncated or damaged: " + what + "; copy or download it again");
}

std::uint64_t header_length(std::string_view bytes) {
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  const std::uint64_t there = bytes.size() - sizeof length;
  if (length > there || length > static_cast<std::uint64_t>(limits::kJsonBytes))
    refuse_cut("its header should have " + std::to_string(length) + " bytes, " + std::to_string(there) + " follow");
  return length;
}

std::vector<std::int64_t> parse_shape(const json& value, const std::string& where) {
  require_array(value, 0, 8, where);
  std::vector<std::int64_t> shape;
  std::int64_t product = 1;
  for (const json& length : value) {
    shape.push_back(whole_number(length, 1, limits::kWeights, where));
    product *= shape.back();
    if (product > limits::kWeights)
      refuse(where, "more than " + std::to_string(limits::kWeights) + " values", "fewer");
  }
  return shape;
}

Tensor parse_tensor(const json& entry, std::string_view data, const std::string& where, Extent& extent) {
  Fields fields(entry, where);
  const std::string dtype = fields.text("dtype");
  if (dtype != "F32") refuse(fields.path("dtype"), shown(dtype), "\"F32\"");
  Tensor tensor;
  tensor.shape = parse_shape(fields.at("shape"), fields.path("shape"));
  const json& offsets = fields.at("data_offsets");
  require_array(offsets, 2, 2, fields.path("data_offsets"));
  const auto size = static_cast<std::int64_t>(data.size());
  extent.begin = whole_number(offsets[0], 0, kMostBytes, fields.path("data_offsets"));
  extent.end = whole_number(offsets[1], 0, kMostBytes, fields.path("data_offsets"));
  fields.refuse_others();
  if (extent.end > size)
    refuse_cut("its " + where + " ends at byte " + std::to_string(extent.end) + " of the data, " +
               std::to_string(size) + " are there");
  std::int64_t count = 1;
  for (const std::int64_t length : tensor.shape) count *= length;
  if (extent.end - extent.begin != count * 4)
    refuse(where, std::to_string(extent.end - extent.begin) + " bytes", std::to_string(count * 4) + " for its shape");
  tensor.data.resize(static_cast<std::size_t>(count));
  std::memcpy(tensor.data.data(), data.data() + extent.begin, static_cast<std::size_t>(count) * 4);
  const auto bad = std::find_if(tensor.data.begin(), tensor.data.end(), [](float x) { return !std::isfinite(x); });
  if (bad != tensor.data.end())
    refuse(where, "NaN or infinity at value " + std::to_string(bad - tensor.data.begin()), "finite numbers");
  return tensor;
}

// Data must be covered exactly: no two tensors may share bytes, no byte may belong to none.
void check_extents(std::vector<Extent> extents, std::int64_t size) {
  std::sort(extents.begin(), extents.end(), [](const Extent& a, const Extent& b) { return a.begin < b.begin; });
  std::int64_t end = 0;
  for (const Extent& extent : extents) {
    if (extent.begin != end)
      refuse("tensor " + shown(extent.name), "data from byte " + std::to_string(extent.begin),
             "from byte " + std::to_string(end) + ", where the tensor before it ends");
    end = extent.end;
  }
  if (end != size)
    refuse_cut("its tensors end at byte " + std::to_string(end) + " of the data, " + std::to_string(size) +
               " are there");
}

Tensors parse_tensors(const json& header, std::string_view data) {
  Tensors tensors;
  std::vector<Extent> extents;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") continue;
    Extent extent{0, 0, name};
    tensors[name] = parse_tensor(entry, data, "tensor " + shown(name), extent);
    extents.push_back(extent);
  }
  check_extents(std::move(extents), static_cast<std::int64_t>(data.size()));
  return tensors;
}

void require_shape(const Tensor& tensor, const Slot& slot) {
  if (tensor.shape == slot.shape) return;
  refuse("tensor " + shown(slot.name), "shape " + json(tensor.shape).dump(), json(slot.shape).dump());
}

void check_self_test(const Tensors& tensors) {
  const auto input = tensors.find("selftest.input"), output = tensors.find("selftest.output");
  if (input == tensors.end() && output == tensors.end()) return;
  if (input == tensors.end() || output == tensors.end())
    refuse("the self-test", "only one of its two tensors", "selftest.input and selftest.output");
  const std::vector<std::int64_t>& shape = input->second.shape;
  if (shape.size() != 1 || shape[0] < kLeastSelfTest || shape[0] > kMostSelfTest || output->second.shape != shape)
    refuse("the self-test", json(shape).dump() + " and " + json(output->second.shape).dump(),
           "two equal lengths from " + std::to_string(kLeastSelfTest) + " to " + std::to_string(kMostSelfTest));
}

void check_tensors(const Description& description) {
  std::set<std::string> known = {"selftest.input", "selftest.output"};
  for (const Slot& slot : description.architecture.slots()) {
    const auto found = description.tensors.find(slot.name);
    if (found == description.tensors.end())
      throw ModelFileError("tensor " + shown(slot.name) + " is missing; export the model again");
    require_shape(found->second, slot);
    known.insert(slot.name);
  }
  for (const Slot& slot : description.architecture.optional_slots()) {
    const auto found = description.tensors.find(slot.name);
    if (found != description.tensors.end()) require_shape(found->second, slot);
    known.insert(slot.name);
  }
  for (const auto& [name, tensor] : description.tensors)
    if (!known.contains(name))
      refuse("the file", "a tensor " + shown(name), "only those that its architecture uses");
  description.architecture.check_values(description.tensors);
  check_self_test(description.tensors);
}

}  // namespace

Description read_triode(std::string_view bytes) {
  const std::uint64_t length = header_length(bytes);
  const json header = parse_json(bytes.substr(8, length), "the header");
  const std::string_view data = bytes.substr(8 + length);
  Fields root(header, "the header");
  Fields entries(root.at("__metadata__"), "__metadata__");
  const json model = parse_json(entries.text("triode"), "__metadata__.triode");
  Fields fields(model, "triode");
  const auto version = whole_number(fields.at("format_version"), 0, 1000000, fields.path("format_version"));
  if (version != kFormatVersion)
    throw ModelFileError("the file has format version " + std::to_string(version) + ", expected " +
                         std::to_string(kFormatVersion) + "; update Triode to read it");
  Description description;
  description.format = "triode";
  description.architecture = parse_architecture(fields.at("architecture"), "architecture");
  description.architecture.check("architecture");
  const json& rate = fields.at("sample_rate");
  description.sample_rate_hz =
      checked_rate(number(rate, fields.path("sample_rate")), fields.path("sample_rate"), rate);
  description.warm_up_samples =
      whole_number(fields.at("warm_up_samples"), 0, kMaxWarmUp, fields.path("warm_up_samples"));
  if (const json* knobs = fields.find("knobs")) description.knobs = parse_knobs(*knobs, fields.path("knobs"));
  for (const char* key : {"levels", "alignment", "metadata", "training"})
    if (const json* object = fields.find(key)) require_object(*object, fields.path(key));
  description.tensors = parse_tensors(header, data);
  check_tensors(description);
  description.metadata = model.dump();
  return description;
}

}  // namespace triode
