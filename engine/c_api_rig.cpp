// The rig's C face: settings go by name, as numbers.
#include <cmath>
#include <string_view>
#include <vector>

#include "c_api_parts.h"
#include "rig.h"
#include "triode.h"

struct triode_rig {
  triode::Rig rig;
  triode::RigSettings settings;
};

namespace {

using triode::RigSettings;

// Puts a number where `name` says; false where there is no such setting.
bool put(RigSettings& settings, std::string_view name, double value) noexcept {
  struct Place {
    std::string_view name;
    double* number;
  };
  for (const Place& place : {Place{"input_gain_db", &settings.input_gain_db},
                             {"output_gain_db", &settings.output_gain_db},
                             {"gate_threshold_db", &settings.gate_settings.threshold_db},
                             {"gate_hysteresis_db", &settings.gate_settings.hysteresis_db},
                             {"gate_hold_seconds", &settings.gate_settings.hold_seconds},
                             {"gate_release_seconds", &settings.gate_settings.release_seconds},
                             {"bass_db", &settings.bass_db},
                             {"middle_db", &settings.middle_db},
                             {"treble_db", &settings.treble_db},
                             {"presence_db", &settings.presence_db}})
    if (name == place.name) {
      *place.number = value;
      return true;
    }
  if (name == "interface_dbu") {
    settings.interface_dbu = value;
  } else if (name == "output_level") {
    settings.output_level = value == 1.0   ? triode::OutputLevel::normalized
                            : value == 2.0 ? triode::OutputLevel::calibrated
                                           : triode::OutputLevel::raw;
  } else if (name == "gate") {
    settings.gate = value != 0.0;
  } else if (name == "cabinet") {
    settings.cabinet = value != 0.0;
  } else if (name == "dc_blocker") {
    settings.dc_blocker = value != 0.0;
  } else {
    return false;
  }
  return true;
}

template <class Act>
int succeeds(Act act, char* error, std::size_t error_size) noexcept {
  const auto done = [&] {
    act();
    return 0;
  };
  return triode::guarded<int>(done, -1, error, error_size);
}

}  // namespace

triode_rig* triode_rig_new(char* error, size_t error_size) {
  return triode::guarded<triode_rig*>([] { return new triode_rig; }, nullptr, error, error_size);
}

void triode_rig_free(triode_rig* rig) { delete rig; }

int triode_rig_play(triode_rig* rig, triode_engine* engine, char* error, size_t error_size) {
  return succeeds([&] { rig->rig.play(engine == nullptr ? nullptr : &engine->engine); }, error, error_size);
}

int triode_rig_configure(triode_rig* rig, double sample_rate_hz, char* error, size_t error_size) {
  return succeeds([&] { rig->rig.configure(sample_rate_hz); }, error, error_size);
}

int triode_rig_load_response(triode_rig* rig, const float* samples, size_t n, double sample_rate_hz, char* error,
                             size_t error_size) {
  const auto load = [&] { rig->rig.load_response(std::vector<float>(samples, samples + n), sample_rate_hz); };
  return succeeds(load, error, error_size);
}

int triode_rig_set(triode_rig* rig, const char* setting, double value) {
  if (!std::isfinite(value) || !put(rig->settings, setting, value)) return -1;
  rig->rig.set(rig->settings);
  return 0;
}

void triode_rig_process(triode_rig* rig, const float* in, float* out, size_t n) {
  rig->rig.process(in, out, static_cast<std::int64_t>(n));
}

void triode_rig_reset(triode_rig* rig) { rig->rig.reset(); }
int triode_rig_latency_samples(const triode_rig* rig) { return rig->rig.latency_samples(); }
