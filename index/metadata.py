"""`metadata.csv`: outlet, date and address of the articles beside it and below it, by ID."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from .files import Unfit, clipped, decoded, file_bytes, shown
from .formats import FIELDS

METADATA = "metadata.csv"

_MAX_BYTES = 64_000_000


@dataclass(frozen=True)
class MetadataRow:
    """A row of a metadata.csv and where it stands."""

    fields: Mapping[str, str]
    place: str


Table = Mapping[str, MetadataRow]


def read_table(folder: Path, notes: list[str]) -> Table:
    """The rows of a folder's metadata.csv by article ID; none if there is none.

    What can't be used is told in `notes`.
    """
    path = folder / METADATA
    if not os.path.lexists(path):
        return {}
    try:
        text, note = decoded(file_bytes(path, _MAX_BYTES))
    except Unfit as unfit:
        notes.append(f"{shown(path)}: not used: {unfit}")
        return {}
    notes.extend(f"{shown(path)}: {n}" for n in note)
    return dict(_metadata_rows(text, shown(path), notes))


def _metadata_rows(text: str, name: str, notes: list[str]) -> Iterator[tuple[str, MetadataRow]]:
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
        problem = _problem(cells, header, row.get("id", ""), first_line)
        if problem:
            notes.append(f"{name} line {number}: {problem}; row not used")
            continue
        first_line[row["id"]] = number
        yield row["id"], MetadataRow({k: row.get(k, "") for k in FIELDS}, f"{name} line {number}")


def _problem(
    cells: list[str], header: list[str], article_id: str, first_line: Mapping[str, int]
) -> str:
    if not cells:
        return "unreadable (a quotation mark that is not closed?)"
    if len(cells) != len(header):
        return f"{len(cells)} cells for {len(header)} columns"
    if not article_id:
        return "no ID"
    if article_id in first_line:
        return f"ID {clipped(article_id)} stands in line {first_line[article_id]} already"
    return ""


def _cells(line: str) -> list[str]:
    """The cells of one line; none if it can't be parsed."""
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error:
        return []
