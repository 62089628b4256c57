"""The manifest of an index: which generation serves, and size and sha256 of each of its files.

Its own checksum is made the same way in every format, so that damage is told from novelty.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from . import vectors
from .contents import file_names
from .errors import IndexCorrupt, IndexMismatch, IndexMissing, IndexOutdated

FORMAT = 3
MANIFEST = "MANIFEST.json"

_GENERATION = re.compile(r"gen-(\d{6,})")
_MAX_BYTES = 1_000_000


def generation_name(number: int) -> str:
    """Name of a generation's folder."""
    return f"gen-{number:06d}"


def generations_in(root: Path) -> list[int]:
    """Numbers of the generations whose folders are at `root`."""
    found = (_GENERATION.fullmatch(entry) for entry in os.listdir(root))
    return [int(match[1]) for match in found if match]


def sealed(fields: Mapping[str, Any]) -> bytes:
    """Write a manifest, with the checksum of its fields."""
    return json.dumps({**fields, "checksum": _checksum(fields)}, indent=1).encode()


def _checksum(fields: Mapping[str, Any]) -> str:
    canonical = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def read_manifest(root: Path) -> dict[str, Any]:
    """Read and check the manifest at `root`.

    Raises IndexMissing if there is no index, IndexCorrupt if the manifest is damaged, IndexOutdated
    or IndexMismatch if it is of another format.
    """
    path = root / MANIFEST
    try:
        if not path.is_file():
            raise _no_manifest(root)
        if path.stat().st_size > _MAX_BYTES:
            raise IndexCorrupt(f"{path}: is too large")
        data = path.read_bytes()
        fields = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise IndexCorrupt(f"{path}: is no JSON") from error
    except OSError as error:
        raise IndexCorrupt(f"{path}: can't be read: {error.strerror}") from error
    if not isinstance(fields, dict) or fields.pop("checksum", None) != _checksum(fields):
        raise IndexCorrupt(f"{path}: its checksum is wrong")
    _check(fields, path)
    if data != sealed(fields):  # white space, which the checksum does not cover
        raise IndexCorrupt(f"{path}: its bytes are not those that were written")
    return fields


def _no_manifest(root: Path) -> IndexMissing | IndexCorrupt:
    with suppress(OSError):
        if generations_in(root) and not (root / f"{MANIFEST}.tmp").exists():
            return IndexCorrupt(f"{root / MANIFEST}: is missing")
    return IndexMissing(f"{root}: no index there; make one with: wirecheck index ARTICLES")


def _check(fields: Mapping[str, Any], path: Path) -> None:
    _check_format(fields.get("format"), path)
    try:
        sizes = {name: int(entry["size"]) for name, entry in fields["files"].items()}
        numbers = [fields["generation"], fields["recipe"], fields["encoder"]["dim"]]
        numbers += [fields["counts"]["articles"], fields["counts"]["passages"]]
        kind = fields["vectors"]["kind"]
        if kind == vectors.IVF:
            numbers += [fields["vectors"][name] for name in ("cells", "probe", "trained")]
            float(fields["vectors"]["recall"])
        ok = sizes.keys() == file_names(kind) and all(type(n) is int and n >= 0 for n in numbers)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise IndexCorrupt(f"{path}: lacks {error}") from error
    if not ok:
        raise IndexCorrupt(f"{path}: is no manifest of format {FORMAT}")


def _check_format(found: Any, path: Path) -> None:
    if type(found) is int and found < FORMAT:
        raise IndexOutdated(
            f"{path}: an older version of this program made this index (format {found}, now "
            f"{FORMAT}); make it anew with: wirecheck index ARTICLES --index {path.parent}"
        )
    if found != FORMAT:
        raise IndexMismatch(
            f"{path}: format {found}, this program reads {FORMAT}; "
            "update the program, or make another index"
        )
