"""Who judges whether evidence supports a claim, and the judge that needs no model."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from typing import Generic, Literal, NamedTuple, Protocol, TypeVar

from eval.wording import fold, holds, quoted_words
from index.keywords import keyword_tokens

#: (evidence, claim)
Pair = tuple[str, str]
Said = TypeVar("Said")
#: How an answer compares with its reference.
Grade = Literal["CORRECT", "PARTIAL", "INCORRECT", "NOT_ATTEMPTED"]


class Case(NamedTuple):
    """What an answer is graded by: the question, its gold reference, and the answer's text."""

    question: str
    reference: str
    answer: str


class Judge(Protocol):
    """Says whether evidence supports a claim. Never the checker that the answer passed."""

    name: str

    def judge(self, pairs: Sequence[Pair]) -> list[bool | None]:
        """For each (evidence, claim) whether it is supported; None where there is no verdict.

        A pair without a verdict is left out of every figure and counted as unscored.
        """
        ...


class DeterministicJudge:
    """Supported is a claim that stands in the evidence, or whose hard facts and words do.

    Hard facts are words in quotation marks, numbers and names, and all of them must stand there,
    as they are (but "three" is 3 and "per cent" is "percent"). Of the other words, by stem, at
    least `WORDS` must. It can't see who did what to whom, nor a denial, so it is lenient where
    words are kept and strict where they are not.
    """

    name = "deterministic"
    #: The share of a claim's words that the evidence must have; chosen, not fitted.
    WORDS = 0.5

    def judge(self, pairs: Sequence[Pair]) -> list[bool | None]:
        """A verdict for each pair; a claim without any word has none."""
        return [self._verdict(evidence, claim) for evidence, claim in pairs]

    def _verdict(self, evidence: str, claim: str) -> bool | None:
        source, said = _levelled(evidence), _levelled(claim)
        words = set(keyword_tokens(said))
        if not words:
            return None
        if holds(source, said.strip(" \"'.")):
            return True
        facts = [*(q.strip(" ,.") for q in quoted_words(said)), *_NUMBER.findall(said)]
        if not all(holds(source, fact) for fact in [*facts, *_names(said)] if fact):
            return False
        return len(words & set(keyword_tokens(source))) >= self.WORDS * len(words)


class Remembering(Generic[Said]):
    """Asks about the same pair only once; `known` has what was said, `seconds` is what it took."""

    def __init__(self, ask: Callable[[Sequence[Pair]], Sequence[Said]]) -> None:
        """`ask` says something of each pair."""
        self._ask = ask
        self.known: dict[Pair, Said] = {}
        self.seconds = 0.0

    def __call__(self, pairs: Sequence[Pair]) -> list[Said]:
        """What is said of each; of those that are new in one call."""
        new = [pair for pair in dict.fromkeys(pairs) if pair not in self.known]
        began = time.perf_counter()
        if new:
            self.known.update(zip(new, self._ask(new), strict=True))
        self.seconds += time.perf_counter() - began
        return [self.known[pair] for pair in pairs]


_SPELLED = "zero one two three four five six seven eight nine ten eleven twelve".split()
_AS_DIGITS = {word: str(n) for n, word in enumerate(_SPELLED) if word != "one"}
_WORD = re.compile(rf"\b(?:{'|'.join(_AS_DIGITS)})\b", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
#: Words with a capital that don't begin a sentence or a quotation.
_NAME = re.compile(r"(?<![.!?:\"'(] )(?<![\"'(])(?<!^)\b[^\W\d_a-z]\w+")
_FIRST_NAME = re.compile(r"(?:^|(?<=[.!?:\"'(] )|(?<=[\"'(]))[^\W\d_a-z]\w+(?= [^\W\d_a-z]\w)")


def _levelled(text: str) -> str:
    """`text` folded, with numbers up to twelve in digits."""
    digits = _WORD.sub(lambda match: _AS_DIGITS[match[0].lower()], fold(text))
    return digits.replace("per cent", "percent")


def _names(text: str) -> list[str]:
    return [*_NAME.findall(text), *_FIRST_NAME.findall(text)]
