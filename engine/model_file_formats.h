// What the readers of the single formats share. Private to model_file*.cpp.
#pragma once

#include "json_fields.h"
#include "model_file.h"

namespace triode {

Description read_triode(std::string_view bytes);
Description read_nam(std::string_view bytes);

/// The WaveNet of a .nam file's `config`, its nested condition apart.
WavenetSpec parse_nam_wavenet(const nlohmann::json& config, const std::string& where);

/// Throws unless the network has one input and one output, and its warm-up takes bearable time.
void check_playable(const Description& description);

}  // namespace triode
