"""Indexes by their folders, each opened anew once its folder holds a newer generation.

    Indexes(open_index).of(folder) -> Index
    Newest(index, open_index).renew() -> whether a newer one took its place in `.index`
    watch(index, open_index, tell)    -> `tell` is given each newer one

Whoever works on a question keeps the generation that it began with.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from threading import Lock, Thread
from typing import Any

from index.errors import WirecheckError

Open = Callable[[str], Any]
#: Seconds between two looks at whether there is a newer generation.
EVERY = 2.0


class Newest:
    """An index, and the generations that follow it in its folder."""

    def __init__(self, index: Any, open_index: Open) -> None:
        self.index, self._open = index, open_index
        self._seen = index.generation

    def renew(self) -> bool:
        """Open what the folder holds now if that is another generation; whether that was done.

        One that can't be opened is told of once, and the one before serves on.
        """
        try:
            found = self.index.generation_now()
        except WirecheckError:
            return False
        if found == self._seen:
            return False
        self._seen = found
        try:
            self.index = self._open(str(self.index.folder))
        except WirecheckError as error:
            sys.stderr.write(f"wirecheck: {error}; generation {self.index.generation} serves on\n")
            return False
        self._seen = self.index.generation
        return True


class Indexes:
    """The indexes that were asked for; safe to share between threads."""

    def __init__(self, open_index: Open) -> None:
        self._open = open_index
        self._opened: dict[str, Newest] = {}
        self._lock = Lock()

    def of(self, folder: str) -> Any:
        """The index in `folder`, as it is now. Raises WirecheckError if none was ever readable."""
        with self._lock:
            if folder not in self._opened:
                self._opened[folder] = Newest(self._open(folder), self._open)
            self._opened[folder].renew()
            return self._opened[folder].index


def watch(index: Any, open_index: Open, tell: Callable[[Any], None]) -> None:
    """Give `tell` each newer generation, opened, for as long as this process lives."""

    def work() -> None:
        newest = Newest(index, open_index)
        while True:
            time.sleep(EVERY)
            if newest.renew():
                tell(newest.index)

    Thread(target=work, daemon=True, name="generations").start()
