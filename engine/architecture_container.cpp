#include <algorithm>

#include "architecture_parts.h"
#include "bounds.h"

namespace triode {

using nlohmann::json;

namespace {

std::string prefix_of(const std::string& prefix, std::size_t index) {
  return prefix + "submodels." + std::to_string(index) + ".";
}

}  // namespace

ContainerSpec parse_container(Fields& fields, int nesting) {
  const json& list = fields.at("submodels");
  require_array(list, 1, limits::kSubmodels, fields.path("submodels"));
  ContainerSpec spec;
  for (std::size_t i = 0; i < list.size(); ++i) {
    Fields entry(list[i], fields.path("submodels[" + std::to_string(i) + "]"));
    Submodel submodel;
    submodel.max_value = number(entry.at("max_value"), entry.path("max_value"));
    submodel.architecture = std::make_shared<const Architecture>(
        parse_architecture(entry.at("architecture"), entry.path("architecture"), nesting + 1));
    const json* metadata = entry.find("metadata");
    if (metadata != nullptr) require_object(*metadata, entry.path("metadata"));
    submodel.metadata = metadata == nullptr ? "{}" : metadata->dump();
    entry.refuse_others();
    spec.submodels.push_back(std::move(submodel));
  }
  return spec;
}

int ContainerSpec::inputs() const { return submodels[0].architecture->inputs(); }

int ContainerSpec::outputs() const { return submodels[0].architecture->outputs(); }

std::int64_t ContainerSpec::receptive_field() const {
  std::int64_t most = 1;
  for (const Submodel& submodel : submodels) most = std::max(most, submodel.architecture->receptive_field());
  return most;
}

std::int64_t ContainerSpec::work() const {
  std::int64_t most = 0;
  for (const Submodel& submodel : submodels) most = std::max(most, submodel.architecture->work());
  return most;
}

std::int64_t ContainerSpec::memory() const {
  std::int64_t most = 0;
  for (const Submodel& submodel : submodels) most = std::max(most, submodel.architecture->memory());
  return most;
}

std::vector<Slot> ContainerSpec::slots(const std::string& prefix) const {
  std::vector<Slot> list;
  for (std::size_t i = 0; i < submodels.size(); ++i) {
    const std::vector<Slot> inner = submodels[i].architecture->slots(prefix_of(prefix, i));
    list.insert(list.end(), inner.begin(), inner.end());
  }
  return list;
}

std::vector<Slot> ContainerSpec::optional_slots(const std::string& prefix) const {
  std::vector<Slot> list;
  for (std::size_t i = 0; i < submodels.size(); ++i) {
    const std::vector<Slot> inner = submodels[i].architecture->optional_slots(prefix_of(prefix, i));
    list.insert(list.end(), inner.begin(), inner.end());
  }
  return list;
}

json ContainerSpec::to_json() const {
  json object = {{"name", "container"}, {"submodels", json::array()}};
  for (const Submodel& submodel : submodels)
    object["submodels"].push_back({{"max_value", submodel.max_value},
                                   {"architecture", submodel.architecture->to_json()},
                                   {"metadata", json::parse(submodel.metadata)}});
  return object;
}

void ContainerSpec::check_values(const Tensors& tensors, const std::string& prefix) const {
  for (std::size_t i = 0; i < submodels.size(); ++i)
    submodels[i].architecture->check_values(tensors, prefix_of(prefix, i));
}

void ContainerSpec::check(const std::string& where) const {
  for (std::size_t i = 0; i < submodels.size(); ++i) {
    const Submodel& submodel = submodels[i];
    const std::string here = where + ".submodels[" + std::to_string(i) + "]";
    if (i > 0 && !(submodel.max_value > submodels[i - 1].max_value))
      refuse(here + ".max_value", std::to_string(submodel.max_value), "more than that of the submodel before");
    submodel.architecture->check(here);
    if (submodel.architecture->inputs() != inputs() || submodel.architecture->outputs() != outputs())
      refuse(here, "other numbers of inputs or outputs", "those of the first submodel");
  }
  if (submodels.back().max_value < 1.0)
    refuse(where + ".submodels", "a last max_value of " + std::to_string(submodels.back().max_value), "at least 1");
}

}  // namespace triode
