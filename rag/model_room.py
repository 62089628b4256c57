"""Whether a machine has the disk and the memory that the language model needs; sums of files."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from index.errors import ModelError

#: Told what is being done, in words, and how many of how many bytes are done; 0 of 0 if unknown.
Tell = Callable[[str, int, int], None]
#: Bytes of memory that must be available to convert, and to load.
CONVERT_MEMORY, LOAD_MEMORY = 3_600_000_000, 2_200_000_000


def sha256_of(path: Path, tell: Tell = lambda what, done, of: None) -> str:
    """The SHA-256 of a file, in hex."""
    digest, done, size = hashlib.sha256(), 0, path.stat().st_size
    for block in blocks_of(path):
        digest.update(block)
        done += len(block)
        tell("checking the language model", done, size)
    return digest.hexdigest()


def blocks_of(path: Path) -> Iterator[bytes]:
    """A file's bytes, eight mebibytes at a time."""
    with path.open("rb") as file:
        while block := file.read(8 << 20):
            yield block


def need_room(folder: Path, size: int) -> None:
    """Raises ModelError if fewer than `size` bytes are free where `folder` lies."""
    free = shutil.disk_usage(folder).free
    if free < size:
        raise ModelError(
            f"the language model needs {size / 1e9:.1f} GB in {folder}, where {free / 1e9:.1f} GB "
            f"are free: make room, or name another folder in WIRECHECK_MODEL_FOLDER"
        )


def need_memory(size: int, what: str) -> None:
    """Raises ModelError if less memory is available, where the system tells."""
    free = available_memory()
    if free is not None and free < size:
        raise ModelError(
            f"too little memory to {what} the language model: {free / 1e9:.1f} GB are free, "
            f"{size / 1e9:.1f} GB are needed; close other programs, or use --model none"
        )


def available_memory() -> int | None:
    """Bytes that can be had without swapping; None where the system doesn't tell."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    rows = dict(line.split(":", 1) for line in lines if ":" in line)
    kilobytes = rows.get("MemAvailable", "").split()
    return 1024 * int(kilobytes[0]) if kilobytes else None
