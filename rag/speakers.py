"""Who says something, and whether a claim and its source name the same speaker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rag.alignment import Parsed, Span, rival
from rag.grammar import AIDES, PASSIVE, SPEECH, is_part, plain_words
from rag.schema import Check

_BODIES = frozenset(
    """ministry company government police union court board agency department office party army
    hospital university bank council committee group firm club regulator authority commission
    operator airline charity campaign school force service institute association""".split()
)
#: Verbs of saying that mean something else where no clause hangs on them.
_OTHER_SENSES = frozenset("write call describe suspect fear report".split())
_ANYBODY = frozenset(
    "authority official police source report expert investigator prosecutor analyst".split()
)


@dataclass(frozen=True)
class Speaker:
    """Who says something: `words` of the speaker itself, `around` of whom it belongs to.

    `kind` is "name", "pronoun", "body" (an institution), "role" (a common noun) or "" (unnamed).
    """

    span: Span
    words: frozenset[str]
    around: frozenset[str]
    head: str
    kind: str
    sentence: int
    shown: str
    told: frozenset[str]


def speakers(text: Parsed) -> list[Speaker]:
    """Everybody to whom the parsed sentences of a text ascribe words."""
    return [
        speaker
        for number, (at, doc) in enumerate(text.docs)
        for token in doc
        if (head := speaking(token)) is not None
        for speaker in [_speaker(head, token, at, number)]
    ]


def speaking(token: Any) -> Any | None:
    """The head of the speaker where `token` is a verb of saying, or the "to" of "according to"."""
    if token.lower_ == "to" and token.head.lower_ == "according":
        return next((c for c in token.children if c.dep_ == "pobj"), None)
    if token.lemma_.lower() not in SPEECH or token.pos_ != "VERB":
        return None
    if token.lemma_ in _OTHER_SENSES and not any(c.dep_ == "ccomp" for c in token.children):
        return None
    passive = next((c for c in token.children if c.dep_ in PASSIVE), None)
    if passive is not None:
        by = next((c for c in token.children if c.dep_ == "agent"), None)
        return next((c for c in by.children if c.dep_ == "pobj"), None) if by else None
    own = next((c for c in token.children if c.dep_ == "nsubj"), None)
    if own is None and token.dep_ == "conj":
        own = next((c for c in token.head.children if c.dep_ == "nsubj"), None)
    if own is not None and own.lower_ in {"who", "which", "that"} and token.dep_ == "relcl":
        return token.head
    return own


def _speaker(head: Any, verb: Any, at: int, sentence: int) -> Speaker:
    own = {head, *(t for t in head.subtree if is_part(t, head))}
    words = frozenset(w for t in own for w in plain_words(t))
    around = frozenset(w for t in head.subtree for w in plain_words(t)) - words
    kind = "role"
    if head.pos_ == "PRON":
        kind = "pronoun"
    elif head.lemma_.lower() in _ANYBODY:
        kind = "role"
    elif head.lemma_.lower() in _BODIES or head.ent_type_ in {"ORG", "GPE", "NORP"}:
        kind = "body"
    elif head.pos_ == "PROPN" or any(t.ent_type_ == "PERSON" for t in own):
        kind = "name"
    shown = " ".join(t.text for t in sorted(own, key=lambda t: t.i) if t.dep_ != "appos")
    return Speaker(
        (at + verb.idx, at + verb.idx + len(verb)),
        words,
        around,
        head.lemma_.lower(),
        kind,
        sentence,
        shown,
        _told(verb),
    )


def check_speaker(claim: Parsed, source: Parsed) -> Check:
    """Whoever the claim has say something must be who says it in the source."""
    theirs = speakers(source)
    bags = [_bag(doc) for _, doc in source.docs]
    for speaker in speakers(claim):
        if speaker.kind == "pronoun" or not speaker.words:
            continue
        instead = _other_speaker(claim, source, speaker, theirs, bags)
        if instead is not None:
            detail = f"in the source it is {instead.shown}, not {speaker.shown}, who says it"
            return Check("speaker", False, detail)
    return Check("speaker", True)


def _told(verb: Any) -> frozenset[str]:
    """What is said: the words of the verb's own clause, or of the sentence with "according to"."""
    if verb.pos_ != "VERB":
        return _bag(verb.doc)
    joined = {t.i for c in verb.children if c.dep_ == "conj" for t in c.subtree}
    return _bag(t for t in verb.subtree if t.i not in joined)


def _bag(doc: Any) -> frozenset[str]:
    return frozenset(w for t in doc if t.lemma_.lower() not in SPEECH for w in plain_words(t)[:1])


def _other_speaker(
    claim: Parsed,
    source: Parsed,
    speaker: Speaker,
    theirs: list[Speaker],
    bags: list[frozenset[str]],
) -> Speaker | None:
    told = speaker.told - speaker.words - speaker.around

    def likeness(other: Speaker) -> float:
        return len(told & bags[other.sentence]) / len(told) if told else 0.0

    def agrees(other: Speaker) -> bool:
        return _may_be(speaker, other, bags)

    return rival(agrees, likeness, theirs)


def _may_be(ours: Speaker, theirs: Speaker, bags: list[frozenset[str]]) -> bool:
    """Whether a source's speaker is, or may be, the one that the claim names."""
    if ours.words & theirs.words:
        return theirs.head not in AIDES - ours.words or ours.kind == "body"
    if ours.words & theirs.around:
        return ours.kind == "body"
    before = bags[max(0, theirs.sentence - 2) : theirs.sentence]
    named = any(ours.words & bag for bag in before)
    if theirs.kind == "pronoun":
        return named or not before or not any(before)
    if theirs.kind == "name" and ours.kind in {"name", "body"}:
        return ours.head in _BODIES  # one of the ministry's people may speak for the ministry
    if theirs.kind == "body" and ours.kind in {"name", "body"}:
        return False
    # "The minister said" may be Varga, if the text names her; an unnamed official is anybody's.
    return ours.kind == "role" or named or any(ours.words & bag for bag in bags)
