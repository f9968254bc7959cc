// What the readers of the single formats share. Private to model_file*.cpp.
#pragma once

#include "json_fields.h"
#include "model_file.h"

namespace triode {

Description read_triode(std::string_view bytes);
// The readers of JSON files take the parsed root, an object of at most limits::kJsonBytes of text.
Description read_nam(const nlohmann::json& root);
Description read_guitarml(const nlohmann::json& root);
Description read_keras(const nlohmann::json& root);
Description read_wavenet_va(const nlohmann::json& root);
Description read_smart_amp_pro(const nlohmann::json& root);

/// What players of GuitarML's and older files run at where the file does not say.
inline constexpr double kGuitarMlRate = 44100.0;

/// Throws unless `rate` is between 1,000 and 1,000,000 Hz.
double checked_rate(double rate, const std::string& where, const nlohmann::json& found);

/// A number that the file holds as a text.
double number_in_text(const nlohmann::json& text, const std::string& where);

/// The values of nested lists of exactly this shape, in C order.
std::vector<float> table(const nlohmann::json& value, const std::vector<std::int64_t>& shape, const std::string& where);
/// A kernel (taps, inputs, outputs), as Keras writes it, as PyTorch's weight (outputs, inputs, taps).
std::vector<float> torch_order(const std::vector<float>& kernel, std::int64_t taps, std::int64_t inputs,
                               std::int64_t outputs);

/// The `knobs` list of a .triode file, or of the metadata of another.
std::vector<Knob> parse_knobs(const nlohmann::json& list, const std::string& where);
/// The knobs of a network with `inputs` inputs: those the file's `metadata` names, else "gain" for one, "knob1",
/// "knob2", ... for several, from 0 to 1.
std::vector<Knob> knobs_for_inputs(int inputs, const nlohmann::json& root);

/// The WaveNet of a .nam file's `config`, its nested condition apart.
WavenetSpec parse_nam_wavenet(const nlohmann::json& config, const std::string& where);

/// Throws unless the network has one input and one output, and its warm-up takes bearable time.
void check_playable(const Description& description);

}  // namespace triode
