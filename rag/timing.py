"""Whether the days that a claim names are the source's, with the source's own date as an anchor."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass

from index import Article
from index.records import Passage
from rag.alignment import Parsed, Span, rival
from rag.dates import When, find_dates, same_date, shared_parts
from rag.question import Question
from rag.relative import (
    DAY,
    DAYS_IN,
    RELATIVE,
    Period,
    calendar_period,
    month_away,
    periods_around,
    relative_period,
)
from rag.units import WORDS, small_number
from rag.values import CONVERTED

#: Up to this many days a period counts as short: two short ones that meet may be the same.
_SHORT = 14
# two weeks after, the day before, a year later, three years ago; the following day
_STEP = re.compile(
    rf"""\b(?:(?P<count>an?|the|{"|".join(WORDS)}|\d{{1,3}})\s+(?P<unit>day|week|fortnight|month|year)s?
      \s+(?P<way>before|earlier|ago|after|later)
    |(?P<next>the\s+next|following|previous)\s+(?P<one>day|week|month|year))\b""",
    re.VERBOSE | re.IGNORECASE,
)
_ELSEWHEN = re.compile(
    r"\b(?:before|until|till|by|since|after|as of|as at)\s+(?:the\s+)?$", re.IGNORECASE
)
#: News of something is told up to so long after it.
TOLD_AFTER = datetime.timedelta(days=45)
_AS_OF = re.compile(r"\bas\s+(?:of|at)\s+", re.IGNORECASE)
_BACK = {"before", "earlier", "ago", "previous"}


@dataclass(frozen=True)
class Moment:
    """Words that say when, at `span`; `periods` are the days they may mean, if that is known."""

    span: Span
    when: When | None
    periods: tuple[Period, ...] = ()


def check_dates(claim: Parsed, source: Parsed) -> str:
    """Every day, month or year of the claim must agree with one of the source, at its place."""
    said = moments(source.text, source.published)
    follows = _implied(source.text, said, source.published)
    for moment in moments(claim.text, claim.published):
        if wrong := _contest(claim, source, moment, said, follows):
            return wrong
    return _check_steps(claim, source)


def _check_steps(claim: Parsed, source: Parsed) -> str:
    """What came a day before must not come a week before, where the source says the same thing."""
    theirs = list(_STEP.finditer(source.text))
    for ours in _STEP.finditer(claim.text):

        def agrees(other: re.Match[str], ours: re.Match[str] = ours) -> bool:
            return abs(_days(other) - _days(ours)) <= CONVERTED * _days(ours)

        def likeness(other: re.Match[str], ours: re.Match[str] = ours) -> float:
            return claim.words.likeness(ours.span(), source.words, other.span())

        instead = rival(agrees, likeness, theirs)
        if instead is not None:
            return f"the source says “{instead[0]}”, not “{ours[0]}”"
    return ""


def _days(step: re.Match[str]) -> float:
    """About how many days a step in time is."""
    count, unit = _count(step)
    return count * DAYS_IN[unit]


def _count(step: re.Match[str]) -> tuple[int, str]:
    return int(small_number(step["count"] or "a")), (step["unit"] or step["one"]).lower()


def _implied(text: str, said: Sequence[Moment], published: datetime.date | None) -> list[Moment]:
    """The days that steps from a named day lead to: "on 5 May, the day before the vote".

    And the years that "three years ago" means, of a text whose own day is known.
    """
    made: list[Moment] = []
    dated = [m for m in said if m.when and m.when.month and m.when.day]
    for step in _STEP.finditer(text):
        way = (step["way"] or step["next"]).lower()
        back = -1 if way in _BACK else 1
        if way == "ago":
            day = _moved(published, step, back) if published else None
            year = calendar_period(day.year, None, None) if day else None
            if year and step["unit"] == "year":
                made.append(Moment(step.span(), None, (year,)))
            continue
        behind = [m for m in dated if m.span[1] <= step.start()][-1:]
        ahead = [m for m in dated if step.end() <= m.span[0] <= step.end() + 60][:1]
        span = step.span()
        if way in {"before", "after"}:
            # "two weeks after 1 March", or else "on 1 March, a week before it"
            back = back if ahead else -back
            behind = ahead or behind
            span = (step.start(), max([step.end(), *(m.span[1] for m in ahead)]))
        for when in (m.when for m in behind if m.when):
            in_year = when.year or (published.year if published else 2000)
            start = calendar_period(in_year, when.month, when.day)
            day = _moved(start[0], step, back) if start else None
            if day:
                known = day.year if when.year or published else None
                made.append(_moment(When(*span, known, day.month, day.day), published))
    return made


def _moved(day: datetime.date, step: re.Match[str], back: int) -> datetime.date | None:
    count, unit = _count(step)
    if unit not in {"month", "year"}:
        return day + back * count * DAYS_IN[unit] * DAY
    period = month_away(day, back * count * (12 if unit == "year" else 1), day.day)
    return period[0] if period else None


def _contest(
    claim: Parsed, source: Parsed, ours: Moment, said: Sequence[Moment], follows: Sequence[Moment]
) -> str:
    words = claim.text[slice(*ours.span)]

    def agrees(other: Moment) -> bool:
        if ours.when is None and other.when is None:
            return words.lower() == source.text[slice(*other.span)].lower()
        return same_moment(ours, other) or _falls_on(ours, other)

    def likeness(other: Moment) -> float:
        return claim.words.likeness(ours.span, source.words, other.span)

    same_kind = [m for m in said if agrees(m) or _alike(ours, m)]
    same_kind += [m for m in follows if agrees(m)]
    if any(agrees(m) for m in same_kind):
        instead = rival(agrees, likeness, same_kind)
        if instead is None:
            return ""
    elif ours.when is None:
        return ""  # "last year" may be the writer's way to say what the source implies
    else:
        instead = rival(agrees, likeness, same_kind, alike=0.3)
    if instead is None:
        return f"the source does not say “{words}”"
    return f"the source says “{source.text[slice(*instead.span)]}”, not “{words}”"


def _alike(a: Moment, b: Moment) -> bool:
    """Whether both name a part of the same kind, so that one may stand in the other's place."""
    return bool(a.when and b.when and shared_parts(a.when, b.when))


