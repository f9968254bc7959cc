#include "engine.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "denormals.h"
#include "knob_inputs.h"
#include "model_file.h"
#include "network.h"
#include "path_text.h"
#include "player.h"

namespace triode {

struct Engine::Model {
  explicit Model(Description contents) : description(std::move(contents)), knobs(description.knobs) {}

  Description description;
  std::string architecture;
  std::int64_t parameters;
  int oversample;
  const Kernels* kernels;
  double host_rate_hz = 0.0;
  KnobInputs knobs;
  std::optional<Player> player;
  alignas(64) std::array<float, kChunk> in, out;
};

namespace {

// A size that cannot be had is told like all else that is wrong with a file: with its name.
Description in_size(Description description, const std::string& name, double quality) {
  try {
    return at_quality(std::move(description), quality);
  } catch (const ModelFileError& error) {
    throw ModelFileError(name + ": " + error.what());
  }
}

std::int64_t count_parameters(const Architecture& architecture) {
  std::int64_t count = 0;
  for (const Slot& slot : architecture.slots()) count += slot.size();
  return count;
}

void warm_up(Network& network, std::int64_t samples, const KnobInputs& knobs) {
  const StopDenormals stop_denormals;
  Scratch silence(1 + knobs.count()), out(1);
  knobs.rest(silence.rows(1, knobs.count()));
  for (; samples > 0; samples -= kChunk)
    network.process(silence.rows(), out.rows(), static_cast<int>(std::min<std::int64_t>(samples, kChunk)));
}

// The network in its start state.
std::unique_ptr<Network> start_network(const Description& description, const Kernels& kernels,
                                       const KnobInputs& knobs) {
  auto network = make_network(description.architecture, description.tensors, "", kernels);
  warm_up(*network, description.warm_up_samples, knobs);
  network->remember();
  return network;
}

Player make_player(const Description& description, const Kernels& kernels, const RatePlan& plan, double host_hz,
                   KnobInputs& knobs) {
  std::vector<std::unique_ptr<Network>> copies;
  for (int i = 0; i < plan.copies; ++i) copies.push_back(start_network(description, kernels, knobs));
  return Player(std::move(copies), kernels, plan, description.sample_rate_hz, host_hz, knobs);
}

}  // namespace

Engine::Engine(std::unique_ptr<Model> model) noexcept : model_(std::move(model)) {}
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;
Engine::~Engine() = default;

Engine Engine::load(const std::filesystem::path& path, const Options& options) {
  return build(in_size(read_model(path), text_of(path), options.quality), options);
}

Engine Engine::load(std::string_view bytes, const std::string& name, const Options& options) {
  return build(in_size(read_model(bytes, name), name, options.quality), options);
}

Engine Engine::build(Description description, const Options& options) {
  auto model = std::make_unique<Model>(std::move(description));
  model->architecture = model->description.architecture.to_json().dump();
  model->parameters = count_parameters(model->description.architecture);
  model->oversample = options.oversample;
  model->kernels = &kernels_for(options.isa, options.fast);
  Engine engine(std::move(model));
  engine.configure(engine.sample_rate_hz());
  return engine;
}

void Engine::configure(double sample_rate_hz) {
  Model& model = *model_;
  if (sample_rate_hz == model.host_rate_hz && !model.knobs.moved()) return reset();
  const Description& description = model.description;
  const RatePlan plan = plan_rates(description.sample_rate_hz, sample_rate_hz, model.oversample,
                                   description.architecture.memory());
  model.knobs.start(plan.copies * description.sample_rate_hz);
  model.player = make_player(description, *model.kernels, plan, sample_rate_hz, model.knobs);
  model.host_rate_hz = sample_rate_hz;
}

const std::vector<Knob>& Engine::knobs() const noexcept { return model_->knobs.knobs(); }

bool Engine::set(std::string_view knob, double value) noexcept { return model_->knobs.set(knob, value); }

void Engine::process(const float* in, float* out, std::int64_t n) noexcept {
  const StopDenormals stop_denormals;
  Model& model = *model_;
  while (n > 0) {
    const int count = static_cast<int>(std::min<std::int64_t>(n, kChunk));
    model.kernels->finite(in, model.in.data(), count);
    model.player->process(model.in.data(), model.out.data(), count, model.knobs);
    // Numbers near the end of float's range can still overflow inside; that never reaches a loudspeaker.
    model.kernels->finite(model.out.data(), out, count);
    in += count;
    out += count;
    n -= count;
  }
}

void Engine::reset() noexcept {
  model_->player->reset();
  model_->knobs.jump();
}

int Engine::latency_samples() const noexcept { return model_->player->latency_samples(); }
bool Engine::at_rest() const noexcept { return model_->knobs.at_rest(); }
int Engine::period_samples() const noexcept { return model_->player->period_samples(); }
double Engine::network_rate_hz() const noexcept { return model_->player->copies() * sample_rate_hz(); }
double Engine::host_rate_hz() const noexcept { return model_->host_rate_hz; }
const std::string& Engine::format() const noexcept { return model_->description.format; }
double Engine::sample_rate_hz() const noexcept { return model_->description.sample_rate_hz; }
std::int64_t Engine::receptive_field() const noexcept { return model_->description.architecture.receptive_field(); }
std::int64_t Engine::settling_samples() const noexcept {
  return model_->description.architecture.settling_samples();
}
std::int64_t Engine::parameters() const noexcept { return model_->parameters; }
const std::string& Engine::architecture() const noexcept { return model_->architecture; }
const std::string& Engine::metadata() const noexcept { return model_->description.metadata; }
const char* Engine::isa() const noexcept { return model_->kernels->name; }

double Engine::self_test() {
  const Tensors& tensors = model_->description.tensors;
  const auto input = tensors.find("selftest.input"), expected = tensors.find("selftest.output");
  reset();
  if (input == tensors.end() || input->second.data.empty()) return -1.0;
  // At the model's own rate, whatever the host's; the knobs at their defaults.
  const StopDenormals stop_denormals;
  const KnobInputs knobs(model_->description.knobs);
  const auto network = start_network(model_->description, *model_->kernels, knobs);
  Scratch in(1 + knobs.count()), out(1);
  knobs.rest(in.rows(1, knobs.count()));
  const std::vector<float>& x = input->second.data;
  double worst = 0.0;
  for (std::size_t start = 0; start < x.size(); start += kChunk) {
    const std::size_t n = std::min<std::size_t>(x.size() - start, kChunk);
    std::copy_n(x.data() + start, n, in.rows().data);
    network->process(in.rows(), out.rows(), static_cast<int>(n));
    for (std::size_t i = 0; i < n; ++i)
      worst = std::max(worst, std::abs(static_cast<double>(out.rows().data[i]) - expected->second.data[start + i]));
  }
  return worst;
}

}  // namespace triode
