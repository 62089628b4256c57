"""Which of what was found is of the time that a question means, and what its answer says of that.

A time that is told from the day the question is asked ("this week") is a preference: what is nearer
to it comes first, and what lies farther off still answers if nothing nearer does. A month or a year
that is named is more: what tells of another time counts little, and of a year it is marked as such.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from index import Passage
from rag.dates import When
from rag.question import Question
from rag.relative import DAY, TOLD, Meant, Period
from rag.schema import Answer, Claim
from rag.sentences import told
from rag.timing import asked_times, fits_time, moments, named_periods, published_on

#: What a sentence on another time than the one named keeps of its score; set by hand.
OTHER_TIME = 0.1
#: A sentence that is so many days farther off than the nearest likely one keeps about half of its
#: score, and never less than `LEAST`; likely is one with this share of the best one's score.
HALVING, LEAST, LIKELY = 7, 0.3, 0.5
#: Beside a reading that is nearer, one that keeps less than this is of another time.
BESIDE = 0.5
#: Days before the one asked on that are searched by themselves for the newest reports.
RECENT = 30 * DAY


def search_periods(question: Question) -> list[Period]:
    """The days whose reports are searched by themselves, too; none if no time is meant."""
    meant = question.meant
    told = [(start, end + TOLD) for start, end in meant.periods] if meant else []
    if meant and not told:
        told = [(meant.day - min(RECENT, meant.day - date.min), meant.day)]
    return [*told, *named_periods(question)]


def narrowed_to(period: Period, filters: dict[str, Any]) -> dict[str, Any] | None:
    """The filters of a search for that period's reports; None if they leave none."""
    since = max(period[0].isoformat(), filters.get("since") or "")
    until = min(period[1].isoformat(), filters.get("until") or "9999")
    return {**filters, "since": since, "until": until} if since <= until else None


def time_weights(
    question: Question, passages: Sequence[Passage], scores: Sequence[float]
) -> list[float]:
    """What each passage keeps of its score, 0..1, by its time; 1 if the question means none."""
    near = _nearness(question.meant, passages, scores)
    fitting = in_named_time(asked_times(question), passages)
    named = [1.0 if fits else OTHER_TIME for fits in fitting]
    return [a * b for a, b in zip(near, named, strict=True)]


def in_named_time(times: Sequence[When], passages: Sequence[Passage]) -> list[bool]:
    """Of each passage whether it may speak of one of the months or years."""
    return [fits_time(times, told(p), p.article) for p in passages]


def named_years(question: Question) -> list[When]:
    """The times that a question places what it asks for in, and that it names with their year."""
    return [d for d in asked_times(question) if d.year]


def _nearness(
    meant: Meant | None, passages: Sequence[Passage], scores: Sequence[float]
) -> list[float]:
    """What each keeps by its distance from the time meant: all of it where no day is known."""
    if meant is None:
        return [1.0] * len(passages)
    away = [_days_away(meant, p) for p in passages]
    likely = LIKELY * max(scores, default=0.0)
    known = [a for a, s in zip(away, scores, strict=True) if a is not None and s >= likely]
    nearest = min(known, default=0)
    return [1.0 if a is None else _kept(a, nearest) for a in away]


def _kept(away: int, nearest: int) -> float:
    share = (min(nearest, away) + HALVING) / (away + HALVING)
    return LEAST + (1 - LEAST) * share


def _days_away(meant: Meant, passage: Passage) -> int | None:
    """How far a passage is from the time meant, by its report's day, or as it names that time.

    None where its report has no day.
    """
    day = published_on(passage.article)
    if day is None:
        return None
    own = [p for m in moments(passage.text, day) for p in m.periods]
    return 0 if any(_names(p, meant.periods) for p in own) else meant.days_away(day)


def _names(period: Period, meant: Sequence[Period]) -> bool:
    """Whether a period is no longer than one that is meant, and meets it."""
    length = period[1] - period[0]
    return any(period[0] <= e and s <= period[1] and length <= e - s for s, e in meant)


def of_one_time(question: Question, passages: Sequence[Passage]) -> list[bool]:
    """Of each passage whether it may be set beside the one that is nearest to the time meant.

    What is asked to be the newest is: there, what was said before is of interest.
    """
    meant = question.meant if question.meant and question.meant.periods else None
    near = _nearness(meant, passages, [1.0] * len(passages))
    fitting = in_named_time(named_years(question), passages)
    none_fits = not any(fitting)
    return [n >= BESIDE and (fits or none_fits) for n, fits in zip(near, fitting, strict=True)]


# --- what the answer says ----------------------------------------------------------------------


def told_time(question: Question, answer: Answer) -> Answer:
    """The answer with the time that was meant in note and trace, and claims of others marked."""
    named = [question.text[d.start : d.end] for d in named_years(question)]
    if named:
        times = ", ".join(named)
        claims = tuple(_marked(question, claim, times) for claim in answer.claims)
        off = bool(claims) and all(
            new is not old for new, old in zip(claims, answer.claims, strict=True)
        )
        note = f"{answer.note} No report cited here is of that time ({times})." * off
        answer = replace(answer, claims=claims, note=note or answer.note)
    if question.meant:
        note = f"{answer.note} {_said(question.meant, answer)}"
        meant = question.meant
        periods = [[str(start), str(end)] for start, end in meant.periods]
        time = {"as_of": str(meant.day), "words": list(meant.words), "periods": periods}
        answer = replace(answer, note=note, trace={**answer.trace, "time": time})
    return answer


def _marked(question: Question, claim: Claim, times: str) -> Claim:
    """The claim, with a remark if nothing that it cites is of the time named."""
    dates = named_years(question)
    cited = [c.passage for c in claim.citations]
    if any(fits_time(dates, f"{p.article.title}\n{p.text}", p.article) for p in cited):
        return claim
    days = ", ".join(dict.fromkeys(p.article.published for p in cited if p.article.published))
    said = f"of another time than {times}: reported on {days}"
    if not days:
        said = f"perhaps of another time than {times}: its report has no date"
    return replace(claim, remark="; ".join(filter(None, (claim.remark, said))))


def _said(meant: Meant, answer: Answer) -> str:
    """What the note says: the day it is asked, what was meant, and whether that was found."""
    begin = f"Asked as of {meant.day}"
    if not meant.periods:
        return f"{begin}: of what is alike, the newest comes first."
    spans = (_span(p) for p in meant.periods)
    pairs = zip(meant.words, spans, strict=True)
    said = f"{begin}: " + ", ".join(f"“{words}” is {span}" for words, span in pairs) + "."
    cited = {c.article_id: c.passage for claim in answer.claims for c in claim.citations}
    days = [p.article.published for p in cited.values() if p.article.published]
    away = [_days_away(meant, p) for p in cited.values()]
    if days and all(away):
        said += f" No report cited here is of that time; the newest is of {max(days)}."
    return said


def _span(period: Period) -> str:
    start, end = period
    return f"{start}" if start == end else f"{start} to {end}"
