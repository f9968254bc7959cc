"""Writing in one step: what existed stays whole, whatever goes wrong, and every failure has its own message."""

import errno
import os
import stat
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from triode.audio import read_audio, write_audio
from triode.errors import OptionError, OutputError
from triode.files import atomic_path, make_folder, write_bytes, write_text


def fails_with(number: int) -> Any:
    def fail(*_: Any, **__: Any) -> Any:
        raise OSError(number, os.strerror(number))

    return fail


def test_a_folder_is_made_with_those_around_it_and_may_be_there(tmp_path: Path) -> None:
    for _ in range(2):
        make_folder(tmp_path / "around" / "inner")
    assert (tmp_path / "around" / "inner").is_dir()


@pytest.mark.parametrize("name", ["file", "file/inner"])
def test_a_folder_does_not_take_the_place_of_a_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_bytes(b"precious")
    with pytest.raises(OptionError, match="is a file, or lies in one; name another"):
        make_folder(tmp_path / name)
    assert (tmp_path / "file").read_bytes() == b"precious"


@pytest.mark.parametrize(
    ("number", "raised", "words"),
    [(errno.EACCES, OptionError, "no permission"), (errno.ENOSPC, OutputError, "No space left")],
)
def test_a_folder_that_cannot_be_made_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, raised: type[Exception], words: str
) -> None:
    monkeypatch.setattr(Path, "mkdir", fails_with(number))
    with pytest.raises(raised, match=f"the folder {tmp_path / 'new'}: {words}"):
        make_folder(tmp_path / "new")


def test_new_file_and_replacement(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    write_text(target, "först")
    assert target.read_text(encoding="utf-8") == "först"
    write_bytes(target, b"second")
    assert target.read_bytes() == b"second"
    assert list(tmp_path.iterdir()) == [target]


def test_the_old_file_is_there_until_the_new_one_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "a.wav"
    target.write_bytes(b"old")
    with atomic_path(target) as temporary:
        temporary.write_bytes(b"half")
        assert target.read_bytes() == b"old"
        assert temporary.parent == tmp_path, "a rename is only atomic within one file system"
        assert temporary.suffix == ".wav", "writers choose the format by the ending"
    assert target.read_bytes() == b"half"


@pytest.mark.parametrize("error", [ValueError("bug"), KeyboardInterrupt()])
def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: BaseException) -> None:
    target = tmp_path / "a.txt"
    target.write_bytes(b"old")

    def write_half() -> None:
        with atomic_path(target) as temporary:
            temporary.write_bytes(b"half")
            raise error

    with pytest.raises(type(error)):
        write_half()
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_results_have_the_permissions_of_any_new_file(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        write_bytes(tmp_path / "a", b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o666 & ~mask


def test_missing_folder_and_folder_as_target(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"folder .*nowhere does not exist; create it first"):
        write_bytes(tmp_path / "nowhere" / "a", b"")
    with pytest.raises(OptionError, match="it is a folder; name a file"):
        write_bytes(tmp_path, b"")


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_read_only_folder_is_a_wrong_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Simulated, because the superuser may write anywhere."""
    monkeypatch.setattr(tempfile, "mkstemp", fails_with(number))
    with pytest.raises(OptionError, match="read-only") as caught:
        write_bytes(tmp_path / "a", b"")
    assert caught.value.exit_status == 2


@pytest.mark.parametrize("where", ["creating", "writing", "renaming"])
def test_full_disk_is_a_failure_of_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    target = tmp_path / "a"
    target.write_bytes(b"old")
    owner, name = {
        "creating": (tempfile, "mkstemp"),
        "writing": (Path, "write_bytes"),
        "renaming": (Path, "replace"),
    }[where]
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, fails_with(errno.ENOSPC))
        with pytest.raises(OutputError, match="No space left on device") as caught:
            write_bytes(target, b"new")
    assert caught.value.exit_status == 1
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_audio_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """libsndfile reports errors in its own way; /dev/full is a disk without space."""
    target = tmp_path / "a.wav"
    write_audio(target, np.full(100, 0.5, dtype=np.float32), 48_000)

    def on_full_disk(prefix: str, suffix: str, dir: Path) -> tuple[int, str]:
        link = Path(dir) / f"{prefix}full{suffix}"
        link.symlink_to("/dev/full")
        return os.open(link, os.O_WRONLY), str(link)

    monkeypatch.setattr(tempfile, "mkstemp", on_full_disk)
    with pytest.raises(OutputError, match="cannot write") as caught:
        write_audio(target, np.zeros(1_000_000, dtype=np.float32), 48_000)
    assert caught.value.exit_status == 1
    assert read_audio(target).samples[50] == 0.5
    assert list(tmp_path.iterdir()) == [target]
