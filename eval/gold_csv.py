"""Gold questions as a table, for whoever writes them in a spreadsheet.

Columns are the fields of `eval.gold.GoldQuestion`, in any order, in the first line; they are parted
by commas, semicolons or tabs. In a cell

    a truth      true or false, yes or no, 1 or 0
    a list       w012_0844 | w005_df4e
    groups       nine dead | nine people ; two missing    (" ; " between groups, " | " within)
    either       or as JSON: [["nine dead", "nine people"], ["two missing"]]

An empty cell is "", or an empty list.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from index.errors import SettingError

ENDINGS = (".csv", ".tsv")
_TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_LISTS, _GROUPS, _TRUTH = ("may_cite", "forbid"), ("nuggets", "must_cite"), ("answerable", "draft")
#: A separator has white space, or an end of the cell, on both sides.
_BETWEEN, _BETWEEN_GROUPS = (re.compile(rf"(?<!\S){mark}(?!\S)") for mark in (r"\|", ";"))


def is_table(path: str | Path) -> bool:
    """Whether a gold file is a table, by the ending of its name."""
    return Path(path).suffix.lower() in ENDINGS


def table_rows(text: str, path: str | Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Each row that isn't empty, with the number of the line that it begins in.

    A cell that can't be read as what its column holds stays text, for the reader of the fields to
    refuse. Raises SettingError, which names the line, where it is no table at all.
    """
    head = text.split("\n", 1)[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=head.count))
    columns: list[str] = []
    line = 1
    try:
        for cells in reader:
            if not columns:
                columns = [cell.strip().lower() for cell in cells]
            elif any(cell.strip() for cell in cells):
                yield line, _row(columns, cells, f"{path}, line {line}")
            line = reader.line_num + 1
    except csv.Error as error:
        raise SettingError(f"{path}, line {line}: no row of a table: {error}") from error


def _row(columns: list[str], cells: list[str], where: str) -> dict[str, Any]:
    if len(cells) > len(columns):
        raise SettingError(
            f"{where}: {len(cells)} cells for {len(columns)} columns; put a cell that holds the "
            "separator in double quotation marks"
        )
    # A row that ends early has empty cells at its end, as spreadsheets write it.
    filled = [*cells, *[""] * (len(columns) - len(cells))]
    return {name: _cell(name, cell) for name, cell in zip(columns, filled, strict=True) if name}


def _cell(name: str, cell: str) -> Any:
    text = cell.strip()
    if name in _TRUTH:
        return _TRUTHS.get(text.lower(), False if not text and name == "draft" else cell)
    if name not in (*_LISTS, *_GROUPS):
        return cell if name == "note" else text
    if text.startswith("["):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    groups = [[part.strip() for part in _BETWEEN.split(g)] for g in _BETWEEN_GROUPS.split(text)]
    if not text:
        return []
    return groups if name in _GROUPS else [part.strip() for part in _BETWEEN.split(text)]
