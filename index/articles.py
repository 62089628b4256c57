"""From files to articles: every file seen ends as an Article or as a Skipped row with its reason.

What is read:

- Folders are walked in sorted order; hidden entries are passed over, links are never followed.
- A file's ending picks its reader in `_READERS`. An article's ID is the file's name without it.
- Text is UTF-8, or UTF-16 or UTF-32 with a byte order mark. What is none of these is read as
  cp1252 if it then looks like text, and a note says so. CRLF becomes LF; nothing else changes.
- `outlet`, `published`, `url` come from front matter (`---` lines at the very top, `key: value`
  between them) or from the nearest `metadata.csv` (columns id, outlet, published, url; one row a
  line) at or above the file, inside the folder that was given. Front matter wins. A value that
  can't be right is unknown, and a note says so.
"""

from __future__ import annotations

import codecs
import csv
import os
import re
import stat
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

from .errors import ArticleError
from .records import Article

MAX_BYTES = 5_000_000
METADATA = "metadata.csv"

_MAX_METADATA_BYTES = 64_000_000
_MAX_TITLE = 300
#: Ends a title that was cut.
CUT = "…"
_MAX_VALUE = 2_000
_MAX_FRONT_MATTER_LINES = 100
_IS_LINK = "a symbolic link; links are not followed"
_FIELDS = ("outlet", "published", "url")

# UTF-32's mark begins with UTF-16's, so it is looked for first.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UTF8_PAIRS = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_NON_ASCII = re.compile(r"[^\x00-\x7f]")
# Letters by their category, yet drawn as nothing.
_BLANK_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0\u034f\u17b4\u17b5")
_KEY = re.compile(r"([A-Za-z][\w-]*)[ \t]*:(?:[ \t]+(.*))?$")
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True)
class Skipped:
    """A file that was seen and not taken, with one line that says why."""

    path: str
    reason: str


@dataclass(frozen=True)
class Reading:
    """What came of reading: every file seen is in `articles` or in `skipped`, and in one of them.

    `notes` tell what was read otherwise than as it stood: a value left unknown, a bad row of a
    metadata.csv, another encoding.
    """

    articles: tuple[Article, ...]
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...] = ()


