"""Lines of a page in the order in which they are read: columns, paragraphs, rows of a table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median

#: What PDFium writes for a hyphen at a line's end, without the line's end.
HYPHEN = "\ufffe"

_WORD = re.compile(rf"[^\s{HYPHEN}]+{HYPHEN}?|{HYPHEN}")
_ENDS = re.compile(r"[.!?…:。！？؟][\"'”’»)\]]*$")
_CELLS = "   "
# Of a column: lines, and characters that half of them have at least. Cells of a table have fewer.
_LEAST_LINES, _LEAST_CHARACTERS = 3, 12
_MAX_CROSSING = 0.4
# Lines of a page among which columns are looked for: it takes time as their square.
_MOST_LINES = 1_500
# A line that fills so much of its column may go on in the next; how high a page's foot is.
_FULL, _FOOT = 0.75, 0.12

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Line:
    """A line with its box; `edge` is where its column ends.

    `height_share` is how high on the page it stands, 0 to 1; -1 where no place is known.
    """

    text: str
    left: float = 0.0
    bottom: float = 0.0
    right: float = 0.0
    top: float = 0.0
    edge: float = 0.0
    height_share: float = -1.0

    @property
    def height(self) -> float:
        """Of its letters, in points."""
        return self.top - self.bottom


def lines_of(text: str) -> list[Line]:
    """The lines of a text whose place isn't known."""
    return [Line(line.strip()) for line in text.splitlines() if line.strip()]


def placed(text: str, box_of: Callable[[int], Box], page_height: float) -> list[Line]:
    """The lines of a page in reading order; `box_of` gives the box of a character of `text`."""
    pieces: list[Line] = []
    offset = 0
    for drawn in text.split("\n"):
        for match in _WORD.finditer(drawn):
            left, bottom, _, top = box_of(offset + match.start())
            word = Line(match[0], left, bottom, box_of(offset + match.end() - 1)[2], top)
            if pieces and match.start() and _follows(pieces[-1], word):
                between = " " * drawn[match.start() - 1].isspace()
                pieces[-1] = _grown(pieces[-1], word, between)
            else:
                pieces.append(word)
        offset += len(drawn) + 1
    whole = _merged(pieces)
    ordered = _ordered(whole) if len(whole) <= _MOST_LINES else whole
    height = max(page_height, 1.0)
    return [replace(line, height_share=line.bottom / height) for line in ordered]


def _follows(line: Line, word: Line) -> bool:
    """Whether a word goes on in a line: beside it, with no more than a wide space between."""
    gap, height = word.left - line.right, max(line.height, 1.0)
    return abs(word.bottom - line.bottom) < 0.5 * height and -0.5 * height < gap < 0.9 * height


def _grown(line: Line, word: Line, between: str) -> Line:
    return replace(
        line,
        text=f"{line.text}{between}{word.text}",
        right=max(line.right, word.right),
        bottom=min(line.bottom, word.bottom),
        top=max(line.top, word.top),
    )


def _merged(pieces: Sequence[Line]) -> list[Line]:
    """Pieces of a line that were drawn apart as one."""
    merged: list[Line] = []
    for row in _rows(pieces):
        for piece in row:
            last = merged[-1] if merged else None
            if last is not None and piece is not row[0] and _follows(last, piece):
                merged[-1] = _grown(
                    last, piece, " " * (piece.left - last.right > 0.1 * last.height)
                )
            else:
                merged.append(piece)
    return merged


def _rows(lines: Iterable[Line]) -> list[list[Line]]:
    """Lines that stand on one height together, from the top, each row from the left."""
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda x: -x.bottom):
        if rows and rows[-1][0].bottom - line.bottom < 0.4 * max(line.height, 1.0):
            rows[-1].append(line)
        else:
            rows.append([line])
    return [sorted(row, key=lambda x: x.left) for row in rows]


def _ordered(lines: Sequence[Line]) -> list[Line]:
    """Columns one after the other, between what goes across them."""
    gutter = _gutter(lines)
    if gutter is None:
        return _edged([_row(row) for row in _rows(lines)])
    across = sorted((x for x in lines if x.left < gutter < x.right), key=lambda x: -x.bottom)
    found: list[Line] = []
    rest = [x for x in lines if not x.left < gutter < x.right]
    for line in (*across, None):
        band = [x for x in rest if line is None or x.bottom > line.bottom]
        rest = [x for x in rest if line is not None and x.bottom <= line.bottom]
        found += _ordered([x for x in band if x.right <= gutter])
        found += _ordered([x for x in band if x.left >= gutter])
        if line is not None:
            found += _edged([line])
    return found


def _edged(column: Sequence[Line]) -> list[Line]:
    """The lines of a column, each with where those of its size end."""

    def edge(line: Line) -> float:
        # A number at the foot of the page, say, may stand farther out.
        alike = sorted(x.right for x in column if _is_of_size(x, line)) or [line.right]
        return alike[-1 - len(alike) // 6]

    return [replace(line, edge=edge(line)) for line in column]


def _is_of_size(line: Line, other: Line) -> bool:
    return 0.8 < line.height / max(other.height, 0.1) < 1.25


def _row(row: Sequence[Line]) -> Line:
    """Cells of a table's row as one line, wide gaps between them."""
    whole = row[0]
    for cell in row[1:]:
        whole = _grown(whole, cell, _CELLS)
    return whole


def _gutter(lines: Sequence[Line]) -> float | None:
    """Where two columns of text part, if they do: few lines cross, and on both sides are many."""
    best: tuple[int, float] | None = None
    for start in sorted({round(line.left) for line in lines}):
        place = start - 1.0
        left = [x for x in lines if x.right <= place]
        right = [x for x in lines if x.left >= place]
        crossing = len(lines) - len(left) - len(right)
        if crossing > _MAX_CROSSING * len(lines) or not (_is_column(left) and _is_column(right)):
            continue
        low, high = min(x.bottom for x in right), max(x.top for x in right)
        beside = sum(low <= x.bottom and x.top <= high for x in left)
        if beside >= 2 and (best is None or crossing < best[0]):
            best = crossing, place
    return best[1] if best else None


def _is_column(lines: Sequence[Line]) -> bool:
    return len(lines) >= _LEAST_LINES and median(len(x.text) for x in lines) >= _LEAST_CHARACTERS


def joined(lines: Sequence[Line]) -> str:
    """The lines as text, those of one paragraph in one line."""
    text: list[str] = []
    before: Line | None = None
    for line in lines:
        if before is not None and before.text.endswith(HYPHEN):
            text.append(line.text)
        elif before is not None and _goes_on(before, line):
            text.append(f" {line.text}")
        else:
            text.append(f"\n{line.text}")
        before = line
    return "".join(text).strip()


def _goes_on(line: Line, following: Line) -> bool:
    """Whether a sentence goes on in the next line: this one is full, or that begins small."""
    if line.height_share < 0 or following.height_share < 0 or _ENDS.search(line.text):
        return False
    if _CELLS in line.text or _CELLS in following.text or not _is_of_size(line, following):
        return False
    is_next = 0 < line.bottom - following.bottom < 2.2 * line.height
    is_elsewhere = following.bottom >= line.bottom or line.height_share < 2 * _FOOT
    is_full = line.right - line.left >= _FULL * (line.edge - line.left)
    return (is_next or is_elsewhere) and (is_full or following.text[0].islower())
