"""Who says something, and whether a claim and its source name the same speaker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rag.alignment import Parsed, Span, rival
from rag.grammar import (
    AIDES,
    ANYBODY,
    BODIES,
    PASSIVE,
    SPEECH,
    child_as,
    doer,
    is_part,
    plain_words,
)

#: Verbs of saying that mean something else where no clause hangs on them.
_OTHER_SENSES = frozenset("write call describe suspect fear report".split())


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
        return child_as(token, "pobj")
    if token.lemma_.lower() not in SPEECH or token.pos_ != "VERB":
        return None
    if token.lemma_ in _OTHER_SENSES and not child_as(token, "ccomp"):
        return None
    if token.dep_ == "conj" and not child_as(token, "nsubj", *PASSIVE):
        return child_as(token.head, "nsubj")
    return doer(token)


def _speaker(head: Any, verb: Any, at: int, sentence: int) -> Speaker:
    own = {head, *(t for t in head.subtree if is_part(t, head))}
    words = frozenset(w for t in own for w in plain_words(t))
    around = frozenset(w for t in head.subtree for w in plain_words(t)) - words
    kind = "role"
    if head.pos_ == "PRON":
        kind = "pronoun"
    elif head.lemma_.lower() in ANYBODY | {"police", "report"}:
        kind = "role"
    elif head.lemma_.lower() in BODIES or head.ent_type_ in {"ORG", "GPE", "NORP"}:
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


def check_speaker(claim: Parsed, source: Parsed) -> str:
    """Whoever the claim has say something must be who says it in the source."""
    theirs = speakers(source)
    bags = [_bag(doc) for _, doc in source.docs]
    for speaker in speakers(claim):
        if speaker.kind == "pronoun" or not speaker.words:
            continue
        instead = _other_speaker(claim, source, speaker, theirs, bags)
        if instead is not None:
            return f"in the source it is {instead.shown}, not {speaker.shown}, who says it"
    return ""


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
        return ours.head in BODIES  # one of the ministry's people may speak for the ministry
    if theirs.kind == "body" and ours.kind in {"name", "body"}:
        return False
    # "The minister said" may be Varga, if the text names her; an unnamed official is anybody's.
    return ours.kind == "role" or named or any(ours.words & bag for bag in bags)
