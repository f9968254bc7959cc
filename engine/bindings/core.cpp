// The Python module `triode._core`: one bind_*.cpp per part of the engine, one line per method.
#include <nanobind/nanobind.h>

#include "version.h"

namespace nb = nanobind;

#if defined(__clang__)
constexpr const char* kCompiler = __VERSION__;
#else
constexpr const char* kCompiler = "GCC " __VERSION__;
#endif

void bind_engine(nb::module_& module);
void bind_rig(nb::module_& module);
void bind_circuits(nb::module_& module);
void bind_training(nb::module_& module);
void bind_recurrent(nb::module_& module);

NB_MODULE(_core, module) {
  module.doc() = "The real-time engine and the built-in circuits of Triode.";
  module.attr("__version__") = triode::version();
  module.def("compiler", [] { return kCompiler; }, "Name and version of what compiled this.");
  // A tensor that is still around when Python ends keeps what made it; that is no leak to report to a user.
  nb::set_leak_warnings(false);
  bind_engine(module);
  bind_rig(module);
  bind_circuits(module);
  bind_training(module);
  bind_recurrent(module);
}
