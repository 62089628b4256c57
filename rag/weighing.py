"""What sentences lose of their score: on another time or person, replaced later, or a command."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from index import Passage
from index.words import stems
from rag.entries import is_later
from rag.namesakes import is_of_namesake
from rag.of_time import in_named_time, time_weights
from rag.planted import asks_about_commands, planted
from rag.question import Question
from rag.sentences import told
from rag.timing import asked_times
from rag.values import find_quantities
from rag.withdrawn import standing, stands

if TYPE_CHECKING:
    from rag.evidence import Scored

#: What a sentence on another time than the one asked about loses of its margin (logits), and what
#: one keeps of its score that a later or a nearer one stands in for; set by hand.
OTHER_TIME_MARGIN, STOOD_IN = 4.0, 0.3
#: What a command to machines keeps of its score that a report quotes; set by hand.
QUOTED_COMMAND = 0.1

_NUMBER = re.compile(r"\d+")


def weighed(question: Question, sentences: Sequence[Scored]) -> list[Scored]:
    """The sentences with what is left of their scores, best first; some are left out."""
    for way in _WAYS:
        sentences = way(question, sentences)
    return list(sentences)


def in_time(question: Question, sentences: Sequence[Scored]) -> list[Scored]:
    """The sentences with less of a score where they speak of another time than the question."""
    passages = [s.passage for s in sentences]
    weights = time_weights(question, passages, [s.score for s in sentences])
    fitting = in_named_time(asked_times(question), passages)
    timed = [
        replace(s, score=s.score * weight, margin=s.margin - OTHER_TIME_MARGIN * (not fits))
        for s, weight, fits in zip(sentences, weights, fitting, strict=True)
    ]
    return sorted(timed, key=lambda s: -s.score)


def as_of_last_entry(question: Question, sentences: Sequence[Scored]) -> list[Scored]:
    """The sentences with less of a score where a live blog gives an amount later once more."""
    if question.asks != "amount":
        return list(sentences)

    asked = set(stems(" ".join(question.terms)))
    words = {s.passage: asked & set(stems(s.passage.text)) for s in sentences}

    def is_old(old: Scored) -> bool:
        # What the headline says is the matter of every entry.
        matter = words[old.passage] - set(stems(old.passage.article.title))
        return any(
            matter & words[new.passage]
            and new.signal("typed") >= old.signal("typed")
            and is_later(new.passage, old.passage)
            for new in sentences
        )

    kept = [replace(s, score=s.score * STOOD_IN) if is_old(s) else s for s in sentences]
    return sorted(kept, key=lambda s: -s.score)


def of_the_number(question: Question, sentences: Sequence[Scored]) -> list[Scored]:
    """Sentences with less of a score where one that differs in numbers alone has the question's.

    "How deep is well 7?" prefers "Well 7 is 40 metres deep." to "Well 8 is 52 metres deep."
    """
    asked = set(_NUMBER.findall(question.text))
    held = {s.passage: asked & set(_NUMBER.findall(told(s.passage))) for s in sentences}
    forms = {_NUMBER.sub("#", told(passage)) for passage, numbers in held.items() if numbers}
    weighed = [
        replace(s, score=s.score * STOOD_IN)
        if not held[s.passage] and _NUMBER.sub("#", told(s.passage)) in forms
        else s
        for s in sentences
    ]
    return sorted(weighed, key=lambda s: -s.score)


def that_stands(question: Question, sentences: Sequence[Scored]) -> list[Scored]:
    """The sentences with less of a score where all amounts in one are taken back by its report."""
    if question.asks != "amount":
        return list(sentences)

    def is_empty(passage: Passage) -> bool:
        return not (stands(passage) or find_quantities(standing(passage)))

    kept = [replace(s, score=s.score * STOOD_IN) if is_empty(s.passage) else s for s in sentences]
    return sorted(kept, key=lambda s: -s.score)


def without_namesakes(question: Question, sentences: Sequence[Scored]) -> list[Scored]:
    """The sentences without those of reports on namesakes of what the question names."""
    return [s for s in sentences if not is_of_namesake(question.names, s.passage.article)]


def without_commands(question: Question, sentences: Sequence[Scored]) -> list[Scored]:
    """The sentences without those that are addressed to a reader's machine.

    One that a report quotes stays, behind the others if the question isn't about such text.
    """
    about = asks_about_commands(question.text)
    kept = [(s, planted(s.passage)) for s in sentences]
    weighed = [
        replace(s, score=s.score * QUOTED_COMMAND) if kind and not about else s
        for s, kind in kept
        if kind != "planted"
    ]
    return sorted(weighed, key=lambda s: -s.score)


_WAYS = (in_time, as_of_last_entry, of_the_number, that_stands, without_commands, without_namesakes)
