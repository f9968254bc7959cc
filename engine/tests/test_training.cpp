// The training kernels: every instruction set's copy against plain loops, the approximated tanh against the library's,
// and whole arrays on buffers without a sample to spare, where a read outside shows under the sanitizers.
#include <cmath>
#include <cstdio>
#include <random>
#include <vector>

#include "training_check.h"
#include "training/wavenet_array.h"

using namespace triode;
using namespace triode::training;

namespace {

template <class T>
double largest_difference(const std::vector<T>& a, const std::vector<T>& b) {
  double largest = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::fabs(static_cast<double>(a[i] - b[i])));
  return largest;
}

template <class T>
void test_row_kernels(Isa isa, int row_count, int outputs) {
  const RowKernels<T>& kernels = row_kernels<T>(isa);
  const std::ptrdiff_t samples = 4 * kQuantum, stride = samples + 3;
  const Range time = {kQuantum, samples};
  const std::vector<T> in = noise<T>(static_cast<std::size_t>(row_count * stride), 1);
  const std::vector<T> init = noise<T>(static_cast<std::size_t>(outputs * stride), 2);
  const std::vector<T> weights = noise<T>(static_cast<std::size_t>(row_count * outputs), 3);
  const std::vector<T> bias = noise<T>(static_cast<std::size_t>(outputs), 4);
  std::vector<const T*> rows;
  for (int r = 0; r < row_count; ++r) rows.push_back(in.data() + r * stride - r % 2);  // every other one is unaligned

  std::vector<T> out = init, expected = init;
  std::vector<T> sums(static_cast<std::size_t>(row_count * outputs * kernels.lanes), T(0));
  const Rows<const T> init_rows = {init.data(), stride, outputs};
  kernels.mix({weights.data(), bias.data()}, {rows.data(), row_count}, init_rows, {out.data(), stride, outputs}, time,
              {});
  kernels.correlate({rows.data(), row_count}, init_rows, sums.data(), time);
  double sum_error = 0.0;
  for (int o = 0; o < outputs; ++o) {
    for (std::ptrdiff_t t = time.begin; t < time.end; ++t) {
      T& y = expected[static_cast<std::size_t>(o * stride + t)];
      y += bias[static_cast<std::size_t>(o)];
      for (int r = 0; r < row_count; ++r) {
        y += weights[static_cast<std::size_t>(r * outputs + o)] * rows[static_cast<std::size_t>(r)][t];
      }
    }
    for (int r = 0; r < row_count; ++r) {
      double found = 0.0, sum = 0.0;
      for (int lane = 0; lane < kernels.lanes; ++lane) {
        found += static_cast<double>(sums[static_cast<std::size_t>((r * outputs + o) * kernels.lanes + lane)]);
      }
      for (std::ptrdiff_t t = time.begin; t < time.end; ++t) {
        sum += static_cast<double>(rows[static_cast<std::size_t>(r)][t] * init_rows.row(o)[t]);
      }
      sum_error = std::max(sum_error, std::fabs(found - sum));
    }
  }
  const double tolerance = sizeof(T) == 4 ? 3e-5 : 1e-13;
  expect(largest_difference(out, expected) < tolerance, "mix", largest_difference(out, expected));
  expect(sum_error < tolerance, "correlate", sum_error);
}

void test_tanh(Isa isa) {
  std::vector<float> z, a;
  for (int i = -1600000; i < 1600000; ++i) z.push_back(static_cast<float>(i) * 1e-5f);
  a.resize(z.size());
  const auto samples = static_cast<std::ptrdiff_t>(z.size());
  row_kernels<float>(isa).activate(Activation::tanh, 0, {z.data(), samples, 1}, {a.data(), samples, 1}, {},
                                   {0, samples});
  double absolute = 0.0, relative = 0.0;
  for (std::size_t i = 0; i < z.size(); ++i) {
    const double truth = std::tanh(static_cast<double>(z[i])), error = std::fabs(static_cast<double>(a[i]) - truth);
    absolute = std::max(absolute, error);
    if (truth != 0) relative = std::max(relative, error / std::fabs(truth));
  }
  expect(absolute < 4e-7, "tanh, absolute error", absolute);
  expect(relative < 5e-7, "tanh, relative error", relative);
}

