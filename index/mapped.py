"""Files that are read where they lie: mapped into memory, and the arrays in them.

Only what is touched is read, processes share it, and under memory pressure the system may drop it
again. A mapping outlives the removal of its file, but not its being cut short: reading past the
new end kills the process (SIGBUS), which no handler can catch. So published files never change.
"""

from __future__ import annotations

import hashlib
import io
import mmap
import os
import stat
import tokenize
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .errors import IndexCorrupt

# What a file holds: its bytes, mapped or not.
Data = bytes | memoryview

_NO_ARRAY = (ValueError, EOFError, SyntaxError, tokenize.TokenError)
_MAX_HEADER = 4096


def checked_file(path: Path, entry: Mapping[str, Any]) -> memoryview:
    """Map the file at `path` after comparing it with `entry`, its `size` and `sha256`.

    Raises IndexCorrupt naming the file if it is missing, unreadable, no regular file or differs.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        # What is mapped is the very file that was compared, whatever becomes of its name.
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_size != entry["size"]:
                raise IndexCorrupt(f"{path}: {status.st_size} bytes, not {entry['size']}")
            if hashlib.file_digest(file, "sha256").hexdigest() != entry["sha256"]:
                raise IndexCorrupt(f"{path}: its bytes are not those that were written")
            if not status.st_size:
                return memoryview(b"")  # nothing can't be mapped
            return memoryview(mmap.mmap(descriptor, status.st_size, access=mmap.ACCESS_READ))
    except FileNotFoundError as error:
        raise IndexCorrupt(f"{path}: is missing") from error
    except (OSError, ValueError) as error:  # a ValueError: cut short since its size was asked
        reason = getattr(error, "strerror", None) or str(error)
        raise IndexCorrupt(f"{path}: can't be read: {reason}") from error


def array_in(
    data: Data, name: str, dtype: DTypeLike, shape: tuple[int | None, ...]
) -> NDArray[Any]:
    """Read the array of a .npy file without copying it; None in `shape` is any length.

    Raises IndexCorrupt, naming the file as `name`, if `data` is anything else.
    """
    header = io.BytesIO(bytes(data[:_MAX_HEADER]))
    try:
        if np.lib.format.read_magic(header) != (1, 0):
            raise ValueError("another version")
        found, by_columns, kind = np.lib.format.read_array_header_1_0(header)
    except _NO_ARRAY as error:
        raise IndexCorrupt(f"{name}: is no array file") from error
    wanted = np.dtype(dtype)
    fits = len(found) == len(shape) and all(
        w in (None, f) for f, w in zip(found, shape, strict=True)
    )
    if kind != wanted or by_columns or not fits:
        raise IndexCorrupt(f"{name}: holds {kind} of shape {found}, not {wanted} of {shape}")
    count, start = int(np.prod(found, dtype=object)), header.tell()
    if len(data) != start + count * wanted.itemsize:
        raise IndexCorrupt(f"{name}: is no array file of its size")
    return np.frombuffer(data, wanted, count, start).reshape(found)


def array_file(array: NDArray[Any]) -> tuple[Data, ...]:
    """Write the .npy file that `array_in` reads, in parts: the array itself is not copied."""
    rows = np.ascontiguousarray(array)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(rows))
    return header.getvalue(), rows.reshape(-1).view(np.uint8).data


def forget(mapped: Data | NDArray[Any]) -> None:
    """Let the system take back the memory of a mapped file; whoever reads it next has it again."""
    base: Any = mapped
    while base is not None and not isinstance(base, mmap.mmap):
        base = base.obj if isinstance(base, memoryview) else getattr(base, "base", None)
    if base is not None and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)
