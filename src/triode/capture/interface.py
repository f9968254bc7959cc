"""Recording real devices: play through an audio interface, record what comes back, and set knobs by hand or by MIDI.

sounddevice, mido and python-rtmidi are an optional extra, loaded when an interface or a MIDI port is asked for.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from triode.audio import Samples
from triode.capture.align import align
from triode.capture.signal import level_test
from triode.errors import AudioFileError, DeviceError, OptionError
from triode.knobs import Knob

# Silence before and after what is played: the stream starts, a device rings on, and the recording comes back late.
LEAD_SECONDS, TAIL_SECONDS = 0.5, 1.0
CLIPPED_DBFS, HOT_DBFS, QUIET_DBFS, NOTHING_DBFS = -0.1, -3.0, -30.0, -70.0
LEAST_ABOVE_NOISE_DB = 20.0
MOST_TRIES = 3
MOST_REPEATS = 64
SETTLE_SECONDS = 0.3
MOST_JITTER_SAMPLES = 4096
FINE = 8


class AudioPort(Protocol):
    """One output and one input that run on one clock."""

    def play_and_record(self, samples: Samples, rate_hz: int) -> Samples:
        """What comes in (n,) while `samples` (n,) go out. Raises DeviceError, also where samples were lost."""
        ...


class MidiPort(Protocol):
    """Where control changes are sent to."""

    def control_change(self, controller: int, value: int) -> None:
        """Set `controller` (0 to 127) to `value` (0 to 127)."""
        ...


@dataclass(frozen=True)
class Levels:
    """What the level check found: peaks in dBFS while playing and in silence, and the way round in samples."""

    peak_dbfs: float
    noise_dbfs: float
    latency_samples: float

    @property
    def advice(self) -> str:
        """What to turn for a better recording; empty where the level is good."""
        if self.peak_dbfs > HOT_DBFS:
            return f"the return peaks at {self.peak_dbfs:.1f} dBFS: turn the interface's input gain down a little"
        if self.peak_dbfs < QUIET_DBFS:
            return f"the return peaks at {self.peak_dbfs:.1f} dBFS: turn the interface's input gain up"
        return ""


def check_levels(port: AudioPort, rate_hz: int) -> Levels:
    """Play a short test and measure what comes back.

    Raises DeviceError where nothing does, where it is lost in noise, or where the input clips.
    """
    test = level_test(rate_hz)
    lead = round(LEAD_SECONDS * rate_hz)
    played = np.concatenate([np.zeros(lead, np.float32), test, np.zeros(2 * lead, np.float32)])
    recorded = _undisturbed(port, played, rate_hz)
    peak, noise = _dbfs(recorded), _dbfs(recorded[lead // 4 : lead])
    if peak > CLIPPED_DBFS:
        raise DeviceError(f"the input clips ({peak:.1f} dBFS): turn the interface's input gain down, then start again")
    if peak < NOTHING_DBFS or peak < noise + LEAST_ABOVE_NOISE_DB:
        raise DeviceError(
            f"nothing comes back: {peak:.0f} dBFS while playing, {noise:.0f} dBFS in silence; "
            "check cables, channels and gains"
        )
    try:
        latency = align(played, recorded, rate_hz).latency_samples
    except AudioFileError as error:
        raise DeviceError(f"what comes back is not what was played ({error}); check the channels") from error
    return Levels(peak, noise, latency)


class InterfaceDevice:
    """A device behind an audio interface. Before each take, `ask` is told what to set by hand, as a person reads it.

    Knobs in `controllers` (knob name to MIDI controller) are set through `midi`, by their travel. Each take is played
    `repeats` times; the recordings are aligned to each other and averaged, which lowers noise and hum.
    """

    def __init__(
        self,
        port: AudioPort,
        knobs: Sequence[Knob],
        ask: Callable[[Mapping[str, str]], None],
        *,
        repeats: int = 1,
        controllers: Mapping[str, int] | None = None,
        midi: MidiPort | None = None,
    ) -> None:
        if not 1 <= repeats <= MOST_REPEATS:
            raise OptionError(f"--repeat {repeats}: expected 1 to {MOST_REPEATS}")
        self._port, self._ask, self._repeats = port, ask, repeats
        self._knobs = {knob.name: knob for knob in knobs}
        self._controllers, self._midi = dict(controllers or {}), midi
        for name in self._controllers:
            if name not in self._knobs:
                raise OptionError(f"--midi-cc {name}: there is no knob {name!r}; the knobs: {', '.join(self._knobs)}")

    def play(self, dry: Samples, rate_hz: int, settings: Mapping[str, float]) -> Samples:
        """What comes back (m,) for `dry` (n,), with its latency and a second of tail."""
        for name, controller in self._controllers.items():
            assert self._midi is not None
            self._midi.control_change(controller, round(127 * self._knobs[name].travel(settings[name])))
        by_hand = {
            name: self._knobs[name].shown(value) for name, value in settings.items() if name not in self._controllers
        }
        if by_hand:
            self._ask(by_hand)
        elif self._controllers:
            time.sleep(SETTLE_SECONDS)
        lead, tail = round(LEAD_SECONDS * rate_hz), round(TAIL_SECONDS * rate_hz)
        padded = np.pad(dry, (lead, tail))
        recordings = [_undisturbed(self._port, padded, rate_hz)[lead:] for _ in range(self._repeats)]
        if any(_dbfs(recording) > CLIPPED_DBFS for recording in recordings):
            raise DeviceError("the input clips: turn the interface's input gain down")
        if max(_dbfs(recording) for recording in recordings) < NOTHING_DBFS:
            raise DeviceError("nothing comes back: check cables, and whether the device is on")
        return average(recordings)


def average(recordings: Sequence[Samples]) -> Samples:
    """The mean (n,) of recordings (n,) of one thing, each shifted to lie on the first, to a fraction of a sample."""
    if len(recordings) == 1:
        return recordings[0]
    first = recordings[0].astype(np.float64)
    total = first.copy()
    for other in recordings[1:]:
        total += _shifted_onto(first, other.astype(np.float64))
    return np.asarray(total / len(recordings), dtype=np.float32)


def parse_controllers(texts: Sequence[str]) -> dict[str, int]:
    """Knob names and MIDI controllers from texts like `gain=20`. Raises OptionError."""
    controllers = {}
    for text in texts:
        name, _, number = text.partition("=")
        if not name or not number.isascii() or not number.isdigit() or not 0 <= int(number) <= 127:
            raise OptionError(f"--midi-cc {text}: expected a knob and a controller from 0 to 127, like gain=20")
        controllers[name] = int(number)
    return controllers


class SoundPort:
    """An audio interface through sounddevice: `device` by name or number (None: the system's), channels from 1."""

    def __init__(self, device: str | None = None, input_channel: int = 1, output_channel: int = 1) -> None:
        try:
            import sounddevice
        except (ImportError, OSError) as error:
            # OSError: the module is there, PortAudio is not.
            raise OptionError(
                f"an audio interface needs sounddevice and PortAudio ({error}): pip install 'triode[live]'; "
                "on Debian also apt install libportaudio2"
            ) from error
        self._sound: Any = sounddevice
        self._device = int(device) if device is not None and device.isdigit() else device
        self._channels = input_channel, output_channel
        self._check()

    def _check(self) -> None:
        for kind, channel in zip(("input", "output"), self._channels, strict=True):
            try:
                found = self._sound.query_devices(self._device, kind)
            except (ValueError, self._sound.PortAudioError) as error:
                raise OptionError(
                    f"--device {self._device}: {' '.join(str(error).split())}; choose one of them"
                ) from error
            most = found[f"max_{kind}_channels"]
            if not 1 <= channel <= most:
                raise OptionError(f"--{kind}-channel {channel}: {found['name']} has channels 1 to {most}")

    def play_and_record(self, samples: Samples, rate_hz: int) -> Samples:
        """What comes in (n,) while `samples` (n,) go out."""
        inputs, outputs = ([channel] for channel in self._channels)
        try:
            recorded: NDArray[np.float32] = self._sound.playrec(
                samples[:, None],
                samplerate=rate_hz,
                dtype="float32",
                device=self._device,
                input_mapping=inputs,
                output_mapping=outputs,
                blocking=True,
            )
        except (ValueError, self._sound.PortAudioError) as error:
            raise DeviceError(f"the interface failed: {' '.join(str(error).split())}") from error
        status = self._sound.get_status()
        if status.input_overflow or status.output_underflow:
            raise LostSamplesError("the interface lost samples; raise its buffer size and close other programs")
        return np.ascontiguousarray(recorded[:, 0])


class LostSamplesError(DeviceError):
    """Samples were lost while recording; another try may do."""


class MidoPort:
    """A MIDI output through mido and python-rtmidi; `name` is part of its name (None: the first there is)."""

    def __init__(self, name: str | None = None, channel: int = 1) -> None:
        try:
            import mido

            names = mido.get_output_names()
        except (ImportError, OSError) as error:
            raise OptionError(f"MIDI needs mido and python-rtmidi ({error}): pip install 'triode[live]'") from error
        found = [known for known in names if name is None or name.lower() in known.lower()]
        if not found:
            raise OptionError(f"--midi-port {name}: there is no such port; the ports: {', '.join(names) or 'none'}")
        if not 1 <= channel <= 16:
            raise OptionError(f"--midi-channel {channel}: expected 1 to 16")
        self._mido: Any = mido
        self._port, self._channel = mido.open_output(found[0]), channel - 1

    def control_change(self, controller: int, value: int) -> None:
        """Send one control change."""
        self._port.send(self._mido.Message("control_change", channel=self._channel, control=controller, value=value))


def _undisturbed(port: AudioPort, samples: Samples, rate_hz: int) -> Samples:
    """One recording in which no sample was lost, from a few tries."""
    for _ in range(MOST_TRIES - 1):
        try:
            return port.play_and_record(samples, rate_hz)
        except LostSamplesError:
            continue
    return port.play_and_record(samples, rate_hz)


def _dbfs(samples: Samples) -> float:
    return float(20 * np.log10(max(float(np.max(np.abs(samples), initial=0.0)), 1e-10)))


def _shifted_onto(first: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """`other` shifted, by a fraction of a sample where need be, so that it lies on `first`."""
    size = fft.next_fast_len(2 * len(first), real=True)
    spectra = fft.rfft(first, size), fft.rfft(other, size)
    agreement = fft.irfft(np.conj(spectra[0]) * spectra[1], FINE * size)
    # Hum agrees at any distance; what was played comes at nearly the same time each time.
    most = min(MOST_JITTER_SAMPLES, size // 2) * FINE
    lag = (int(np.argmax(np.concatenate([agreement[-most:], agreement[: most + 1]]))) - most) / FINE
    return np.asarray(fft.irfft(spectra[1] * np.exp(2j * np.pi * fft.rfftfreq(size) * lag), size)[: len(first)])
