#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <string>
#include <tuple>
#include <vector>

#include "circuits.h"

namespace nb = nanobind;
using triode::Circuit;

namespace {

using Input = nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Output = nb::ndarray<float, nb::numpy, nb::ndim<1>>;

const triode::CircuitInfo& circuit_named(const std::string& name) {
  for (const triode::CircuitInfo* info : triode::circuits()) {
    if (name == info->name) return *info;
  }
  throw nb::key_error(name.c_str());
}

std::vector<std::string> names() {
  std::vector<std::string> found;
  for (const triode::CircuitInfo* info : triode::circuits()) found.emplace_back(info->name);
  return found;
}

std::vector<std::tuple<std::string, double, double, double>> knobs(const Circuit& circuit) {
  std::vector<std::tuple<std::string, double, double, double>> found;
  for (const triode::CircuitKnob& knob : circuit.info().knobs) found.emplace_back(knob.name, knob.low, knob.high, knob.initial);
  return found;
}

std::vector<std::tuple<std::string, double>> values(const Circuit& circuit) {
  std::vector<std::tuple<std::string, double>> found;
  for (const triode::Part& part : circuit.info().parts) found.emplace_back(part.name, part.value);
  return found;
}

Output process(Circuit& circuit, const Input& input) {
  const std::size_t n = input.shape(0);
  auto* const samples = new float[n];
  nb::capsule owner(samples, [](void* memory) noexcept { delete[] static_cast<float*>(memory); });
  {
    nb::gil_scoped_release release;
    circuit.process(input.data(), samples, n);
  }
  return Output(samples, {n}, owner);
}

void set(Circuit& circuit, const std::string& knob, double value) {
  if (!circuit.set(knob, value)) throw nb::value_error(("no knob " + knob + ", or its value is out of range").c_str());
}

}  // namespace

void bind_circuits(nb::module_& module) {
  module.def("circuit_names", &names, "Names of the built-in circuits.");
  nb::class_<Circuit>(module, "Circuit", "One instance of a built-in circuit; configure() before process().")
      .def("__init__", [](Circuit* self, const std::string& name) { new (self) Circuit(circuit_named(name)); },
           nb::arg("name"))
      .def_prop_ro("description", [](const Circuit& self) { return std::string(self.info().description); })
      .def_prop_ro("knobs", &knobs, "Name, lowest, highest and initial value of each knob.")
      .def_prop_ro("part_values", &values, "Name and value of each part of the schematic, in ohm, farad or volt.")
      .def_prop_ro("input_full_scale_volt", [](const Circuit& self) { return self.info().input_full_scale_volt; })
      .def_prop_ro("output_full_scale_volt", [](const Circuit& self) { return self.info().output_full_scale_volt; })
      .def_prop_ro("latency_samples", &Circuit::latency_samples)
      .def("configure", &Circuit::configure, nb::arg("rate_hz"))
      .def("set", &set, nb::arg("knob"), nb::arg("value"))
      .def("reset", &Circuit::reset, nb::call_guard<nb::gil_scoped_release>())
      .def("process", &process, nb::arg("samples"), "Samples (n,) to samples (n,), late by latency_samples.");
}
