#include "loaded_rig.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "factory_files.h"
#include "path_text.h"
#include "state.h"
#include "wave_file.h"

namespace triode::plugin {

namespace {

using nlohmann::json;

constexpr const char* kInSession = "the model in this session";

Engine::Options options(Quality quality) {
  Engine::Options chosen;
  chosen.quality = quality == kEconomy ? 0.0 : 1.0;
  chosen.oversample = quality == kOversampled ? 2 : quality == kOversampledMore ? 4 : 1;
  return chosen;
}

// `read` is the file where that is in memory.
Engine load(const Build::Source& source, const std::string* read, Quality quality) {
  const std::string& path = source.file.path;
  if (source.bytes) return Engine::load(*source.bytes, kInSession, options(quality));
  if (const auto bytes = factory_model(path)) return Engine::load(*bytes, path, options(quality));
  return read != nullptr ? Engine::load(*read, path, options(quality)) : Engine::load(path_of(path), options(quality));
}

std::optional<double> number_at(const json& root, const char* pointer) {
  const json::json_pointer place(pointer);
  if (!root.contains(place) || !root[place].is_number()) return std::nullopt;
  return root[place].get<double>();
}

ModelFacts facts_of(const Engine& engine, const std::string& path) {
  ModelFacts facts{text_of(path_of(path).stem()), engine.format(), engine.sample_rate_hz(), std::nullopt,
                   engine.knobs()};
  const json root = json::parse(engine.metadata(), nullptr, false);
  if (!root.is_object()) return facts;
  for (const char* pointer : {"/name", "/metadata/name"}) {
    const json::json_pointer place(pointer);
    if (root.contains(place) && root[place].is_string() && !root[place].get_ref<const std::string&>().empty()) {
      facts.name = root[place].get<std::string>();
      break;
    }
  }
  for (const char* pointer : {"/training/esr", "/metadata/training/validation_esr"})
    if (!facts.esr) facts.esr = number_at(root, pointer);
  return facts;
}

}  // namespace

double value_at(const Knob& knob, double travel) noexcept {
  return knob.logarithmic ? knob.low * std::pow(knob.high / knob.low, travel)
                          : knob.low + travel * (knob.high - knob.low);
}

void put_defaults(const std::vector<Knob>& knobs, Values& values) noexcept {
  for (std::size_t k = 0; k < std::min<std::size_t>(kPoolKnobs, knobs.size()); ++k)
    values[kFirstKnob + k] = in_range(kFirstKnob, static_cast<float>(knobs[k].travel(knobs[k].default_value)));
}

LoadedRig::LoadedRig(const Build& build, Values values, unsigned generation, bool own_settings)
    : rate_hz_(build.sample_rate_hz),
      inputs_(build.inputs),
      channels_(build.inputs == kBoth ? 2 : 1),
      generation_(generation) {
  // As `triode render` does it: the knobs first, so that the start state is that of their settings.
  for (int c = 0; c < channels_; ++c) rigs_[c].configure(rate_hz_);
  if (build.model_on) load_model(build, 0);
  if (build.second != kSecondOff) load_model(build, 1);
  if (own_settings) put_defaults(facts_[0].knobs, values);
  turn_knobs(values);
  const auto engine = [this](std::size_t slot, int c) { return engines_[slot][c] ? &*engines_[slot][c] : nullptr; };
  const Pairing pairing = build.second == kSecondInParallel ? Pairing::parallel : Pairing::series;
  try {
    for (int c = 0; c < channels_; ++c) rigs_[c].play(engine(0, c), engine(1, c), pairing);
  } catch (const std::exception& error) {  // a rate that cannot be
    for (int c = 0; c < channels_; ++c) rigs_[c].play(nullptr);
    engines_ = {};
    facts_ = {};
    complain(error.what());
  }
  for (std::size_t slot = 0; slot < kSlots; ++slot) load_cabinet(build, slot);
  set(values);
  for (int c = 0; c < channels_; ++c) rigs_[c].reset();
}

void LoadedRig::load_model(const Build& build, std::size_t slot) {
  const Build::Source& source = build.models[slot];
  const std::string name = source.bytes ? kInSession : source.file.path;
  if (!source.bytes && source.file.path.empty()) return;
  try {
    // Once: both channels and the session get the same, whatever happens to the file meanwhile.
    const auto read = source.bytes ? nullptr : file_bytes(source.file.path);
    for (int c = 0; c < channels_; ++c) engines_[slot][c].emplace(load(source, read.get(), build.quality));
    read_[slot] = read;
    facts_[slot] = facts_of(*engines_[slot][0], source.file.path);
  } catch (const std::exception& error) {
    engines_[slot] = {};
    facts_[slot] = {};
    const std::string_view what = error.what();  // of what was chosen, not of the file, it has no name
    complain(what.starts_with(name) ? std::string(what) : name + ": " + error.what());
    if (!source.bytes) look_for(kModelKeys[slot], source.file.path);
  }
}

void LoadedRig::load_cabinet(const Build& build, std::size_t slot) {
  const std::string& path = build.cabinets[slot].path;
  if (path.empty()) return;
  const int which = static_cast<int>(slot);
  try {
    Wave wave = read_wave(path_of(path));
    for (std::size_t c = 0; c < static_cast<std::size_t>(channels_); ++c) {
      const auto& response = wave.channels[std::min(c, wave.channels.size() - 1)];
      rigs_[c].load_response(response, wave.sample_rate_hz, which);
    }
    has_cabinet_ = true;
  } catch (const WaveFileError& error) {
    complain(error.what());
    look_for(kCabinetKeys[slot], path);
  } catch (const std::exception& error) {
    for (int c = 0; c < channels_; ++c) rigs_[c].load_response({}, 0.0, which);
    complain(path + ": " + error.what());
  }
}

void LoadedRig::complain(const std::string& what) { problem_ += (problem_.empty() ? "" : "; ") + what; }

void LoadedRig::look_for(const char* key, const std::string& path) {
  std::error_code error;
  if (missing_.empty() && !std::filesystem::exists(path_of(path), error)) missing_ = key;
}

void LoadedRig::turn_knobs(const Values& values) noexcept {
  for (std::size_t slot = 0; slot < kSlots; ++slot) {
    const std::vector<Knob>& knobs = facts_[slot].knobs;
    const int count = std::min(kPoolKnobs, static_cast<int>(knobs.size()));
    for (int k = 0; k < count; ++k) {
      const Knob& knob = knobs[static_cast<std::size_t>(k)];
      const double value = value_at(knob, values[static_cast<std::size_t>(kFirstKnobs[slot] + k)]);
      for (int c = 0; c < channels_; ++c) engines_[slot][c]->set(knob.name, value);
    }
  }
}

void LoadedRig::set(const Values& values) noexcept {
  const RigSettings settings = rig_settings(values, has_cabinet_);
  for (int c = 0; c < channels_; ++c) rigs_[c].set(settings);
  if (has_model()) turn_knobs(values);
}

void LoadedRig::process(const float* const* in, float* const* out, int n) noexcept {
  if (inputs_ == kBoth) {
    for (int c = 0; c < kChannels; ++c) rigs_[c].process(in[c], out[c], n);
    return;
  }
  rigs_[0].process(in[inputs_ == kRight ? 1 : 0], out[0], n);
  std::copy_n(out[0], n, out[1]);
}

void LoadedRig::restart(const Values& values) {
  set(values);
  for (int c = 0; c < channels_; ++c) rigs_[c].configure(rate_hz_);
}

}  // namespace triode::plugin
