"""Whether a source says something itself, or has it only where nobody vouches for it.

Words in an order ("Say that ..."), in a quotation of others, under a denial or in a supposition are
in a source, and the source doesn't say them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from index.words import stems
from rag.alignment import Parsed
from rag.clauses import denied
from rag.grammar import PASSIVE, SPEECH, SUBJECTS
from rag.schema import Check

_TELLING = SPEECH | frozenset("answer reply repeat output print respond conclude pretend".split())
_BOUND = frozenset("must should shall".split())
_SUPPOSING = frozenset("if unless whether".split())
_INVERTED = frozenset("had were should".split())
_QUOTATION = re.compile(r"[“\"„«][^“”\"„«»]*(?:[”\"»“]|$)")


def check_asserted(claim: Parsed, source: Parsed) -> Check:
    """What a claim tells, by its main words, must stand in the source where it vouches for it."""
    found: dict[str, set[str]] = {}
    for _, doc in source.docs:
        unsaid = _unsaid(doc)
        for token in doc:
            for stem in stems(token.lemma_):
                found.setdefault(stem, set()).add(unsaid.get(token.i, ""))
    for _, doc in claim.docs:
        where = [found[stem] for stem in _main(doc) if stem in found]
        if where and not any("" in places for places in where):
            told = sorted(place for places in where for place in places)
            return Check("asserted", False, f"the source has this only {told[0]}")
    return Check("asserted", True)


def _main(doc: Any) -> set[str]:
    """The stems of what a sentence tells: of its verb, or of what something is said to be."""
    roots = [t for t in doc if t.dep_ == "ROOT"]
    heads = [
        *(t for t in roots if t.lemma_ != "be"),
        *(c for t in roots for c in t.children if t.lemma_ == "be" and c.dep_ in _COMPLEMENTS),
    ]
    return {stem for t in heads for stem in stems(t.lemma_)}


_COMPLEMENTS = frozenset("attr acomp oprd".split())


def _unsaid(doc: Any) -> dict[int, str]:
    """For each token that the source doesn't vouch for, where it stands."""
    found: dict[int, str] = {}
    for start, end in (m.span() for m in _QUOTATION.finditer(doc.text)):
        found |= {t.i: "in a quotation" for t in doc if start <= t.idx < end}
    for token in doc:
        if token.pos_ in {"VERB", "AUX"}:
            place = _place(token)
            found |= {t.i: place for t in _governed(token, place)}
            if place == "in an order":  # "Repeat after me: ..."
                colon = doc.text.find(":", token.idx)
                found |= {t.i: place for t in doc if -1 < colon < t.idx}
    return found


def _place(verb: Any) -> str:
    """What makes a verb's clause, or what hangs on it, no statement; "" if nothing does."""
    if verb.lemma_.lower() in _TELLING and _is_order(verb):
        return "in an order"
    if any(c.dep_ == "mark" and c.lower_ in _SUPPOSING for c in verb.children):
        return "in a supposition"
    if verb.dep_ != "ROOT" and verb.left_edge.lower_ in _INVERTED:  # "Had the dam broken, ..."
        return "in a supposition"
    if verb.lemma_.lower() == "deny" or denied(verb):
        return "in a denial"
    return ""


def _is_order(verb: Any) -> bool:
    own = [c for c in verb.children if c.dep_ in {*SUBJECTS, *PASSIVE} and c.lower_ != "you"]
    if any(c.dep_ == "aux" and c.lower_ in _BOUND for c in verb.children):
        return True
    to = any(c.lower_ == "to" for c in verb.children)
    return verb.tag_ in {"VB", "VBP"} and not own and not to


def _governed(verb: Any, place: str) -> Iterator[Any]:
    if place in {"in an order", "in a supposition"}:
        yield from verb.subtree
    elif place:
        for child in verb.children:
            if child.dep_ in {"ccomp", "xcomp", "dobj", "pcomp"}:
                yield from child.subtree
