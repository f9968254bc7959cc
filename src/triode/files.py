"""Writing files so that nothing that existed is lost: write beside the target, then rename."""

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from triode.errors import OptionError, OutputError

__all__ = [
    "atomic_path",
    "write_bytes",
    "write_text",
]


@contextlib.contextmanager
def atomic_path(target: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `target`; on success it takes the target's place, on failure it is removed.

    Raises OptionError where the folder does not exist or may not be written to (a wrong request), OutputError
    where writing itself fails (disk full).
    """
    target = Path(target)
    folder = target.parent
    if not folder.is_dir():
        raise OptionError(f"cannot write {target}: the folder {folder} does not exist; create it first")
    if target.is_dir():
        raise OptionError(f"cannot write {target}: it is a folder; name a file")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.stem}-", suffix=target.suffix, dir=folder)
    except PermissionError as error:
        raise OptionError(f"cannot write {target}: the folder {folder} is read-only; choose another") from error
    except OSError as error:
        if error.errno == errno.EROFS:
            raise OptionError(f"cannot write {target}: {folder} is on a read-only disk") from error
        raise OutputError(f"cannot write {target}: {error.strerror}") from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes files private; a result gets the permissions any new file would have.
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        temporary.replace(target)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        advice = "free some space and try again" if full else "check the disk"
        raise OutputError(f"cannot write {target}: {error.strerror or error}; {advice}") from error
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(target: str | Path, data: bytes) -> None:
    """Write `data` to `target` in one step: readers see the old file or the new one, never half of it."""
    with atomic_path(target) as temporary:
        temporary.write_bytes(data)


def write_text(target: str | Path, text: str) -> None:
    """Write UTF-8 `text` to `target` in one step."""
    write_bytes(target, text.encode())


def make_folder(folder: Path) -> None:
    """Make a folder and those around it; one that is there is left as it is.

    Raises OptionError where that is not possible or not allowed, OutputError where it fails.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise OptionError(f"cannot make the folder {folder}: it is a file, or lies in one; name another") from error
    except PermissionError as error:
        raise OptionError(f"cannot make the folder {folder}: no permission; choose another place") from error
    except OSError as error:
        raise OutputError(f"cannot make the folder {folder}: {error.strerror}") from error


class _Abandoned(Exception):
    """Leaves `atomic_path` without a result."""


def check_writable(target: str | Path) -> None:
    """Raise now what writing `target` would raise later, before long work is done for nothing."""
    with contextlib.suppress(_Abandoned), atomic_path(target):
        raise _Abandoned
