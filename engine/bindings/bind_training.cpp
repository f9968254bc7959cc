// Training kernels, called from src/triode/training/kernels.py, which checks shapes first; what would read or write
// outside an array is refused here nevertheless.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <optional>
#include <stdexcept>
#include <tuple>

#include "training/wavenet_array.h"

namespace nb = nanobind;
using namespace triode::training;

namespace {

template <class T>
using Signal = nb::ndarray<const T, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
template <class T>
using MutableSignal = nb::ndarray<T, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
template <class T>
using Parameters = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using MutableParameters = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

void require(bool condition, const char* what) {
  if (!condition) throw std::invalid_argument(what);
}

template <class Array>
void require_shape(const Array& array, std::size_t batch, int rows, std::ptrdiff_t samples) {
  require(array.shape(0) == batch && array.shape(1) == static_cast<std::size_t>(rows) &&
              array.shape(2) == static_cast<std::size_t>(samples),
          "WaveNet array: a signal has the wrong shape");
}

template <class Array>
auto pointer(const std::optional<Array>& array) -> decltype(array->data()) {
  return array ? array->data() : nullptr;
}

Activation activation_named(const std::string& name) {
  static constexpr std::tuple<const char*, Activation> names[] = {
      {"Tanh", Activation::tanh},           {"Sigmoid", Activation::sigmoid},   {"ReLU", Activation::relu},
      {"LeakyReLU", Activation::leaky_relu}, {"SiLU", Activation::silu},         {"Softsign", Activation::softsign},
      {"Hardtanh", Activation::hardtanh},   {"Hardswish", Activation::hardswish}};
  for (const auto& [known, activation] : names) {
    if (name == known) return activation;
  }
  throw std::invalid_argument("WaveNet array: unknown activation " + name);
}

ArrayShape make_shape(int inputs, int condition, int channels, int bottleneck, int outputs, int head_kernel_size,
                      bool head_bias, const std::vector<std::tuple<int, int, std::string, double>>& layers) {
  ArrayShape shape = {inputs, condition, channels, bottleneck, outputs, head_kernel_size, head_bias, {}};
  for (const auto& [kernel_size, dilation, activation, slope] : layers) {
    shape.layers.push_back({kernel_size, dilation, activation_named(activation), slope});
  }
  return shape;
}

template <class T>
ArrayInputs<T> array_inputs(const ArrayShape& shape, const Signal<T>& input, const Signal<T>& condition,
                            const std::optional<Signal<T>>& head) {
  const auto samples = [](const Signal<T>& signal) { return static_cast<std::ptrdiff_t>(signal.shape(2)); };
  const std::size_t batch = input.shape(0);
  require(batch >= 1, "WaveNet array: the batch is empty");
  require_shape(input, batch, shape.inputs, samples(input));
  require_shape(condition, batch, shape.condition, samples(condition));
  require(samples(condition) >= samples(input) - shape.layers[0].span(), "WaveNet array: the condition is too short");
  if (head) {
    require_shape(*head, batch, shape.bottleneck, samples(*head));
  }
  return {static_cast<int>(batch), input.data(), samples(input), condition.data(), samples(condition),
          pointer(head), head ? samples(*head) : 0};
}

template <class T>
void require_outputs(const ArrayShape& shape, const ArrayInputs<T>& inputs, const auto* output, const auto* head) {
  const std::ptrdiff_t samples = inputs.input_samples - shape.trim();
  const auto batch = static_cast<std::size_t>(inputs.batch);
  if (output != nullptr) require_shape(*output, batch, shape.channels, samples);
  if (head != nullptr) require_shape(*head, batch, shape.outputs, samples - shape.head_span());
}

/// `vectors` flat vectors of parameters, one after the other.
template <class Array>
void require_parameters(const ArrayShape& shape, const Array& array, int vectors) {
  require(array.shape(0) == shape.parameter_count() * static_cast<std::size_t>(vectors),
          "WaveNet array: wrong number of parameters");
}

template <class T>
std::unique_ptr<Tape<T>> forward(const WaveNetArray<T>& array, const Parameters<T>& parameters,
                                 const Signal<T>& input, const Signal<T>& condition,
                                 const std::optional<Signal<T>>& head, const MutableSignal<T>& output,
                                 const MutableSignal<T>& head_output, int threads, bool keep) {
  const ArrayInputs<T> inputs = array_inputs(array.shape(), input, condition, head);
  const bool per_item = parameters.shape(0) != array.shape().parameter_count();
  require_parameters(array.shape(), parameters, per_item ? inputs.batch : 1);
  require_outputs(array.shape(), inputs, &output, &head_output);
  require(threads >= 1, "WaveNet array: threads must be at least 1");
  const nb::gil_scoped_release release;
  return array.forward({parameters.data(), per_item}, inputs, output.data(), head_output.data(), threads, keep);
}

template <class T>
void backward(const WaveNetArray<T>& array, const Tape<T>& tape, const Signal<T>& input, const Signal<T>& condition,
              const std::optional<Signal<T>>& head, const std::optional<Signal<T>>& output_gradient,
              const std::optional<Signal<T>>& head_output_gradient, const MutableParameters<T>& parameter_gradient,
              const std::optional<MutableSignal<T>>& input_gradient,
              const std::optional<MutableSignal<T>>& head_gradient, int threads) {
  const ArrayShape& shape = array.shape();
  const ArrayInputs<T> inputs = array_inputs(shape, input, condition, head);
  require(array.made(tape, inputs), "WaveNet array: the tape belongs to another forward pass");
  require_outputs(shape, inputs, output_gradient ? &*output_gradient : nullptr,
                  head_output_gradient ? &*head_output_gradient : nullptr);
  require_parameters(shape, parameter_gradient, tape.per_item() ? inputs.batch : 1);
  const auto batch = static_cast<std::size_t>(inputs.batch);
  if (input_gradient) require_shape(*input_gradient, batch, shape.inputs, inputs.input_samples);
  if (head_gradient) require_shape(*head_gradient, batch, shape.bottleneck, inputs.head_samples);
  require(threads >= 1, "WaveNet array: threads must be at least 1");
  const nb::gil_scoped_release release;
  array.backward(tape, inputs,
                 {pointer(output_gradient), pointer(head_output_gradient), parameter_gradient.data(),
                  pointer(input_gradient), pointer(head_gradient)},
                 threads);
}

template <class T>
void bind(nb::module_& module, const char* array_name, const char* tape_name) {
  nb::class_<Tape<T>>(module, tape_name, "What a forward pass keeps for its backward pass.");
  nb::class_<WaveNetArray<T>>(module, array_name, "Forward and backward through one array of WaveNet layers.")
      .def("__init__",
           [](WaveNetArray<T>* self, int inputs, int condition, int channels, int bottleneck, int outputs,
              int head_kernel_size, bool head_bias,
              const std::vector<std::tuple<int, int, std::string, double>>& layers) {
             new (self) WaveNetArray<T>(make_shape(inputs, condition, channels, bottleneck, outputs, head_kernel_size,
                                                   head_bias, layers));
           },
           nb::arg("inputs"), nb::arg("condition"), nb::arg("channels"), nb::arg("bottleneck"), nb::arg("outputs"),
           nb::arg("head_kernel_size"), nb::arg("head_bias"), nb::arg("layers"),
           "`layers` holds (kernel size, dilation, activation, negative slope) of each.")
      .def_prop_ro("channels", [](const WaveNetArray<T>& self) { return self.shape().channels; })
      .def_prop_ro("outputs", [](const WaveNetArray<T>& self) { return self.shape().outputs; })
      .def_prop_ro("head_kernel_size", [](const WaveNetArray<T>& self) { return self.shape().head_kernel_size; })
      .def_prop_ro("parameter_count", [](const WaveNetArray<T>& self) { return self.shape().parameter_count(); })
      .def("forward", &forward<T>, nb::arg("parameters"), nb::arg("input"), nb::arg("condition"),
           nb::arg("head").none(), nb::arg("output"), nb::arg("head_output"), nb::arg("threads"), nb::arg("keep"),
           "Writes `output` and `head_output`; returns a tape if `keep`. `parameters` holds one flat vector for all items "
           "of the batch, or one for each.")
      .def("backward", &backward<T>, nb::arg("tape"), nb::arg("input"), nb::arg("condition"), nb::arg("head").none(),
           nb::arg("output_gradient").none(), nb::arg("head_output_gradient").none(), nb::arg("parameter_gradient"),
           nb::arg("input_gradient").none(), nb::arg("head_gradient").none(), nb::arg("threads"),
           "Writes the last three gradients from those before.");
}

}  // namespace

void bind_training(nb::module_& module) {
  bind<float>(module, "WaveNetArrayFloat", "TapeFloat");
  bind<double>(module, "WaveNetArrayDouble", "TapeDouble");
}
