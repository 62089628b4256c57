"""Entries of a live blog: one report in several, each with its own time.

A line that begins with a time of day begins an entry. A text is a live blog if it has two that
bear a date, or three that don't, and their times only rise or only fall.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import lru_cache

from index import Article, Passage

_STAMP = re.compile(
    r"^[ \t#*>_-]*\[?(?:(?P<day>\d{4}-\d\d-\d\d)[ T,]+)?"
    r"(?P<hour>[01]?\d|2[0-3])[:.h](?P<minute>[0-5]\d)"
    r"(?![\d%]|[.:]\d)(?P<half>\s*[ap]\.?m\b\.?)?(?:\s*(?:uhr|h|gmt|utc|bst|c?est)\b)?\]?[*_]*"
    r"(?=\s*(?:$|[:–—|-]|\s[^\W\d_]))",
    re.IGNORECASE | re.MULTILINE,
)
#: Where an entry begins, and when it was written: a day, or "", and minutes of the day.
Entry = tuple[int, tuple[str, int]]


@lru_cache(maxsize=2048)
def entries_of(article: Article) -> tuple[Entry, ...]:
    """The entries of a live blog in their order; none of any other text."""
    found = [(m.start(), (m["day"] or "", _minutes(m))) for m in _STAMP.finditer(article.text)]
    times = [when for _, when in found]
    in_order = times in (sorted(times), sorted(times, reverse=True))
    dated = all(day for day, _ in times)
    return tuple(found) if len(found) >= (2 if dated else 3) and in_order else ()


def entry_of(passage: Passage) -> Entry | None:
    """The entry that a passage begins in; None if its article is no live blog."""
    entries = entries_of(passage.article)
    place = bisect_right([start for start, _ in entries], passage.start)
    return entries[place - 1] if place else None


def is_later(one: Passage, other: Passage) -> bool:
    """Whether a passage is of a later entry than another of the same live blog."""
    ours, theirs = entry_of(one), entry_of(other)
    same = one.article.id == other.article.id
    return same and ours is not None and theirs is not None and ours[1] > theirs[1]


def when_said(passage: Passage) -> str:
    """The time of a passage's entry, or else the day of its report; "" if neither is known."""
    entry = entry_of(passage)
    if entry is None:
        return passage.article.published or ""
    day, minutes = entry[1]
    return f"{day} {minutes // 60:02}:{minutes % 60:02}".strip()


def _minutes(stamp: re.Match[str]) -> int:
    hour = int(stamp["hour"])
    half = (stamp["half"] or "").strip().lower()
    if half:
        hour = hour % 12 + 12 * half.startswith("p")
    return 60 * hour + int(stamp["minute"])
