"""Plots as SVG text: no script, no picture, no font from outside; colours come from the page.

Lines are told apart by dash and label too, not by colour alone. Whatever comes from outside is
escaped here.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

_WIDTH, _HEIGHT = 460, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 12, 12, 34
_BAR, _LABEL = 24, 108
_BINS = 16


@dataclass(frozen=True)
class Point:
    """Where a line goes through; `low` to `high` is its interval. `x` and `y` are 0..1."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Line:
    """A named line through its points, from left to right."""

    name: str
    points: Sequence[Point]


@dataclass(frozen=True)
class Bar:
    """A share, 0..1, with its interval; `value` is None where it wasn't measured."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    n: int


def lines(title: str, found: Sequence[Line], ticks: Sequence[tuple[float, str]], label: str) -> str:
    """Lines in a square of shares: 0..1 upwards, `ticks` (place 0..1, words) and `label` below."""
    parts = [*_grid(), *(_tick(x, words) for x, words in ticks)]
    parts.append(_words((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 4, label, "middle"))
    for number, line in enumerate(found):
        parts += [_band(line, number), _path(line, number)]
    legend = "".join(
        f'<li><svg width="28" height="8" aria-hidden="true"><path class="line s{n}" d="M0 4H28"/>'
        f"</svg> {html.escape(line.name)}</li>"
        for n, line in enumerate(found)
    )
    drawn = _figure(title, _HEIGHT, parts)
    return drawn.replace("</figure>", f'<ul class="legend">{legend}</ul></figure>')


def bars(title: str, found: Sequence[Bar]) -> str:
    """A bar a row, from 0 to 1, with its value, its interval as a whisker, and n."""
    width = _WIDTH - _LABEL - 96
    parts = []
    for row, bar in enumerate(found):
        top = row * _BAR + 4
        parts.append(_words(_LABEL - 8, top + 14, bar.name, "end"))
        if bar.value is None:
            parts.append(_words(_LABEL, top + 14, "not measured"))
            continue
        parts.append(
            f'<rect class="track" x="{_LABEL}" y="{top}" width="{width}" height="18"/>'
            f'<rect class="bar" x="{_LABEL}" y="{top}" width="{bar.value * width:.1f}" '
            'height="18"/>'
        )
        if bar.low is not None and bar.high is not None:
            left, right = (_LABEL + v * width for v in (bar.low, bar.high))
            parts.append(
                f'<path class="whisker" d="M{left:.1f} {top + 9}H{right:.1f}'
                f'M{left:.1f} {top + 5}v8M{right:.1f} {top + 5}v8"/>'
            )
        parts.append(_words(_LABEL + width + 8, top + 14, f"{bar.value:.2f}  n={bar.n}"))
    return _figure(title, len(found) * _BAR + 8, parts)


def histogram(title: str, values: Sequence[float], label: str) -> str:
    """How many of `values` (0 or more) are in each of equal steps from 0 to the highest."""
    if not values:
        return ""
    step = _round_up(max(values) / _BINS)
    counts = [0] * (math.floor(max(values) / step) + 1)
    for value in values:
        counts[math.floor(value / step)] += 1
    width = (_WIDTH - _LEFT - _RIGHT) / len(counts)
    height = _HEIGHT - _TOP - _BOTTOM
    parts = []
    for number, count in enumerate(counts):
        tall = count / max(counts) * height
        left, top = _LEFT + number * width, _HEIGHT - _BOTTOM - tall
        if count:
            parts.append(
                f'<rect class="bar" x="{left + 1:.1f}" y="{top:.1f}" width="{width - 2:.1f}" '
                f'height="{tall:.1f}"/>' + _words(left + width / 2, top - 3, count, "middle")
            )
    every = math.ceil(len(counts) / 8)
    for number in range(0, len(counts) + 1, every):
        parts.append(_words(_LEFT + number * width, _HEIGHT - 20, f"{number * step:g}", "middle"))
    parts.append(_words((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 4, label, "middle"))
    return _figure(title, _HEIGHT, parts)


def _round_up(step: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power = 10 ** math.floor(math.log10(step)) if step > 0 else 1.0
    # A hair wider than asked for by rounding is not a reason for the next larger step.
    return next(round(m * power, 9) for m in (1, 2, 5, 10) if m * power >= step * (1 - 1e-9))


def _figure(title: str, height: float, parts: Sequence[str]) -> str:
    words = html.escape(title)
    return (
        f'<figure><figcaption>{words}</figcaption><svg viewBox="0 0 {_WIDTH} {height:g}" '
        f'role="img" aria-label="{words}">{"".join(parts)}</svg></figure>'
    )


def _x(share: float) -> float:
    return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)


def _y(share: float) -> float:
    return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)


def _grid() -> list[str]:
    rows = [n / 4 for n in range(5)]
    return [
        f'<path class="grid" d="M{_LEFT} {_y(s):.1f}H{_WIDTH - _RIGHT}"/>'
        + _words(_LEFT - 6, _y(s) + 4, f"{s:g}", "end")
        for s in rows
    ]


def _tick(share: float, words: str) -> str:
    # The last one ends where the plot does: in its middle it would be cut off.
    return _words(_x(share), _HEIGHT - 20, words, "end" if share == 1 else "middle")


def _path(line: Line, number: int) -> str:
    way = "L".join(f"{_x(p.x):.1f} {_y(p.y):.1f}" for p in line.points)
    dots = "".join(
        f'<circle class="dot s{number}" cx="{_x(p.x):.1f}" cy="{_y(p.y):.1f}" r="3"/>'
        for p in line.points
        if len(line.points) <= 10
    )
    return f'<path class="line s{number}" d="M{way}"/>{dots}' if line.points else ""


def _band(line: Line, number: int) -> str:
    known = [(p.x, p.low, p.high) for p in line.points if p.low is not None and p.high is not None]
    if not known:
        return ""
    edge = [f"{_x(x):.1f} {_y(high):.1f}" for x, _, high in known]
    edge += [f"{_x(x):.1f} {_y(low):.1f}" for x, low, _ in reversed(known)]
    return f'<path class="band s{number}" d="M{"L".join(edge)}Z"/>'


def _words(x: float, y: float, text: object, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html.escape(str(text))}</text>'
