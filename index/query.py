"""What a query names that an index can look up by itself: outlets, days, and parts of its own.

Nothing here guesses names: an outlet is one that the corpus has, a day is one that is written out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .keywords import keyword_tokens

_MAX_PARTS = 4
_PART_WORDS = 4

_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_DAY = r"(?P<day>[12]?\d|3[01])(?:st|nd|rd|th)?\b"
_YEAR = r"(?:,?\s+(?P<year>\d{4})\b)?"
_DATES = (
    re.compile(rf"\b{_MONTH}\s+{_DAY}{_YEAR}", re.IGNORECASE),
    re.compile(rf"\b{_DAY}\s+(?:of\s+)?{_MONTH}{_YEAR}", re.IGNORECASE),
)
_ISO_DATE = re.compile(r"(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)")

# "The Roar | Sports Writers Blog", "BBC News - Arts": what stands before is a name for it, too.
_BYNAME = re.compile(r"\s+[|–—-]\s+|:\s")
_THE = re.compile(r"the\s+", re.IGNORECASE)
_CLAUSE = re.compile(
    r"[,;:]\s+(?:(?:while|whereas|and|but)\s+)?|\s+(?:while|whereas)\s+", re.IGNORECASE
)


class OutletNames:
    """The names of a corpus's outlets, to be found in a query."""

    def __init__(self, outlets: Iterable[str]) -> None:
        """`outlets` are as the articles have them."""
        self._outlets: dict[str, set[str]] = {}
        for outlet in outlets:
            for name in (outlet, _BYNAME.split(outlet)[0]):
                bare = _THE.sub("", name, count=1) if _THE.match(name) else name
                self._outlets.setdefault(_folded(bare), set()).add(outlet)
        self._outlets.pop("", None)
        names = sorted(self._outlets, key=len, reverse=True)
        any_name = "|".join(re.escape(name).replace(r"\ ", r"\s+") for name in names)
        self._pattern = re.compile(rf"(?<!\w)(?:{any_name or '(?!)'})(?!\w)", re.IGNORECASE)

    def named_in(self, text: str) -> frozenset[str]:
        """Outlets that `text` names, as the corpus writes them.

        Case does not count, save that a name of one word must begin with a capital or a digit: an
        outlet called The Age is not meant by "the age of the bridge".
        """
        found: set[str] = set()
        for match in self._pattern.finditer(text):
            said = match[0]
            if len(said.split()) > 1 or not said[0].islower():
                found |= self._outlets.get(_folded(said), set())
        return frozenset(found)


class AnyNamed:
    """Whether a text names the outlet, and the day, of a passage by its number."""

    @property
    def any(self) -> bool:
        """Whether the text names one that the corpus has."""
        raise NotImplementedError

    def among(self, numbers: Any) -> Any:
        """Those of `numbers`, or of all, that are named."""
        raise NotImplementedError

    def has_outlet(self, number: int) -> bool:
        """Whether the outlet of a passage is named."""
        raise NotImplementedError

    def has_day(self, number: int) -> bool:
        """Whether the day of a passage is named."""
        raise NotImplementedError

    def of(self, number: int) -> tuple[str, ...]:
        """What of a passage is named."""
        of = (("its outlet", self.has_outlet(number)), ("its day", self.has_day(number)))
        return tuple(what for what, named in of if named)


@dataclass(frozen=True)
class Named(AnyNamed):
    """For each passage whether a text names its outlet, and its day."""

    outlet: NDArray[np.bool_]
    day: NDArray[np.bool_]

    def has_outlet(self, number: int) -> bool:
        """Whether the outlet of a passage is named."""
        return bool(self.outlet[number])

    def has_day(self, number: int) -> bool:
        """Whether the day of a passage is named."""
        return bool(self.day[number])

    @property
    def any(self) -> bool:
        """Whether the text names one that the corpus has."""
        return bool(self.outlet.any() or self.day.any())

    def among(self, numbers: NDArray[np.int64] | None) -> NDArray[np.int64]:
        """Those of `numbers`, or of all, that are named."""
        either = self.outlet | self.day
        return np.flatnonzero(either) if numbers is None else numbers[either[numbers]]


class Names:
    """The outlets and days of an index's passages, to be found in a query."""

    def __init__(
        self, outlets: Sequence[str], outlet: NDArray[np.int32], published: NDArray[np.int32]
    ) -> None:
        """For each passage `outlet` is a number in `outlets` or -1, `published` yyyymmdd or 0."""
        self._outlets, self._names = outlets, OutletNames(outlets)
        self._outlet, self._published = outlet, published

    def named_in(self, text: str) -> Named:
        """Find the passages whose outlet or day `text` names; without a year, of any year."""
        names = self._names.named_in(text)
        wanted = [n for n, name in enumerate(self._outlets) if name in names]
        of_day = np.zeros(len(self._published), np.bool_)
        for month, day, year in days_in(text):
            there = self._published % (10**8 if year else 10_000)
            of_day |= there == year * 10_000 + month * 100 + day
        return Named(np.isin(self._outlet, wanted), of_day)


def days_in(text: str) -> frozenset[tuple[int, int, int]]:
    """Days that `text` names, as (month, day, year); the year is 0 where none is said.

    "12 March 2025", "March 12th", "Mar. 12, 2025" and "2025-03-12" are understood. No check is
    made that there is such a day.
    """
    days = {(int(m[2]), int(m[3]), int(m[1])) for m in _ISO_DATE.finditer(text)}
    for pattern in _DATES:
        for match in pattern.finditer(text):
            month = _MONTHS.index(match["month"][:3].lower()) + 1
            days.add((month, int(match["day"]), int(match["year"] or 0)))
    return frozenset(days)


def parts_of(text: str) -> tuple[str, ...]:
    """Clauses of a query that asks for several things; none if it is of one piece.

    Cut after commas, semicolons and colons and at "while" and "whereas"; a piece with fewer than
    four different content words stays with the one before. At most four parts.

    "Did A report on the storm at sea, while B said the harbour stayed open?" -> two parts
    """
    parts: list[str] = []
    for piece in _CLAUSE.split(text):
        if parts and _is_short(piece):
            parts[-1] += f" {piece}"
        elif len(parts) == 1 and _is_short(parts[0]):
            parts[0] += f" {piece}"
        else:
            parts.append(piece)
    return tuple(parts[:_MAX_PARTS]) if len(parts) > 1 else ()


def pairs_of(tokens: Iterable[str]) -> frozenset[tuple[str, str]]:
    """Neighbouring words: what tells "Rush Township" from a rush in some township."""
    return frozenset(pairwise(tokens))


def _is_short(piece: str) -> bool:
    return len(set(keyword_tokens(piece))) < _PART_WORDS


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())
