// Every kernel of every instruction set that this machine runs, against the obvious computation in double.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "check.h"
#include "denormals.h"
#include "kernels.h"

using namespace triode;

namespace {

std::mt19937 generator(3);

std::vector<float> noise(std::size_t n, float scale = 1.0f) {
  std::uniform_real_distribution<float> uniform(-scale, scale);
  std::vector<float> x(n);
  for (float& v : x) v = uniform(generator);
  return x;
}

double shape_value(const Pointwise& p, double x, int row) {
  const auto leaky = [&](double slope) { return x > 0 ? x : slope * x; };
  switch (p.shape) {
    case Shape::tanh: return std::tanh(x);
    case Shape::fast_tanh: {
      const double a = std::abs(x), u = x * x;
      return x * (2.45550750702956 + 2.45550750702956 * a + (0.893229853513558 + 0.821226666969744 * a) * u) /
             (2.44506634652299 + (2.44506634652299 + u) * std::abs(x + 0.814642734961073 * x * a));
    }
    case Shape::hard_tanh: return std::fmax(-1, std::fmin(1, x));
    case Shape::relu: return std::fmax(0, x);
    case Shape::leaky_relu: return leaky(p.low_slope);
    case Shape::prelu: return leaky(p.slopes[row]);
    case Shape::sigmoid: return 1 / (1 + std::exp(-x));
    case Shape::silu: return x / (1 + std::exp(-x));
    case Shape::hard_swish: return x * std::fmax(0, std::fmin(6, x + 3)) / 6;
    case Shape::leaky_hard_tanh:
      return x < p.low ? (x - p.low) * p.low_slope + p.low : (x > p.high ? (x - p.high) * p.high_slope + p.high : x);
    case Shape::softsign: return x / (1 + std::abs(x));
  }
  return 0;
}

// Largest error of `shape` over [-12, 12], relative to 1 or the argument, whichever is larger.
double worst_error(const Kernels& kernels, const Pointwise& shape) {
  double worst = 0;
  std::vector<float> in(2 * kChunk), out(2 * kChunk);
  for (int start = -600000; start < 600000; start += kChunk) {
    for (std::size_t i = 0; i < in.size(); ++i)
      in[i] = static_cast<float>(start + static_cast<int>(i % kChunk)) * 2e-5f * (i < kChunk ? 1.0f : -1.0f);
    out = in;
    kernels.apply(shape, {out.data(), kChunk, 2}, kChunk);
    for (std::size_t i = 0; i < in.size(); ++i) {
      const double expected = shape_value(shape, in[i], static_cast<int>(i / kChunk));
      worst = std::fmax(worst, std::abs(out[i] - expected) / std::fmax(1.0, std::abs(in[i])));
    }
  }
  return worst;
}

void test_shapes(const Kernels& kernels, bool fast) {
  const float slopes[] = {0.25f, -0.1f};
  for (int s = 0; s <= static_cast<int>(Shape::softsign); ++s) {
    const Pointwise shape = {static_cast<Shape>(s), -0.5f, 0.75f, 0.1f, 0.2f, slopes};
    const double error = worst_error(kernels, shape);
    // 4e-7 for tanh and what is made from it; Fasttanh's formula itself rounds a little worse.
    const double exact = shape.shape == Shape::fast_tanh ? 6e-7 : 4e-7;
    const bool is_tanh = shape.shape == Shape::tanh || shape.shape == Shape::sigmoid || shape.shape == Shape::silu;
    CHECK_WITH(error < (fast && is_tanh ? 6e-5 : exact),
               std::string(kernels.name) + " shape " + std::to_string(s) + ": " + std::to_string(error));
    CHECK_WITH(!(fast && is_tanh) || error > 4e-6, std::string(kernels.name) + " is not fast");
  }
}

void test_apply_and_sum(const Kernels& kernels) {
  const Pointwise shape = {Shape::tanh, 0, 0, 0, 0, nullptr};
  std::vector<float> rows = noise(3 * kChunk), sum = noise(3 * kChunk), expected = rows;
  const std::vector<float> before = sum;
  kernels.apply(shape, {expected.data(), kChunk, 3}, kChunk);
  kernels.apply_and_sum(shape, {rows.data(), kChunk, 3}, {sum.data(), kChunk, 3}, kChunk);
  for (std::size_t i = 0; i < rows.size(); ++i) CHECK(rows[i] == expected[i] && sum[i] == before[i] + expected[i]);
}

// Packs as Mixer does.
std::vector<float> packed(const std::vector<float>& weights, int outputs, int inputs, int tile) {
  std::vector<float> result;
  for (int first = 0; first < outputs; first += tile)
    for (int i = 0; i < inputs; ++i)
      for (int r = first; r < std::min(first + tile, outputs); ++r)
        result.push_back(weights[static_cast<std::size_t>(r * inputs + i)]);
  return result;
}

void test_mix(const Kernels& kernels, int outputs, int n) {
  const int rows[] = {3, 1, 4}, inputs = 8, stride = kChunk + 32;
  const std::vector<float> data = noise(static_cast<std::size_t>(inputs * stride)), bias = noise(32);
  const std::vector<float> weights = noise(static_cast<std::size_t>(outputs * inputs));
  const std::vector<float> residual = noise(static_cast<std::size_t>(outputs * stride));
  std::vector<float> out(static_cast<std::size_t>(outputs * kChunk), 1e9f);
  const std::vector<float> tiles = packed(weights, outputs, inputs, kernels.mix_tile);
  // Sources need not be aligned: each starts at another offset.
  const Rows sources[] = {{data.data() + 1, stride, rows[0]},
                          {data.data() + 3 * stride + 7, stride, rows[1]},
                          {data.data() + 4 * stride, stride, rows[2]}};
  const Rows add = {residual.data(), stride, outputs};
  kernels.mix({tiles.data(), bias.data(), outputs}, sources, 3, add, {out.data(), kChunk, outputs}, n);
  const int offsets[] = {1, 1, 1, 7, 0, 0, 0, 0};
  for (int o = 0; o < outputs; ++o)
    for (int t = 0; t < n; ++t) {
      double expected = bias[static_cast<std::size_t>(o)] + residual[static_cast<std::size_t>(o * stride + t)];
      for (int i = 0; i < inputs; ++i)
        expected += static_cast<double>(weights[static_cast<std::size_t>(o * inputs + i)]) *
                    data[static_cast<std::size_t>(i * stride + offsets[i] + t)];
      CHECK_WITH(std::abs(out[static_cast<std::size_t>(o * kChunk + t)] - expected) < 2e-6,
                 std::string(kernels.name) + " outputs " + std::to_string(outputs) + " n " + std::to_string(n));
    }
}

// Two layers, one after the other in one call; the second leads nowhere.
void test_layers(const Kernels& kernels, const Pointwise& shape, int channels, int n, bool ramped) {
  constexpr int kTaps = 3, kDilation = 5, kPast = (kTaps - 1) * kDilation, kStride = kPast + kChunk;
  const auto size = [](int rows, int columns) { return static_cast<std::size_t>(rows * columns); };
  const auto at = [](const std::vector<float>& x, int i) { return static_cast<double>(x[static_cast<std::size_t>(i)]); };
  const int inputs = kTaps * channels + 1;
  const std::vector<float> first_in = noise(size(channels, kStride)), condition = noise(kChunk);
  const std::vector<float> weights = noise(size(channels, inputs), 0.3f), bias = noise(size(channels, 1));
  const std::vector<float> pass = noise(size(channels, channels), 0.3f), pass_bias = noise(size(channels, 1));
  const std::vector<float> before = noise(size(channels, kChunk));
  const std::vector<float> tiles = packed(weights, channels, inputs, kernels.mix_tile);
  const std::vector<float> pass_tiles = packed(pass, channels, channels, kernels.mix_tile);
  const std::vector<float> scale = noise(size(channels, 1)), scale_step = noise(size(channels, 1), 0.01f);
  const std::vector<float> shift = noise(size(channels, 1)), shift_step = noise(size(channels, 1), 0.01f);
  const Ramps ramps = {scale.data(), scale_step.data(), shift.data(), shift_step.data(), 9.0f};
  std::vector<float> sum = before, second_in = noise(size(channels, kStride));
  const auto layer = [&](const std::vector<float>& in, MutableRows out) -> Layer {
    return {{tiles.data(), bias.data(), channels}, {pass_tiles.data(), pass_bias.data(), channels}, kTaps, kDilation,
            shape, ramped ? &ramps : nullptr, {in.data() + kPast, kStride, channels}, out};
  };
  const Layer layers[] = {layer(first_in, {second_in.data() + kPast, kStride, channels}), layer(second_in, {})};
  kernels.layers(layers, 2, {condition.data(), kChunk, 1}, {sum.data(), kChunk, channels}, n);

  const auto activated = [&](const std::vector<float>& in, int t, int o) {
    double z = at(bias, o) + at(weights, o * inputs + inputs - 1) * at(condition, t);
    for (int k = 0; k < kTaps; ++k)
      for (int c = 0; c < channels; ++c)
        z += at(weights, o * inputs + k * channels + c) * at(in, c * kStride + k * kDilation + t);
    const double steps = 9 + t;
    if (ramped) z = z * (at(scale, o) + at(scale_step, o) * steps) + at(shift, o) + at(shift_step, o) * steps;
    return shape_value(shape, z, o);
  };
  const std::string name = std::string(kernels.name) + " shape " + std::to_string(static_cast<int>(shape.shape)) +
                           ", " + std::to_string(channels) + " channels, n " + std::to_string(n);
  for (int t = 0; t < n; ++t)
    for (int o = 0; o < channels; ++o) {
      double passed = at(pass_bias, o) + at(first_in, o * kStride + kPast + t);
      for (int c = 0; c < channels; ++c) passed += at(pass, o * channels + c) * activated(first_in, t, c);
      CHECK_WITH(std::abs(at(second_in, o * kStride + kPast + t) - passed) < 3e-6, name);
      const double summed = at(before, o * kChunk + t) + activated(first_in, t, o) + activated(second_in, t, o);
      CHECK_WITH(std::abs(at(sum, o * kChunk + t) - summed) < 6e-6, name);
    }
}

void test_layer_kernels(const Kernels& kernels) {
  const std::vector<float> slopes = noise(16);
  for (const Shape shape : {Shape::tanh, Shape::leaky_relu, Shape::prelu, Shape::softsign})
    for (int channels = 1; channels <= 16; ++channels)
      for (const int n : {1, 16, 31, 33, 48, 63, 64})
        if (has_layer_kernel(channels))
          for (const bool ramped : {false, true})
            test_layers(kernels, {shape, 0, 0, 0.2f, 0, slopes.data()}, channels, n, ramped);
}

void test_project(const Kernels& kernels, int units, int n) {
  const std::vector<float> y = noise(static_cast<std::size_t>(units * kChunk)), w = noise(static_cast<std::size_t>(units));
  std::vector<float> out(kChunk);
  kernels.project(w.data(), units, y.data(), out.data(), n);
  for (int t = 0; t < n; ++t) {
    double expected = 0;
    for (int u = 0; u < units; ++u)
      expected += static_cast<double>(w[static_cast<std::size_t>(u)]) * y[static_cast<std::size_t>(t * units + u)];
    CHECK_WITH(std::abs(out[static_cast<std::size_t>(t)] - expected) < 3e-6, std::string(kernels.name));
  }
}

void test_convolve(const Kernels& kernels, int n) {
  const std::vector<float> taps = noise(37), in = noise(36 + kChunk);
  std::vector<float> out(kChunk);
  kernels.convolve(taps.data(), 37, 0.25f, in.data() + 36, out.data(), n);
  for (int t = 0; t < n; ++t) {
    double expected = 0.25;
    for (int k = 0; k < 37; ++k)
      expected += static_cast<double>(taps[static_cast<std::size_t>(k)]) * in[static_cast<std::size_t>(36 + t - k)];
    CHECK(std::abs(out[static_cast<std::size_t>(t)] - expected) < 4e-6);
  }
}

void test_elementwise(const Kernels& kernels) {
  const std::vector<float> a = noise(2 * kChunk), b = noise(2 * kChunk), c = noise(2 * kChunk);
  const auto rows = [](const std::vector<float>& v) { return Rows{v.data(), kChunk, 2}; };
  const auto run = [&](auto kernel) {
    std::vector<float> x = c;
    kernel(MutableRows{x.data(), kChunk, 2});
    return x;
  };
  const auto added = run([&](MutableRows x) { kernels.add(rows(a), x, kChunk); });
  const auto multiplied = run([&](MutableRows x) { kernels.multiply(rows(a), x, kChunk); });
  const auto blended = run([&](MutableRows x) { kernels.blend(rows(a), rows(b), x, kChunk); });
  const auto scaled = run([&](MutableRows x) { kernels.scale(rows(a), 3.0f, x, kChunk); });
  const auto modulated = run([&](MutableRows x) { kernels.modulate(rows(a), rows(b), rows(c), x, kChunk); });
  const auto unshifted = run([&](MutableRows x) { kernels.modulate(rows(a), rows(b), Rows{}, x, kChunk); });
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto near = [](float x, double y) { return std::abs(x - y) < 3e-7; };
    CHECK(added[i] == c[i] + a[i]);
    CHECK(multiplied[i] == c[i] * a[i]);
    CHECK(near(blended[i], static_cast<double>(a[i]) * b[i] + (1.0 - a[i]) * c[i]));
    CHECK(scaled[i] == 3.0f * a[i]);
    CHECK(near(modulated[i], static_cast<double>(a[i]) * b[i] + c[i]));
    CHECK(unshifted[i] == a[i] * b[i]);
  }
}

