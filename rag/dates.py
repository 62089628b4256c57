"""Dates in news text: what their words say of year, month, day and weekday."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass

_MONTHS = (
    "january february march april may june july august september october november december"
).split()
_MONTH_NUMBER = (
    {m: n for n, m in enumerate(_MONTHS, 1)}
    | {m[:3]: n for n, m in enumerate(_MONTHS, 1)}
    | {"sept": 9}
)
_DAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
_MONTH = "|".join(sorted(_MONTH_NUMBER, key=len, reverse=True))
_YEAR = r"(?:1[0-9]|20)\d\d"
# 3 April, 3rd of April, 3. April; April 3; April 2030; 2030-04-03; 03.04.2030; 13/4/2030; 2030.
_DATE = re.compile(
    rf"""\b(?:(?P<day1>\d{{1,2}})(?:st|nd|rd|th|\.)?\s+(?:of\s+)?(?P<month1>{_MONTH})\b\.?
        (?:,?\s+(?P<year1>{_YEAR}))?
    |(?P<month2>{_MONTH})\b\.?\s+(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?\b(?!,\d{{3}})
        (?:,?\s+(?P<year2>{_YEAR}))?
    |(?P<month3>{_MONTH})\b\.?,?\s+(?P<year3>{_YEAR})
    |(?P<iso>{_YEAR}-\d\d-\d\d)
    |(?P<day6>\d{{1,2}})(?P<mark>[./])(?P<month6>\d{{1,2}})(?P=mark)(?P<year6>{_YEAR})
    |(?P<year4>(?<![\d,.$€£-])(?:19|20)\d\d)(?![\d%-]|[,.]\d|\s(?:people|workers|homes|jobs))
    |(?:(?<=\b(?:in|of|by|to)\s)|(?<=\band\s)|(?<=\b(?:from|year|late)\s)|(?<=\b(?:since|until|early)\s)
        |(?<=[(–]))(?P<year5>1[0-8]\d\d)(?![\d%]|[,.]\d|\s(?!as\b|was\b|his\b)[a-z]+s\b)
    |(?P<year7>(?<![\d$€£-])(?:1[0-9]|20)\d0)s)\b
    """,
    re.VERBOSE | re.IGNORECASE,
)
# "may" and "march" are words of other kinds too: months by themselves need their capital letter.
_LONE = re.compile(
    rf"""\b(?:(?P<weekday>(?i:{"|".join(_DAYS)}))s?
    |(?P<month>{"|".join(m.capitalize() for m in _MONTHS)}))\b""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class When:
    """A date as far as the words at `[start, end)` say it; parts they don't say are None."""

    start: int
    end: int
    year: int | None = None
    month: int | None = None
    day: int | None = None
    weekday: int | None = None


def find_dates(text: str) -> list[When]:
    """Calendar dates, months with a year, years, weekdays and month names, in order.

    "Nov. 6" -> month 11, day 6; "on Monday" -> weekday 0; "in 2024" -> year 2024.
    """
    found = [when for m in _DATE.finditer(text) if (when := _calendar(m)) is not None]
    for match in _LONE.finditer(text):
        if not any(f.start < match.end() and match.start() < f.end for f in found):
            found.append(_lone(match))
    return sorted(found, key=lambda w: w.start)


def _calendar(match: re.Match[str]) -> When | None:
    if match["iso"]:
        try:
            date = datetime.date.fromisoformat(match["iso"])
        except ValueError:
            return None
        return When(*match.span(), date.year, date.month, date.day)
    if match["mark"]:
        return _figures(match)
    said = {kind.rstrip("1234567"): words for kind, words in match.groupdict().items() if words}
    year, month, day = (said.get(kind) for kind in ("year", "month", "day"))
    return When(
        *match.span(),
        int(year) if year else None,
        _MONTH_NUMBER[month.lower()] if month else None,
        int(day) if day else None,
    )


def _figures(match: re.Match[str]) -> When | None:
    """A date in figures: with dots the day is first; with strokes, only the year may be sure."""
    day, month, year = int(match["day6"]), int(match["month6"]), int(match["year6"])
    if match["mark"] == "/" and day <= 12:
        if month <= 12 and day != month:
            return When(*match.span(), year)
        day, month = month, day
    return When(*match.span(), year, month, day) if 0 < month <= 12 else None


def _lone(match: re.Match[str]) -> When:
    if match["weekday"]:
        return When(*match.span(), weekday=_DAYS.index(match["weekday"].lower()))
    return When(*match.span(), month=_MONTH_NUMBER[match["month"].lower()])


def shared_parts(a: When, b: When) -> list[tuple[int, int]]:
    """What each says of the parts that both say: year, month, day, weekday."""
    pairs = ((a.year, b.year), (a.month, b.month), (a.day, b.day), (a.weekday, b.weekday))
    return [(x, y) for x, y in pairs if x is not None and y is not None]


def same_date(a: When, b: When) -> bool:
    """Whether two dates agree in every part that both say, and both say at least one such part."""
    both = shared_parts(a, b)
    return bool(both) and all(x == y for x, y in both)
