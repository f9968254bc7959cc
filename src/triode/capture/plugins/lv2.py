"""A host for LV2 plug-ins, by ctypes on liblilv: describes a plug-in and plays audio through it, offline.

It runs in the plug-in's own process (worker.py): nothing here protects from what a plug-in does. Offers what most
plug-ins for guitar ask for: URIDs, options, bounded and fixed power-of-two blocks, and a worker, which works at once.
LV2 specification: http://lv2plug.in/ns/lv2core and extensions.
"""

import ctypes
import ctypes.util
import math
from collections.abc import Iterator, Mapping
from ctypes import CFUNCTYPE, POINTER, Structure, byref, c_char_p, c_double, c_float, c_uint32, c_void_p
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triode.capture.plugins.description import Control, Description
from triode.capture.plugins.lv2_features import OFFERED, Features
from triode.errors import DeviceError, OptionError

LV2 = "http://lv2plug.in/ns/"
CORE = LV2 + "lv2core#"
# A power of two, as convolvers ask for.
BLOCK = 1024
Array = NDArray[np.float32]


class _Descriptor(Structure):
    _fields_ = (
        ("uri", c_char_p),
        ("instantiate", c_void_p),
        ("connect_port", CFUNCTYPE(None, c_void_p, c_uint32, c_void_p)),
        ("activate", c_void_p),
        ("run", CFUNCTYPE(None, c_void_p, c_uint32)),
        ("deactivate", c_void_p),
        ("cleanup", c_void_p),
        ("extension_data", c_void_p),
    )


class _Instance(Structure):
    _fields_ = (("descriptor", POINTER(_Descriptor)), ("handle", c_void_p), ("pimpl", c_void_p))


_SIGNATURES: tuple[tuple[Any, ...], ...] = (
    ("world_new", c_void_p),
    ("world_load_all", None, c_void_p),
    ("world_load_specifications", None, c_void_p),
    ("world_load_bundle", None, c_void_p, c_void_p),
    ("world_get_all_plugins", c_void_p, c_void_p),
    ("new_uri", c_void_p, c_void_p, c_char_p),
    ("new_file_uri", c_void_p, c_void_p, c_char_p, c_char_p),
    ("node_as_string", c_char_p, c_void_p),
    ("node_as_float", c_float, c_void_p),
    ("plugins_get_by_uri", c_void_p, c_void_p, c_void_p),
    ("plugins_begin", c_void_p, c_void_p),
    ("plugins_next", c_void_p, c_void_p, c_void_p),
    ("plugins_is_end", ctypes.c_bool, c_void_p, c_void_p),
    ("plugins_get", c_void_p, c_void_p, c_void_p),
    ("nodes_begin", c_void_p, c_void_p),
    ("nodes_next", c_void_p, c_void_p, c_void_p),
    ("nodes_is_end", ctypes.c_bool, c_void_p, c_void_p),
    ("nodes_get", c_void_p, c_void_p, c_void_p),
    ("scale_points_begin", c_void_p, c_void_p),
    ("scale_points_next", c_void_p, c_void_p, c_void_p),
    ("scale_points_is_end", ctypes.c_bool, c_void_p, c_void_p),
    ("scale_points_get", c_void_p, c_void_p, c_void_p),
    ("scale_point_get_label", c_void_p, c_void_p),
    ("scale_point_get_value", c_void_p, c_void_p),
    ("plugin_get_uri", c_void_p, c_void_p),
    ("plugin_get_name", c_void_p, c_void_p),
    ("plugin_get_required_features", c_void_p, c_void_p),
    ("plugin_get_num_ports", c_uint32, c_void_p),
    ("plugin_get_port_by_index", c_void_p, c_void_p, c_uint32),
    ("plugin_instantiate", POINTER(_Instance), c_void_p, c_double, c_void_p),
    ("port_is_a", ctypes.c_bool, c_void_p, c_void_p, c_void_p),
    ("port_has_property", ctypes.c_bool, c_void_p, c_void_p, c_void_p),
    ("port_get", c_void_p, c_void_p, c_void_p, c_void_p),
    ("port_get_symbol", c_void_p, c_void_p, c_void_p),
    ("port_get_name", c_void_p, c_void_p, c_void_p),
    ("port_get_scale_points", c_void_p, c_void_p, c_void_p),
    ("port_get_range", None, c_void_p, c_void_p, POINTER(c_void_p), POINTER(c_void_p), POINTER(c_void_p)),
)


