"""Places of articles in Milvus: numbers that rise in the order of the articles.

What is new gets a place between its neighbours', so that an update writes only what changed.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from ..records import Article
from .rows import Head

#: The distance of two articles' places in a new index.
GAP = 1 << 20


@dataclass(frozen=True)
class Old:
    """An article as it serves: its place, its original's, and its head."""

    place: int
    original: int
    head: Head


@dataclass(frozen=True)
class New:
    """An article as it will serve: its place, what it was, and whether it stays as it is.

    `taken` tells whether its text stays, so that what was made of it can be taken over.
    """

    article: Article
    place: int
    old: Old | None
    stays: bool
    taken: bool


def planned(
    articles: Sequence[Article],
    twins: Sequence[Old | None],
    hashes: Sequence[tuple[str, str]],
    *,
    takes: bool,
    drifts: bool,
) -> list[New]:
    """What becomes of each article, given what serves of it and its `hashes_of`.

    `takes` tells whether what serves is gone on with, `drifts` whether all weights are made anew.
    """
    places = placed([twin.place if twin else None for twin in twins])
    found = []
    for article, place, old, (whole, made) in zip(articles, places, twins, hashes, strict=True):
        taken = takes and old is not None and old.head.made == made
        stays = taken and old is not None and old.head.whole == whole and old.place == place
        found.append(New(article, place, old, stays and not drifts, taken))
    return found


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
