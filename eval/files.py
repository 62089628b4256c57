"""Files that evaluations read and write: JSON lines of the public sets, figures as JSON."""

from __future__ import annotations

import gzip
import json
from collections.abc import Container
from pathlib import Path
from typing import Any

from index.atomic_write import replace_file
from index.errors import SettingError


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSON lines file, packed or not; raises SettingError if there is none."""
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8") as lines:
            return [json.loads(line) for line in lines if line.strip()]
    except OSError as error:
        raise SettingError(
            f"{path} can't be read ({error.strerror or error}): --data names the folder of the "
            "public sets"
        ) from error
    except ValueError as error:
        raise SettingError(f"{path} is no JSON lines file: {error}") from error


def read_sets(path: Path, sets: Container[str], split: str | None = None) -> list[dict[str, Any]]:
    """The rows of the named sets, of one split or of all."""
    rows = read_lines(path)
    return [r for r in rows if r["set"] in sets and (split is None or r["split"] == split)]


def write_json(path: Path, figures: Any) -> None:
    """Write `figures` to `path`, whole or not at all."""
    text = json.dumps(figures, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    replace_file(path, [text.encode()])
