"""From files to articles: every file and every row seen ends as an Article, or as Skipped.

Folders are walked in sorted order; hidden entries are passed over, links are never followed. What a
file says of itself wins over the nearest `metadata.csv`. A value that can't be right is unknown,
and a note says so. Two IDs that look the same are the same. `docs/articles.md` has all of it.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from .errors import ArticleError
from .files import IS_LINK, Unfit, clipped, file_bytes, is_visible, mixes_alphabets, shown
from .formats import FIELDS, READERS, ROW_READERS, Draft, Extraction, Row
from .metadata import METADATA, MetadataRow, Table, read_table
from .records import Article, iso_day

MAX_BYTES = 5_000_000
MAX_PACKED_BYTES = 64_000_000

_MAX_ID = 255
_MAX_TITLE = 300
_MAX_VALUE = 2_000
# Files that hold pictures, or other articles, beside an article's text.
_PACKED = (".pdf", *ROW_READERS)
_ENDINGS = (*READERS, *ROW_READERS)


@dataclass(frozen=True)
class Skipped:
    """What was seen and not taken, with one line that says why.

    `path` is the file's; for one row of a file that holds several, "FILE line N".
    """

    path: str
    reason: str


@dataclass(frozen=True)
class Reading:
    """What came of reading.

    Every file seen, or every row of a file of rows, is either in `articles` or in `skipped`.
    `notes` tell of values left unknown, bad rows of a metadata.csv, and other encodings.
    """

    articles: tuple[Article, ...]
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...] = ()


def read_articles(
    paths: Iterable[Path],
    *,
    outside: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> Reading:
    """Read the articles in `paths`, files or folders, in sorted order.

    An article may have MAX_BYTES; a PDF, or a file of several articles, MAX_PACKED_BYTES. `outside`
    is a folder that is not looked into (the index, if it lies among the articles). `progress` is
    told the number of files and rows seen so far.

    Raises ArticleError if one of `paths` does not exist or is a folder that can't be listed.
    """
    desk = _Desk(progress)
    if outside is not None:
        desk.seen.add(os.path.realpath(outside))
    try:
        for path in paths:
            desk.take_given(Path(path))
        desk.take_files()
    finally:
        desk.extraction.close()
    return Reading(tuple(desk.articles.values()), tuple(desk.skipped), tuple(desk.notes))


@dataclass(frozen=True)
class _File:
    """A file to take; `folders` are the names from the folder that was given down to its own."""

    path: Path
    folders: tuple[str, ...]
    table: Table

    def name(self, depth: int) -> str:
        """Its ID below so many of the folders, the nearest last: "roads", "2030/roads"."""
        return "/".join((*self.folders[len(self.folders) - depth :], self.path.stem))


@dataclass
class _Desk:
    """Where files come in and articles, skipped rows and notes pile up."""

    progress: Callable[[int], None] | None
    extraction: Extraction = field(default_factory=Extraction)
    seen: set[str] = field(default_factory=set)
    articles: dict[str, Article] = field(default_factory=dict)
    origin: dict[str, str] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    tables: dict[str, Table] = field(default_factory=dict)
    files: list[_File] = field(default_factory=list)

    def take_given(self, path: Path) -> None:
        if not os.path.lexists(path):
            raise ArticleError(f"{shown(path)}: no such file or folder")
        if os.path.isdir(path):
            try:
                os.listdir(path)
            except OSError as error:
                raise ArticleError(f"{shown(path)}: can't be listed: {error.strerror}") from error
            self._list_folder(path)
        elif path.name.lower() != METADATA:
            folder = os.path.realpath(path.parent)
            table = self._table(path.parent, folder, {})
            self._list_file(_File(path, (os.path.basename(folder),), table), folder)

    def _list_folder(self, top: Path) -> None:
        # A stack of our own, so that a very deep tree can't exhaust Python's.
        waiting: list[tuple[Path, tuple[str, ...], Table]] = [
            (top, (os.path.basename(os.path.realpath(top)),), {})
        ]
        while waiting:
            folder, names, above = waiting.pop()
            resolved = os.path.realpath(folder)
            if not self._first_time(resolved):
                continue
            table = self._table(folder, resolved, above)
            subfolders = []
            for entry in self._entries(folder):
                if entry.is_dir(follow_symlinks=False):
                    subfolders.append((Path(entry.path), (*names, entry.name), table))
                elif entry.name.lower() != METADATA:
                    self._list_file(_File(Path(entry.path), names, table), resolved)
            waiting.extend(reversed(subfolders))

    def _entries(self, folder: Path) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as found:
                return sorted(
                    (e for e in found if not e.name.startswith(".")), key=lambda e: e.name
                )
        except OSError as error:
            self.notes.append(f"{shown(folder)}: folder can't be listed: {error.strerror}")
            return []

    def _first_time(self, place: str) -> bool:
        first = place not in self.seen
        self.seen.add(place)
        return first

    def _list_file(self, file: _File, folder: str) -> None:
        # The folder is resolved, the last name is not: a link to a file is a file of its own.
        if self._first_time(os.path.join(folder, file.path.name)):
            self.files.append(file)

    def take_files(self) -> None:
        """Take the files that were listed, those of one name in several folders by path."""
        read = [f for f in self.files if f.path.suffix.lower() in _ENDINGS]
        by_name = _in_several_folders((f.path, f.path.stem) for f in read)
        # Several folders that were given may hold files of one path below them.
        by_path = _in_several_folders((f.path, f.name(len(f.folders) - 1)) for f in read)
        for file in self.files:
            depth = 0
            if _look(file.path.stem) in by_name:
                depth = len(file.folders) - 1
                depth += _look(file.name(depth)) in by_path
            self._take_file(file, depth)

    def _take_file(self, file: _File, depth: int) -> None:
        name, stem = shown(file.path), file.name(depth)
        try:
            rows = self._rows(file.path, stem)
        except Unfit as unfit:
            self._skip(name, unfit)
            return
        for row in rows:
            place = f"{name} line {row.line}" if row.line else name
            plain = row.id.removeprefix(stem.removesuffix(file.path.stem))
            try:
                self._take(row, place, file.table.get(row.id) or file.table.get(plain))
            except Unfit as unfit:
                self._skip(place, unfit)

    def _skip(self, place: str, unfit: Unfit) -> None:
        self.skipped.append(Skipped(place, str(unfit)))
        self._tell()

    def _tell(self) -> None:
        if self.progress is not None:
            self.progress(len(self.articles) + len(self.skipped))

    def _rows(self, path: Path, article_id: str) -> list[Row]:
        """The rows of a file; a file that is one article is one row, in line 0."""
        if path.is_symlink():
            raise Unfit(IS_LINK)
        ending = path.suffix.lower()
        if ending not in _ENDINGS:
            raise Unfit(f"ending {path.suffix or 'missing'}: only {', '.join(_ENDINGS)} are read")
        stem = _checked_id(article_id, "name")
        data = file_bytes(path, MAX_PACKED_BYTES if ending in _PACKED else MAX_BYTES)
        if ending in ROW_READERS:
            return ROW_READERS[ending](data, stem, MAX_BYTES)
        return [Row(0, stem, READERS[ending](data, MAX_BYTES, self.extraction))]

    def _take(self, row: Row, place: str, stated: MetadataRow | None) -> None:
        if isinstance(row.made, str):
            raise Unfit(row.made)
        draft, article_id = row.made, _checked_id(row.id, "ID" if row.line else "name")
        self.notes.extend(f"{place}: {note}" for note in draft.notes)
        if not any(map(is_visible, draft.text)):
            raise Unfit("empty: no visible character")
        looks = _look(article_id)
        if looks in self.origin:
            raise Unfit(f"ID {article_id} is taken: {place} comes after {self.origin[looks]}")
        if mixes_alphabets(draft.title):
            self.notes.append(f"{place}: a word of its title mixes letters of several alphabets")
        known = self._known(place, draft, stated)
        self.articles[article_id] = Article(
            id=article_id, title=draft.title or article_id, text=draft.text, **known
        )
        self.origin[looks] = place
        self._tell()

    def _known(self, place: str, draft: Draft, row: MetadataRow | None) -> dict[str, str | None]:
        known: dict[str, str | None] = {}
        for name in FIELDS:
            value, source = draft.fields.get(name, ""), place
            if not value and row is not None:
                value, source = row.fields.get(name, ""), row.place
            known[name] = self._checked(name, value, source)
        return known

    def _checked(self, name: str, value: str, place: str) -> str | None:
        if not value:
            return None
        checked = _CHECKS[name](value)
        if checked is None:
            self.notes.append(f"{place}: {name} {clipped(value)!r} {_WRONG[name]}; left unknown")
        return checked

    def _table(self, folder: Path, resolved: str, above: Table) -> Table:
        """The rows that hold in a folder: its own metadata.csv, and what holds above it."""
        if resolved not in self.tables:
            self.tables[resolved] = read_table(folder, self.notes)
        own = self.tables[resolved]
        return {**above, **own} if above and own else own or above


def _look(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _in_several_folders(named: Iterable[tuple[Path, str]]) -> set[str]:
    """Those names, as they look, that files in several folders have."""
    folders: dict[str, set[Path]] = {}
    for path, name in named:
        folders.setdefault(_look(name), set()).add(path.parent)
    return {name for name, where in folders.items() if len(where) > 1}


def _checked_url(value: str) -> str | None:
    if len(value) > _MAX_VALUE or not value.isprintable() or " " in value:
        return None
    try:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            return None
        # As browsers show it: letters of another alphabet that look like known ones can't deceive.
        ascii_host = parts.netloc.encode("idna").decode()
        return value if parts.netloc.isascii() else parts._replace(netloc=ascii_host).geturl()
    except ValueError:
        return None


def _checked_outlet(value: str) -> str | None:
    is_name = len(value) <= _MAX_TITLE and value.isprintable() and not mixes_alphabets(value)
    return value if is_name else None


_CHECKS: dict[str, Callable[[str], str | None]] = {
    "outlet": _checked_outlet,
    "published": iso_day,
    "url": _checked_url,
}
_WRONG = {
    "outlet": "is too long, holds control characters or mixes alphabets",
    "published": "is not a date like 2025-03-31",
    "url": "is not an http or https address",
}


def _checked_id(value: str, what: str) -> str:
    # Also refuses names that are not UTF-8: Python gives their bytes as lone surrogates.
    if not value.isprintable():
        raise Unfit(f"its {what} holds control characters or is not UTF-8")
    if len(value) > _MAX_ID:
        raise Unfit(f"its {what} is over {_MAX_ID} characters long")
    return value
