"""Vectors of texts that were embedded before, so that no text is embedded twice.

One SQLite file in this user's cache folder serves all indexes. It holds no text: a vector is found
by the SHA-256 of the encoder's fingerprint and the text. WIRECHECK_CACHE names the folder, or is
"off"; WIRECHECK_CACHE_MB is how large the file may grow. What was not used for longest goes first.

Nothing depends on it. Each vector has a checksum over its key and itself; one that does not fit is
embedded again. A file that SQLite can't read is begun anew. One that can't be opened, locked or
written is not used, and a note says so. So nothing is flushed to the disk.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import SettingError
from .settings import value_of

if TYPE_CHECKING:
    from .encoder import Vectors

FOLDER = "WIRECHECK_CACHE"
MEGABYTES = "WIRECHECK_CACHE_MB"
DEFAULT_MEGABYTES = 2000
OFF = "off"

# Part of the name, so that versions of this program that keep it otherwise don't meet.
_NAME = "embeddings-1.sqlite"
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS vectors "
    "(key BLOB NOT NULL UNIQUE, vector BLOB NOT NULL, seal BLOB NOT NULL, used INTEGER NOT NULL)"
)
_SEAL_BYTES = 8
_ASKED_AT_ONCE = 500
_WAIT_SECONDS = 10.0
# When a vector was last used is noted by the day, or every build would write all that it reads.
_DAY_SECONDS = 86_400
# Not damage: another process, a full disk, a folder that is not ours.
_IN_THE_WAY = tuple(
    getattr(sqlite3, f"SQLITE_{name}")
    for name in "BUSY LOCKED FULL IOERR PERM READONLY CANTOPEN NOMEM NOLFS PROTOCOL".split()
)


class EmbeddingCache:
    """The vectors of one encoder; from `open_cache`. For one thread, as any SQLite connection is.

    Neither `get` nor `put` raises for what is wrong with the file: `note` tells it.
    """

    def __init__(self, path: Path | None, limit: int, fingerprint: str, dim: int) -> None:
        """`path` is the file, None for no cache; `limit` is in bytes."""
        self.note = ""
        self._path = path
        self._limit = limit
        self._fingerprint = fingerprint.encode()
        self._bytes = 4 * dim
        self._connection: sqlite3.Connection | None = None

    def get(self, texts: Sequence[str]) -> dict[str, Vectors]:
        """Find the vectors of those of `texts` that are known and whole."""
        texts = list(dict.fromkeys(texts))
        found: dict[str, Vectors] = {}
        for start in range(0, len(texts), _ASKED_AT_ONCE):
            keys = {self._key(text): text for text in texts[start : start + _ASKED_AT_ONCE]}
            rows = self._guarded(partial(self._rows, keys=list(keys)))
            found.update({keys[key]: vector for key, vector in rows or ()})
        return found

    def put(self, texts: Sequence[str], vectors: Vectors) -> None:
        """Keep the vectors, `(n, dim)`, of as many `texts`."""
        rows = []
        for text, vector in zip(texts, vectors, strict=True):
            key, data = self._key(text), np.ascontiguousarray(vector, "<f4").tobytes()
            rows.append((key, data, _seal(key, data), _today()))
        self._guarded(partial(self._write, rows=rows))

    def close(self) -> None:
        """Let go of the file; `get` and `put` open it again."""
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
        self._connection = None

    def _key(self, text: str) -> bytes:
        return hashlib.sha256(self._fingerprint + b"\0" + text.encode()).digest()

    def _rows(self, db: sqlite3.Connection, keys: Sequence[bytes]) -> list[tuple[bytes, Vectors]]:
        marks = ",".join("?" * len(keys))
        query = f"SELECT key, vector, seal, used FROM vectors WHERE key IN ({marks})"
        whole, stale = [], []
        for key, data, seal, used in db.execute(query, keys).fetchall():
            # A damaged file may hold values of other types.
            if not all(isinstance(value, bytes) for value in (key, data, seal)):
                continue
            if len(data) == self._bytes and seal == _seal(key, data):
                whole.append((key, np.frombuffer(data, "<f4")))
                if used != _today():
                    stale.append((_today(), key))
        if stale:
            with db:
                db.executemany("UPDATE vectors SET used = ? WHERE key = ?", stale)
        return whole

    def _write(
        self, db: sqlite3.Connection, rows: Sequence[tuple[bytes, bytes, bytes, int]]
    ) -> None:
        with db:
            db.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?)", rows)
        pages = int(db.execute("PRAGMA page_count").fetchone()[0])
        size = pages * int(db.execute("PRAGMA page_size").fetchone()[0])
        if size > self._limit:
            self._shrink(db, 1 - 0.9 * self._limit / size)

    def _shrink(self, db: sqlite3.Connection, share: float) -> None:
        """Drop a share of all vectors, those that were not used for longest."""
        with db:
            count = db.execute("SELECT count(*) FROM vectors").fetchone()[0]
            db.execute(
                "DELETE FROM vectors WHERE rowid IN "
                "(SELECT rowid FROM vectors ORDER BY used, rowid LIMIT ?)",
                (int(count * share) + 1,),
            )
        # `execute` takes one step, which gives one page back; this takes them all.
        db.executescript("PRAGMA incremental_vacuum")

    def _guarded(self, work: Callable[[sqlite3.Connection], Any]) -> Any:
        """Do `work`; on a damaged file once more with a new one; None if it can't be done."""
        for again in (True, False):
            if self._path is None:
                return None
            try:
                self._connection = self._connection or _connected(self._path)
                return work(self._connection)
            except (sqlite3.Error, OSError) as error:
                self.close()
                if not (again and _is_damage(error) and self._remove(self._path)):
                    self.note = f"{self._path}: the embedding cache is not used: {error}"
                    self._path = None
        return None

    def _remove(self, path: Path) -> bool:
        self.note = f"{path}: the embedding cache was damaged and is begun anew"
        try:
            path.unlink(missing_ok=True)
            Path(f"{path}-journal").unlink(missing_ok=True)
        except OSError:
            return False
        return True