// Chunks of n samples with rubbish behind them, through two groups of filters, against the sums themselves.
void test_traces(const Kernels& kernels, int n) {
  constexpr int kLanes = 2 * kTraceLanes;
  const double slow = std::exp(-1e-7);
  const std::vector<double> keeps = {slow, 0.0, std::exp(-1.0), 0.999, slow, 0.0, std::exp(-1.0), 0.999};
  const std::vector<float> scales = {1e-3f, 1.0f, -2.0f, 0.5f, 1e-2f, 1.0f, -2.0f, 0.5f};
  const std::vector<float> offsets = {0.0f, 1.0f, 2.0f, 3.0f, -4.0f, 5.0f, 6.0f, 7.0f};
  std::vector<double> states(kLanes), expected(kLanes);
  std::vector<float> out(kLanes * kChunk);
  for (int chunk = 0; chunk < 200; ++chunk) {
    std::vector<float> x = noise(kChunk);
    x[0] = chunk == 3 ? 1e30f : x[0];  // heard as 100
    std::fill(x.begin() + n, x.end(), std::numeric_limits<float>::quiet_NaN());
    kernels.traces({keeps.data(), scales.data(), offsets.data(), kTraceLanes, kTraceLanes}, x.data(), states.data(),
                   {out.data(), kChunk, kLanes}, n);
    for (int lane = 0; lane < kLanes; ++lane) {
      const auto l = static_cast<std::size_t>(lane);
      for (int t = 0; t < n; ++t) {
        const double heard = std::min(static_cast<double>(x[static_cast<std::size_t>(t)]), 100.0);
        expected[l] = keeps[l] * expected[l] + (lane < kTraceLanes ? heard : std::abs(heard));
        const double level = lane < kTraceLanes ? expected[l] : std::sqrt(expected[l]);
        const float found = out[static_cast<std::size_t>(lane * kChunk + t)];
        CHECK_WITH(std::abs(found - (scales[l] * level + offsets[l])) < 1e-4, std::to_string(lane));
      }
      CHECK_WITH(std::abs(states[l] - expected[l]) <= 1e-12 * std::max(1.0, std::abs(expected[l])), std::to_string(lane));
    }
  }
#if defined(__SSE__)
  // In silence they come to rest at zero, and not at numbers that slow the processor down.
  const StopDenormals stop_denormals;
  const std::vector<float> silence(kChunk, 0.0f);
  for (int chunk = 0; chunk < 16; ++chunk)
    kernels.traces({keeps.data(), scales.data(), offsets.data(), kTraceLanes, kTraceLanes}, silence.data(),
                   states.data(), {out.data(), kChunk, kLanes}, kChunk);
  for (const int lane : {1, 2, 5, 6}) CHECK(states[static_cast<std::size_t>(lane)] == 0.0);
  CHECK(states[4] > 1.0);
#endif
}

