"""Playing live: a rig between an input of an audio interface and its outputs, for those without a DAW.

Built on sounddevice (PortAudio); the rig runs in its callback, which never waits for anything.
"""

import atexit
import math
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from triode.audio import Samples
from triode.errors import DeviceError, OptionError

__all__ = ["Interface", "LivePlayer", "Meters", "devices", "play_sound"]

SILENCE_DB = -120.0
CLIPPED = 1.0
CLOSE_SECONDS = 5.0


class PlaysBlocks(Protocol):
    """What is played live: a `triode.rig.Rig`, or anything that plays blocks as it does."""

    @property
    def sample_rate(self) -> float:
        """Samples per second."""
        ...

    @property
    def latency_samples(self) -> int:
        """Samples by which the output lags the input."""
        ...

    def process(self, block: Samples) -> Samples:
        """The next samples: (n,) in, (n,) out."""
        ...


@dataclass(frozen=True)
class Interface:
    """An interface: `device` by name or number (None: the system's), the channel with the guitar, from 1.

    `block` is the number of samples played at once; 0 lets the driver choose.
    """

    device: str | None = None
    input_channel: int = 1
    block: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.block <= 65536:
            raise OptionError(f"--block {self.block}: expected 0 (the driver's choice) to 65536")

    @property
    def number_or_name(self) -> int | str | None:
        """The device as sounddevice takes it."""
        return int(self.device) if self.device is not None and self.device.isdigit() else self.device


@dataclass(frozen=True)
class Meters:
    """What there is to see while playing: peaks in dBFS since the last look, and how things stand since the start.

    `latency_seconds` is the whole way from input to output as the driver tells it, the rig's own included; `load` is
    the share of the time that playing takes, 0 to 1.
    """

    input_db: float
    output_db: float
    clipped: bool
    xruns: int
    latency_seconds: float
    load: float


class LivePlayer:
    """Plays a rig through an interface while it is open (`with`); the rig's sample rate has to be the interface's.

    Raises OptionError for a device or a channel that is not there, DeviceError where the interface fails.
    """

    def __init__(self, rig: PlaysBlocks, interface: Interface) -> None:
        self._rig, self._channel = rig, interface.input_channel - 1
        self._input = self._output = 0.0
        self._clipped, self._xruns = False, 0
        self._problem: BaseException | None = None
        self._ended = threading.Event()
        self._sound = _sounddevice()
        outputs = _checked_channels(self._sound, interface)
        try:
            self._stream: Any = self._sound.Stream(
                samplerate=rig.sample_rate,
                blocksize=interface.block,
                device=interface.number_or_name,
                channels=(interface.input_channel, outputs),
                dtype="float32",
                latency="low",
                callback=self._play,
                finished_callback=self._ended.set,
            )
        except (ValueError, self._sound.PortAudioError) as error:
            raise DeviceError(f"the interface cannot be opened: {' '.join(str(error).split())}") from error

    def __enter__(self) -> "LivePlayer":
        try:
            self._stream.start()
        except self._sound.PortAudioError as error:
            raise DeviceError(f"the interface does not start: {' '.join(str(error).split())}") from error
        return self

    def __exit__(self, *problem: object) -> None:
        # A driver that has lost its server may never come back from closing, and no Ctrl-C would reach us there.
        closing = threading.Thread(target=self._close, daemon=True)
        closing.start()
        closing.join(CLOSE_SECONDS)
        if closing.is_alive():
            atexit.unregister(self._sound._exit_handler)
            raise DeviceError(f"the interface does not let go after {CLOSE_SECONDS:g} s; is its driver still running?")

    def _close(self) -> None:
        with suppress(self._sound.PortAudioError):
            self._stream.close()

    def wait(self, seconds: float) -> None:
        """Let it play for a while; raises DeviceError as soon as the interface has stopped."""
        if self._ended.wait(seconds):
            why = f" ({self._problem})" if self._problem else ""
            raise DeviceError(f"the interface has stopped{why}; is it still connected?")

    def meters(self) -> Meters:
        """How it goes; peaks begin anew with each look."""
        found = Meters(
            input_db=_in_db(self._input),
            output_db=_in_db(self._output),
            clipped=self._clipped,
            xruns=self._xruns,
            latency_seconds=float(sum(self._stream.latency)) + self._rig.latency_samples / self._rig.sample_rate,
            load=float(self._stream.cpu_load),
        )
        self._input = self._output = 0.0
        return found

    def _play(self, taken: NDArray[Any], given: NDArray[Any], count: int, time: object, status: Any) -> None:
        """Called by the interface: (n, inputs) in, (n, outputs) out."""
        if status:
            self._xruns += 1
        try:
            dry = np.ascontiguousarray(taken[:, self._channel])
            wet = self._rig.process(dry)
            given[:] = wet[:, None]
        except BaseException as error:
            self._problem = error
            given[:] = 0.0
            raise self._sound.CallbackAbort from error
        self._input = max(self._input, float(np.max(np.abs(dry), initial=0.0)))
        self._output = max(self._output, float(np.max(np.abs(wet), initial=0.0)))
        self._clipped = self._clipped or max(self._input, self._output) >= CLIPPED


