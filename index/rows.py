"""Tables in a text: rows of values, each told with the header that it stands under."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

_LINE = re.compile(r"[^\n]+")
_RULE = re.compile(r"[\s|:+=-]*-[\s|:+=-]*")
_TOLD = re.compile(
    r"^(?:[^:;\n]{1,60}: )?[^;\n]{1,200}(?:; [^:;\n]{1,60}: [^;\n]{1,200})+$", re.MULTILINE
)
_DIGIT = re.compile(r"\d")
_LONGEST_CELL, _MOST_WORDS = 60, 8
# A table has a header and two rows at least, or one row under a line of dashes.
_LEAST_LINES = 3

Span = tuple[int, int]


@dataclass(frozen=True)
class Row:
    """A row of a table: where its header stands, the header's cells, and its own."""

    header: Span
    names: Sequence[str]
    cells: Sequence[str]

    @property
    def told(self) -> str:
        """The row in one line, each value after its header."""
        return headed(self.names, self.cells)


def headed(header: Sequence[str], cells: Sequence[str]) -> str:
    """A row in one line, each value after its header; empty cells are left out.

    ["Town", "2030"], ["Ferrin", "218"] -> "Town: Ferrin; 2030: 218"
    """
    names = [*header, *[""] * (len(cells) - len(header))]
    pairs = [(name, cell) for name, cell in zip(names, cells, strict=False) if cell]
    return "; ".join(f"{name}: {cell}" if name else cell for name, cell in pairs)


@lru_cache(maxsize=512)
def rows_of(text: str) -> Mapping[int, Row]:
    """The rows of the tables in a text, by where each begins.

    Cells are parted as in Markdown, by tabs, by two spaces or more, by semicolons or by commas.
    """
    found = dict(_told_rows(text))
    for split in (_piped, _tabbed, _spaced, _by(";"), _by(",")):
        for table in _tables(text, split):
            (header, names), *rows = table
            found |= {
                span[0]: Row(header, names, cells) for span, cells in rows if span[0] not in found
            }
    return found


def _told_rows(text: str) -> Iterator[tuple[int, Row]]:
    """Lines that are `headed` already: such a row is its own header."""
    for match in _TOLD.finditer(text):
        pairs = [pair.partition(": ") for pair in match[0].split("; ")]
        named = [(name, cell) if mark else ("", name) for name, mark, cell in pairs]
        yield match.start(), Row(match.span(), *zip(*named, strict=True))


def _tables(text: str, split: Callable[[str], list[str]]) -> Iterator[list[tuple[Span, list[str]]]]:
    """Lines one after the other that `split` gives equally many cells, the header first."""
    table: list[tuple[Span, list[str]]] = []
    ruled = False
    end = -1
    for match in _LINE.finditer(text):
        line = match[0]
        if table and match.start() == end + 1 and _RULE.fullmatch(line):
            ruled, end = True, match.end()
            continue
        cells = split(line)
        goes_on = match.start() == end + 1 and bool(table) and len(cells) == len(table[0][1])
        if not goes_on:
            if _is_table(table, ruled):
                yield table
            table, ruled = [], False
        if len(cells) > 1 and all(len(c) <= _LONGEST_CELL for c in cells):
            start = match.start() + len(line) - len(line.lstrip())
            table.append(((start, match.start() + len(line.rstrip())), cells))
            end = match.end()
    if _is_table(table, ruled):
        yield table


def _is_table(table: Sequence[tuple[Span, list[str]]], ruled: bool) -> bool:
    if len(table) < (2 if ruled else _LEAST_LINES):
        return False
    numbered = sum(any(map(_DIGIT.search, cells)) for _, cells in table[1:])
    return ruled or 2 * numbered > len(table) - 1


def _piped(line: str) -> list[str]:
    if "|" not in line:
        return []
    return [cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|")]


def _tabbed(line: str) -> list[str]:
    return [cell.strip() for cell in line.rstrip().split("\t")]


def _spaced(line: str) -> list[str]:
    return re.split(r" {2,}", line.rstrip()) if "|" not in line else []


def _by(mark: str) -> Callable[[str], list[str]]:
    """Cells between marks that prose has too: few words each, and no sentence."""

    def split(line: str) -> list[str]:
        cells = [cell.strip().strip('"') for cell in line.split(mark)]
        is_prose = line.rstrip().endswith((".", "!", "?")) or re.search(r"[,;] ", line)
        short = all(len(cell.split()) <= _MOST_WORDS for cell in cells)
        return cells if short and not is_prose and len(cells) > 1 else []

    return split
