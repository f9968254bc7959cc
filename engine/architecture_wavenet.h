// What the WaveNet's two readers (.triode and .nam) share.
#pragma once

#include "architecture.h"
#include "json_fields.h"

namespace triode {

WavenetSpec parse_wavenet(Fields& fields, int nesting);

/// `value` as a list of `count` entries: itself, or itself repeated where it is no list and `broadcast`.
std::vector<nlohmann::json> per_layer(const nlohmann::json& value, std::size_t count, const std::string& where,
                                      bool broadcast);
Gating parse_gating(const nlohmann::json& value, const std::string& where);

}  // namespace triode