def _library() -> ctypes.CDLL:
    name = ctypes.util.find_library("lilv-0")
    if name is None:
        raise OptionError("LV2 plug-ins need liblilv, which is not on this machine; on Debian: apt install liblilv-0-0")
    lilv = ctypes.CDLL(name)
    for function, returned, *arguments in _SIGNATURES:
        entry = getattr(lilv, "lilv_" + function)
        entry.restype, entry.argtypes = returned, arguments
    return lilv


@dataclass(frozen=True)
class _Ports:
    """The memory behind a plug-in's ports: `values` (ports,) of controls, `inputs` and `output` (block,) of audio."""

    values: Array
    inputs: Array
    output: Array
    latency: int | None
    buffers: Mapping[int, Array]


class Lv2Plugin:
    """One plug-in of the machine's, by URI or by the path of its bundle (a folder ending in .lv2)."""

    def __init__(self, name: str) -> None:
        self._lilv = _library()
        self._world = self._lilv.lilv_world_new()
        self._plugin = self._find(name)
        self._ports = [
            self._lilv.lilv_plugin_get_port_by_index(self._plugin, index)
            for index in range(self._lilv.lilv_plugin_get_num_ports(self._plugin))
        ]
        self._check_features()

    def _find(self, name: str) -> int:
        lilv, world = self._lilv, self._world
        if name.endswith(".lv2") or name.endswith(".lv2/"):
            lilv.lilv_world_load_specifications(world)
            lilv.lilv_world_load_bundle(world, lilv.lilv_new_file_uri(world, None, f"{Path(name).resolve()}/".encode()))
            found = list(self._each("plugins", lilv.lilv_world_get_all_plugins(world)))
            uris = [self._text(lilv.lilv_plugin_get_uri(plugin)) for plugin in found]
            if len(found) == 1:
                return found[0]
            known = ", ".join(uris) or "none"
            raise OptionError(f"{name} holds {len(found)} plug-ins ({known}); name one by its URI")
        lilv.lilv_world_load_all(world)
        plugin = lilv.lilv_plugins_get_by_uri(lilv.lilv_world_get_all_plugins(world), self._uri(name))
        if not plugin:
            raise OptionError(f"there is no LV2 plug-in {name}; `lv2ls` lists those on this machine (LV2_PATH)")
        return int(plugin)

    def _check_features(self) -> None:
        needed = self._lilv.lilv_plugin_get_required_features(self._plugin)
        lacking = {self._text(node) for node in self._each("nodes", needed)} - OFFERED
        if lacking:
            raise OptionError(f"this plug-in needs {', '.join(sorted(lacking))}, which is not offered here")

    def describe(self) -> Description:
        """Name, audio ports and controls."""
        lilv = self._lilv
        return Description(
            name=self._text(lilv.lilv_plugin_get_name(self._plugin)) or "plug-in",
            audio_inputs=len(self._ports_of("AudioPort", "InputPort")),
            audio_outputs=len(self._ports_of("AudioPort", "OutputPort")),
            controls=tuple(self._control(index) for index in self._ports_of("ControlPort", "InputPort")),
        )

    def play(self, samples: Array, rate_hz: float, controls: Mapping[str, float]) -> tuple[Array, tuple[float, float]]:
        """What comes out of the first output (n,) for `samples` (n,) at every input; latency before and after.

        `controls` are values by symbol, the others stay at their default. Blocks are always full.
        """
        features = Features(rate_hz, BLOCK)
        instance = self._lilv.lilv_plugin_instantiate(self._plugin, rate_hz, features.pointers)
        if not instance:
            raise DeviceError(f"the plug-in refused to start at {rate_hz:g} Hz")
        descriptor, handle = instance.contents.descriptor.contents, instance.contents.handle
        features.connect_worker(descriptor.extension_data, handle)
        ports = self._connected(descriptor, handle, controls, features)
        if descriptor.activate:
            CFUNCTYPE(None, c_void_p)(descriptor.activate)(handle)
        played = np.zeros(math.ceil(len(samples) / BLOCK) * BLOCK, np.float32)
        padded = np.pad(samples, (0, len(played) - len(samples)))
        latencies = []
        for start in range(0, len(played), BLOCK):
            ports.inputs[:] = padded[start : start + BLOCK]
            descriptor.run(handle, BLOCK)
            features.after_run(handle)
            played[start : start + BLOCK] = ports.output
            latencies.append(float(ports.values[ports.latency]) if ports.latency is not None else 0.0)
        return played[: len(samples)], (latencies[0], latencies[-1])

    def _connected(
        self, descriptor: _Descriptor, handle: int, controls: Mapping[str, float], features: Features
    ) -> "_Ports":
        """Memory for every port, connected: controls set, one buffer for all audio inputs, one for each output."""
        audio, control, cv = (set(self._ports_of(kind)) for kind in ("AudioPort", "ControlPort", "CVPort"))
        is_input = set(self._ports_of("InputPort"))
        values, inputs = np.zeros(len(self._ports), np.float32), np.zeros(BLOCK, np.float32)
        buffers: dict[int, Array] = {}
        for index in range(len(self._ports)):
            if index in control:
                if index in is_input:
                    told = self._control(index)
                    values[index] = controls.get(told.symbol, told.default)
                buffers[index] = values[index:]
            elif index in audio & is_input:
                buffers[index] = inputs
            elif index in audio | cv:
                buffers[index] = np.zeros(BLOCK, np.float32)
            else:
                buffers[index] = features.events(index in is_input)
            descriptor.connect_port(handle, index, buffers[index].ctypes.data)
        return _Ports(values, inputs, buffers[min(audio - is_input)], self._latency_port(), buffers)

    def _control(self, index: int) -> Control:
        lilv, port = self._lilv, self._ports[index]
        ends = [c_void_p() for _ in range(3)]
        lilv.lilv_port_get_range(self._plugin, port, *(byref(end) for end in ends))
        default, low, high = (self._number(end.value) for end in ends)
        points = lilv.lilv_port_get_scale_points(self._plugin, port)
        named = [
            (
                self._number(lilv.lilv_scale_point_get_value(point)),
                self._text(lilv.lilv_scale_point_get_label(point)),
            )
            for point in (self._each("scale_points", points) if points else ())
        ]
        designation = lilv.lilv_port_get(self._plugin, port, self._uri(CORE + "designation"))
        return Control(
            symbol=self._text(lilv.lilv_port_get_symbol(self._plugin, port)),
            name=self._text(lilv.lilv_port_get_name(self._plugin, port)),
            low=low if math.isfinite(low) else 0.0,
            high=high if math.isfinite(high) else 1.0,
            default=default if math.isfinite(default) else (low if math.isfinite(low) else 0.0),
            toggled=self._has(port, CORE + "toggled"),
            integer=self._has(port, CORE + "integer"),
            logarithmic=self._has(port, LV2 + "ext/port-props#logarithmic"),
            enumerated=self._has(port, CORE + "enumeration"),
            points=tuple(sorted(named)),
            is_knob=not designation,
        )

    def _latency_port(self) -> int | None:
        for index in self._ports_of("ControlPort", "OutputPort"):
            designation = self._lilv.lilv_port_get(self._plugin, self._ports[index], self._uri(CORE + "designation"))
            told = self._text(designation) if designation else ""
            if told == CORE + "latency" or self._has(self._ports[index], CORE + "reportsLatency"):
                return index
        return None

    def _ports_of(self, *classes: str) -> list[int]:
        wanted = [self._uri(CORE + name) for name in classes]
        return [
            index
            for index, port in enumerate(self._ports)
            if all(self._lilv.lilv_port_is_a(self._plugin, port, uri) for uri in wanted)
        ]

    def _has(self, port: int, uri: str) -> bool:
        return bool(self._lilv.lilv_port_has_property(self._plugin, port, self._uri(uri)))

    def _uri(self, uri: str) -> int:
        return int(self._lilv.lilv_new_uri(self._world, uri.encode()) or 0)

    def _text(self, node: int) -> str:
        return (self._lilv.lilv_node_as_string(node) or b"").decode(errors="replace") if node else ""

    def _number(self, node: int | None) -> float:
        """The number of a node, without the digits that a float32 does not have; NaN where there is none."""
        return float(f"{self._lilv.lilv_node_as_float(node):.7g}") if node else math.nan

    def _each(self, kind: str, collection: int) -> Iterator[int]:
        lilv = self._lilv
        begin, after, is_end, get = (
            getattr(lilv, f"lilv_{kind}_{verb}") for verb in ("begin", "next", "is_end", "get")
        )
        at = begin(collection)
        while not is_end(collection, at):
            yield get(collection, at)
            at = after(collection, at)
