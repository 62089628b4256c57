"""Short answers: the spans of a sentence that are of the kind a question asks for.

Quantities and dates are found by their values, names by spaCy's entities. A span is always the
source's own words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence, Set
from functools import lru_cache
from typing import Any

from index.language import parse, parse_many
from index.words import stems, words
from rag.fates import fates_in, meeting
from rag.frames import frame_of
from rag.question import Question
from rag.values import MONEY, Quantity, find_dates, find_quantities, same_date, same_quantity

Span = tuple[int, int]

#: What may stand between the parts of one answer.
LINK = re.compile(r"\s*(?:,|,?\s*(?:and|or|to|&)|[-–])\s*")
#: At least three words after a mark that opens a quotation.
QUOTATION = re.compile(r"(?:[\"“„«]|(?<!\w)[‘'])\s*[^\W_]\S*\s+\S+\s+\S+")
#: Verbs of saying, as lemmas.
SPEECH = frozenset(
    """say tell claim report announce state add argue warn confirm deny insist allege blame accuse
    believe think write explain declare complain describe admit suggest note stress call suspect
    ask answer reply promise demand urge vow fear""".split()
)

_CAPITALISED = re.compile(r"(?<![.!?“\"] )(?<!^)\b[A-Z][\w’'-]+")

_NAMED_RUN = re.compile(
    r"(?<![\w’'])[A-Z0-9][\w’'&.-]*(?<!\.)(?:\s+(?:(?:of|and|the|de|la|van|von|al|bin|&)\s+)*"
    r"[A-Z0-9][\w’'&.-]*(?<!\.))*"
)
#: What stands after a number that is a time of the day, and before and after one that is an age.
CLOCK = re.compile(
    r"\s*(?::\d\d|\.\d\d\s*[ap]\.?m\b|[ap]\.?m\b|o[’']clock|in the (?:morning|afternoon|evening))",
    re.I,
)
_PAST = re.compile(r"\d:$|\b(?:half|quarter|past|minutes to)\s+(?:past|to)?\s*$", re.I)
_AGED = re.compile(r"(?:[A-Z][\w’'-]+,|\bwho (?:is|was)|\b(?:he|she) (?:is|was)|\baged)\s+$")
_AGE_ENDS = re.compile(r"\s*(?:,|\.|and\b)|\s+years\s+old")
#: "The baker, 38, won".
_SET_OFF = re.compile(r"[a-z][\w’'-]*,\s+$")
_NAMED_BEFORE = re.compile(r"[A-Z][\w’'-]+\s+$")
_FAMILIES: dict[str, Callable[[Quantity], bool]] = {
    "duration": lambda q: q.family == "time",
    "percent": lambda q: q.family == "percent",
    "money": lambda q: q.family in MONEY,
    "count": lambda q: q.family == "",
    "measure": lambda q: True,
}
_ENTITIES = {
    "person": {"PERSON"},
    "place": {"GPE", "LOC", "FAC"},
    "name": {"ORG", "FAC", "GPE", "LOC", "PRODUCT", "WORK_OF_ART", "PERSON", "EVENT", "LAW"},
}


_GRAIN = re.compile(r"\b(?:what|which)\s+(month|year|weekday)\b", re.I)
_ASKS_AGE = re.compile(r"\bhow old\b|\bage\b", re.I)
#: What a number counts stands at most two words behind it, or before "of".
_AFTER = re.compile(r"^(?:\s+[^\W\d_]+){1,3}")
_OF = re.compile(r"([^\W\d_]+)\s+of\s+(?:(?:some|about|around|only|just|nearly|almost)\s+)?$")
_PEOPLE = frozenset(("peopl", "person", "ppl"))
#: Who is asked for may have the surname of somebody in the question.
_KIN = re.compile(
    r"\b(?:wife|husband|spouse|widow|widower|(?:grand)?(?:son|daughter|mother|father|parent|child)s?|"
    r"brother|sister|sibling|twin|cousin|uncle|aunt|niece|nephew|heir|relative|family|children)s?\b"
    r"|\b(?:first|full|given|real) name\b",
    re.I,
)
_ONE_OF = re.compile(r"one\s+of\b", re.I)


def typed_spans(question: Question, text: str) -> list[Span]:
    """Spans of `text` of the question's answer type, in order, without what the question says."""
    kind = question.answer_type
    if kind in _FAMILIES:
        found = _amounts(question, text)
    elif kind == "time":
        found = _times(question, text)
    elif kind in _ENTITIES:
        found = _named(question, text)
    else:
        found = []
    return sorted(set(found))


