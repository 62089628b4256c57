"""Places of articles in Milvus: numbers that rise in the order of the articles.

What is new gets a place between its neighbours', so that an update writes only what changed.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

#: The distance of two articles' places in a new index.
GAP = 1 << 20


def placed(old: Sequence[int | None]) -> list[int]:
    """A place for each article, rising; as many as can keep the old one, None for a new article.

    If there is no room between two, all get new ones.
    """
    kept = longest_rising(old)
    places: list[int] = []
    low = 0
    for number in [*kept, len(old)]:
        between = number - len(places)
        high = old[number] if number < len(old) else low + (between + 1) * GAP
        assert high is not None
        if high - low <= between:
            return [GAP * (n + 1) for n in range(len(old))]
        places += [low + (high - low) * (n + 1) // (between + 1) for n in range(between)]
        if number < len(old):
            places.append(high)
        low = high
    return places


def longest_rising(values: Sequence[int | None]) -> list[int]:
    """Which of the values, by their numbers, are a longest rising row; None is in no row."""
    ends: list[int] = []
    ends_at: list[int] = []
    before: dict[int, int] = {}
    for number, value in enumerate(values):
        if value is None:
            continue
        at = bisect_left(ends, value)
        ends[at : at + 1], ends_at[at : at + 1] = [value], [number]
        before[number] = ends_at[at - 1] if at else -1
    row: list[int] = []
    number = ends_at[-1] if ends_at else -1
    while number >= 0:
        row.append(number)
        number = before[number]
    return row[::-1]
