"""Whose words they are: the outlet's own, a speaker's with or without a name, or an opinion's.

A report that quotes an official does not say it itself: who says it is kept with what is said.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from index import Article, Passage
from index.language import parse, sentence_spans
from rag.alignment import Span
from rag.grammar import ANYBODY, BODIES, SPEECH, child_as
from rag.schema import Voice
from rag.speakers import speaking

#: Sentences before one that are looked through for who "he" or "the spokesman" is.
LOOK_BACK = 3
#: Words of a speaker that are shown.
MAX_WORDS = 12
#: First persons outside quotation marks that make a text an opinion.
FIRST_PERSONS = 3
_OPINION = re.compile(
    r"^\W*(?:opinion|comment|commentary|editorial|column|op-ed|viewpoint|our view|leader)\b\W", re.I
)
_FIRST_PERSON = re.compile(r"\b(?:I|I'm|I’m|I've|I’ve|[Mm]y|me)\b")
_IN_MARKS = re.compile(r"“[^”]*”|\"[^\"\n]*\"|(?<!\w)[‘'][^’'\n]{3,}[’'](?!\w)")
#: What hangs on a verb of saying and is said: "After two hours, she said" says nothing of hours.
_SAID = frozenset("ccomp xcomp dobj obj attr oprd acomp parataxis".split())
_OF = frozenset("of about at as".split())
_RECKONING = frozenset("put estimate reckon count number speak value judge".split())
_SOMEBODY = ANYBODY | frozenset(
    """person people man woman member officer employee worker insider aide adviser advisor diplomat
    spokesman spokeswoman spokesperson minister secretary resident neighbour witness passenger
    colleague friend relative critic supporter lawyer banker trader manager executive engineer
    doctor nurse teacher scientist researcher economist detective soldier general politician
    lawmaker survivor driver crew staff leader organiser activist protester reporter journalist
    insurer observer commentator participant""".split()
)
OUTLET = Voice("outlet")


def voice_of(sentence: Passage, span: Span) -> Voice:
    """Who says the words at `span` (`[start, end)` of the article) in a sentence of it."""
    if is_opinion(sentence.article):
        return Voice("opinion")
    at = (span[0] - sentence.start, span[1] - sentence.start)
    head = _speaker_over(parse(sentence.text), at)
    if head is None:
        return OUTLET
    is_somebody = head.pos_ == "PRON" or head.lemma_.lower() in _SOMEBODY
    if _is_named(head) or not is_somebody:  # a body, or a paper, has no other name to give
        return Voice("named", _shown(head))
    earlier = _named_before(sentence) if _refers_back(head) else ""
    return Voice("named", earlier) if earlier else Voice("unnamed", _shown(head))


@lru_cache(maxsize=1024)
def is_opinion(article: Article) -> bool:
    """Whether an article speaks for its writer: its headline says so, or it says "I" and "my"."""
    if _OPINION.search(article.title):
        return True
    own = _IN_MARKS.sub(" ", article.text)
    return len(_FIRST_PERSON.findall(own)) >= FIRST_PERSONS


def _speaker_over(doc: Any, at: Span) -> Any | None:
    """The head of the nearest speaker in whose words the span stands."""
    over = []
    for token in doc:
        head = speaking(token) or _reckoning(token) or _beside(token)
        if head is None:
            continue
        scope = _scope(token)
        own = {t.i for t in head.subtree}
        inside = [t for t in doc if t.idx < at[1] and t.idx + len(t) > at[0]]
        if inside and all(t.i in scope and t.i not in own for t in inside):
            over.append((len(scope), token.i, head))
    return min(over)[2] if over else None


def _reckoning(verb: Any) -> Any | None:
    """The head of who gives a figure: "put at nine million by the ministry", "police count 300"."""
    if verb.lemma_.lower() not in _RECKONING or verb.pos_ != "VERB":
        return None
    by = child_as(verb, "agent")
    head = child_as(by, "pobj") if by else child_as(verb, "nsubj")
    known = head and (_is_named(head) or head.lemma_.lower() in ANYBODY)
    return head if known else None


def _beside(verb: Any) -> Any | None:
    """Who stands just before or after a verb of saying that the parser gave no subject."""
    if verb.lemma_.lower() not in SPEECH or verb.pos_ != "VERB":
        return None
    if child_as(verb, "nsubj", "nsubjpass") or verb.dep_ == "conj":
        return None
    for near in (verb.i - 1, verb.i + 1):
        if 0 <= near < len(verb.doc) and verb.doc[near].pos_ in {"NOUN", "PROPN", "PRON"}:
            head = verb.doc[near]
            while (
                head.dep_ in {"pobj", "prep", "amod", "compound", "flat"} and head.head.i != head.i
            ):
                head = head.head
            return head if head.pos_ in {"NOUN", "PROPN", "PRON"} else None
    return None


def _scope(verb: Any) -> set[int]:
    """The tokens of what is said with a verb of saying, or the "to" of "according to"."""
    if verb.pos_ != "VERB":
        return {t.i for t in verb.sent}
    said = [c for c in verb.children if c.dep_ in _SAID or (c.dep_ == "prep" and c.lower_ in _OF)]
    inside = {t.i for c in said for t in c.subtree}
    if verb.dep_ in {"parataxis", "advcl"}:
        # "Nine died, the ministry said": the parser may hang the saying on what is said.
        inside |= {t.i for t in verb.head.subtree}
    return inside


def _is_named(head: Any) -> bool:
    own = [t for t in head.subtree if t is head or t.dep_ in {"compound", "appos", "flat"}]
    named = any(t.ent_type_ == "PERSON" for t in own) or head.pos_ == "PROPN"
    return named or head.ent_type_ in {"ORG", "GPE", "NORP"} or head.lemma_.lower() in BODIES


def _refers_back(head: Any) -> bool:
    """Whether a speaker without a name was named before: "she", "the spokesman"."""
    if head.pos_ == "PRON":
        return True
    return any(c.dep_ == "det" and c.lower_ in {"the", "this", "that"} for c in head.children)


def _named_before(sentence: Passage) -> str:
    """The speaker with a name in the sentences just before, nearest first; "" if there is none."""
    text = sentence.article.text
    before = [s for s in sentence_spans(text) if s[1] <= sentence.start][-LOOK_BACK:]
    for start, end in reversed(before):
        heads = [h for t in parse(text[start:end]) if (h := speaking(t)) is not None]
        named = [h for h in heads if any(t.ent_type_ == "PERSON" for t in h.subtree)]
        if named:
            return _shown(named[-1])
    return ""


def _shown(head: Any) -> str:
    """A speaker in the report's words, without clauses that hang on it."""
    kept = _own(head)
    if not kept:
        return str(head.text)
    return " ".join(str(head.doc[kept[0].i : kept[-1].i + 1].text).split()).strip(" ,")


