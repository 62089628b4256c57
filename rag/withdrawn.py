"""Values that a text gives and takes back: they stand in it, and it doesn't say them.

"An earlier version of this report gave the length as 6.8 kilometres. It is 8.6, not 6.8."
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from index import Article, Passage
from index.language import parse, sentence_spans
from rag.dates import find_dates
from rag.grammar import QUOTATION, SUBJECTS
from rag.values import Quantity, comparable, find_quantities, same_quantity

Span = tuple[int, int]

#: Verbs by which a paper says what it had printed, as lemmas.
_PRINTED = frozenset(
    "say report state give put describe name identify quote list attribute write publish".split()
)
_MISSTATED = frozenset("misstate misreport misidentify misquote".split())
_WRONGLY = frozenset("wrongly incorrectly mistakenly erroneously".split())
#: What hangs on such a verb and is what was printed; and prepositions that lead to it.
_PRINTS, _LEADS = frozenset("ccomp xcomp dobj attr oprd acomp".split()), frozenset("as at".split())
_PAPER = r"(?:report|article|story|item|column|dispatch|post|page|piece|newspaper|paper|website)"
_EARLIER = re.compile(
    rf"\b(?:earlier|previous|original|initial|first)\b.*"
    rf"\b(?:{_PAPER}|version|edition|headline|caption)s?\b",
    re.I,
)
_OWN = re.compile(rf"\b(?:this|our) (?:{_PAPER}|version|edition)\b", re.I)
#: A paragraph that is headed as what a paper takes back.
_NOTICE = re.compile(
    r"^\W*(?:correction|clarification|corrigendum|erratum|editor['’]s note)\b.*", re.I | re.M
)
#: Without one of these in its text, "we reported" takes nothing back.
_SIGN = re.compile(
    r"\b(?:wrong|mistake|mistaken|error|apologi[sz]e|sorry|regret|correct(?:s|ed|ion)?|inaccurate"
    r"|clarif\w+|amended|in fact|has since|now tells?)\b",
    re.I,
)
_WORTH_PARSING = re.compile(
    rf"\bwe\b|{'|'.join(_WRONGLY)}|\bmis(?:stat|report|identif|quot)|{_EARLIER.pattern}", re.I
)
_NOT, _INSTEAD = (
    re.compile(r"\b(?:not|n['’]t) (?:on |in |at |by )?$"),
    re.compile(r"\b(?:instead of|rather than) $"),
)
_CORRECTS = re.compile(r"\bcorrect(?:s|ed|ing|ion)\b", re.I)
#: "not two weeks after the vote" denies no number.
_IDIOM = re.compile(r"\s*(?:\w+ )?(?:ago|after|later|before|earlier|since|from|until)\b", re.I)


@lru_cache(maxsize=512)
def taken_back(text: str) -> tuple[Span, ...]:
    """Spans of the amounts and days that a text takes back, in order.

    Those are what it says to have printed before, unless it says the same once more after that, the
    same amounts above it, and what it denies in a contrast ("8.6, not 6.8").
    """
    if not (_WORTH_PARSING.search(text) or re.search(r"\bnot |n['’]t |\binstead of ", text)):
        return ()
    amounts = [q for q in find_quantities(text) if q.amount != 1]
    values = [(q.start, q.end) for q in amounts] + [(d.start, d.end) for d in find_dates(text)]
    printed = [*_printed(text)]
    within = {v for v in values if any(start < v[1] and v[0] < end for start, end in printed)}
    for old in [q for q in amounts if (q.start, q.end) in within]:
        same = {(q.start, q.end) for q in amounts if _are_same(q, old)}
        stays = any(place not in within and place > (old.start, old.end) for place in same)
        within = within - same if stays else within | same
    denied = {d for v in values if (d := _denied(text, v))}
    return tuple(sorted(within | denied))


def takes_back(article: Article, value: str) -> bool:
    """Whether an article takes back the amount that `value` gives."""
    wanted = find_quantities(value)
    gone = [
        q
        for start, end in taken_back(article.text)
        for q in find_quantities(article.text[start:end])
    ]
    return any(_are_same(one, other) for one in wanted for other in gone)


def stands(words: Passage) -> bool:
    """Whether an article doesn't take back any value in these words of it."""
    return not any(s < words.end and words.start < e for s, e in taken_back(words.article.text))


