"""The words of one sentence that answer a question, if any do: a number, a name, a place, a day."""

from __future__ import annotations

import re
from collections.abc import Sequence

from index import Passage
from index.language import parse
from index.words import stems, words
from rag.evidence import Scored
from rag.question import Question
from rag.spans import (
    CLOCK,
    LINK,
    Span,
    has_name,
    is_list_of_names,
    named_run,
    speaks,
    tells_grain,
    tells_of_others,
    typed_spans,
)
from rag.values import find_quantities
from rag.voice import speaker_of

#: A reader's answer of no kind that rules know has at most so many words.
THING_WORDS = 8
#: What makes a point in time of a number of days.
_FROM_NOW = re.compile(r"\b(?:ago|earlier|later|before|after|within|in|next|last|past)\b", re.I)
#: What doesn't lead to a place.
_NOT_WHERE = re.compile(
    r"\b(?:during|after|before|about|with|for|by|than|since|until)\s+"
    r"(?:(?:the|an?|his|her|its|their)\s+)?$",
    re.I,
)
_LAST = re.compile(r"\b(?:die[sd]?|end(?:s|ed)?|closed?|finish\w*|ceased?|until|last)\b", re.I)
_BOTH = re.compile(r"\b(?:between|from when|dates|years|months|days)\b", re.I)
_EDGES = " \t\n,;:.()[]–-"


def best_span(question: Question, sentence: Scored) -> Span | None:
    """The span of the question's type nearest to where the reader sees the answer, or None.

    Several that only a comma, "and" or "to" parts are one answer. The reader's own words will do,
    if it is sure, for a thing, place, name, time or measure that no rule knows, and for who said
    something, which may be "an official"; else a person is somebody with a name.
    """
    base, text, kind = sentence.passage.start, sentence.passage.text, question.answer_type
    if question.asks_speaker and (said := speaker_of(text, stems(" ".join(question.terms)))):
        return said[0] + base, said[1] + base
    typed = [(s + base, e + base) for s, e in typed_spans(question, text)]
    if question.asks_speaker:
        typed = [t for t in typed if speaks(text, (t[0] - base, t[1] - base))]
    start, end = sentence.span
    sure = sentence.margin > 0
    if kind == "person" and not question.asks_speaker:
        asked = set(stems(question.text))
        typed = [t for t in typed if not tells_of_others(text, (t[0] - base, t[1] - base), asked)]
        sure = sure and not tells_of_others(text, (start - base, end - base), asked)
    if sure and kind in {"person", "place", "name"} and not question.asks_speaker:
        if is_list_of_names(text_of(sentence)):
            return None if _names_asked(question, text_of(sentence)) else sentence.span
    touching = [t for t in typed if t[0] < end and t[1] > start]
    if touching:
        joined = _joined(touching, sentence)
        if kind == "count":
            return joined[0], joined[1] + thing_after(sentence.passage, joined[1])
        if kind == "name" and sure and _is_called(question, text_of(sentence)):
            return _trimmed(sentence)
        return _edge(touching, joined, question) if kind == "time" else joined
    if sure and (own := _readers_own(question, sentence)) is not None:
        return own
    return min(typed, key=lambda t: abs(t[0] - start), default=None)


def _is_called(question: Question, words_of: str) -> bool:
    """Whether a name ends in what is asked for: "US air base", of which "US" is but a part."""
    last = words(words_of)[-1:]
    return bool(last) and any(
        len(term) > 2 and last[0].endswith(term.lower()) for term in question.terms
    )


def _names_asked(question: Question, names: str) -> bool:
    """Whether one of several listed names is the question's: "the US and Turkey" are together."""
    asked = set(words(question.text))
    parts = [set(words(part)) for part in re.split(r",\s*|\s+(?:and|or|&)\s+", names)]
    return len(parts) > 1 and any(part and part <= asked for part in parts)


def thing_after(sentence: Passage, at: int) -> int:
    """How many more characters name what a number that ends at `at` counts: " gold coins"."""
    after = sentence.article.text[at : min(sentence.end, at + 60)]
    if not re.match(r" [^\W\d_]", after):
        return 0
    for token in list(parse(after))[:4]:
        if token.pos_ == "NOUN" and token.dep_ not in {"compound", "amod", "nmod"}:
            return token.idx + len(token)
        if not (token.is_space or token.pos_ in {"ADJ", "NOUN"}):
            return 0
    return 0