ArrayShape small_shape() {
  return {2, 1, 5, 3, 2, 4, true, {{3, 1, Activation::tanh, 0}, {2, 37, Activation::silu, 0},
                                   {6, 5, Activation::leaky_relu, 0.1}}};
}

/// An array, its inputs and a random weighting of its outputs, each in a vector of exactly its size.
struct Case {
  ArrayShape shape = small_shape();
  int batch;
  bool per_item;  // each item has parameters of its own
  std::ptrdiff_t input_samples, samples, head_samples;
  std::vector<double> parameters, input, condition, head, output_weights, head_weights;

  Case(int batch_size, std::ptrdiff_t length, bool own_parameters)
      : batch(batch_size), per_item(own_parameters), input_samples(length), samples(length - shape.trim()), head_samples(samples - 3) {
    const auto count = [&](int rows, std::ptrdiff_t n) { return static_cast<std::size_t>(batch * rows * n); };
    parameters = noise<double>(shape.parameter_count() * static_cast<std::size_t>(per_item ? batch : 1), 11);
    input = noise<double>(count(2, input_samples), 12);
    condition = noise<double>(count(1, input_samples - 2), 13);
    head = noise<double>(count(3, samples), 14);
    output_weights = noise<double>(count(5, samples), 15);
    head_weights = noise<double>(count(2, head_samples), 16);
  }

  ArrayInputs<double> inputs() const {
    return {batch, input.data(), input_samples, condition.data(), input_samples - 2, head.data(), samples};
  }

  double value(const WaveNetArray<double>& array, int threads, std::unique_ptr<Tape<double>>* tape) const {
    std::vector<double> output(output_weights.size()), head_output(head_weights.size());
    auto kept = array.forward({parameters.data(), per_item}, inputs(), output.data(), head_output.data(), threads, tape != nullptr);
    if (tape != nullptr) *tape = std::move(kept);
    double sum = 0.0;
    for (std::size_t i = 0; i < output.size(); ++i) sum += output[i] * output_weights[i];
    for (std::size_t i = 0; i < head_output.size(); ++i) sum += head_output[i] * head_weights[i];
    return sum;
  }
};

/// The gradient along a random direction against the difference of two forward passes along it.
void test_gradient(Isa isa, int batch, std::ptrdiff_t input_samples, int threads, bool per_item = false) {
  Case at(batch, input_samples, per_item);
  const WaveNetArray<double> array(at.shape, isa);
  std::unique_ptr<Tape<double>> tape;
  const double alone = at.value(array, 1, nullptr), value = at.value(array, threads, &tape);
  expect(std::fabs(alone - value) < 1e-11 * std::fabs(alone), "threads change the output", value - alone);

  std::vector<double> dp(at.parameters.size()), dx(at.input.size()), dhead(at.head.size());
  array.backward(*tape, at.inputs(), {at.output_weights.data(), at.head_weights.data(), dp.data(), dx.data(), dhead.data()},
                 threads);
  const double step = 1e-5;
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
  move(&Case::input, dx, 22);
  move(&Case::head, dhead, 23);
  const double difference = (ahead.value(array, 1, nullptr) - behind.value(array, 1, nullptr)) / (2 * step);
  expect(std::fabs(slope - difference) < 2e-5 * std::fabs(difference), "gradient", slope / difference - 1);
}

}  // namespace

int main() {
  for (const Isa isa : isas()) {
    for (const int outputs : {1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 16, 17}) {
      for (const int rows : {1, 2, 5, 8, 24, 27}) {
        test_row_kernels<float>(isa, rows, outputs);
        test_row_kernels<double>(isa, rows, outputs);
      }
    }
    test_tanh(isa);
    for (const std::ptrdiff_t input_samples : {68, 69, 83, 500, 1203}) {
      test_gradient(isa, 1, input_samples, 1);
      test_gradient(isa, 1, input_samples, 3);
      test_gradient(isa, 3, input_samples, 2);
      test_gradient(isa, 3, input_samples, 2, true);
      test_gradient(isa, 4, input_samples, 2, true);
    }
  }
  return failures == 0 ? 0 : 1;
}