def standing(passage: Passage, mark: str = "...") -> str:
    """The passage's text with `mark` for each value that its article takes back."""
    gone = [
        s for s in taken_back(passage.article.text) if s[0] < passage.end and passage.start < s[1]
    ]
    text, at = "", passage.start
    for start, end in gone:
        text += passage.article.text[at : max(at, start)] + mark
        at = min(end, passage.end)
    return text + passage.article.text[at : passage.end]


def blanked(text: str) -> str:
    """A text with lines for the values that it takes back; no character changes its place."""
    for start, end in taken_back(text):
        text = f"{text[:start]}{'_' * (end - start)}{text[end:]}"
    return text


def _are_same(one: Quantity, other: Quantity) -> bool:
    return comparable(one, other) and same_quantity(one, other)


def _denied(text: str, value: Span) -> Span | None:
    """The value with the word that denies it; None if none does."""
    before = text[: value[0]]
    sentence = re.split(r"[.!?]\s|\n", before)[-1]
    found = _NOT.search(before) or (_CORRECTS.search(sentence) and _INSTEAD.search(before))
    return (found.start(), value[1]) if found and not _IDIOM.match(text, value[1]) else None


def _printed(text: str) -> Iterator[Span]:
    """Spans of the words that the text says a paper, mostly its own, had printed wrongly."""
    notices = [m.span() for m in _NOTICE.finditer(text)]
    of_us = _SIGN.search(text) is not None
    for start, end in sentence_spans(text):
        said = text[start:end]
        if not _WORTH_PARSING.search(said):
            continue
        in_notice = any(a <= start < b for a, b in notices)
        for token in withdrawn(parse(said), in_notice, of_us):
            yield start + token.idx, start + token.idx + len(token)


def withdrawn(sentence: Any, in_notice: bool = False, of_us: bool = False) -> Iterator[Any]:
    """Tokens of what a parsed sentence says a paper, mostly its own, had printed wrongly.

    `in_notice` if it stands in a correction, and `of_us` if what "we reported" is taken back.
    """
    quoted = [m.span() for m in QUOTATION.finditer(sentence.text)]
    for verb in sentence:
        outside = not any(a <= verb.idx < b for a, b in quoted)
        if outside and _is_withdrawing(verb, in_notice, of_us):
            yield from _governed(verb)


def _is_withdrawing(verb: Any, in_notice: bool, of_us: bool) -> bool:
    if verb.lemma_ in _MISSTATED:
        return True
    if verb.lemma_ not in _PRINTED or verb.tag_ not in {"VBD", "VBN"}:
        return False
    if any(c.lower_ in _WRONGLY for c in verb.children):
        return True
    who = " ".join(t.text for c in verb.children if c.dep_ in SUBJECTS for t in c.subtree)
    if who.lower() == "we":
        return of_us and not any(c.lower_ == "as" and c.i < verb.i for c in verb.children)
    return bool(_EARLIER.search(who)) and (in_notice or bool(_OWN.search(who)))


def _governed(verb: Any) -> Iterator[Any]:
    for child in verb.children:
        leads = child if child.dep_ == "prep" else next(iter(child.children), child)
        if child.dep_ in _PRINTS or leads.lower_ in _LEADS:
            yield from _but_instead(child)


def _but_instead(token: Any) -> Iterator[Any]:
    """A subtree without what was right: "40 crowns instead of 14"."""
    if token.lower_ in {"instead", "rather"}:
        return
    yield token
    for child in token.children:
        yield from _but_instead(child)
