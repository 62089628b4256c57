"""What the readings of all reports come to: one side a value, and which of them still stand.

Readings of one value, from whichever reports, are a side; several sides are a difference, unless
the question asks for several things, or who says something. A later report by the same outlet
supersedes its earlier one, and so does a later entry of a live blog.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from index import Passage
from index.words import stems
from rag.asserted import reports
from rag.entries import is_later, when_said
from rag.evidence import Scored
from rag.of_time import of_one_time
from rag.question import Question
from rag.read import Reading
from rag.timing import Moment, moments, published_on, same_moment
from rag.values import Quantity, comparable, find_quantities, same_quantity
from rag.weights import model_weights
from rag.withdrawn import takes_back

ClusterOf = Callable[[str], int]

#: Share of the shorter one's words by which two readings in words are one value.
ALIKE = 0.5
#: Words of a reading that is a short answer and no clause, where the question leaves that open.
SHORT = 6
#: A report that gives no value is silent on the point if it covers this share of the question's
#: words that the best sentence does.
ON_MATTER = 0.75
#: Days within which an outlet's next report is taken for news of the same story.
SAME_STORY = datetime.timedelta(days=60)


@dataclass(frozen=True)
class Side:
    """One value, with every reading of it, the surest first; there is at least one.

    `copies` are the same sentences in near-identical copies of those reports.
    """

    readings: tuple[Reading, ...]
    copies: tuple[Reading, ...] = ()

    @property
    def text(self) -> str:
        """The words of the surest reading."""
        return self.readings[0].words.text

    @property
    def sure(self) -> float:
        """0..1: how surely this is an answer."""
        return self.readings[0].sure

    @property
    def said(self) -> tuple[Reading, ...]:
        """Every reading of it, copies included."""
        return (*self.readings, *self.copies)

    @property
    def article_ids(self) -> tuple[str, ...]:
        """The files that say it, once each."""
        return tuple(dict.fromkeys(r.article.id for r in self.said))

    @property
    def newest(self) -> str:
        """The ISO date of its newest report; "" if none is known."""
        return max((r.article.published or "" for r in self.said), default="")


@dataclass(frozen=True)
class Compared:
    """What the reports say on the point.

    `sides` are the values, surest first; `replaced` gives, for a reading whose own outlet later
    gave another value, the reading that did so. `apart` are readings that answer, but too unsurely,
    of another time or in another kind of words to be set against the others; `unsure` are those
    that don't answer, `silent` those of them that are on the matter. `in_short` if the answer is a
    value, a few words, and not told in sentences; `by_date` if the newest comes first; `doubtful`
    if even the surest is to be quoted and not told as an answer.
    """

    sides: tuple[Side, ...] = ()
    replaced: Mapping[Reading, Reading] = field(default_factory=dict)
    apart: tuple[Reading, ...] = ()
    unsure: tuple[Reading, ...] = ()
    silent: tuple[Reading, ...] = ()
    in_short: bool = False
    by_date: bool = False
    differ: bool = False
    doubtful: bool = False

    @property
    def standing(self) -> tuple[Side, ...]:
        """The sides that some report still holds."""
        return tuple(s for s in self.sides if not self.is_replaced(s))

    def is_replaced(self, side: Side) -> bool:
        """Whether every report of a side was superseded by its own outlet."""
        return all(reading in self.replaced for reading in side.said)


def compare(
    question: Question,
    readings: Sequence[Reading],
    sentences: Sequence[Scored],
    addressed: bool = True,
) -> Compared:
    """The sides of what stands, of all `readings`; `sentences` are what was found, with copies.

    Where all are doubtful, they stand only if the search says, too, that the question is
    `addressed`: the two err on different questions.
    """
    limits = model_weights()["reading"]
    ranked = sorted(readings, key=lambda r: -r.sure)
    least = limits["answers_addressed" if addressed else "answers"]
    standing = [r for r in ranked if r.sure >= least]
    timely = of_one_time(question, [r.sentence.passage for r in standing])
    timed = [r for r, of_it in zip(standing, timely, strict=True) if of_it]
    telling = [r for r in timed if reports(r.sentence.passage, r.words)]
    # What only orders or asks may be quoted, and is told by nobody.
    stand = telling or timed
    doubtful = bool(stand) and (not telling or stand[0].sure < limits["answers"])
    in_short = bool(stand) and not doubtful and is_short(question, stand[0])
    sides = [_with_copies(side, sentences) for side in grouped(question, stand)]
    is_one = in_short and not (question.of_speaker or question.of_several)
    if is_one:
        sides = list(_comparable(question, sides, limits["beside"]))
    by_date = question.meant is not None and all(s.newest for s in sides)
    if by_date:
        sides.sort(key=lambda side: side.newest, reverse=True)
    heard = [r for side in sides for r in side.readings]
    apart = tuple(r for r in standing if r not in heard)
    unsure = tuple(r for r in ranked if r not in standing)
    # What is counted or measured changes from report to report; who, where or what does not.
    replaced = _replaced(question, sides) if is_one and question.asks == "amount" else {}
    shown = Compared(
        tuple(sides), replaced, apart, unsure, in_short=in_short, by_date=by_date, doubtful=doubtful
    )
    differ = is_one and len(shown.standing) > 1
    return replace(shown, silent=_silent(unsure, heard), differ=differ)


def is_short(question: Question, reading: Reading) -> bool:
    """Whether the answer is a value, a few words, and not told in sentences."""
    if question.asks == "what":
        return len(reading.words.text.split()) <= SHORT
    return question.asks != "open"


# --- values ------------------------------------------------------------------------------------


def grouped(question: Question, readings: Sequence[Reading]) -> list[Side]:
    """Readings of one value together; in the order in which the first of each comes."""
    groups: list[list[Reading]] = []
    for reading in readings:
        same = (g for g in groups if any(agree(question, other, reading) for other in g))
        group = next(same, None)
        if group is None:
            groups.append([reading])
        else:
            group.append(reading)
    return [Side(tuple(group)) for group in groups]


def agree(question: Question, one: Reading, other: Reading) -> bool:
    """Whether two readings give one value: amounts, days by their reports' own, else words."""
    if question.asks == "time":
        ours, theirs = _moments(one), _moments(other)
        if ours and theirs:
            return any(same_moment(a, b) or same_moment(b, a) for a in ours for b in theirs)
    if question.asks in {"amount", "what"}:
        amounts, others = _amounts(one), _amounts(other)
        if amounts and others:
            return any(comparable(a, b) and same_quantity(a, b) for a in amounts for b in others)
        if question.asks == "amount" and (amounts or others):
            return False  # "nobody was hurt" and "20 were hurt"
    return _share(one.words, other.words) >= ALIKE