def same_moment(a: Moment, b: Moment) -> bool:
    """Whether two moments can be one: in the words that both say, or by the days that they mean.

    A short period agrees with another short one that it meets; a long one (a month, a year) with
    whatever lies in it, but never a day with the year that it may lie in.
    """
    finer = a.when and b.when and a.when.day and not b.when.day
    if a.when and b.when and _alike(a, b) and not finer:
        known = _is_day(a) and _is_day(b)
        return same_date(a.when, b.when) and (not known or _meet(a, b))
    return _meet(a, b)


def _falls_on(ours: Moment, other: Moment) -> bool:
    """Whether a weekday is the one of a full date of the source."""
    weekday = ours.when.weekday if ours.when else None
    known = other.when is not None and other.when.year is not None and _is_day(other)
    return known and any(start.weekday() == weekday for start, _ in other.periods)


def _is_day(moment: Moment) -> bool:
    """Whether the days that a moment may mean are known, each by itself: two Saturdays differ."""
    return bool(moment.periods) and all(start == end for start, end in moment.periods)


def _meet(a: Moment, b: Moment) -> bool:
    return any(_covers(p, q) for p in a.periods for q in b.periods)


def _covers(ours: Period, theirs: Period) -> bool:
    if ours[0] > theirs[1] or theirs[0] > ours[1]:
        return False
    longest = max(_length(ours), _SHORT)
    return _length(theirs) <= longest


def _length(period: Period) -> int:
    return (period[1] - period[0]).days + 1


def moments(text: str, published: datetime.date | None) -> list[Moment]:
    """Dates, weekdays and words such as "yesterday", in order; `published` makes days of them."""
    found = [_moment(w, published) for w in find_dates(text)]
    for match in RELATIVE.finditer(text):
        periods = (relative_period(match, published),) if published else ()
        found.append(Moment(match.span(), None, periods))
    return sorted(found, key=lambda m: m.span)


