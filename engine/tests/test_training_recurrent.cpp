// Recurrent layers of training: the gradient against differences of two forward passes, by every instruction set's copy,
// on buffers without a value to spare, where a read outside shows under the sanitizers.
#include <cmath>
#include <cstdio>
#include <random>
#include <vector>

#include "training_check.h"
#include "training/recurrent_layer.h"

using namespace triode;
using namespace triode::training;

namespace {

/// A layer, what goes in, and a random weighting of what comes out.
struct Case {
  RecurrentShape shape;
  int batch;
  std::ptrdiff_t steps;
  std::vector<double> parameters, input, hidden, memory, output_weights, hidden_weights, memory_weights;

  Case(Unit unit, int units, int batch_size, std::ptrdiff_t length)
      : shape{unit, 2, units}, batch(batch_size), steps(length) {
    const auto count = [&](std::ptrdiff_t n) { return static_cast<std::size_t>(batch * n); };
    parameters = noise<double>(shape.parameter_count(), 11);
    input = noise<double>(count(2 * steps), 12);
    hidden = noise<double>(count(units), 13);
    output_weights = noise<double>(count(steps), 14);
    hidden_weights = noise<double>(count(units), 15);
    if (unit == Unit::gru) return;
    memory = noise<double>(count(units), 16);
    memory_weights = noise<double>(count(units), 17);
  }

  const double* of_memory(const std::vector<double>& values) const { return values.empty() ? nullptr : values.data(); }
  RecurrentInputs<double> inputs() const { return {batch, steps, input.data(), hidden.data(), of_memory(memory)}; }

  double value(const RecurrentLayer<double>& layer, int threads, std::unique_ptr<RecurrentTape<double>>* tape) const {
    std::vector<double> output(output_weights.size()), last(hidden.size()), last_memory(memory.size());
    auto kept = layer.forward(parameters.data(), inputs(),
                              {output.data(), last.data(), memory.empty() ? nullptr : last_memory.data()}, threads,
                              tape != nullptr);
    if (tape != nullptr) *tape = std::move(kept);
    double sum = 0.0;
    for (std::size_t i = 0; i < output.size(); ++i) sum += output[i] * output_weights[i];
    for (std::size_t i = 0; i < last.size(); ++i) sum += last[i] * hidden_weights[i];
    for (std::size_t i = 0; i < memory.size(); ++i) sum += last_memory[i] * memory_weights[i];
    return sum;
  }
};

void test_gradient(Isa isa, const Case& at, int threads) {
  const RecurrentLayer<double> layer(at.shape, isa);
  std::unique_ptr<RecurrentTape<double>> tape;
  const double alone = at.value(layer, 1, nullptr), value = at.value(layer, threads, &tape);
  expect(alone == value, "threads or the tape change the output", value - alone);

  std::vector<double> dp(at.parameters.size()), dhidden(at.hidden.size()), dmemory(at.memory.size());
  layer.backward(*tape, at.inputs(),
                 {at.output_weights.data(), at.hidden_weights.data(), at.of_memory(at.memory_weights), dp.data(),
                  dhidden.data(), dmemory.empty() ? nullptr : dmemory.data()},
                 threads);
  const double step = 1e-6;
  double slope = 0.0;
  Case ahead = at, behind = at;
  const auto move = [&](std::vector<double> Case::*field, const std::vector<double>& gradient, unsigned seed) {
    const std::vector<double> direction = noise<double>(gradient.size(), seed);
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      slope += gradient[i] * direction[i];
      (ahead.*field)[i] += step * direction[i];
      (behind.*field)[i] -= step * direction[i];
    }
  };
  move(&Case::parameters, dp, 21);
  move(&Case::hidden, dhidden, 22);
  move(&Case::memory, dmemory, 23);
  const double difference = (ahead.value(layer, 1, nullptr) - behind.value(layer, 1, nullptr)) / (2 * step);
  expect(std::fabs(slope - difference) < 1e-5 * std::fabs(difference), "gradient", slope / difference - 1);
}

}  // namespace

int main() {
  for (const Isa isa : isas())
    for (const Unit unit : {Unit::lstm, Unit::gru})
      for (const int units : {1, 3, 8, 17}) {
        test_gradient(isa, Case(unit, units, 1, 1), 1);
        test_gradient(isa, Case(unit, units, 3, 16), 2);
        test_gradient(isa, Case(unit, units, 16, 33), 1);
        test_gradient(isa, Case(unit, units, 37, 21), 2);
      }
  return failures == 0 ? 0 : 1;
}