def _own(head: Any) -> list[Any]:
    """The first and the last word of a speaker, and what is between, at most `MAX_WORDS`."""
    kept = [t for t in head.subtree if _belongs(t, head)]
    while kept and (kept[0].is_punct or kept[0].dep_ == "case"):
        kept.pop(0)
    while kept and (kept[-1].is_punct or kept[-1].dep_ in {"cc", "prep", "case"}):
        kept.pop()
    return [t for t in kept if t.i < kept[0].i + MAX_WORDS]


def _belongs(token: Any, head: Any) -> bool:
    while token.i != head.i:
        if token.dep_ in {"relcl", "advcl", "ccomp", "parataxis", "punct", "conj"}:
            return False
        token = token.head
    return True


def shown_voice(voices: Sequence[Voice]) -> str:
    """The one speaker of all these, in words: "citing Ada Holm"; "" if there is none, or several.

    A speaker that only some of the reports name is not said of all.
    """
    speakers = {v.speaker for v in voices}
    kinds = {v.kind for v in voices}
    if kinds == {"opinion"}:
        return "in an opinion piece"
    if len(speakers) == 1 and "" not in speakers:
        return f"citing {_inside(speakers.pop())}"
    return ""


def _inside(speaker: str) -> str:
    """A speaker within a sentence: "The ministry" -> "the ministry"."""
    first, _, rest = speaker.partition(" ")
    return f"{first.lower()} {rest}" if first in {"The", "A", "An"} and rest else speaker
