"""A reader whose readings one can write by hand, and what was found and read without one."""

import re

import numpy as np

from index.records import Article, Passage
from rag.evidence import SIGNALS, Found, Scored
from rag.read import SIGNALS as READING_SIGNALS
from rag.read import Reading as ReadByModel
from rag.reader import Reading
from tests.fakes import at


class PatternReader:
    """Marks every match of `patterns[question]` (a regex) as the answer, with margin 12."""

    def __init__(self, patterns: dict[str, str]) -> None:
        self.patterns = patterns

    def read(self, question, passages):
        return [self._read(self.patterns.get(question), text) for text in passages]

    def _read(self, pattern, text):
        offsets = np.array([m.span() for m in re.finditer(r"\w+|[^\w\s]", text)] or [(0, 0)])
        starts, ends = np.full(len(offsets), -6.0), np.full(len(offsets), -6.0)
        found = list(re.finditer(pattern, text)) if pattern else []
        for match in found:
            inside = [
                i for i, (s, e) in enumerate(offsets) if s < match.end() and e > match.start()
            ]
            starts[inside[0]], ends[inside[-1]] = 6.0, 6.0
        return Reading(0.95 if found else 0.05, starts, ends, offsets)


def scored(
    article: Article, sentence: str = "", *, score: float = 0.9, signal: float = 0.8
) -> Scored:
    """A sentence of an article, all of whose text it is unless it is given."""
    place = at(article, sentence or article.text)
    span = (place.start, place.end)
    return Scored(place, (signal,) * len(SIGNALS), score, span, 1.0)


def found(*sentences: Scored, addressed: float = 0.9) -> Found:
    """What was found, best first."""
    return Found(sentences, (), addressed, ())


def reading(sentence: Scored, words: str, sure: float = 0.95) -> ReadByModel:
    """What a model copied of a sentence, and believes as surely as it is sure."""
    start = sentence.passage.article.text.index(words, sentence.passage.start)
    said = Passage(sentence.passage.article, start, start + len(words))
    return ReadByModel(said, sentence, (0.0,) * len(READING_SIGNALS), sure, sure)
