"""Times that words tell from a day: "yesterday", "last week", "in the past three days", "now".

relative_period(match, day)  -> the days that words of RELATIVE mean in a text of that day
meant_time(question, day)    -> the days that a question means which is asked on that day
"""

from __future__ import annotations

import calendar
import datetime
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rag.dates import When, find_dates
from rag.units import UNIT_FAMILY, WORDS, small_number

#: The first day and the last.
Period = tuple[datetime.date, datetime.date]

DAY = datetime.timedelta(days=1)
#: Reports of something that are about this many days younger are still reports of that time.
TOLD = 3 * DAY
#: How many days a unit has, about.
DAYS_IN = {
    unit: UNIT_FAMILY[unit][1] / UNIT_FAMILY["day"][1]
    for unit in ("hour", "day", "week", "fortnight", "month", "year")
}
RELATIVE = re.compile(
    r"\b(?:(?P<day>yesterday|today|tonight|tomorrow|last night|this (?:morning|afternoon|evening))"
    r"|(?P<which>last|next|this)\s+(?P<unit>week|month|year))\b",
    re.IGNORECASE,
)
_STEPS = {"yesterday": -1, "last night": -1, "tomorrow": 1}
_WHICH = {"last": -1, "previous": -1, "past": -1, "this": 0, "coming": 1, "next": 1}
_FEW = {"a": 1, "an": 1, "couple of": 2, "a couple of": 2, "few": 3, "a few": 3, "several": 5}
_COUNT = "|".join(sorted([*_FEW, *WORDS, r"\d{1,3}"], key=len, reverse=True)).replace(" ", r"\s+")
_UNIT = "|".join(DAYS_IN)
# the day before yesterday; last weekend; in the last week, the past month; the last three days;
# a year ago. What RELATIVE has comes besides.
_MORE = re.compile(
    rf"""\b(?:(?P<eve>the\s+day\s+before\s+yesterday)
    |(?P<end>last|past|this|next|coming)\s+weekend
    |(?:(?:in|over|during|within)\s+the\s+last|past)\s+(?P<one>{_UNIT})
    |(?:last|past|previous)\s+(?P<count>{_COUNT})\s+(?P<many>{_UNIT})s?
    |(?P<ago>{_COUNT})\s+(?P<back>{_UNIT})s?\s+ago)\b""",
    re.VERBOSE | re.IGNORECASE,
)
_NEWEST = re.compile(
    r"\b(?:(?<!\bat the )latest|newest|most\s+recent(?:ly)?|recently|lately|currently|so far|"
    r"nowadays|these days|at the moment|at present|by now|now)\b(?!-)",
    re.IGNORECASE,
)
# What makes a lone "Friday", "March" or "3 May" one that is told from the day: the word before it.
_LEAD = re.compile(r"\b(?P<lead>last|previous|past|this|coming|next|since)\s+$", re.IGNORECASE)
_FROM = re.compile(r"\b(?:since|after)\s+(?:the\s+)?$", re.IGNORECASE)
_BEFORE = re.compile(r"\b(?:before|until|till|by)\s+(?:the\s+)?$", re.IGNORECASE)
_QUOTED = re.compile(r"[\"“][^\"“”]*[\"”]")
#: Days from which a step in time leaves the calendar are taken for these.
_FIRST, _LAST = datetime.date(9, 1, 1), datetime.date(9990, 1, 1)


@dataclass(frozen=True)
class Meant:
    """The time that a question means, asked on `day`; without `periods`, the newest by then.

    `words` are its own for it, and `spans` where each stands.
    """

    words: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    day: datetime.date
    periods: tuple[Period, ...] = ()

    def days_away(self, day: datetime.date) -> int:
        """How many days a report of `day` is from that time; 0 within it, or told soon after."""
        if not self.periods:
            return max((self.day - day).days, 0)
        return min(max((s - day).days, (day - e - TOLD).days, 0) for s, e in self.periods)

    def holds(self, spans: tuple[int, int]) -> bool:
        """Whether its words take in a place of the question."""
        return any(start <= spans[0] and spans[1] <= end for start, end in self.spans)


def meant_time(text: str, day: datetime.date) -> Meant | None:
    """What a question means that is asked on `day`; None where it says no time that is told so.

    Words in quotation marks, and names such as "USA Today", say none.
    """
    bare = _QUOTED.sub(lambda m: " " * len(m[0]), text)
    found = dict(_periods(bare, min(max(day, _FIRST), _LAST)))
    if found:
        spans = tuple(sorted(found))
        periods = tuple(found[span] for span in spans)
    else:
        spans = tuple(m.span() for m in _NEWEST.finditer(bare) if not _is_name(bare, m.start()))
        periods = ()
    words = tuple(text[start:end] for start, end in spans)
    return Meant(words, spans, day, periods) if spans else None


