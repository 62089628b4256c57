"""Tables of a web page: a paragraph for each row, each value under its header."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..rows import headed

_LONGEST_CELL = 200


def tell_rows(table: Any) -> None:
    """Put a paragraph for each row in place of a table of values under headers."""
    if table.find(".//table") is not None or table.get("role") == "presentation":
        return
    grid = list(_grid(table))
    heads = [n for n, (cells, is_head) in enumerate(grid) if is_head]
    first = heads[-1] + 1 if heads == list(range(len(heads))) and heads else 1
    if (
        len(grid) <= first
        or len(grid[0][0]) < 2
        or max(len(c) for row, _ in grid for c in row) > _LONGEST_CELL
    ):
        return
    header = [
        " ".join(dict.fromkeys(filter(None, column)))
        for column in zip(*(row for row, _ in grid[:first]), strict=False)
    ]
    told = table.makeelement("div")
    for text in [_text(c) for c in table.iter("caption")] + [
        headed(header, row) for row, _ in grid[first:]
    ]:
        line = table.makeelement("p")
        line.text = text
        told.append(line)
    told.tail = table.tail
    table.getparent().replace(table, told)


def _grid(table: Any) -> Iterator[tuple[list[str], bool]]:
    """The rows, each cell in every column and row that it spans; whether a row is all headers."""
    below: dict[int, tuple[str, int]] = {}
    for row in table.iter("tr"):
        cells: list[str] = []
        kinds: list[bool] = []
        waiting = list(row.iter("td", "th"))
        while waiting or len(cells) in below:
            if len(cells) in below:
                text, left = below.pop(len(cells))
                if left > 1:
                    below[len(cells)] = (text, left - 1)
                cells.append(text)
                continue
            cell = waiting.pop(0)
            kinds.append(cell.tag == "th")
            for _ in range(min(_number(cell, "colspan"), 50)):
                if (rows := _number(cell, "rowspan")) > 1:
                    below[len(cells)] = (_text(cell), rows - 1)
                cells.append(_text(cell))
        if any(cells):
            yield cells, all(kinds) or any(True for _ in row.iterancestors("thead"))


def _number(cell: Any, name: str) -> int:
    said = cell.get(name, "1")
    return int(said) if said.isdigit() and said != "0" else 1


def _text(element: Any) -> str:
    return " ".join(element.text_content().split())
