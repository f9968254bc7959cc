// Activations as model files write them: a name, or an object {"type": name, parameters}.
#pragma once

#include <string>

#include "architecture.h"

namespace triode {

/// Throws ModelFileError for an unknown name or parameters that are no numbers. Parameters that the type does not have
/// are refused where `strict`, else ignored, as NAM Core does.
Activation parse_activation(const nlohmann::json& value, const std::string& where, bool strict);

nlohmann::json to_json(const Activation& activation);

}  // namespace triode