def _periods(text: str, day: datetime.date) -> Iterator[tuple[tuple[int, int], Period]]:
    """Where a time stands, and the days that it is; where one holds another, the longer one."""
    found: list[tuple[tuple[int, int], Period]] = []
    for pattern, period_of in ((_MORE, _more_period), (RELATIVE, relative_period)):
        for match in pattern.finditer(text):
            if not _is_name(text, match.start()):
                found.append((match.span(), period_of(match, day)))
    for when in find_dates(text):
        lead = _LEAD.search(text[: when.start])
        period = _lone_period(when, lead["lead"].lower(), day) if lead else None
        if lead and period and not _is_name(text, lead.start()):
            found.append(((lead.start(), when.end), period))
    for (start, end), period in found:
        held = any(s <= start and end <= e and (s, e) != (start, end) for (s, e), _ in found)
        if held or _BEFORE.search(text[:start]):
            continue
        since = _FROM.search(text[:start])
        if since:
            start, period = since.start(), (period[0], max(day, period[0]))
        yield (start, end), period


def _is_name(text: str, start: int) -> bool:
    """Whether a word with a capital letter stands within the text: "USA Today"."""
    return start > 0 and text[start].isupper()


def relative_period(match: re.Match[str], day: datetime.date) -> Period:
    """The days that a match of RELATIVE means, said on `day`."""
    if match["day"]:
        date = day + DAY * _STEPS.get(match["day"].lower(), 0)
        return date, date
    step, unit = _WHICH[match["which"].lower()], match["unit"].lower()
    if unit == "week":
        # Writers differ whether a week ends yesterday or on Sunday: both are taken in.
        monday = day - DAY * day.weekday()
        start = monday + 7 * step * DAY
        return (min(start, day - 7 * DAY) if step < 0 else start, start + 6 * DAY)
    if unit == "year":
        return datetime.date(day.year + step, 1, 1), datetime.date(day.year + step, 12, 31)
    return month_away(day, step) or (day, day)


def _more_period(match: re.Match[str], day: datetime.date) -> Period:
    """The days that a match of `_MORE` means, said on `day`."""
    if match["eve"]:
        return day - 2 * DAY, day - 2 * DAY
    if match["end"]:
        saturday = day + DAY * (5 - day.weekday() + 7 * _WHICH[match["end"].lower()])
        return saturday, saturday + DAY
    if match["ago"]:
        unit = DAYS_IN[match["back"].lower()]
        middle = _back(day, _number(match["ago"]) * unit)
        half = DAY * int(unit / 2)
        return middle - half, middle + half
    unit = DAYS_IN[(match["one"] or match["many"]).lower()]
    return _back(day, _number(match["count"] or "a") * unit), day


def _back(day: datetime.date, days: float) -> datetime.date:
    """The day that lies so many days before, at least one, or near where the calendar begins."""
    return datetime.date.fromordinal(max(day.toordinal() - math.ceil(days), 1000))


def _number(count: str) -> int:
    word = " ".join(count.lower().split())
    return _FEW.get(word) or int(small_number(word))


def _lone_period(when: When, lead: str, day: datetime.date) -> Period | None:
    """The days of a weekday, a month or a day of a month, by the word before it."""
    if when.year is not None:
        return None
    if when.weekday is not None:
        first = day + DAY * (when.weekday - day.weekday())
        all_of_it = [(first + n * 7 * DAY,) * 2 for n in (-1, 0, 1)]
    else:
        all_of_it = periods_around(day, when)
    fits: Callable[[Period], bool] = {
        -1: lambda p: p[1] < day,
        0: lambda p: p in all_of_it[1:2],
        1: lambda p: p[0] > day,
        None: lambda p: p[0] <= day,
    }[_WHICH.get(lead)]
    fitting = [p for p in all_of_it if fits(p)]
    if not fitting:
        return None
    if lead == "since":
        return fitting[-1][0], day
    return fitting[0] if _WHICH[lead] > 0 else fitting[-1]


def periods_around(day: datetime.date, when: When) -> list[Period]:
    """A month, or a day of one, in the year of `day` and those beside it."""
    years = (day.year - 1, day.year, day.year + 1)
    return [p for year in years if (p := calendar_period(year, when.month, when.day))]


def month_away(day: datetime.date, months: int, of_month: int | None = None) -> Period | None:
    """The month that is so many after that of `day`, or a day of it."""
    number = day.year * 12 + day.month - 1 + months
    return calendar_period(number // 12, number % 12 + 1, of_month)


def calendar_period(year: int, month: int | None, day: int | None) -> Period | None:
    """A year, a month of it, or one day; None if there is no such day."""
    try:
        if month is None:
            return datetime.date(year, 1, 1), datetime.date(year, 12, 31)
        if day is None:
            last = calendar.monthrange(year, month)[1]
            return datetime.date(year, month, 1), datetime.date(year, month, last)
        date = datetime.date(year, month, day)
    except ValueError:
        return None
    return date, date