def _readers_own(question: Question, sentence: Scored) -> Span | None:
    """The reader's own words, where they may do for the question's type."""
    kind, said = question.answer_type, text_of(sentence)
    if kind == "thing":
        return _trimmed(sentence) if len(said.split()) <= THING_WORDS else None
    if kind == "place" and _asks_named_place(question):
        run = named_run(said)
        return (sentence.span[0] + run[0], sentence.span[0] + run[1]) if run else None
    if kind == "place" and any(t.pos_ in {"VERB", "AUX"} for t in parse(said)):
        return None  # A place is no clause.
    if kind == "place" and (_says_no_more(question, said) or _is_no_place(sentence)):
        return None
    if kind == "time":
        return sentence.span if tells_grain(question, said) and _tells_time(sentence) else None
    if kind in {"place", "measure"}:
        return sentence.span
    if question.asks_speaker:
        base = sentence.passage.start
        here = (sentence.span[0] - base, sentence.span[1] - base)
        return sentence.span if speaks(sentence.passage.text, here) else None
    if kind in {"name", "person"}:
        base, run = sentence.span[0] - sentence.passage.start, named_run(said)
        if run and has_name(sentence.passage.text, (base + run[0], base + run[1])):
            return sentence.span[0] + run[0], sentence.span[0] + run[1]
        # Nobody is named, which `sides_of` must know of.
        short = kind == "person" and len(said.split()) <= THING_WORDS
        return _trimmed(sentence) if short else None
    return None


def _tells_time(sentence: Scored) -> bool:
    """Whether the words that the reader marks may say when: no sum, no count, no mere duration."""
    said = text_of(sentence)
    counted = [q for q in find_quantities(said) if not CLOCK.match(said[q.end :])]
    if not counted:
        return True
    around = sentence.passage.article.text[max(0, sentence.span[0] - 12) : sentence.span[1] + 12]
    return all(q.family == "time" for q in counted) and _FROM_NOW.search(around) is not None


def _asks_named_place(question: Question) -> bool:
    """Whether a place with a name is asked for: "Which town", not "Where"."""
    return re.search(r"\b(?:what|which)\s+\w+", question.text, re.I) is not None


def _says_no_more(question: Question, said: str) -> bool:
    """Whether an answer names only what the question does: "the capital Ostry"."""
    names = {w for token in parse(said) if token.pos_ == "PROPN" for w in words(token.text)}
    return bool(names) and names <= set(words(question.text))


def _is_no_place(sentence: Scored) -> bool:
    """Whether the words before an answer tell that it is no place: "during the meeting"."""
    before = sentence.passage.article.text[sentence.passage.start : sentence.span[0]]
    return _NOT_WHERE.search(before) is not None


def _trimmed(sentence: Scored) -> Span | None:
    """The reader's span without the punctuation at its edges."""
    start, end = sentence.span
    text = text_of(sentence)
    start += len(text) - len(text.lstrip(_EDGES))
    end -= len(text) - len(text.rstrip(_EDGES))
    return (start, end) if start < end else None


def text_of(sentence: Scored) -> str:
    """The words that the reader marks as the answer."""
    return sentence.passage.article.text[slice(*sentence.span)]


def _edge(touching: Sequence[Span], joined: Span, question: Question) -> Span:
    """Of "1850 to 1939" the day on which something began, or ended, as the question asks."""
    inside = [t for t in touching if joined[0] <= t[0] and t[1] <= joined[1]]
    if len(inside) < 2 or _BOTH.search(question.text):
        return joined
    return inside[-1 if _LAST.search(question.text) else 0]


def _joined(touching: Sequence[Span], sentence: Scored) -> Span:
    """The span that shares most with the reader's, with those that follow it as in a list."""
    text, (start, end) = sentence.passage.article.text, sentence.span
    best = max(touching, key=lambda t: min(t[1], end) - max(t[0], start))
    first = last = touching.index(best)
    while first and LINK.fullmatch(text[touching[first - 1][1] : touching[first][0]]):
        first -= 1
    while last + 1 < len(touching) and LINK.fullmatch(
        text[touching[last][1] : touching[last + 1][0]]
    ):
        last += 1
    return touching[first][0], touching[last][1]
