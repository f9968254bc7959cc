#include "engine.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "denormals.h"
#include "model_file.h"
#include "network.h"

namespace triode {

struct Engine::Model {
  std::string format, architecture, metadata;
  double sample_rate_hz;
  std::int64_t receptive_field, parameters;
  std::vector<float> test_input, test_output;
  const Kernels* kernels;
  std::unique_ptr<Network> network;
  alignas(64) std::array<float, kChunk> in, out;
};

namespace {

std::int64_t count_parameters(const Architecture& architecture) {
  std::int64_t count = 0;
  for (const Slot& slot : architecture.slots()) count += slot.size();
  return count;
}

std::vector<float> values(const Tensors& tensors, const std::string& name) {
  const auto found = tensors.find(name);
  return found == tensors.end() ? std::vector<float>{} : found->second.data;
}

void warm_up(Network& network, std::int64_t samples) {
  const StopDenormals stop_denormals;
  alignas(64) std::array<float, kChunk> silence{}, out{};
  for (; samples > 0; samples -= kChunk)
    network.process({silence.data(), kChunk, 1}, {out.data(), kChunk, 1},
                    static_cast<int>(std::min<std::int64_t>(samples, kChunk)));
}

}  // namespace

Engine::Engine(std::unique_ptr<Model> model) noexcept : model_(std::move(model)) {}
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;
Engine::~Engine() = default;

Engine Engine::load(const std::filesystem::path& path, const Options& options) {
  return build(read_model(path), options);
}

Engine Engine::load(std::string_view bytes, const std::string& name, const Options& options) {
  return build(read_model(bytes, name), options);
}

Engine Engine::build(Description description, const Options& options) {
  description = at_quality(std::move(description), options.quality);
  const Kernels& kernels = kernels_for(options.isa);
  auto model = std::make_unique<Model>();
  model->format = description.format;
  model->architecture = description.architecture.to_json().dump();
  model->metadata = description.metadata;
  model->sample_rate_hz = description.sample_rate_hz;
  model->receptive_field = description.architecture.receptive_field();
  model->parameters = count_parameters(description.architecture);
  model->test_input = values(description.tensors, "selftest.input");
  model->test_output = values(description.tensors, "selftest.output");
  model->kernels = &kernels;
  model->network = make_network(description.architecture, description.tensors, "", kernels);
  warm_up(*model->network, description.warm_up_samples);
  model->network->remember();
  return Engine(std::move(model));
}

void Engine::configure(double sample_rate_hz) {
  if (sample_rate_hz != model_->sample_rate_hz)
    throw std::invalid_argument("the host runs at " + std::to_string(sample_rate_hz) + " Hz, the model at " +
                                std::to_string(model_->sample_rate_hz) + " Hz; resample to the model's rate");
  reset();
}

bool Engine::set(std::string_view knob, double value) noexcept {
  static_cast<void>(knob);
  static_cast<void>(value);
  return false;
}

void Engine::process(const float* in, float* out, std::int64_t n) noexcept {
  const StopDenormals stop_denormals;
  Model& model = *model_;
  while (n > 0) {
    const int count = static_cast<int>(std::min<std::int64_t>(n, kChunk));
    model.kernels->finite(in, model.in.data(), count);
    model.network->process({model.in.data(), kChunk, 1}, {model.out.data(), kChunk, 1}, count);
    // Numbers near the end of float's range can still overflow inside; that never reaches a loudspeaker.
    model.kernels->finite(model.out.data(), out, count);
    in += count;
    out += count;
    n -= count;
  }
}

void Engine::reset() noexcept { model_->network->recall(); }

const std::string& Engine::format() const noexcept { return model_->format; }
double Engine::sample_rate_hz() const noexcept { return model_->sample_rate_hz; }
std::int64_t Engine::receptive_field() const noexcept { return model_->receptive_field; }
std::int64_t Engine::parameters() const noexcept { return model_->parameters; }
const std::string& Engine::architecture() const noexcept { return model_->architecture; }
const std::string& Engine::metadata() const noexcept { return model_->metadata; }
const char* Engine::isa() const noexcept { return model_->kernels->name; }

double Engine::self_test() {
  const std::vector<float>& input = model_->test_input;
  if (input.empty()) return -1.0;
  std::vector<float> output(input.size());
  reset();
  process(input.data(), output.data(), static_cast<std::int64_t>(input.size()));
  reset();
  double worst = 0.0;
  for (std::size_t i = 0; i < output.size(); ++i)
    worst = std::max(worst, std::abs(static_cast<double>(output[i]) - model_->test_output[i]));
  return worst;
}

}  // namespace triode
