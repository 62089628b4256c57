"""Files of several articles: JSON lines and CSV, an article a row.

Rows count from 1, bad ones too, empty lines and a CSV's header not. A bad row is told by its line;
the others are read. In JSON null is a field that is not given, and an ID may be a number. A value
of another type, a key that stands twice and NaN make a bad row. See also `docs/articles.md`.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..files import Unfit, as_cp1252, clipped, marked_encoding, refuse_oversized
from .draft import FIELDS, Draft, made_draft

MAX_ROWS = 200_000

_KNOWN = ("id", "title", "text", *FIELDS)


@dataclass(frozen=True)
class Row:
    """A row: the line that it begins in, its ID as found, and its draft or why it has none."""

    line: int
    id: str
    made: Draft | str


# Lines, each with the fields that begin in it or with what is wrong there. Reasons are kept as
# text: an exception would hold on to the line that it is about.
_Found = Iterator[tuple[int, dict[str, str] | str]]


def read_json_lines(data: bytes, stem: str, max_bytes: int) -> list[Row]:
    """Rows of a JSON lines file whose name without ending is `stem`.

    Raises Unfit if there is no row, more than MAX_ROWS, or another encoding than the mark says.
    """
    mark = marked_encoding(data)
    if mark:
        data = _as_marked(data, mark).encode("utf-8", "surrogatepass")
    return _rows(_found_in_json(data, max_bytes), stem, max_bytes, ())


def read_csv(data: bytes, stem: str, max_bytes: int) -> list[Row]:
    """Rows of a CSV file whose name without ending is `stem`.

    Raises Unfit as `read_json_lines` does, and if there is no header with a column `text`.
    """
    text, notes = _csv_text(data)
    with _cells_up_to(max_bytes):
        return _rows(_found_in_csv(text, max_bytes), stem, max_bytes, notes)


ROW_READERS: dict[str, Callable[[bytes, str, int], list[Row]]] = {
    ".jsonl": read_json_lines,
    ".csv": read_csv,
}


def _rows(found: _Found, stem: str, max_bytes: int, notes: tuple[str, ...]) -> list[Row]:
    rows: list[Row] = []
    for line, fields in found:
        if len(rows) == MAX_ROWS:
            raise Unfit(f"over {MAX_ROWS:,} rows: split it")
        made: Draft | str
        try:
            made = fields if isinstance(fields, str) else _draft(fields, max_bytes, notes)
        except Unfit as unfit:
            made = str(unfit)
        if isinstance(made, Draft):
            notes = ()  # what is said of the whole file is said once
        given = "" if isinstance(fields, str) else fields.get("id", "")
        rows.append(Row(line, given or f"{stem}-{len(rows) + 1}", made))
    if not rows:
        raise Unfit("empty: no rows")
    return rows


def _draft(fields: Mapping[str, str], max_bytes: int, notes: tuple[str, ...]) -> Draft:
    text = fields.get("text", "")
    if not text:
        raise Unfit("no text")
    try:
        refuse_oversized(len(text.encode("utf-8")), max_bytes)
    except UnicodeEncodeError as error:
        raise Unfit("its text holds half a character: bad UTF-8, or a lone surrogate") from error
    return made_draft(text, fields, notes)


def _as_marked(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise Unfit(f"its mark says {encoding}, its bytes do not") from error


class _Number(str):
    """A JSON number as it stands: one of a million digits costs nothing until it is computed."""


def _found_in_json(data: bytes, max_bytes: int) -> _Found:
    for number, line in enumerate(io.BytesIO(data), start=1):
        if not line.strip():
            continue
        try:
            # An escape may make six bytes of one, as in \u0041.
            refuse_oversized(len(line), 6 * max_bytes)
            yield number, _json_fields(line)
        except Unfit as unfit:
            yield number, str(unfit)


def _json_fields(line: bytes) -> dict[str, str]:
    row = _parsed(line)
    if not isinstance(row, dict):
        raise Unfit(f"{_kind(row)}, not an object")
    fields: dict[str, str] = {}
    for name in _KNOWN:
        value = row.get(name)
        if value is None:
            continue
        if type(value) is not str and not (name == "id" and isinstance(value, _Number)):
            raise Unfit(f"{name} is {_kind(value)}, not text")
        fields[name] = value.replace("\r\n", "\n") if name == "text" else str(value).strip()
    return fields


def _parsed(line: bytes) -> Any:
    try:
        return _DECODER.decode(line.decode("utf-8").rstrip())
    except UnicodeDecodeError as error:
        raise Unfit("not UTF-8") from error
    except json.JSONDecodeError as error:
        raise Unfit(f"not JSON: {error.msg} (character {error.pos + 1})") from error
    except RecursionError as error:
        raise Unfit("nested too deep") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise Unfit(f"key {clipped(key)!r} stands twice")
        found[key] = value
    return found


def _no_constant(name: str) -> Any:
    raise Unfit(f"not JSON: {name}")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_Number,
    parse_float=_Number,
    parse_constant=_no_constant,
)


def _kind(value: Any) -> str:
    kinds = {type(None): "null", bool: "true or false", list: "a list", dict: "an object"}
    return kinds.get(type(value), "a number" if isinstance(value, _Number) else "text")


def _csv_text(data: bytes) -> tuple[str, tuple[str, ...]]:
    """The text with LF line ends, and a note if it was not Unicode.

    Bytes that are no UTF-8, in a file that otherwise is, become halves of surrogate pairs, so that
    only the rows that hold them are bad.
    """
    notes: tuple[str, ...] = ()
    mark = marked_encoding(data)
    try:
        text = _as_marked(data, mark) if mark else data.decode("utf-8")
    except UnicodeDecodeError:
        try:
            text, notes = as_cp1252(data), ("not UTF-8, read as cp1252",)
        except Unfit:
            text = data.decode("utf-8", "surrogateescape")
    return text.replace("\r\n", "\n"), notes


def _found_in_csv(text: str, max_bytes: int) -> _Found:
    # What isn't the article's text may take as much again.
    records = _records(text, 2 * max_bytes)
    line, header = next(records, (0, []))
    if not line:
        return
    if isinstance(header, str):
        raise Unfit(f"line {line}: {header}")
    columns = [name.strip().lower() for name in header]
    if "text" not in columns:
        raise Unfit(f"line {line}: no column text in a header such as {','.join(_KNOWN)}")
    twice = [name for name in _KNOWN if columns.count(name) > 1]
    if twice:
        raise Unfit(f"line {line}: column {twice[0]} stands twice")
    for line, cells in records:
        if isinstance(cells, str):
            yield line, cells
        elif len(cells) != len(columns):
            yield line, f"{len(cells)} cells for {len(columns)} columns"
        else:
            row = dict(zip(columns, cells, strict=True))
            yield line, {k: v if k == "text" else v.strip() for k, v in row.items()}


def _records(text: str, limit: int) -> Iterator[tuple[int, list[str] | str]]:
    """Rows that aren't empty, with the line that each begins in; `limit` is a row's characters.

    After a row whose quotation marks are wrong, reading goes on in the line after its first, so
    that a stray mark doesn't swallow good rows. Such second readings together are bounded by the
    text's length; then reading goes on after the line where the error showed.
    """
    source, line, spare = io.StringIO(text, newline="\n"), 1, len(text)
    reader = csv.reader(source, strict=True)
    while (start := source.tell()) < len(text):
        before = reader.line_num
        try:
            cells = next(reader, [])
            if source.tell() - start > limit:
                raise Unfit(f"too large: a row of over {limit:,} characters")
        except (csv.Error, Unfit) as error:
            end = source.tell()
            source.seek(start)
            if source.readline().strip():  # not just a carriage return among spaces
                yield line, _csv_reason(str(error)) if isinstance(error, csv.Error) else str(error)
                spare -= end - start
            if spare >= 0:
                line += 1
                continue
            source.seek(end)
        else:
            if len(cells) > 1 or (cells and cells[0].strip()):
                yield line, cells
        line += reader.line_num - before


def _csv_reason(words: str) -> str:
    reasons = {
        "unexpected end": "a quotation mark is not closed",
        "expected after": "a quotation mark within a cell is not doubled",
        "new-line": "a carriage return stands alone",
        "field larger": "too large: a cell without an end",
    }
    return next((mend for sign, mend in reasons.items() if sign in words), f"not CSV: {words}")


@contextmanager
def _cells_up_to(characters: int) -> Iterator[None]:
    # The library's limit holds for the whole process, and an article may well be over its 131,072.
    before = csv.field_size_limit(characters)
    try:
        yield
    finally:
        csv.field_size_limit(before)
