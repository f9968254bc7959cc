// The WaveNet's part of architecture.h, and what its two readers (.triode and .nam) share.
#pragma once

#include "architecture.h"
#include "json_fields.h"

namespace triode {

WavenetSpec parse_wavenet(Fields& fields, int nesting);
nlohmann::json wavenet_to_json(const WavenetSpec& wavenet);
void check_wavenet(const WavenetSpec& wavenet, const std::string& where);
std::vector<Slot> wavenet_slots(const WavenetSpec& wavenet, const std::string& prefix);
std::int64_t wavenet_state(const WavenetSpec& wavenet);
std::int64_t wavenet_work(const WavenetSpec& wavenet);
std::int64_t wavenet_receptive_field(const WavenetSpec& wavenet);

/// `value` as a list of `count` entries: itself, or itself repeated where it is no list and `broadcast`.
std::vector<nlohmann::json> per_layer(const nlohmann::json& value, std::size_t count, const std::string& where,
                                      bool broadcast);
Gating parse_gating(const nlohmann::json& value, const std::string& where);

/// parse_architecture with the number of models around this one.
Architecture parse_nested(const nlohmann::json& object, const std::string& where, int nesting);

}  // namespace triode
