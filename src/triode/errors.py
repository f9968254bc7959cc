"""The one exception tree.

TriodeError
  x RequestError        what was asked for cannot be done as asked (exit status 2)
    + AudioFileError    an audio file is missing, unreadable, or not of the kind needed
    + ModelFileError    a model file is missing, unreadable, truncated, forged or unsupported
    + CaptureError      a capture folder is missing, incomplete or contradicts itself
    + OptionError       an option has a value that cannot work
    + RecordingError    a recording is unusable for modelling
  x WorkError           the work itself failed (exit status 1)
    + TrainingError     training diverged or could not go on
    + OutputError       a result could not be written (disk full, device gone)
    + DeviceError       a device that was to be recorded failed: a plug-in crashed, an interface fell silent

Every message says what was found, what was expected, and what to do about it, in one line.
"""

__all__ = [
    "AudioFileError",
    "CaptureError",
    "DeviceError",
    "ModelFileError",
    "OptionError",
    "OutputError",
    "RecordingError",
    "RequestError",
    "TrainingError",
    "TriodeError",
    "WorkError",
]


class TriodeError(Exception):
    """Base of every error that Triode raises for its user."""

    exit_status = 1


class RequestError(TriodeError):
    """What was asked for cannot be done as asked."""

    exit_status = 2


class AudioFileError(RequestError):
    """An audio file is missing, unreadable, or not of the kind needed."""


class ModelFileError(RequestError):
    """A model file is missing, unreadable, truncated, forged or unsupported."""


class CaptureError(RequestError):
    """A capture folder is missing, incomplete or contradicts itself."""


class OptionError(RequestError):
    """An option has a value that cannot work."""


class WorkError(TriodeError):
    """The work itself failed."""


class RecordingError(RequestError):
    """A recording is unusable for modelling."""


class TrainingError(WorkError):
    """Training diverged or could not go on."""


class OutputError(WorkError):
    """A result could not be written."""


class DeviceError(WorkError):
    """A device that was to be recorded failed."""
