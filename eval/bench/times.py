"""How often a question about a time is answered from that time's event, of events that recur.

    python -m eval.bench.times [--model none] [--show] [--seed 1]

The corpus is invented (`eval/sample/recurring.jsonl`): over two years every event takes place once
a year, told by three outlets in their own words, each on the days after it. Before the second one
an outlet recalls the first. Of the 40 questions half tell their time from the day they are asked
("last month"), half name it ("in August 2031"). Some mean a time of which there is no report. They
are right where

- the first sentence of the evidence is of the event that is meant,
- or, where there is none: of a time that is named, if the answer declines or says that what it
  cites is of another time; of a time that is told, if the nearest event before is what it tells
  of, with the day that was taken.
"""

from __future__ import annotations

import argparse
import datetime
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from eval.bench.common import line
from eval.files import index_of, read_lines
from eval.run import SAMPLE
from index import Article
from rag import answer
from rag.schema import Answer

YEARS = (2030, 2031)
OUTLETS = ("Tarnhelm Courier", "Vale Radio", "Northmere Post")
DAY = datetime.timedelta(days=1)
#: A time in words, and how many days after the event it is asked.
WAYS = {"yesterday": 1, "this week": 2, "last week": 7, "last month": 31, "latest": 60}


@dataclass(frozen=True)
class Theme:
    """What recurs every year: on `month`/`day`, a few days on or off, and how it is told.

    `titles` and `leads` are an outlet's each; `{n}` is the number of that year, `{when}` the day in
    words. `ask` is the question, to which a time is added; `rest` what reports go on with.
    """

    name: str
    month: int
    day: int
    titles: Sequence[str]
    leads: Sequence[str]
    rest: Sequence[str]
    ask: str


@dataclass(frozen=True)
class Event:
    """One year's event, on its day, with its number."""

    theme: Theme
    day: datetime.date
    number: int


@dataclass(frozen=True)
class Asked:
    """A question, the day it is asked on, and the event that it means.

    `exists` is False if the event meant is not told of; `event` then is the nearest one before the
    day that it is asked on, or None of a time that is named.
    """

    text: str
    as_of: datetime.date
    event: Event | None
    is_named: bool
    exists: bool = True


THEMES = [Theme(**row) for row in read_lines(SAMPLE / "recurring.jsonl")]


def events(draw: random.Random) -> Iterator[Event]:
    """Every theme's event of each year; the number differs by the year."""
    for theme in THEMES:
        numbers = draw.sample(range(23, 980), len(YEARS))
        for year, number in zip(YEARS, numbers, strict=True):
            day = datetime.date(year, theme.month, theme.day) + draw.randint(-3, 3) * DAY
            yield Event(theme, day, number)


def reports(event: Event, draw: random.Random) -> Iterator[Article]:
    """An outlet's report each, of the same day or one of the two after it."""
    theme = event.theme
    for n, outlet in enumerate(OUTLETS):
        late = draw.randint(0, 2)
        when = "on " + event.day.strftime("%A") if late else "today"
        rest = " ".join(draw.sample(theme.rest, len(theme.rest)))
        lead = theme.leads[n].format(n=event.number, when=when)
        text = f"{theme.titles[n]}\n\n{lead[:1].upper()}{lead[1:]} {rest}"
        day = (event.day + late * DAY).isoformat()
        yield Article(f"{theme.name}-{event.day.year}-{n}", theme.titles[n], text, outlet, day)


def recalled(old: Event, new: Event) -> Article:
    """What an outlet writes before the second event: it has the first one's number."""
    theme, day = old.theme, (new.day - 10 * DAY).isoformat()
    title = f"Once more: {theme.titles[0][:1].lower()}{theme.titles[0][1:]}"
    lead = theme.leads[0].format(n=old.number, when="last year")
    text = f"{title}\n\n{lead[:1].upper()}{lead[1:]} Nobody knows how it will be this year."
    return Article(f"{theme.name}-recalls-{old.day.year}", title, text, OUTLETS[0], day)