def _amounts(question: Question, text: str) -> list[Span]:
    wanted, asked = _FAMILIES[str(question.answer_type)], find_quantities(question.text)
    amounts = [
        q
        for q in find_quantities(text)
        if wanted(q) and not any(same_quantity(q, a) and q.family == a.family for a in asked)
    ]
    if question.answer_type == "measure":
        # "5.8 metres" is how high a river rose, "eleven" when, if a sentence has both.
        amounts = [q for q in amounts if q.family not in {"", "time"}] or amounts
    if question.answer_type != "count":
        return [(q.start, q.end) for q in amounts]
    if not _ASKS_AGE.search(question.text):
        amounts = [q for q in amounts if may_count(text, q)]
    found = meeting(fates_in(question.text), text, [(q.start, q.end) for q in amounts])
    return [span for span in found if counts(question.text, text, span)] or found


def _times(question: Question, text: str) -> list[Span]:
    grain = _grain(question)
    dates = [
        (d.start, d.end)
        for d in find_dates(text)
        if not any(same_date(d, a) for a in question.dates)
        and (grain is None or getattr(d, grain) is not None)
    ]
    return dates if grain else dates + _entities(text, {"TIME"})


def _named(question: Question, text: str) -> list[Span]:
    kind, said = str(question.answer_type), set(words(question.text))
    return [
        (s, e)
        for s, e in _entities(text, _ENTITIES[kind])
        if not set(stems_or_words(text[s:e])) <= said
        and not (kind == "person" and _is_asked_about(question.text, text[s:e]))
    ]


def _is_asked_about(question: str, name: str) -> bool:
    """Whether a name ends as one in the question does, and no relative is asked for."""
    surname = words(name)[-1:]
    return bool(surname) and surname[0] in words(question) and not _KIN.search(question)


def _grain(question: Question) -> str | None:
    """What a date must say to be an answer, as `When` calls it: "in which month" wants a month."""
    asked = _GRAIN.search(question.text)
    return asked[1].lower() if asked else None


def tells_grain(question: Question, text: str) -> bool:
    """Whether a time in words says as much as is asked: "last month" is no month to name."""
    return _grain(question) is None or bool(typed_spans(question, text))


def read_names(question: Question, texts: Sequence[str]) -> None:
    """Parse `texts` at once if the question wants names in them: quicker than one by one."""
    if question.answer_type == "time" or question.answer_type in _ENTITIES:
        parse_many(texts)


def may_count(text: str, amount: Quantity) -> bool:
    """Whether a number may count things: no time of the day, age, part of a name, or "one of".

    "the barge Dorrit Four left at 6:10 with Tilde Marsh, 34, and nine others" -> only "nine"
    """
    before, after = text[: amount.start], text[amount.end :]
    if CLOCK.match(after) or _PAST.search(before) or _ONE_OF.match(text[amount.start :]):
        return False
    if _AGED.search(before) and _AGE_ENDS.match(after):
        return False
    if text[amount.start].isdigit() and _SET_OFF.search(before) and after.lstrip()[:1] == ",":
        return False
    return not (text[amount.start].isupper() and _NAMED_BEFORE.search(before))


def counts(question: str, text: str, span: Span) -> bool:
    """Whether a number counts what "how many" asks for: "84 passengers and a crew of seven"."""
    thing = _counted_stem(question)
    before, after = text[: span[0]], text[span[1] : span[1] + 40]
    beside = stems(" ".join([*_OF.findall(before), *_AFTER.findall(after)]))
    return thing is not None and thing in beside


@lru_cache(maxsize=64)
def _counted_stem(question: str) -> str | None:
    """The stem of what "how many" asks for; None where it is people, who have many names."""
    frame = frame_of(question)
    last = stems(frame.counted)[-1:] if frame is not None else []
    return last[0] if last and last[0] not in _PEOPLE else None