def _moment(when: When, published: datetime.date | None) -> Moment:
    return Moment((when.start, when.end), when, _periods(when, published))


def published_on(article: Article) -> datetime.date | None:
    """The day of publication, if it is known."""
    return datetime.date.fromisoformat(article.published) if article.published else None


def days_named(passage: Passage) -> tuple[datetime.date, ...]:
    """The days that a passage names beyond doubt, in order; no weekday, which may be one of two."""
    try:
        day = published_on(passage.article)
    except ValueError:  # An answer from elsewhere may have anything for a day.
        day = None
    periods = [m.periods[0] for m in moments(passage.text, day) if len(m.periods) == 1]
    return tuple(sorted({start for start, end in periods if start == end}))


def fits_time(dates: Sequence[When], sentence: str, article: Article) -> bool:
    """Whether a sentence may speak of one of the months or years that a question names.

    Its article's day may lie in it, or, of a month or a day, at most `TOLD_AFTER` later; or the
    sentence itself names it. Of an article without a day, some month or year that it names must
    agree, unless it names none.
    """
    wanted = [d for d in dates if d.month or d.year]
    day = published_on(article)
    if not wanted or (day and any(_told_of(w, day) for w in wanted)):
        return True
    asked = [Moment((w.start, w.end), w, _periods(w, day)) for w in wanted]
    own = [m for m in moments(sentence, day) if m.periods or (m.when and m.when.month)]
    if any(same_moment(a, m) or same_moment(m, a) for a in asked for m in own):
        return True
    named = [d for d in find_dates(article.text) if d.month or d.year] if day is None else []
    return day is None and (not named or any(same_date(w, d) for w in wanted for d in named))


def _told_of(when: When, day: datetime.date) -> bool:
    """Whether news of that day may tell of that time; of a year, news of the next one names it."""
    after = TOLD_AFTER if when.month else 0 * DAY
    return any(start - DAY <= day <= end + after for start, end in _periods(when, day))


def named_periods(question: Question) -> tuple[Period, ...]:
    """The days in which news tells of the times that a question places by their year."""
    named = (p for d in asked_times(question) if d.year for p in _periods(d, None))
    return tuple((start - DAY, end + TOLD_AFTER) for start, end in named)


def asked_times(question: Question) -> list[When]:
    """The months and years in which a question places what it asks for: not "before May"."""
    return [
        d
        for d in question.dates
        if (d.month or d.year) and not _ELSEWHEN.search(question.text[: d.start])
    ]


def as_of_day(question: Question, newest: str) -> str | None:
    """The ISO date of an "as of 3 May" in a question; without a year, the last one by `newest`.

    `newest` is the day of the newest article, "" if no day is known.
    """
    match = _AS_OF.search(question.text)
    named = next((d for d in question.dates if match and d.start >= match.end()), None)
    if match is None or named is None or not (named.month and named.day):
        return None
    last = datetime.date.fromisoformat(newest) if newest else None
    years = [named.year] if named.year else [last.year, last.year - 1] if last else []
    days = [p[0] for y in years if (p := calendar_period(y, named.month, named.day))]
    known = [d for d in days if named.year or last is None or d <= last]
    return known[0].isoformat() if known else None


def _periods(when: When, published: datetime.date | None) -> tuple[Period, ...]:
    if when.weekday is not None:
        return _weekdays(when.weekday, published) if published else ()
    if when.year:
        known = calendar_period(when.year, when.month, when.day)
        return (known,) if known else ()
    if not published:
        return ()
    nearest = sorted(periods_around(published, when), key=lambda p: abs((p[0] - published).days))
    return tuple(nearest[: 1 if when.day else 2])


def _weekdays(weekday: int, published: datetime.date) -> tuple[Period, ...]:
    """The last such day up to the publication's, and the next one after it."""
    last = published - DAY * ((published.weekday() - weekday) % 7)
    return (last, last), (last + 7 * DAY, last + 7 * DAY)
