"""Public questions and passages: which are usable, of one document, and near to each other."""

from __future__ import annotations

import gzip
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from math import log
from pathlib import Path
from typing import Any

from index.words import stems, words

#: Words of a question, and of an answer, at most; passages have at least so many words.
LONGEST_QUESTION, LONGEST_ANSWER, SHORTEST = 40, 18, 8
#: Words of a sentence that make two passages one document if both have it.
SHARED = 8
_ENDS = re.compile(r"(?<=[.!?])\s+")


def question_rows(data: Path, sets: Iterable[str]) -> list[dict[str, Any]]:
    """The rows of the sets whose question, passage and first answer have a usable length."""
    kept = set(sets)
    with gzip.open(data / "qa_span.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = (json.loads(line) for line in lines)
        return [r for r in rows if r["set"] in kept and _usable(r)]


def _usable(row: dict[str, Any]) -> bool:
    short = len(row["question"].split()) <= LONGEST_QUESTION
    if not short or len(row["passage"].split()) < SHORTEST:
        return False
    return not row["answers"] or can_be_copied(row["answers"][0]["text"])


def can_be_copied(text: str) -> bool:
    """Whether a model can copy it whole: not too long, and nothing in it ends the copying."""
    return 0 < len(text.split()) <= LONGEST_ANSWER and '"' not in text and "\n" not in text


def documents(passages: Iterable[str]) -> dict[str, int]:
    """Passage -> number of its document; passages that share a long sentence are of one."""
    found: dict[str, int] = {}
    first: dict[str, int] = {}
    parent: list[int] = []

    def root(n: int) -> int:
        while parent[n] != n:
            n = parent[n]
        return n

    for number, passage in enumerate(dict.fromkeys(passages)):
        parent.append(number)
        found[passage] = number
        for sentence in _ENDS.split(passage):
            said = words(sentence)
            if len(said) >= SHARED:
                other = first.setdefault(" ".join(said), number)
                parent[root(number)] = root(other)
    return {passage: root(number) for passage, number in found.items()}


def sides(
    rows: Sequence[dict[str, Any]], document_of: dict[str, int], leave_out: str | None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows to train on, and those to measure on; no document is on both sides."""
    measured = [r for r in rows if (r["set"] == leave_out if leave_out else r["split"] == "dev")]
    seen = {document_of[r["passage"]] for r in measured}
    trained = [r for r in rows if r["split"] == "train" and document_of[r["passage"]] not in seen]
    return trained, measured


class Nearest:
    """Passages by the words that they share with a question, rare ones counting for more."""

    def __init__(self, passages: Sequence[str]) -> None:
        """Of each passage its content words' stems are kept."""
        self._passages = passages
        self._places: dict[str, list[int]] = defaultdict(list)
        for place, passage in enumerate(passages):
            for stem in sorted(set(stems(passage))):
                self._places[stem].append(place)

    def best(self, question: str, most: int = 20) -> Iterator[str]:
        """At most `most` passages that share a word with the question, the nearest first."""
        scores: dict[int, float] = defaultdict(float)
        for stem in sorted(set(stems(question))):
            places = self._places.get(stem, [])
            # What every tenth passage says tells them little apart, and takes most of the time.
            if len(places) <= max(10, len(self._passages) // 10):
                weight = log(1 + len(self._passages) / max(1, len(places)))
                for place in places:
                    scores[place] += weight
        ranked = sorted(scores, key=lambda place: (-scores[place], place))
        return (self._passages[place] for place in ranked[:most])