def holds_type(question: Question, text: str) -> bool:
    """Whether `text` seems to hold a span of the question's type; True for untyped questions.

    A quick look for ranking many sentences: a capital letter stands for a name, a quotation mark
    for somebody's own words.
    """
    if question.asks_words:
        return is_quoted(text)
    if question.answer_type in {None, "thing"}:
        return True
    if question.answer_type in _ENTITIES:
        said = set(words(question.text))
        return any(not set(words(name)) <= said for name in _CAPITALISED.findall(text))
    return bool(typed_spans(question, text))


def is_quoted(text: str) -> bool:
    """Whether `text` has at least three words in quotation marks."""
    return QUOTATION.search(text) is not None


def stems_or_words(text: str) -> list[str]:
    """Content words of a span, lower case; all its words where none has content."""
    return [w for w in words(text) if stems(w)] or words(text)


def _entities(text: str, labels: set[str]) -> list[Span]:
    return [(e.start_char, e.end_char) for e in parse(text).ents if e.label_ in labels]


def is_list_of_names(text: str) -> bool:
    """Whether `text` is names and what links them: "Ada Holm and Lene Doorn"."""
    parts = text.split()
    linked = {"and", "or", "of", "the", "de", "la", "van", "von", "al", "bin", "&"}
    named = [w for w in parts if w[:1].isupper()]
    return bool(named) and len(parts) >= 2 and all(w[:1].isupper() or w in linked for w in parts)


def named_run(text: str) -> Span | None:
    """The longest run of capitalised words in `text`, with the small ones that link them.

    "pop group The Harbour Lights" -> the span of "The Harbour Lights"
    """
    runs = [m.span() for m in _NAMED_RUN.finditer(text)]
    return max(runs, key=lambda r: r[1] - r[0], default=None)


def speaks(text: str, span: Span) -> bool:
    """Whether the words at `span` are who says something in `text`.

    "The dam was safe, said Ada Holm" -> "Ada Holm" speaks; the dam does not.
    """
    inside = _inside(text, span)
    if any(t.dep_ in {"nsubj", "agent"} and t.head.lemma_.lower() in SPEECH for t in inside):
        return True
    before = text[: span[0]].rstrip().lower()
    return bool(inside) and before.endswith(("according to", "according to a", "according to the"))


def has_name(text: str, span: Span) -> bool:
    """Whether a proper name is among the words at `span`: not in "Police" or "Two" at the start.

    Nor in "The Wexcombe baker", where it only says which baker.
    """
    return any(t.pos_ == "PROPN" and not _says_which(t) for t in _inside(text, span))


def is_part_of_name(text: str, span: Span) -> bool:
    """Whether the words at `span` only say which thing is meant that is named behind them.

    "US" in "a US airbase" is, "US airbase" isn't.
    """
    inside = _inside(text, span)
    names = [t for t in inside if t.pos_ == "PROPN"]
    return bool(names) and all(_says_which(t) and t.head not in inside for t in names)


def _says_which(token: Any) -> bool:
    return token.dep_ in {"compound", "amod", "nmod"} and token.head.pos_ == "NOUN"


def tells_of_others(text: str, span: Span, asked: Set[str]) -> bool:
    """Whether the words at `span` are only who tells what the rest of `text` says.

    `asked` are stems of the question. "Hundreds were arrested, according to Ada Holm" names nobody
    who was arrested; "said Ada Holm, who leads the crews" does name who leads them.
    """
    if not speaks(text, span):
        return False
    about = {t.i for token in _inside(text, span) for t in token.subtree}
    done = [t for t in parse(text) if t.pos_ == "VERB" and set(stems(t.text)) & asked]
    return bool(done) and all(t.i not in about for t in done)


def _inside(text: str, span: Span) -> list[Any]:
    return [t for t in parse(text) if t.idx < span[1] and t.idx + len(t) > span[0]]


def same_value(kind: str | None, a: str, b: str) -> bool:
    """Whether two short answers say the same value of a kind.

    "two and a half hours" and "150 minutes" do, as durations; "Hakan Fidan" and "Fidan" do, as
    persons; "almost three hours" and "two and a half hours" don't.
    """
    if kind in _FAMILIES:
        left, right = find_quantities(a), find_quantities(b)
        if left and right:
            return same_quantity(left[0], right[0])
    if kind == "time":
        ours, theirs = find_dates(a), find_dates(b)
        if ours and theirs:
            return same_date(ours[0], theirs[0])
    bag, other = set(stems_or_words(a)), set(stems_or_words(b))
    return bool(bag & other) and (bag <= other or other <= bag)