def _amounts(reading: Reading) -> list[Quantity]:
    return find_quantities(reading.words.text)


def _moments(reading: Reading) -> list[Moment]:
    return moments(reading.words.text, published_on(reading.article))


def _share(one: Passage, other: Passage) -> float:
    """0..1: the share of the shorter one's telling words that the other has."""
    ours, theirs = set(stems(one.text)), set(stems(other.text))
    return len(ours & theirs) / max(1, min(len(ours), len(theirs)))


def _comparable(question: Question, sides: Sequence[Side], least: float) -> Iterator[Side]:
    """The first side, and those others that give a value of its kind, at least so surely."""
    for side in sides:
        alike = _of_a_kind(question, side.readings[0], sides[0].readings[0])
        if side is sides[0] or (alike and side.sure >= least):
            yield side


def _of_a_kind(question: Question, one: Reading, other: Reading) -> bool:
    """Whether two values may contradict each other: two amounts of one unit, two days, two names.

    An amount beside a reading without one says something else.
    """
    if question.asks == "time":
        return bool(_moments(one)) == bool(_moments(other))
    amounts, others = _amounts(one), _amounts(other)
    if amounts and others:
        return any(comparable(a, b) for a in amounts for b in others)
    return bool(amounts) == bool(others)


def _with_copies(side: Side, sentences: Sequence[Scored]) -> Side:
    """The side with its sentences' twins, which stand behind each in what was found."""
    copies = []
    place = {s.passage: n for n, s in enumerate(sentences)}
    for reading in side.readings:
        at = reading.words.start - reading.sentence.passage.start
        size = reading.words.end - reading.words.start
        for twin in sentences[place[reading.sentence.passage] + 1 :]:
            if not twin.is_copy:
                break
            start = twin.passage.start + at
            words = Passage(twin.passage.article, start, start + size)
            copies.append(replace(reading, words=words, sentence=twin))
    return replace(side, copies=tuple(copies))


def _silent(unsure: Sequence[Reading], heard: Sequence[Reading]) -> tuple[Reading, ...]:
    """Readings that don't stand, of reports that are on the matter all the same."""
    least = ON_MATTER * max((_coverage(r) for r in heard), default=2.0)
    return tuple(r for r in unsure if _coverage(r) >= least)


def _coverage(reading: Reading) -> float:
    return reading.sentence.signal("context_coverage")


# --- updates and corrections -------------------------------------------------------------------


def _replaced(question: Question, sides: Sequence[Side]) -> dict[Reading, Reading]:
    """For each superseded reading that of its outlet, or its live blog, that superseded it."""
    said = [r for side in sides for r in side.said]
    found: dict[Reading, Reading] = {}
    for old in said:
        later = [new for new in said if _supersedes(question, new, old)]
        if later:
            found[old] = max(later, key=lambda r: (when_said(r.words), r.sure))
    return found


def _supersedes(question: Question, new: Reading, old: Reading) -> bool:
    """Whether one reading is its outlet's later word in place of another of a different value."""
    ours, theirs = new.article, old.article
    if is_later(new.words, old.words):
        return not agree(question, new, old)
    if ours.outlet is None or ours.outlet != theirs.outlet or ours.id == theirs.id:
        return False
    day, before = published_on(ours), published_on(theirs)
    if day is None or before is None or agree(question, new, old):
        return False
    if day == before:
        return takes_back(ours, old.words.text)
    return before < day <= before + SAME_STORY
