// The C face, a thin one over Engine: exceptions become return values and one line of text.
#include <algorithm>
#include <cstring>
#include <string_view>

#include "c_api_parts.h"
#include "engine.h"
#include "path_text.h"
#include "triode.h"
#include "version.h"

namespace {

triode::Engine::Options engine_options(const triode_options* options) {
  const triode::Engine::Options usual;
  triode_options known = {sizeof(triode_options), usual.quality, usual.oversample, 0};
  // A program built with an earlier version knows of fewer members; the rest stays as usual.
  if (options != nullptr) std::memcpy(&known, options, std::min(options->size, sizeof known));
  return {.quality = known.quality, .oversample = known.oversample, .fast = known.fast != 0};
}

}  // namespace

const char* triode_version(void) { return triode::version(); }

triode_engine* triode_load(const char* path, const triode_options* options, char* error, size_t error_size) {
  const auto make = [&] { return new triode_engine{triode::Engine::load(triode::path_of(path), engine_options(options))}; };
  return triode::guarded<triode_engine*>(make, nullptr, error, error_size);
}

triode_engine* triode_load_memory(const void* bytes, size_t size, const char* name, const triode_options* options,
                                  char* error, size_t error_size) {
  const std::string_view view(static_cast<const char*>(bytes), size);
  const auto make = [&] {
    return new triode_engine{
        triode::Engine::load(view, name == nullptr ? "model" : name, engine_options(options))};
  };
  return triode::guarded<triode_engine*>(make, nullptr, error, error_size);
}

void triode_free(triode_engine* engine) { delete engine; }

int triode_configure(triode_engine* engine, double sample_rate_hz, char* error, size_t error_size) {
  const auto configure = [&] {
    engine->engine.configure(sample_rate_hz);
    return 0;
  };
  return triode::guarded<int>(configure, -1, error, error_size);
}

size_t triode_knob_count(const triode_engine* engine) { return engine->engine.knobs().size(); }

triode_knob triode_knob_at(const triode_engine* engine, size_t index) {
  if (index >= triode_knob_count(engine)) return {nullptr, "", 0.0, 0.0, 0.0, 0};
  const triode::Knob& knob = engine->engine.knobs()[index];
  return {knob.name.c_str(), knob.unit.c_str(), knob.low, knob.high, knob.default_value, knob.logarithmic ? 1 : 0};
}

int triode_set(triode_engine* engine, const char* knob, double value) {
  return engine->engine.set(knob, value) ? 0 : -1;
}

void triode_process(triode_engine* engine, const float* in, float* out, size_t n) {
  engine->engine.process(in, out, static_cast<std::int64_t>(n));
}

void triode_reset(triode_engine* engine) { engine->engine.reset(); }
int triode_latency_samples(const triode_engine* engine) { return engine->engine.latency_samples(); }
double triode_sample_rate_hz(const triode_engine* engine) { return engine->engine.sample_rate_hz(); }
const char* triode_format(const triode_engine* engine) { return engine->engine.format().c_str(); }
const char* triode_isa(const triode_engine* engine) { return engine->engine.isa(); }
