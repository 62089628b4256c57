"""Indexes by their folders, each opened anew once its folder holds a newer generation.

    Indexes(open_index).of(folder) -> Index
    is_outdated(index)             -> whether its folder holds another generation by now
    watch(index, open_index, tell) -> `tell` is given each later generation, opened

Whoever works on a question keeps the one that it began with.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from index.errors import WirecheckError

#: Seconds between two looks at whether there is a newer generation.
EVERY = 2.0


class Indexes:
    """The indexes that were asked for; safe to share between threads."""

    def __init__(self, open_index: Callable[[str], Any]) -> None:
        self._open = open_index
        self._opened: dict[str, Any] = {}
        self._lock = Lock()

    def of(self, folder: str) -> Any:
        """The index in `folder`, as it is now. Raises WirecheckError if none was ever readable."""
        with self._lock:
            kept = self._opened.get(folder)
            if kept is None:
                self._opened[folder] = self._open(folder)
            elif is_outdated(kept):
                self._opened[folder] = reopened(kept, self._open) or kept
            return self._opened[folder]


def is_outdated(index: Any) -> bool:
    """Whether its folder holds another generation by now; not if that can't be told."""
    from index.manifest import read_manifest

    try:
        return bool(read_manifest(Path(index.folder))["generation"] != index.generation)
    except (WirecheckError, OSError):
        return False


def reopened(index: Any, open_index: Callable[[str], Any]) -> Any:
    """The index in the same folder, opened anew; None if it can't be: the one before serves on."""
    try:
        return open_index(str(index.folder))
    except WirecheckError as error:
        sys.stderr.write(f"wirecheck: {error}; generation {index.generation} serves on\n")
        return None


def watch(index: Any, open_index: Callable[[str], Any], tell: Callable[[Any], None]) -> None:
    """Give `tell` each later generation, opened, for as long as this process lives."""

    def work() -> None:
        served = index
        while True:
            time.sleep(EVERY)
            if is_outdated(served) and (newer := reopened(served, open_index)):
                served = newer
                tell(newer)

    Thread(target=work, daemon=True, name="generations").start()