def read_articles(
    paths: Iterable[Path],
    *,
    max_bytes: int = MAX_BYTES,
    outside: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> Reading:
    """Read the articles in `paths`, files or folders, in sorted order.

    `outside` is a folder that is not looked into (the index, if it lies among the articles).
    `progress` is told the number of files seen so far.

    Raises ArticleError if one of `paths` does not exist or is a folder that can't be listed.
    """
    desk = _Desk(max_bytes=max_bytes, progress=progress)
    if outside is not None:
        desk.seen.add(os.path.realpath(outside))
    for path in paths:
        desk.take_given(Path(path))
    return desk.reading()


class _Unfit(Exception):
    """A file can't be an article; the text is the reason."""


@dataclass(frozen=True)
class _Draft:
    """What a reader makes of a file's bytes."""

    text: str
    title: str
    fields: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Row:
    """A row of a metadata.csv and where it stands."""

    fields: Mapping[str, str]
    place: str


_Table = Mapping[str, _Row]


@dataclass
class _Desk:
    """Where files come in and articles, skipped rows and notes pile up."""

    max_bytes: int
    progress: Callable[[int], None] | None
    seen: set[str] = field(default_factory=set)
    articles: dict[str, Article] = field(default_factory=dict)
    origin: dict[str, str] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    tables: dict[str, _Table] = field(default_factory=dict)

    def reading(self) -> Reading:
        return Reading(tuple(self.articles.values()), tuple(self.skipped), tuple(self.notes))

    def take_given(self, path: Path) -> None:
        if not os.path.lexists(path):
            raise ArticleError(f"{_shown(path)}: no such file or folder")
        if os.path.isdir(path):
            self._take_given_folder(path)
        elif path.name.lower() != METADATA:
            folder = os.path.realpath(path.parent)
            self._take_file(path, folder, self._table(path.parent, folder, {}))

    def _take_given_folder(self, path: Path) -> None:
        try:
            os.listdir(path)
        except OSError as error:
            raise ArticleError(f"{_shown(path)}: can't be listed: {error.strerror}") from error
        self._take_folder(path)

    def _take_folder(self, top: Path) -> None:
        # A stack of our own, so that a very deep tree can't exhaust Python's.
        waiting: list[tuple[Path, _Table]] = [(top, {})]
        while waiting:
            folder, above = waiting.pop()
            resolved = os.path.realpath(folder)
            if not self._first_time(resolved):
                continue
            table = self._table(folder, resolved, above)
            subfolders = []
            for entry in self._entries(folder):
                if entry.is_dir(follow_symlinks=False):
                    subfolders.append((Path(entry.path), table))
                elif entry.name.lower() != METADATA:
                    self._take_file(Path(entry.path), resolved, table)
            waiting.extend(reversed(subfolders))

    def _entries(self, folder: Path) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as found:
                return sorted(
                    (e for e in found if not e.name.startswith(".")), key=lambda e: e.name
                )
        except OSError as error:
            self.notes.append(f"{_shown(folder)}: folder can't be listed: {error.strerror}")
            return []

    def _first_time(self, place: str) -> bool:
        first = place not in self.seen
        self.seen.add(place)
        return first

    def _take_file(self, path: Path, folder: str, table: _Table) -> None:
        # The folder is resolved, the last name is not: a link to a file is a file of its own.
        if not self._first_time(os.path.join(folder, path.name)):
            return
        try:
            article = self._article(path, table)
        except _Unfit as unfit:
            self.skipped.append(Skipped(_shown(path), str(unfit)))
        else:
            self.articles[article.id] = article
            self.origin[article.id] = _shown(path)
        if self.progress is not None:
            self.progress(len(self.articles) + len(self.skipped))

    def _article(self, path: Path, table: _Table) -> Article:
        if path.is_symlink():
            raise _Unfit(_IS_LINK)
        reader = _READERS.get(path.suffix.lower())
        if reader is None:
            raise _Unfit(f"ending {path.suffix or 'missing'}: only {', '.join(_READERS)} are read")
        article_id = _checked_id(path.stem)
        draft = reader(_bytes_of(path, self.max_bytes))
        if not any(map(_is_visible, draft.text)):
            raise _Unfit("empty: no visible character")
        if article_id in self.origin:
            raise _Unfit(
                f"ID {article_id} is taken: {_shown(path)} comes after {self.origin[article_id]}"
            )
        self.notes.extend(f"{_shown(path)}: {note}" for note in draft.notes)
        known = self._known(path, draft, table.get(article_id))
        return Article(id=article_id, title=draft.title or article_id, text=draft.text, **known)

    def _known(self, path: Path, draft: _Draft, row: _Row | None) -> dict[str, str | None]:
        known: dict[str, str | None] = {}
        for name in _FIELDS:
            value, place = draft.fields.get(name, ""), _shown(path)
            if not value and row is not None:
                value, place = row.fields.get(name, ""), row.place
            known[name] = self._checked(name, value, place)
        return known

    def _checked(self, name: str, value: str, place: str) -> str | None:
        if not value:
            return None
        checked = _CHECKS[name](value)
        if checked is None:
            self.notes.append(f"{place}: {name} {_clipped(value)!r} {_WRONG[name]}; left unknown")
        return checked

    def _table(self, folder: Path, resolved: str, above: _Table) -> _Table:
        """The rows that hold in a folder: its own metadata.csv, and what holds above it."""
        if resolved not in self.tables:
            self.tables[resolved] = self._own_table(folder)
        own = self.tables[resolved]
        return {**above, **own} if above and own else own or above

    def _own_table(self, folder: Path) -> _Table:
        path = folder / METADATA
        if not os.path.lexists(path):
            return {}
        try:
            text, note = _decoded(_bytes_of(path, _MAX_METADATA_BYTES))
        except _Unfit as unfit:
            self.notes.append(f"{_shown(path)}: not used: {unfit}")
            return {}
        self.notes.extend(f"{_shown(path)}: {n}" for n in note)
        return dict(_metadata_rows(text, _shown(path), self.notes))


def _metadata_rows(text: str, name: str, notes: list[str]) -> Iterator[tuple[str, _Row]]:
    """Rows by article ID. Each line is parsed alone: a stray quote can't swallow the rest."""
    lines = text.split("\n")
    header = [cell.strip().lower() for cell in _cells(lines[0])]
    if "id" not in header:
        notes.append(f"{name} line 1: no column id; not used")
        return
    first_line: dict[str, int] = {}
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        cells = [cell.strip() for cell in _cells(line)]
        row = dict(zip(header, cells, strict=False))
        problem = _row_problem(cells, header) or _id_problem(row["id"], first_line)
        if problem:
            notes.append(f"{name} line {number}: {problem}; row not used")
            continue
        first_line[row["id"]] = number
        yield row["id"], _Row({k: row.get(k, "") for k in _FIELDS}, f"{name} line {number}")


def _row_problem(cells: list[str], header: list[str]) -> str:
    if not cells:
        return "unreadable (a quotation mark that is not closed?)"
    return f"{len(cells)} cells for {len(header)} columns" if len(cells) != len(header) else ""


def _id_problem(article_id: str, first_line: Mapping[str, int]) -> str:
    if not article_id:
        return "no ID"
    if article_id in first_line:
        return f"ID {_clipped(article_id)} stands in line {first_line[article_id]} already"
    return ""


def _cells(line: str) -> list[str]:
    """The cells of one line; none if it can't be parsed."""
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error:
        return []


def _bytes_of(path: Path, max_bytes: int) -> bytes:
    """A regular file's bytes; never follows a link, never waits, never reads past the limit."""
    try:
        _refuse_irregular(os.lstat(path))
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            # Asked again of the open file: the name may have been given to another meanwhile.
            status = os.fstat(descriptor)
            _refuse_irregular(status)
            _refuse_oversized(status.st_size, max_bytes)
            data = _read_up_to(descriptor, max_bytes + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _Unfit(f"unreadable: {error.strerror or error}") from error
    _refuse_oversized(len(data), max_bytes)
    return data


def _refuse_irregular(status: os.stat_result) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise _Unfit(_IS_LINK)
    if not stat.S_ISREG(status.st_mode):
        raise _Unfit("not a regular file")


def _refuse_oversized(size: int, max_bytes: int) -> None:
    if size > max_bytes:
        raise _Unfit(f"too large: over {max_bytes:,} bytes")


def _read_up_to(descriptor: int, limit: int) -> bytes:
    parts: list[bytes] = []
    left = limit
    while left > 0:
        part = os.read(descriptor, min(left, 1 << 20))
        if not part:
            break
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _decoded(data: bytes) -> tuple[str, tuple[str, ...]]:
    """The text of a file with LF line ends, and a note if it was not Unicode."""
    notes: tuple[str, ...] = ()
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    if encoding == "utf-8" and b"\x00" in data:
        raise _Unfit("binary: holds NUL bytes")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            raise _Unfit(f"its mark says {encoding}, its bytes do not") from error
        text, notes = _as_cp1252(data), ("not UTF-8, read as cp1252",)
    controls = len(_CONTROL.findall(text))
    if "\x00" in text or "\x1b" in text or controls * 1000 > len(text):
        raise _Unfit("binary: holds control characters")
    return text.replace("\r\n", "\n"), notes


def _as_cp1252(data: bytes) -> str:
    """The text as cp1252, if it looks like text: mostly ASCII, and not UTF-8 gone bad."""
    high = len(data.translate(None, delete=bytes(range(0x80))))
    if 2 * sum(map(len, _UTF8_PAIRS.findall(data))) > high:
        raise _Unfit("encoding: UTF-8 with damaged bytes")
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError as error:
        raise _Unfit("encoding: neither UTF-8 nor cp1252") from error
    if len(_NON_ASCII.findall(text)) * 5 > len(text):
        raise _Unfit("encoding: neither UTF-8 nor, as it seems, cp1252")
    return text


def _read_plain(data: bytes) -> _Draft:
    text, notes = _decoded(data)
    fields, body = _front_matter(text)
    return _Draft(body, _title(fields, map(str.strip, body.splitlines())), fields, notes)


def _read_markdown(data: bytes) -> _Draft:
    text, notes = _decoded(data)
    fields, body = _front_matter(text)
    lines = (line.strip().lstrip("#").strip() for line in body.splitlines())
    return _Draft(body, _title(fields, lines), fields, notes)


_READERS: dict[str, Callable[[bytes], _Draft]] = {".txt": _read_plain, ".md": _read_markdown}


def _title(fields: Mapping[str, str], lines: Iterable[str]) -> str:
    title = fields.get("title") or next((x for x in lines if any(map(_is_visible, x))), "")
    if len(title) <= _MAX_TITLE:
        return title
    return f"{title[:_MAX_TITLE].rsplit(None, 1)[0]} {CUT}"


def _front_matter(text: str) -> tuple[dict[str, str], str]:
    """The fields of the block at the top and the text after it; text only, if there is none."""
    if not text.startswith("---"):
        return {}, text
    lines = text.split("\n", _MAX_FRONT_MATTER_LINES)
    rules = [n for n, line in enumerate(lines[:_MAX_FRONT_MATTER_LINES]) if line.rstrip() == "---"]
    if len(rules) < 2 or rules[0] != 0:
        return {}, text
    block = lines[1 : rules[1]]
    fields = _block_fields(block)
    # Without a key that we know it may be a story between two rules: text is never lost.
    if not fields:
        return {}, text
    return fields, "\n".join(lines[rules[1] + 1 :])


def _block_fields(block: list[str]) -> dict[str, str]:
    """Known keys with their values; none at all if a line is no line of front matter."""
    fields: dict[str, str] = {}
    for line in block:
        if not line.strip() or line.startswith(("#", " ", "\t", "- ")):
            continue
        match = _KEY.match(line.rstrip())
        if match is None:
            return {}
        key = match[1].lower()
        if key in (*_FIELDS, "title") and key not in fields:
            fields[key] = _unquoted(match[2] or "")
    return fields


def _unquoted(value: str) -> str:
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1].strip()
    return value


def _checked_date(value: str) -> str | None:
    try:
        return date.fromisoformat(value).isoformat() if _ISO_DATE.fullmatch(value) else None
    except ValueError:
        return None


def _checked_url(value: str) -> str | None:
    if len(value) > _MAX_VALUE or not value.isprintable() or " " in value:
        return None
    try:
        parts = urlsplit(value)
        return value if parts.scheme in ("http", "https") and parts.hostname else None
    except ValueError:
        return None


def _checked_outlet(value: str) -> str | None:
    return value if len(value) <= _MAX_TITLE and value.isprintable() else None


_CHECKS: dict[str, Callable[[str], str | None]] = {
    "outlet": _checked_outlet,
    "published": _checked_date,
    "url": _checked_url,
}
_WRONG = {
    "outlet": "is too long or holds control characters",
    "published": "is not a date like 2025-03-31",
    "url": "is not an http or https address",
}


def _checked_id(stem: str) -> str:
    # Also refuses names that are not UTF-8: Python gives their bytes as lone surrogates.
    if not stem.isprintable():
        raise _Unfit("its name holds control characters or is not UTF-8")
    return stem


def _is_visible(char: str) -> bool:
    return unicodedata.category(char)[0] not in "ZC" and not (
        char in _BLANK_LETTERS or "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char
    )


def _shown(path: Path) -> str:
    """A path fit for one line of UTF-8."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(path))


def _clipped(value: str) -> str:
    return value if len(value) <= 60 else value[:59] + "…"