def open_cache(fingerprint: str, dim: int) -> EmbeddingCache:
    """Return the cache that the settings name; its file is made when first needed.

    Raises SettingError if WIRECHECK_CACHE_MB is no number.
    """
    folder, megabytes = cache_folder(), value_of(MEGABYTES)
    if megabytes and not megabytes.isdecimal():
        raise SettingError(f"{MEGABYTES} is {megabytes!r}; it must be a whole number of megabytes")
    limit = int(megabytes or DEFAULT_MEGABYTES) * 1_000_000
    if folder is None or not limit:
        return EmbeddingCache(None, 0, fingerprint, dim)
    return EmbeddingCache(folder / _NAME, limit, fingerprint, dim)


def cache_folder() -> Path | None:
    """Return the folder that WIRECHECK_CACHE names, else this user's; None for "off"."""
    named = value_of(FOLDER)
    if named.lower() == OFF:
        return None
    if named:
        return Path(named).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("wirecheck")


def _connected(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Vectors tell something of the texts, so they are nobody else's to read.
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    db = sqlite3.connect(path, timeout=_WAIT_SECONDS)
    try:
        db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        db.execute("PRAGMA synchronous = OFF")
        db.execute(_SCHEMA)
    except sqlite3.Error:
        db.close()
        raise
    return db


def _is_damage(error: Exception) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return isinstance(error, sqlite3.Error) and (code is None or code & 0xFF not in _IN_THE_WAY)


def _seal(key: bytes, data: bytes) -> bytes:
    return hashlib.sha256(key + data).digest()[:_SEAL_BYTES]


def _today() -> int:
    return int(time.time()) // _DAY_SECONDS
