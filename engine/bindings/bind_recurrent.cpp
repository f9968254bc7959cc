// Recurrent layers of training, called from src/triode/training/recurrent_kernels.py; what would read or write outside an
// array is refused here.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>

#include <optional>
#include <stdexcept>

#include "training/recurrent_layer.h"

namespace nb = nanobind;
using namespace triode::training;

namespace {

template <class T, int dimensions>
using Tensor = nb::ndarray<const T, nb::ndim<dimensions>, nb::c_contig, nb::device::cpu>;
template <class T, int dimensions>
using MutableTensor = nb::ndarray<T, nb::ndim<dimensions>, nb::c_contig, nb::device::cpu>;

void require(bool condition, const char* what) {
  if (!condition) throw std::invalid_argument(what);
}

template <class Array>
void require_sides(const Array& array, std::size_t first, std::size_t second) {
  require(array.shape(0) == first && array.shape(1) == second, "recurrent layer: an array has the wrong shape");
}

template <class Array>
void require_sides(const std::optional<Array>& array, std::size_t first, std::size_t second) {
  if (array) require_sides(*array, first, second);
}

template <class Array>
auto pointer(const std::optional<Array>& array) -> decltype(array->data()) {
  return array ? array->data() : nullptr;
}

RecurrentShape make_shape(const std::string& unit, int inputs, int hidden) {
  require(unit == "lstm" || unit == "gru", "recurrent layer: the unit must be lstm or gru");
  return {unit == "lstm" ? Unit::lstm : Unit::gru, inputs, hidden};
}

template <class T>
RecurrentInputs<T> layer_inputs(const RecurrentShape& shape, const Tensor<T, 3>& input, const Tensor<T, 2>& hidden,
                                const std::optional<Tensor<T, 2>>& memory) {
  const std::size_t batch = input.shape(0), units = static_cast<std::size_t>(shape.hidden);
  require(batch >= 1 && input.shape(2) >= 1, "recurrent layer: there is nothing to compute");
  require(input.shape(1) == static_cast<std::size_t>(shape.inputs), "recurrent layer: an array has the wrong shape");
  require(memory.has_value() == (shape.unit == Unit::lstm), "recurrent layer: LSTMs have a memory, GRUs have none");
  require_sides(hidden, batch, units);
  require_sides(memory, batch, units);
  return {static_cast<int>(batch), static_cast<std::ptrdiff_t>(input.shape(2)), input.data(), hidden.data(),
          pointer(memory)};
}

void require_work(const RecurrentShape& shape, std::size_t parameters, int threads) {
  require(parameters == shape.parameter_count(), "recurrent layer: wrong number of parameters");
  require(threads >= 1, "recurrent layer: threads must be at least 1");
}

template <class T>
std::unique_ptr<RecurrentTape<T>> forward(const RecurrentLayer<T>& layer, const Tensor<T, 1>& parameters,
                                          const Tensor<T, 3>& input, const Tensor<T, 2>& hidden,
                                          const std::optional<Tensor<T, 2>>& memory, const MutableTensor<T, 2>& output,
                                          const MutableTensor<T, 2>& last_hidden,
                                          const std::optional<MutableTensor<T, 2>>& last_memory, int threads, bool keep) {
  const RecurrentShape& shape = layer.shape();
  const RecurrentInputs<T> inputs = layer_inputs(shape, input, hidden, memory);
  require_work(shape, parameters.shape(0), threads);
  const std::size_t units = static_cast<std::size_t>(shape.hidden);
  require_sides(output, input.shape(0), input.shape(2));
  require_sides(last_hidden, input.shape(0), units);
  require_sides(last_memory, input.shape(0), units);
  const RecurrentOutputs<T> outputs = {output.data(), last_hidden.data(), pointer(last_memory)};
  const nb::gil_scoped_release release;
  return layer.forward(parameters.data(), inputs, outputs, threads, keep);
}

template <class T>
void backward(const RecurrentLayer<T>& layer, const RecurrentTape<T>& tape, const Tensor<T, 3>& input,
              const Tensor<T, 2>& hidden, const std::optional<Tensor<T, 2>>& memory,
              const Tensor<T, 2>& output_gradient, const std::optional<Tensor<T, 2>>& last_hidden_gradient,
              const std::optional<Tensor<T, 2>>& last_memory_gradient, const MutableTensor<T, 1>& parameter_gradient,
              const std::optional<MutableTensor<T, 2>>& hidden_gradient,
              const std::optional<MutableTensor<T, 2>>& memory_gradient, int threads) {
  const RecurrentShape& shape = layer.shape();
  const RecurrentInputs<T> inputs = layer_inputs(shape, input, hidden, memory);
  require(layer.made(tape, inputs), "recurrent layer: the tape belongs to another forward pass");
  require_work(shape, parameter_gradient.shape(0), threads);
  const std::size_t batch = input.shape(0), units = static_cast<std::size_t>(shape.hidden);
  require_sides(output_gradient, batch, input.shape(2));
  for (const auto* state : {&last_hidden_gradient, &last_memory_gradient}) require_sides(*state, batch, units);
  for (const auto* state : {&hidden_gradient, &memory_gradient}) require_sides(*state, batch, units);
  const RecurrentGradients<T> gradients = {output_gradient.data(),    pointer(last_hidden_gradient),
                                           pointer(last_memory_gradient), parameter_gradient.data(),
                                           pointer(hidden_gradient),  pointer(memory_gradient)};
  const nb::gil_scoped_release release;
  layer.backward(tape, inputs, gradients, threads);
}

template <class T>
void bind(nb::module_& module, const char* layer_name, const char* tape_name) {
  nb::class_<RecurrentTape<T>>(module, tape_name, "What a forward pass keeps for its backward pass.");
  nb::class_<RecurrentLayer<T>>(module, layer_name,
                                "Forward and backward through one LSTM or GRU layer and its linear output.")
      .def("__init__",
           [](RecurrentLayer<T>* self, const std::string& unit, int inputs, int hidden) {
             new (self) RecurrentLayer<T>(make_shape(unit, inputs, hidden));
           },
           nb::arg("unit"), nb::arg("inputs"), nb::arg("hidden"))
      .def_prop_ro("parameter_count", [](const RecurrentLayer<T>& self) { return self.shape().parameter_count(); })
      .def("forward", &forward<T>, nb::arg("parameters"), nb::arg("input"), nb::arg("hidden"), nb::arg("memory").none(),
           nb::arg("output"), nb::arg("last_hidden"), nb::arg("last_memory").none(), nb::arg("threads"), nb::arg("keep"),
           "Writes the output and the last state; returns a tape if `keep`.")
      .def("backward", &backward<T>, nb::arg("tape"), nb::arg("input"), nb::arg("hidden"), nb::arg("memory").none(),
           nb::arg("output_gradient"), nb::arg("last_hidden_gradient").none(), nb::arg("last_memory_gradient").none(),
           nb::arg("parameter_gradient"), nb::arg("hidden_gradient").none(), nb::arg("memory_gradient").none(),
           nb::arg("threads"), "Writes the last three gradients from those before.");
}

}  // namespace

void bind_recurrent(nb::module_& module) {
  bind<float>(module, "RecurrentLayerFloat", "RecurrentTapeFloat");
  bind<double>(module, "RecurrentLayerDouble", "RecurrentTapeDouble");
}
