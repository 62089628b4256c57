"""The picture of who gave which value when: its measures, which a template draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from index.records import iso_day
from rag.schema import Answer, Position
from rag.timing import days_named
from web.render import day_of, one_line

#: Rows of a timeline, characters of a value in it, and its measures in units of its picture.
TIMELINE_ROWS, VALUE_SHOWN = 6, 18
_LEFT, _RIGHT, _ROW = 190, 620, 26
#: Days that a report names are shown if they are at most so many from its own.
NEAR = 60


@dataclass(frozen=True)
class _Times:
    """The days on which a row's reports were published, and those near that their quotes name."""

    row: Position
    reported: tuple[date, ...]
    spoken: tuple[date, ...]

    @property
    def told(self) -> str:
        """The same in words."""
        named = f", speaks of {_listed(self.spoken)}" if self.spoken else ""
        return f"{one_line(self.row.value)}: {_listed(self.reported)}{named}"


@dataclass(frozen=True)
class Row:
    """A row of the picture: its height, and the places of its dots and diamonds."""

    stance: str
    label: str
    y: int
    reported: Sequence[float]
    spoken: Sequence[float]


@dataclass(frozen=True)
class Timeline:
    """The picture. `told` is all of it in words; `legend` is how high that lies, 0 for none."""

    rows: Sequence[Row]
    first: str
    last: str
    told: str
    below: int
    legend: int
    height: int
    left: int = _LEFT
    right: int = _RIGHT


def timeline_of(answer: Answer) -> Timeline | None:
    """The picture's measures; None unless reports of several days give several values."""
    rows = [_times(row) for row in answer.ledger if row.value and row.stance != "says"]
    rows = [times for times in rows if times.reported][:TIMELINE_ROWS]
    if len(rows) < 2 or len({day for times in rows for day in times.reported}) < 2:
        return None
    every = sorted({day for t in rows for day in (*t.reported, *t.spoken)})
    spoken = any(times.spoken for times in rows)
    below = _ROW * (len(rows) + 1) + 8
    return Timeline(
        [_row(n, times, every[0], every[-1]) for n, times in enumerate(rows)],
        day_of(every[0].isoformat()),
        day_of(every[-1].isoformat()),
        "; ".join(times.told for times in rows),
        below,
        below + _ROW if spoken else 0,
        _ROW * (len(rows) + 1 + spoken) + 14,
    )


def _row(n: int, times: _Times, first: date, last: date) -> Row:
    def places(days: Sequence[date]) -> list[float]:
        span = (last - first).days
        return [_LEFT + (_RIGHT - _LEFT) * (day - first).days / span for day in days]

    value = one_line(times.row.value)
    label = value if len(value) <= VALUE_SHOWN else value[: VALUE_SHOWN - 1] + "…"
    reported, spoken = places(times.reported), places(times.spoken)
    return Row(times.row.stance, label, _ROW * n + 18, reported, spoken)


def _listed(days: Sequence[date]) -> str:
    return ", ".join(day_of(day.isoformat()) for day in days)


def _times(row: Position) -> _Times:
    reported = tuple(_days(row))
    named = {day for c in row.citations for day in days_named(c.passage)}
    near = {day for day in named if any(abs((day - r).days) <= NEAR for r in reported)}
    return _Times(row, reported, tuple(sorted(near - set(reported))))


def _days(row: Position) -> list[date]:
    """The days on which a row's reports were published, as far as they are known."""
    days = {c.passage.article.published or "" for c in row.citations}
    return sorted(date.fromisoformat(day) for day in days if iso_day(day))
