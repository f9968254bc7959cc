// The engine and the model file reader for Python: one line per method. Arguments are checked in triode/engine.py.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <nlohmann/json.hpp>

#include "common.h"
#include "engine.h"
#include "kernels.h"
#include "model_file.h"

namespace {

// Name, unit, lowest, highest and initial value, taper.
using KnobFields = std::tuple<std::string, std::string, double, double, double, std::string>;
using Contents =
    std::tuple<std::string, std::string, nb::dict, double, std::int64_t, std::vector<KnobFields>, std::string>;

// The instruction set of that name, as `Kernels` calls it; the best one for no name.
triode::Isa instruction_set(const std::string& name) {
  const triode::Isa best = triode::best_isa();
  if (name.empty()) return best;
  std::string known;
  for (const triode::Isa isa : {triode::Isa::baseline, triode::Isa::avx2, triode::Isa::avx512}) {
    if (isa > best) break;
    const std::string here = triode::kernels_for(isa).name;
    if (name == here) return isa;
    known += (known.empty() ? "" : ", ") + here;
  }
  throw std::invalid_argument("isa = \"" + name + "\": this processor can play with " + known);
}

// The engine, and the bytes of memory that it holds.
std::pair<triode::Engine, std::int64_t> load(const std::filesystem::path& path, double quality, int oversample,
                                             bool fast, const std::string& isa) {
  const nb::gil_scoped_release unlocked;
  const triode::Engine::Options options = {
      .quality = quality, .oversample = oversample, .fast = fast, .isa = instruction_set(isa)};
  const std::int64_t before = bytes_of_this_thread();
  triode::Engine engine = triode::Engine::load(path, options);
  return {std::move(engine), bytes_of_this_thread() - before};
}

// By how many bytes of memory the engine has grown.
std::int64_t configure(triode::Engine& engine, double sample_rate_hz) {
  const std::int64_t before = bytes_of_this_thread();
  engine.configure(sample_rate_hz);
  return bytes_of_this_thread() - before;
}

std::vector<KnobFields> fields_of(const std::vector<triode::Knob>& knobs) {
  std::vector<KnobFields> fields;
  for (const triode::Knob& knob : knobs)
    fields.emplace_back(knob.name, knob.unit, knob.low, knob.high, knob.default_value,
                        knob.logarithmic ? "log" : "linear");
  return fields;
}

std::vector<KnobFields> knobs_of(const triode::Engine& engine) { return fields_of(engine.knobs()); }

bool set(triode::Engine& engine, const std::string& knob, double value) { return engine.set(knob, value); }

// Format, architecture (JSON), tensors, sample rate, warm-up, knobs, metadata (JSON); quality < 0: as it is in the file.
Contents read_description(const std::filesystem::path& path, double quality) {
  triode::Description description;
  {
    const nb::gil_scoped_release unlocked;
    description = triode::read_model(path);
    if (quality >= 0.0) description = triode::at_quality(std::move(description), quality);
  }
  nb::dict tensors;
  for (auto& [name, tensor] : description.tensors)
    tensors[name.c_str()] = to_numpy(std::move(tensor.data), {tensor.shape.begin(), tensor.shape.end()});
  return {description.format, description.architecture.to_json().dump(), tensors,
          description.sample_rate_hz, description.warm_up_samples, fields_of(description.knobs), description.metadata};
}

double peak_multiply_adds(const std::string& isa) {
  return triode::peak_multiply_adds_per_second(instruction_set(isa));
}

void translate(const std::exception_ptr& pointer, void*) {
  try {
    std::rethrow_exception(pointer);
  } catch (const triode::ModelFileError& error) {
    // Paths may hold bytes that are no UTF-8; they come back as Python's file system calls show them.
    const nb::object message = nb::steal(PyUnicode_DecodeFSDefault(error.what()));
    PyErr_SetObject(nb::module_::import_("triode.errors").attr("ModelFileError").ptr(), message.ptr());
  }
}

}  // namespace

void bind_engine(nb::module_& module) {
  nb::register_exception_translator(translate);
  nb::class_<triode::Engine>(module, "Engine", "A model, ready to play; see triode.engine.Model.")
      .def_static("load", &load, nb::arg("path"), nb::arg("quality"), nb::arg("oversample"), nb::arg("fast"),
                  nb::arg("isa"),
                  nb::sig("def load(path: pathlib.Path, quality: float, oversample: int, fast: bool, isa: str) -> "
                          "tuple[Engine, int]"),
                  "The engine, and the bytes of memory that it holds; the best instruction set for no `isa`.")
      .def("configure", &configure, nb::arg("sample_rate_hz"), Unlocked(),
           "By how many bytes of memory the engine has grown.")
      .def("process", &play_block<triode::Engine>, nb::arg("block"))
      .def("render", &play_all<triode::Engine>, nb::arg("audio"), nb::arg("block"))
      .def("bench", &measure<triode::Engine>, nb::arg("block"), nb::arg("blocks"))
      .def("set", &set, nb::arg("knob"), nb::arg("value"))
      .def("reset", &triode::Engine::reset, Unlocked())
      .def("self_test", &triode::Engine::self_test, Unlocked())
      .def_prop_ro("format", &triode::Engine::format)
      .def_prop_ro("architecture", &triode::Engine::architecture)
      .def_prop_ro("metadata", &triode::Engine::metadata)
      .def_prop_ro("knobs", &knobs_of, "Name, unit, lowest, highest and initial value, and taper of each knob.")
      .def_prop_ro("parameters", &triode::Engine::parameters)
      .def_prop_ro("sample_rate_hz", &triode::Engine::sample_rate_hz)
      .def_prop_ro("host_rate_hz", &triode::Engine::host_rate_hz)
      .def_prop_ro("network_rate_hz", &triode::Engine::network_rate_hz)
      .def_prop_ro("latency_samples", &triode::Engine::latency_samples)
      .def_prop_ro("receptive_field", &triode::Engine::receptive_field)
      .def_prop_ro("isa", &triode::Engine::isa);
  module.def("peak_multiply_adds", &peak_multiply_adds, nb::arg("isa"), Unlocked(),
             "Multiply-adds per second that this core reaches at best with an instruction set.");
  module.def("read_model", &read_description, nb::arg("path"), nb::arg("quality"),
             nb::sig("def read_model(path: pathlib.Path, quality: float) -> tuple[str, str, "
                     "dict[str, numpy.typing.NDArray[numpy.float32]], float, int, "
                     "list[tuple[str, str, float, float, float, str]], str]"),
             "Format, architecture, tensors, sample rate, warm-up, knobs, metadata of a model file.");
}
