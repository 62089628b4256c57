"""What a run has done so far, so that it goes on after an interruption and scores nothing twice.

One file of JSON lines. Each line is on the disk before the next question counts as done, whatever
ends the process. A line's key is a hash of everything that its record depends on, so records of
other settings, articles or programs are never taken for those of this run.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any

from index.errors import SettingError

FILE_NAME = "journal.jsonl"


class Journal:
    """The records of one folder's runs by key; only their places are kept in memory.

    To be used in a `with` statement: one process at a time may. Threads may share it.
    """

    def __init__(self, folder: str | Path, *, fresh: bool = False) -> None:
        """Open or begin the journal of `folder`, which must be there; `fresh` begins it anew.

        A last line that was torn is dropped. Raises SettingError where the file can't be used, or
        another run is writing it.
        """
        import fcntl  # not there on Windows, where runs without a report still work

        self.path = Path(folder) / FILE_NAME
        self._places: dict[str, tuple[int, int]] = {}
        self._lock = Lock()
        try:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise self._unusable(error) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if fresh:
                os.ftruncate(self._file, 0)
            self._end = self._read()
            os.ftruncate(self._file, self._end)
        except OSError as error:
            os.close(self._file)
            raise self._unusable(error) from error

    def __enter__(self) -> Journal:
        """The journal itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the file, which lets others use it."""
        os.close(self._file)

    def __contains__(self, key: str) -> bool:
        """Whether there is a record of this key."""
        return key in self._places

    def get(self, key: str) -> dict[str, Any]:
        """The record of `key`, read from the disk. Raises KeyError if there is none."""
        start, length = self._places[key]
        line: dict[str, Any] = json.loads(os.pread(self._file, length, start))
        record: dict[str, Any] = line["record"]
        return record

    def add(self, key: str, record: Mapping[str, Any]) -> None:
        """Write a record, to the disk. Raises SettingError where it can't be written."""
        text = json.dumps({"key": key, "record": record}, ensure_ascii=False, allow_nan=False)
        line = text.encode() + b"\n"
        with self._lock:
            try:
                _write_all(self._file, line, self._end)
                os.fsync(self._file)
            except OSError as error:
                raise self._unusable(error) from error
            self._places[key] = (self._end, len(line))
            self._end += len(line)

    def _read(self) -> int:
        """Note where each whole line is; the place after the last of them is returned."""
        end = 0
        for start, line in self._lines():
            if not line.endswith(b"\n"):
                break
            end = start + len(line)
            key = _key_of(line)
            if key is not None:
                self._places[key] = (start, len(line))
        return end

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        start = 0
        with open(os.dup(self._file), "rb") as file:
            file.seek(0)
            for line in file:
                yield start, line
                start += len(line)

    def _unusable(self, error: OSError) -> SettingError:
        if isinstance(error, BlockingIOError):
            return SettingError(
                f"another run is writing to {self.path.parent}; wait for it, or give --report "
                "another folder"
            )
        reason = error.strerror or type(error).__name__
        return SettingError(
            f"can't keep the journal {self.path}: {reason}; give --report a folder to write in"
        )


def _key_of(line: bytes) -> str | None:
    """The key of a whole line; None of one that a failing disk has spoilt."""
    try:
        row = json.loads(line)
        return row["key"] if isinstance(row["record"], dict) else None
    except (ValueError, KeyError, TypeError):
        return None


def _write_all(file: int, content: bytes, place: int) -> None:
    done = 0
    while done < len(content):
        done += os.pwrite(file, content[done:], place + done)
