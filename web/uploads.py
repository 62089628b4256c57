"""Articles that somebody sends to the page: kept in a folder, indexed, asked as a corpus.

    FOLDER/articles    the files as they came, one folder deep
    FOLDER/index       the index of them

The folder is private to one run of the server and goes with it, unless WIRECHECK_FILES names one.
"""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from index.errors import SettingError
from web.contained import contained, line_of

ENDINGS = (".txt", ".md", ".html", ".htm", ".pdf", ".jsonl", ".csv")
#: Files that one run takes, and their bytes together; of one file see `guard.MAX_FILE`.
MAX_FILES, MAX_TOTAL = 2_000, 250_000_000
_MAX_NAME = 200
#: Seconds after which nobody sends the rest of a file any more.
_STALE = 3_600.0


@dataclass
class Indexing:
    """How far the indexing is, and what came of the last: JSON-ready.

    `state` is "none", "working", "ready" or "failed"; `skipped` are (file or row, reason).
    """

    state: str = "none"
    what: str = ""
    done: int = 0
    total: int = 0
    articles: int = 0
    reports: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problem: str = ""


class Uploads:
    """The files that were given, and the index of them.

    `build` and `open_index` are those of `index`; `ready` is told of each index that was opened.
    """

    def __init__(
        self,
        folder: Path | None,
        build: Callable[..., Any],
        open_index: Callable[[Path], Any],
        ready: Callable[[Any], None],
    ) -> None:
        self.private = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix="wirecheck-"))
        self.articles, self.index = self.folder / "articles", self.folder / "index"
        self._build, self._open, self._ready = build, open_index, ready
        self._lock, self._closed = threading.Lock(), False
        self.indexing = Indexing()
        try:
            self.articles.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise SettingError(f"{self.folder}: can't be used: {error.strerror}") from error
        self._clear()
        if any(self.articles.iterdir()):
            self.start()

    def _clear(self) -> None:
        """Remove parts of files that a run left which was killed; others may be sent just now."""
        for part in self.folder.glob(".part-*"):
            with suppress(OSError):
                if time.time() - part.stat().st_mtime > _STALE:
                    part.unlink()

    def close(self) -> None:
        """Remove what was given to this run alone."""
        if self.private:
            self._closed = True
            self._lock.acquire(timeout=2)  # For the indexing to end, which would write there again.
            shutil.rmtree(self.folder, ignore_errors=True)

    async def take(self, name: str, pieces: AsyncIterator[bytes], most: int) -> None:
        """Keep a file; one of the same name is replaced. Raises SettingError if it is not taken."""
        target = self.articles / checked_name(name)
        part = self.folder / f".part-{os.urandom(6).hex()}"
        size = 0
        try:
            self._check_room(target)
            with part.open("xb") as file:
                async for piece in pieces:
                    size += len(piece)
                    if size > most:
                        raise SettingError(f"larger than {most:,} bytes")
                    file.write(piece)
            part.replace(target)
        except OSError as error:
            raise SettingError(f"could not be kept: {error.strerror}") from error
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)

    def _check_room(self, target: Path) -> None:
        sizes = {p.name: p.lstat().st_size for p in self.articles.iterdir()}
        if target.name not in sizes and len(sizes) >= MAX_FILES:
            raise SettingError(f"there are {MAX_FILES:,} files already, and no room for more")
        if sum(sizes.values()) >= MAX_TOTAL:
            raise SettingError(f"there are {MAX_TOTAL:,} bytes already, and no room for more")

    def start(self) -> None:
        """Index what is there, in a thread. Raises SettingError if that is being done already."""
        if not self._lock.acquire(blocking=False):
            raise SettingError("articles are being indexed; try again when that is done")
        self.indexing = Indexing("working")
        threading.Thread(target=self._work, daemon=True, name="indexing").start()

    def _work(self) -> None:
        try:
            build = contained(self._build)
            report = build([self.articles], self.index, progress=self._progress)
            self._ready(contained(self._open)(self.index))
            hide = self._without_folder
            told = [(hide(s.path), hide(s.reason)) for s in report.skipped]
            self.indexing = Indexing(
                "ready",
                articles=report.added + report.changed + report.unchanged,
                reports=report.reports,
                skipped=told,
                notes=[hide(note) for note in report.notes],
            )
        except Exception as error:  # Whatever it is, the page is told, and the log tells more.
            self.indexing = Indexing("failed", problem=self._without_folder(line_of(error)))
        finally:
            self._lock.release()
            # The index before is let go by the collector alone, and holds files and memory.
            gc.collect()

    def _progress(self, done: int, total: int, what: str) -> None:
        if self._closed:
            raise SettingError("the server was stopped")
        self.indexing = Indexing("working", what, done, total)

    def _without_folder(self, text: str) -> str:
        return text.replace(f"{self.articles}{os.sep}", "").replace(str(self.folder), "the folder")

    def told(self) -> dict[str, Any]:
        """How far the indexing is, JSON-ready."""
        return asdict(self.indexing)


def checked_name(name: str) -> str:
    """The name of a file as it is kept; raises SettingError if it can't be one's name."""
    ending = Path(name).suffix.lower()
    if not name or name.startswith(".") or set(name) & set("/\\:") or not name.isprintable():
        raise SettingError("its name can't be used")
    if len(name.encode("utf-8", "replace")) > _MAX_NAME:
        raise SettingError("its name is too long")
    if ending not in ENDINGS:
        raise SettingError(f"only {', '.join(ENDINGS)} are read")
    return name