def asked(known: Sequence[Event]) -> Iterator[Asked]:
    """The 40 questions: of each theme two that tell their time, and two that name it."""
    for n in range(len(THEMES)):
        old, new = known[2 * n : 2 * n + 2]
        yield from _told(n, old, new)
        yield from _named(n, old, new)


def _told(n: int, old: Event, new: Event) -> Iterator[Asked]:
    """One question on either year's event; of some themes, one where nothing is of that time."""
    words, days = list(WAYS.items())[n % len(WAYS)]
    for event, later in ((old, 0), (new, 1)):
        text = f"{event.theme.ask} {words}?"
        day = event.day + days * DAY
        if words == "latest":
            text = f"What is the latest: {event.theme.ask[:1].lower()}{event.theme.ask[1:]}?"
        if words == "last month":
            day = (event.day.replace(day=1) + 40 * DAY).replace(day=20)
        if words == "this week" and later:
            text, day = f"{event.theme.ask} in the past three days?", event.day + 2 * DAY
        exists = not (words == "last week" and later)
        if not exists:
            text, day = f"{event.theme.ask} since Monday?", event.day + 24 * DAY
        yield Asked(text, day, event, False, exists)


def _named(n: int, old: Event, new: Event) -> Iterator[Asked]:
    """One that names the first year, one that names a month; of some, a year without an event."""
    theme, end = old.theme, datetime.date(YEARS[-1], 12, 31)
    if n % 5 == 4:
        yield Asked(f"{theme.ask} in {YEARS[0] - 1}?", end, None, True, False)
    else:
        yield Asked(f"{theme.ask} in {YEARS[0]}?", end, old, True)
    if n % 5 == 2:
        yield Asked(f"{theme.ask} in {new.day:%B} {YEARS[0] - 2}?", end, None, True, False)
    else:
        event = (old, new)[n % 2]
        yield Asked(f"{theme.ask} in {event.day:%B %Y}?", end, event, True)


def is_right(question: Asked, said: Answer) -> bool:
    """Whether the answer is of the event that is meant, or says that there is none."""
    if question.event is None:
        return said.outcome == "declined" or "of that time" in said.note
    first = said.evidence[0].hit.passage.article.id if said.evidence else ""
    name, year = question.event.theme.name, question.event.day.year
    is_event = first == f"{name}-recalls-{year}" or first.startswith(f"{name}-{year}-")
    if not question.exists:
        return is_event and str(question.as_of) in said.note
    return is_event


def told_number(question: Asked, said: Answer) -> bool:
    """Whether the first claim has the number of the event that is meant, or none is told."""
    if question.event is None:
        return is_right(question, said)
    return bool(said.claims) and str(question.event.number) in said.claims[0].text


def main(argv: Sequence[str] | None = None) -> int:
    """Print the share of right questions, of each kind and of all."""
    parser = argparse.ArgumentParser(prog="python -m eval.bench.times", description=__doc__)
    parser.add_argument("--model", default="none")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", action="store_true", help="what was asked and found, too")
    options = parser.parse_args(argv)
    draw = random.Random(options.seed)
    known = list(events(draw))
    with TemporaryDirectory() as folder:
        articles = [a for event in known for a in reports(event, draw)]
        pairs = zip(known[::2], known[1::2], strict=True)
        articles += [recalled(old, new) for old, new in pairs]
        index = index_of(articles, Path(folder))
        rows = [
            (q, answer(q.text, index, options.model, as_of=q.as_of.isoformat()))
            for q in asked(known)
        ]
    right = [(q, is_right(q, said), told_number(q, said)) for q, said in rows]
    for (question, said), (_, event, number) in zip(rows, right, strict=True):
        if options.show:
            found = said.evidence[0].hit.passage.article.id if said.evidence else "-"
            print(f"{event:d}{number:d} {question.as_of} {question.text} {said.outcome} {found}")
    for name, kinds in (("told from the day", {False}), ("named", {True}), ("all", {False, True})):
        chosen = [row for row in right if row[0].is_named in kinds]
        print(line(f"{name}: evidence of the right event", [r[1] for r in chosen]))
        print(line(f"{name}: its number in the answer", [r[2] for r in chosen]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
