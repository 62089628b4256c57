"""What a run has done so far, so that it goes on after an interruption and scores nothing twice.

A small database in the report's folder. Each record is on the disk before the next question counts
as done, whatever ends the process. A record's key is a hash of everything that it depends on, so
records of other settings, articles or programs are never taken for those of this run.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from index.errors import SettingError

FILE_NAME = "journal.sqlite"


class Journal:
    """The records of one folder's runs by key, on the disk; threads may share it."""

    def __init__(self, database: sqlite3.Connection) -> None:
        """`database` is what `opened` opened."""
        self._database, self._lock = database, Lock()

    def get(self, key: str) -> dict[str, Any] | None:
        """The record of `key`; None if there is none."""
        with self._lock:
            query = "SELECT record FROM records WHERE key = ?"
            found = self._database.execute(query, (key,)).fetchone()
        return None if found is None else dict(json.loads(found[0]))

    def add(self, key: str, record: Mapping[str, Any]) -> None:
        """Write a record, to the disk."""
        text = json.dumps(record, ensure_ascii=False, allow_nan=False)
        with self._lock:
            self._database.execute("INSERT OR REPLACE INTO records VALUES (?, ?)", (key, text))


@contextmanager
def opened(folder: Path, *, fresh: bool = False) -> Iterator[Journal]:
    """The journal of `folder`, for one process at a time; `fresh` begins it anew.

    Raises SettingError where it can't be used, or another run is writing it.
    """
    path = folder / FILE_NAME
    try:
        # Every statement is a transaction of its own, on the disk when it returns.
        database = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            database.execute("PRAGMA locking_mode = EXCLUSIVE")
            database.execute("CREATE TABLE IF NOT EXISTS records (key PRIMARY KEY, record)")
            # Reading takes no lock that keeps others out, so write, even if nothing changes.
            database.execute("DELETE FROM records WHERE ?", (fresh,))
            yield Journal(database)
        finally:
            database.close()
    except sqlite3.Error as error:
        told = f"can't keep the journal {path}: {error}"
        if "locked" in str(error):
            told = f"another run is writing to {folder}; wait for it"
        raise SettingError(f"{told}; or give --report another folder") from error
