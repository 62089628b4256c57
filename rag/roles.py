"""Who did it, and to whom: whether a claim exchanges the two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rag.alignment import Parsed, Span, rival
from rag.grammar import AIDES, child_as, doer, is_part, plain_words

#: Verbs of one deed: who wins against somebody beats them.
_SAME_DEED = {"win": "beat", "defeat": "beat", "overcome": "beat", "acquire": "buy"}
_EITHER_WAY = frozenset(
    """meet marry talk agree border face play draw tie speak share differ compete clash negotiate
    debate date divorce""".split()
)


@dataclass(frozen=True)
class Deed:
    """A verb with who does it and whom or what it is done to, as words; passives turned."""

    span: Span
    lemma: str
    doer: frozenset[str]
    others: frozenset[str]
    owner: frozenset[str]
    shown: str
    is_named: bool


def deeds(text: Parsed) -> list[Deed]:
    """The verbs of a text's parsed sentences that have a doer."""
    return [
        deed
        for at, doc in text.docs
        for token in doc
        if token.pos_ in {"VERB", "AUX"} and (deed := _deed(at, token)) is not None
    ]


def _deed(at: int, verb: Any) -> Deed | None:
    actor = doer(verb)
    if actor is None or actor.pos_ == "PRON":
        return None
    lemma = verb.lemma_.lower()
    if lemma == "lose":  # whoever lost to them was beaten by them
        to = next((c for c in verb.children if c.lower_ == "to"), None)
        winner = to and child_as(to, "pobj")
        actor = winner or actor
        lemma = "beat" if winner else lemma
    mine = {t.i for t in actor.subtree}
    own = [t for t in actor.subtree if is_part(t, actor) and t.dep_ != "appos"]
    words = frozenset(w for t in own for w in plain_words(t))
    rest = [t for t in verb.subtree if t.i not in mine and t.pos_ in {"NOUN", "PROPN"}]
    others = frozenset(w for t in rest for w in plain_words(t)) - words
    owner = frozenset(w for t in actor.subtree for w in plain_words(t)) - words
    return Deed(
        (at + verb.idx, at + verb.idx + len(verb)),
        _SAME_DEED.get(lemma, lemma),
        words,
        others,
        owner,
        " ".join(t.text for t in own),
        actor.pos_ == "PROPN",
    )


def check_roles(claim: Parsed, source: Parsed) -> str:
    """Who did it and to whom must not be exchanged, nor one's aide be taken for oneself."""
    said = deeds(source)
    for deed in deeds(claim):
        about = [d for d in said if d.lemma == deed.lemma]

        def agrees(other: Deed, deed: Deed = deed) -> bool:
            return not (_exchanged(deed, other) or _stands_in(deed, other))

        def likeness(other: Deed, deed: Deed = deed) -> float:
            ours = deed.others | deed.doer
            return len(ours & (other.others | other.doer | other.owner)) / len(ours)

        instead = rival(agrees, likeness, about) if deed.doer else None
        if instead is not None:
            verb = claim.text[slice(*deed.span)]
            return f"“{verb}” is said of {instead.shown} in the source, not of {deed.shown}"
    return ""


def _exchanged(ours: Deed, theirs: Deed) -> bool:
    if ours.lemma in _EITHER_WAY:
        return False
    if ours.lemma in {"be", "have", "say"} and not (ours.is_named and theirs.is_named):
        return False
    return (
        not ours.doer & theirs.doer
        and bool(ours.doer & theirs.others)
        and bool(theirs.doer & ours.others)
    )


def _stands_in(ours: Deed, theirs: Deed) -> bool:
    """Whether the source has "Brock's aide" do what the claim has Brock do."""
    return (
        ours.is_named
        and not ours.doer & theirs.doer
        and bool(ours.doer & theirs.owner)
        and bool(theirs.doer & AIDES)
    )