def devices() -> Sequence[str]:
    """The interfaces of this machine, a line each, with the number and the channels of each."""
    sound = _sounddevice()
    return [
        f"{number}  {found['name']}: {found['max_input_channels']} in, {found['max_output_channels']} out, "
        f"{found['default_samplerate']:g} Hz"
        for number, found in enumerate(sound.query_devices())
    ]


def play_sound(samples: NDArray[np.floating[Any]], rate_hz: int, interface: Interface | None = None) -> None:
    """Play (n,) samples to their end, on the system's device unless `interface` names one; Ctrl-C stops the sound.

    Raises OptionError where there is no such device, DeviceError where it does not take the sound.
    """
    sound = _sounddevice()
    interface = interface or Interface()
    _queried(sound, interface, "output")
    try:
        sound.play(np.asarray(samples, np.float32), rate_hz, device=interface.number_or_name)
        sound.wait()
    except sound.PortAudioError as error:
        raise DeviceError(f"the sound could not be played: {' '.join(str(error).split())}") from error
    finally:
        sound.stop()


def default_rate_hz(interface: Interface) -> float:
    """The sample rate that the interface is set to. Raises OptionError where it is not there."""
    sound = _sounddevice()
    return float(_queried(sound, interface, "input")["default_samplerate"])


def _sounddevice() -> Any:
    try:
        import sounddevice
    except (ImportError, OSError) as error:
        # OSError: the module is there, PortAudio is not.
        raise OptionError(
            f"playing live needs sounddevice and PortAudio ({error}): pip install 'triode[live]'; "
            "on Debian also apt install libportaudio2"
        ) from error
    return sounddevice


def _queried(sound: Any, interface: Interface, kind: str) -> Any:
    try:
        return sound.query_devices(interface.number_or_name, kind)
    except (ValueError, sound.PortAudioError) as error:
        why = " ".join(str(error).split())
        raise OptionError(
            f"--device {interface.device or 'of the system'}: {why}; `triode play --list` shows all"
        ) from error


def _checked_channels(sound: Any, interface: Interface) -> int:
    """The number of output channels to play on: two where there are two."""
    taken, given = (_queried(sound, interface, kind) for kind in ("input", "output"))
    most = taken["max_input_channels"]
    if not 1 <= interface.input_channel <= most:
        raise OptionError(f"--input-channel {interface.input_channel}: {taken['name']} has channels 1 to {most}")
    return min(2, int(given["max_output_channels"]))


def _in_db(peak: float) -> float:
    return max(20 * math.log10(peak), SILENCE_DB) if peak > 0 else SILENCE_DB
