"""What `make plugin-macos` builds: what a Mac sees of it. None is here to play it."""

import plistlib
import struct
from pathlib import Path

import pytest
from plugin_files import ROOT

from triode import __version__

BUILT = ROOT / "build" / "plugin-macos" / "bin"
ENTRIES = {"Triode.vst3": {"_GetPluginFactory", "_bundleEntry", "_bundleExit"}, "Triode.clap": {"_clap_entry"}}
ARM64, X86_64 = 0x0100000C, 0x01000007
SYMTAB, LOAD_DYLIB, ID_DYLIB, CODE_SIGNATURE, BUILD_VERSION = 0x2, 0xC, 0xD, 0x1D, 0x32
EXTERNAL, PRIVATE, DEFINED_IN_SECTION = 0x01, 0x10, 0x0E


@pytest.fixture(params=ENTRIES)
def plugin(request: pytest.FixtureRequest) -> Path:
    path = BUILT / request.param
    if not path.exists():
        pytest.skip(f"{path.name} for macOS is not built here (make plugin-macos)")
    return path


def binaries(universal: bytes) -> dict[int, bytes]:
    """The files within a universal one by processor, by <mach-o/fat.h>."""
    magic, count = struct.unpack_from(">II", universal)
    assert magic == 0xCAFEBABE
    found = {}
    for index in range(count):
        processor, _, at, size, align_bits = struct.unpack_from(">5I", universal, 8 + 20 * index)
        assert at % (1 << align_bits) == 0
        assert at + size <= len(universal)
        found[processor] = universal[at : at + size]
    return found


def commands(binary: bytes) -> list[tuple[int, bytes]]:
    """The load commands of a 64-bit Mach-O library, by <mach-o/loader.h>."""
    magic, _, _, kind, count = struct.unpack_from("<5I", binary)
    assert (magic, kind) == (0xFEEDFACF, 6), "a library, which hosts load like a bundle"
    at, found = 32, []
    for _ in range(count):
        command, size = struct.unpack_from("<II", binary, at)
        found.append((command, binary[at : at + size]))
        at += size
    return found


def text(binary: bytes, at: int) -> str:
    return binary[at : binary.index(b"\0", at)].decode()


def exports(binary: bytes) -> set[str]:
    """The names that it offers to others."""
    (table,) = [body for command, body in commands(binary) if command == SYMTAB]
    first, count, strings, _ = struct.unpack_from("<4I", table, 8)
    offered = set()
    for index in range(count):
        name, kind, _, _, _ = struct.unpack_from("<IBBHQ", binary, first + 16 * index)
        if kind & (EXTERNAL | PRIVATE | DEFINED_IN_SECTION) == EXTERNAL | DEFINED_IN_SECTION:
            offered.add(text(binary, strings + name))
    return offered


def test_a_host_finds_its_way_in_on_both_processors(plugin: Path) -> None:
    both = binaries((plugin / "Contents" / "MacOS" / "Triode").read_bytes())
    assert set(both) == {ARM64, X86_64}
    for binary in both.values():
        offered = exports(binary)
        assert offered >= ENTRIES[plugin.name]
        # The rest is C++'s new and delete, which all libraries of a process share, and the linker's own.
        rest = offered - ENTRIES[plugin.name] - {"___dso_handle", "__mh_dylib_header"}
        assert all(name.startswith(("__Zn", "__Zd")) for name in rest), rest


def test_it_needs_nothing_but_the_system(plugin: Path) -> None:
    for processor, binary in binaries((plugin / "Contents" / "MacOS" / "Triode").read_bytes()).items():
        told = commands(binary)
        needed = [text(body, struct.unpack_from("<I", body, 8)[0]) for command, body in told if command == LOAD_DYLIB]
        assert needed == ["/usr/lib/libSystem.B.dylib"]
        (own_name,) = [text(body, 24) for command, body in told if command == ID_DYLIB]
        assert own_name == f"@rpath/{plugin.name}", "no path of this machine"
        ((system, oldest),) = [struct.unpack_from("<II", body, 8) for command, body in told if command == BUILD_VERSION]
        assert (system, oldest) == (1, 11 << 16), "macOS 11"
        signed = any(command == CODE_SIGNATURE for command, _ in told)
        assert signed or processor == X86_64, "ARM loads nothing without a signature, if only the linker's own"


def test_the_bundle_is_described(plugin: Path) -> None:
    contents = plugin / "Contents"
    told = plistlib.loads((contents / "Info.plist").read_bytes())
    assert (contents / "MacOS" / told["CFBundleExecutable"]).stat().st_mode & 0o111 == 0o111
    assert told["CFBundleIdentifier"] == "triode.rig." + plugin.suffix[1:]
    assert (told["CFBundleVersion"], told["CFBundlePackageType"]) == (__version__, "BNDL")
    assert (contents / "PkgInfo").read_bytes() == b"BNDL????"
