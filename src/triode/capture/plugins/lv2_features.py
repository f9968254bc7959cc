"""What the host offers to LV2 plug-ins: URIDs, options, bounded blocks, and a worker that works at once."""

import ctypes
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_int, c_uint32, c_void_p
from typing import Any

import numpy as np
from numpy.typing import NDArray

LV2 = "http://lv2plug.in/ns/"
MAP, UNMAP = LV2 + "ext/urid#map", LV2 + "ext/urid#unmap"
OPTIONS, SCHEDULE = LV2 + "ext/options#options", LV2 + "ext/worker#schedule"
# Features without data: the plug-in only asks whether blocks are like that.
BLOCKS = tuple(f"{LV2}ext/buf-size#{kind}BlockLength" for kind in ("bounded", "fixed", "powerOf2"))
OFFERED = {MAP, UNMAP, OPTIONS, SCHEDULE, *BLOCKS}
EVENT_BYTES = 8192

_Map = CFUNCTYPE(c_uint32, c_void_p, c_char_p)
_Unmap = CFUNCTYPE(c_void_p, c_void_p, c_uint32)
_Respond = CFUNCTYPE(c_int, c_void_p, c_uint32, c_void_p)
_Extension = CFUNCTYPE(c_void_p, c_char_p)


class _Feature(Structure):
    _fields_ = (("uri", c_char_p), ("data", c_void_p))


class _HandleAndFunction(Structure):
    _fields_ = (("handle", c_void_p), ("function", c_void_p))


class _Option(Structure):
    _fields_ = (
        ("context", c_int),
        ("subject", c_uint32),
        ("key", c_uint32),
        ("size", c_uint32),
        ("type", c_uint32),
        ("value", c_void_p),
    )


class _Worker(Structure):
    _fields_ = (
        ("work", CFUNCTYPE(c_int, c_void_p, _Respond, c_void_p, c_uint32, c_void_p)),
        ("work_response", CFUNCTYPE(c_int, c_void_p, c_uint32, c_void_p)),
        ("end_run", c_void_p),
    )


class Features:
    """Features for one instance at `rate_hz` and blocks of `block` samples; `pointers` is what LV2 hands over.

    Everything the plug-in may keep a pointer to lives as long as this object.
    """

    def __init__(self, rate_hz: float, block: int) -> None:
        self._urids: dict[bytes, int] = {}
        self._kept: list[Any] = []
        self._worker: Any = None
        self._handle = 0
        self._responses: list[bytes] = []
        self._respond = _Respond(self._take_response)
        data = {
            MAP: self._callback(_Map(self._map)),
            UNMAP: self._callback(_Unmap(self._unmap)),
            SCHEDULE: self._callback(_Respond(self._schedule)),
            OPTIONS: self._options(rate_hz, block),
            **dict.fromkeys(BLOCKS, None),
        }
        features = [_Feature(uri.encode(), pointer) for uri, pointer in data.items()]
        self._kept.append(features)
        self.pointers = (POINTER(_Feature) * (len(features) + 1))(*(ctypes.pointer(feature) for feature in features))

    def connect_worker(self, extension_data: int | None, handle: int) -> None:
        """Let the plug-in's own worker, if it has one, do what it schedules from now on."""
        self._handle = handle
        if extension_data:
            found = _Extension(extension_data)((LV2 + "ext/worker#interface").encode())
            if found:
                self._worker = ctypes.cast(found, POINTER(_Worker)).contents

    def after_run(self, handle: int) -> None:
        """Hand over the answers of the work that was done while the plug-in ran."""
        responses, self._responses = self._responses, []
        for response in responses:
            if self._worker.work_response:
                self._worker.work_response(handle, len(response), response)
        if self._worker is not None and self._worker.end_run:
            CFUNCTYPE(c_int, c_void_p)(self._worker.end_run)(handle)

    def events(self, is_input: bool) -> NDArray[np.float32]:
        """A buffer for events: an empty sequence for an input, room for one at an output (LV2 atoms)."""
        sequence, chunk = (self._urid((LV2 + "ext/atom#" + name).encode()) for name in ("Sequence", "Chunk"))
        buffer = np.zeros(EVENT_BYTES // 4, np.uint32)
        buffer[:2] = (8, sequence) if is_input else (EVENT_BYTES - 8, chunk)
        return buffer.view(np.float32)

    def _urid(self, uri: bytes) -> int:
        return self._urids.setdefault(uri, len(self._urids) + 1)

    def _map(self, handle: int, uri: bytes) -> int:
        return self._urid(uri)

    def _unmap(self, handle: int, urid: int) -> int | None:
        for uri, number in self._urids.items():
            if number == urid:
                text = ctypes.create_string_buffer(uri)
                self._kept.append(text)
                return ctypes.addressof(text)
        return None

    def _schedule(self, handle: int, size: int, data: int) -> int:
        if self._worker is None:
            return 1
        return int(self._worker.work(self._handle, self._respond, None, size, data))

    def _take_response(self, handle: int, size: int, data: int) -> int:
        self._responses.append(ctypes.string_at(data, size))
        return 0

    def _callback(self, function: Any) -> int:
        """The address of a feature that is a handle and one function."""
        feature = _HandleAndFunction(None, ctypes.cast(function, c_void_p))
        self._kept += [function, feature]
        return ctypes.addressof(feature)

    def _options(self, rate_hz: float, block: int) -> int:
        integer, real = (self._urid((LV2 + "ext/atom#" + name).encode()) for name in ("Int", "Float"))
        lengths = ("minBlockLength", "maxBlockLength", "nominalBlockLength")
        values: list[tuple[str, int, Any]] = [
            (f"ext/buf-size#{name}", integer, ctypes.c_int32(block)) for name in lengths
        ]
        values.append(("ext/buf-size#sequenceSize", integer, ctypes.c_int32(EVENT_BYTES)))
        rate = ("ext/parameters#sampleRate", real, ctypes.c_float(rate_hz))
        options = [
            _Option(0, 0, self._urid((LV2 + name).encode()), 4, kind, ctypes.addressof(value))
            for name, kind, value in (*values, rate)
        ]
        array = (_Option * (len(options) + 1))(*options)
        self._kept += [values, rate, array]
        return ctypes.addressof(array)