void test_finite(const Kernels& kernels) {
  const float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  const float largest = std::numeric_limits<float>::max();
  const std::vector<float> in = {1.0f, nan, -infinity, largest, infinity, -0.0f, -largest, 2.0f, nan, 1e6f};
  const std::vector<float> expected = {1.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 2.0f, 0.0f, 1e6f};
  std::vector<float> out(in.size());
  kernels.finite(in.data(), out.data(), static_cast<int>(in.size()));
  CHECK(out == expected);
}

}  // namespace

int main() {
  for (int level = 0; level <= static_cast<int>(best_isa()); ++level) {
    const Kernels& kernels = kernels_for(static_cast<Isa>(level));
    std::printf("%s\n", kernels.name);
    test_shapes(kernels, false);
    test_shapes(kernels_for(static_cast<Isa>(level), true), true);
    test_apply_and_sum(kernels);
    for (int outputs = 1; outputs <= 19; ++outputs)
      for (const int n : {1, 3, 16, 17, 31, 33, 48, 63, 64}) test_mix(kernels, outputs, n);
    test_layer_kernels(kernels);
    for (int n = 1; n <= kChunk; ++n) {
      test_convolve(kernels, n);
      test_project(kernels, 16 * (1 + n % 3), n);
    }
    test_elementwise(kernels);
    for (const int n : {1, 2, 3, 4, 37, 63, 64}) test_traces(kernels, n);
    test_finite(kernels);
  }
  return failures == 0 ? 0 : 1;
}
