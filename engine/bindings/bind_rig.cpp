// The rig for Python: one line per method. Arguments are checked in triode/rig.py.
#include <nanobind/stl/optional.h>

#include "common.h"
#include "rig.h"

namespace {

void load_response(triode::Rig& rig, const In& samples, double sample_rate_hz, int which) {
  const nb::gil_scoped_release unlocked;
  rig.load_response({samples.data(), samples.data() + samples.shape(0)}, sample_rate_hz, which);
}

}  // namespace

void bind_rig(nb::module_& module) {
  using triode::Rig, triode::RigSettings, triode::GateSettings, triode::OutputLevel, triode::Levels, triode::Pairing;
  nb::enum_<OutputLevel>(module, "OutputLevel", "What the output gain starts from.")
      .value("raw", OutputLevel::raw)
      .value("normalized", OutputLevel::normalized)
      .value("calibrated", OutputLevel::calibrated);
  nb::enum_<Pairing>(module, "Pairing", "Where a second model plays.")
      .value("series", Pairing::series)
      .value("parallel", Pairing::parallel);
  nb::class_<GateSettings>(module, "GateSettings", "See triode.rig.RigSettings.")
      .def(nb::init<>())
      .def_rw("threshold_db", &GateSettings::threshold_db)
      .def_rw("hysteresis_db", &GateSettings::hysteresis_db)
      .def_rw("hold_seconds", &GateSettings::hold_seconds)
      .def_rw("release_seconds", &GateSettings::release_seconds);
  nb::class_<RigSettings>(module, "RigSettings", "See triode.rig.RigSettings.")
      .def(nb::init<>())
      .def_rw("input_gain_db", &RigSettings::input_gain_db)
      .def_rw("output_gain_db", &RigSettings::output_gain_db)
      .def_rw("interface_dbu", &RigSettings::interface_dbu, nb::none())
      .def_rw("output_level", &RigSettings::output_level)
      .def_rw("gate", &RigSettings::gate)
      .def_rw("gate_settings", &RigSettings::gate_settings)
      .def_rw("bass_db", &RigSettings::bass_db)
      .def_rw("middle_db", &RigSettings::middle_db)
      .def_rw("treble_db", &RigSettings::treble_db)
      .def_rw("presence_db", &RigSettings::presence_db)
      .def_rw("cabinet", &RigSettings::cabinet)
      .def_rw("dc_blocker", &RigSettings::dc_blocker)
      .def_rw("second_gain_db", &RigSettings::second_gain_db)
      .def_rw("blend", &RigSettings::blend)
      .def_rw("cabinet_blend", &RigSettings::cabinet_blend);
  nb::class_<Levels>(module, "Levels", "What a model file says about levels.")
      .def_ro("input_dbu", &Levels::input_dbu)
      .def_ro("output_dbu", &Levels::output_dbu)
      .def_ro("loudness_db", &Levels::loudness_db);
  nb::class_<Rig>(module, "Rig", "The playing chain around a model; see triode.rig.Rig.")
      .def(nb::init<>())
      .def("play", &Rig::play, nb::arg("engine").none(), nb::arg("second").none(), nb::arg("pairing"),
           nb::keep_alive<1, 2>(), nb::keep_alive<1, 3>(), Unlocked())
      .def("configure", &Rig::configure, nb::arg("sample_rate_hz"), Unlocked())
      .def("load_response", &load_response, nb::arg("samples"), nb::arg("sample_rate_hz"), nb::arg("which"))
      .def("set", &Rig::set, nb::arg("settings"), Unlocked())
      .def("process", &play_block<Rig>, nb::arg("block"))
      .def("render", &play_all<Rig>, nb::arg("audio"), nb::arg("block"))
      .def("bench", &measure<Rig>, nb::arg("block"), nb::arg("blocks"))
      .def("reset", &Rig::reset, Unlocked())
      .def_prop_ro("levels", &Rig::levels)
      .def_prop_ro("latency_samples", &Rig::latency_samples)
      .def_prop_ro("host_rate_hz", &Rig::host_rate_hz);
}
