"""Plug-ins for macOS of one processor each, put together into universal ones, as Apple's `lipo` does it.

usage: python scripts/universal_macos.py OUT IN IN ...

The format is that of <mach-o/fat.h>: a header in big-endian numbers, then the files as they are.
"""

import shutil
import struct
import sys
from pathlib import Path

MACH_O_64 = 0xFEEDFACF
UNIVERSAL = 0xCAFEBABE
PAGE_BITS = 14  # of the larger pages, those of ARM
PLUGINS = ("Triode.vst3", "Triode.clap")
BINARY = Path("Contents", "MacOS", "Triode")


def universal(binaries: list[bytes]) -> bytes:
    """One file of several 64-bit Mach-O files, each for another processor."""
    page = 1 << PAGE_BITS
    entries, parts = b"", b""
    at = page
    for binary in binaries:
        magic, cpu_type, cpu_subtype = struct.unpack_from("<III", binary)
        if magic != MACH_O_64:
            raise ValueError("expected 64-bit Mach-O files")
        entries += struct.pack(">5I", cpu_type, cpu_subtype, at, len(binary), PAGE_BITS)
        padded = binary + bytes(-len(binary) % page)
        parts += padded
        at += len(padded)
    return (struct.pack(">II", UNIVERSAL, len(binaries)) + entries).ljust(page, b"\0") + parts


def main(out: Path, sources: list[Path]) -> None:
    """Write the universal plug-ins into `out`, described as those in the first of `sources`."""
    for name in PLUGINS:
        target = out / name
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(sources[0] / name, target)
        (target / BINARY).write_bytes(universal([(source / name / BINARY).read_bytes() for source in sources]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(source) for source in sys.argv[2:]])
