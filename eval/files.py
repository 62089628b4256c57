"""The figures of a command as a JSON file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from index.atomic_write import replace_file
from index.errors import SettingError


def write_json(path: Path, figures: Any) -> None:
    """Write `figures` to `path`, whole or not at all; raises SettingError where it can't be."""
    text = json.dumps(figures, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    try:
        replace_file(path, [text.encode()])
    except OSError as error:
        raise SettingError(f"{path} can't be written: {error.strerror}") from error
