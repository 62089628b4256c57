"""What befell the people that a number counts: nine died, fourteen were hurt, two are missing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import takewhile
from typing import Any

from index.language import parse, parse_many

Span = tuple[int, int]

#: Fate -> how English news says it. Who is said to have met one isn't said to have met another.
_FATES = {
    "dead": r"die[sd]?|dying|dead|deaths?|deadly|deadliest|kill(?:s|ed|ing)?|fatal\w*|perish\w*|"
    r"drown(?:ed|ings?)?|lives(?! (?:in|on|at|with|near|there|alone))|tolls?|bod(?:y|ies)",
    "hurt": r"hurt|injur\w*|wound\w*|hospitali[sz]ed|treated (?:for|in|at)",
    "missing": r"missing|unaccounted|(?:not|never) (?:yet )?been found|unfound|disappear\w*",
    "saved": r"rescue[ds]?|rescuing|saved|surviv\w*|alive|plucked|unhurt|unharmed|to safety|"
    r"escaped?|brought (?:out|up|ashore|to the surface)",
    "held": r"hostages?|captives?|abducted|kidnapped|arrest\w*|detain\w*|detention|custody|jailed|"
    r"imprisoned",
    "freed": r"freed|released|let go",
    "trapped": r"trapped|stuck|stranded|cut off",
    "displaced": r"evacuat\w*|displaced|homeless|homes",
}
_PATTERNS = {fate: re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.I) for fate, words in _FATES.items()}
#: What a word says together with others that belong to it, and that are no clause of their own.
_OWN = {"acomp", "attr", "oprd", "prep", "dobj", "advmod", "neg", "prt", "aux", "auxpass", "amod"}
#: Tokens between a number and a word for a fate that no verb joins to it: "nine dead".
_NEAR = 3
_SUBJECT = {"nsubj", "nsubjpass"}


def fates_in(text: str) -> frozenset[str]:
    """The fates that a text speaks of: {"hurt"} for "How many were wounded?"."""
    return frozenset(fate for fate, pattern in _PATTERNS.items() if pattern.search(text))


def read_fates(asked: AbstractSet[str], texts: Iterable[str]) -> None:
    """Parse at once those texts that tell a fate, if one is asked for: quicker than one by one."""
    if asked:
        parse_many([text for text in texts if fates_in(text)])


def fates_of(text: str, span: Span) -> frozenset[str]:
    """What befell those whom the number at `span` of a sentence counts; empty where it isn't said.

    "Nine people died and 14 were hurt." -> {"dead"} of "Nine", {"hurt"} of "14"
    """
    inside = [t for t in parse(text) if t.idx < span[1] and t.idx + len(t) > span[0]]
    for said in _said_of(inside) if inside else ():
        if found := fates_in(said):
            return found
    return frozenset()


def meeting(asked: AbstractSet[str], text: str, spans: Sequence[Span]) -> list[Span]:
    """Of a sentence's numbers those that count people who met one of the fates asked for.

    Where none does, those of whom no fate is told: it may be told before. All if none is asked for.
    """
    if not asked or not fates_in(text):
        return list(spans)
    told = [(span, fates_of(text, span)) for span in spans]
    met = [span for span, fates in told if fates & asked]
    return met or [span for span, fates in told if not fates]


def _said_of(inside: Sequence[Any]) -> Iterator[str]:
    """What is said of a number's things: beside it, then word by word up to their verb."""
    doc, number = inside[0].doc, inside[0]
    yield _until_parted(doc[inside[-1].i + 1 : inside[-1].i + 1 + _NEAR])
    yield _until_parted(list(doc[max(0, number.i - _NEAR) : number.i])[::-1])
    token = number
    while not _is_whole(token):
        yield _phrase(token)
        if token.pos_ in {"VERB", "AUX"}:
            yield from (_phrase(c) for c in token.children if c.dep_ in {"xcomp", "ccomp"})
            yield from (
                _subject(c) for c in token.children if c.dep_ in _SUBJECT and c.i < number.i
            )
            return
        if token.head == token:
            return
        token = token.head


def _until_parted(tokens: Sequence[Any]) -> str:
    """The words as far as no other number, sign or "and" parts them: "nine dead"."""
    parted = takewhile(lambda t: not (t.like_num or t.is_punct or t.pos_ == "CCONJ"), tokens)
    return " ".join(t.text for t in parted)


def _is_whole(token: Any) -> bool:
    """Whether a word leads to a whole that others are a part of: "Of the 91 people, nine died"."""
    return token.lower_ in {"of", "among"} and token.head.pos_ in {"VERB", "AUX"}


def _phrase(token: Any) -> str:
    """A word with what it needs to be understood: "were not found", "rose to", "took to safety"."""
    kept = [token]
    for child in token.children:
        if child.dep_ in _OWN:
            kept += [child, *(c for c in child.children if c.dep_ in {"pobj", "prep"})]
    return " ".join(t.text for t in sorted(kept, key=lambda t: t.i))


def _subject(token: Any) -> str:
    return " ".join(t.text for t in token.subtree)
