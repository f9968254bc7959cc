// Bytes of any format -> one validated description. The only reader of model files in the project.
//
// Files are untrusted: every length, shape and number is checked before it is used. docs/model-file.md specifies the
// .triode format and names all tensors; files of all other formats are brought into the same shape.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "architecture.h"
#include "errors.h"
#include "knob.h"

namespace triode {

struct Description {
  std::string format;  // "triode", "nam", "guitarml_rnn", "rtneural_keras", "wavenet_smartpedal" or "smartamppro"
  Architecture architecture;
  Tensors tensors;
  double sample_rate_hz = 48000.0;
  std::int64_t warm_up_samples = 0;  // of silence, from the zero state (or rec.h0, rec.c0), to the start state
  std::vector<Knob> knobs;           // what the inputs of the network after the audio are
  std::string metadata;              // JSON object: `triode` of a .triode file, else the root without the network
};

/// Reads a file; its format is told by its content. Throws ModelFileError, whose message starts with the path.
Description read_model(const std::filesystem::path& path);

/// The same from memory; `name` stands for the path in messages.
Description read_model(std::string_view bytes, const std::string& name);

/// The description with every choice of size made: of a container the submodel for `quality` in [0, 1], of a WaveNet
/// with allowed widths the one for `quality`; anything else as it is.
Description at_quality(Description description, double quality);

}  // namespace triode
