"""Proof before display: whether the words that a claim cites support it.

The hard checks of `rag/checks.py` come first. Then comes `support`, 0..1, from a checker: how far
the evidence entails the claim. A claim is shown if it passes all of them.

The checker that ships asks the language model in the box, and joins its word to the hard checks.
It says how likely "Yes" is to "does the report say everything in the claim?". It is far too sure of
itself, and doesn't see every changed number: a logistic model over its word and the hard checks
that fail is calibrated on public pairs (`python -m eval.train.fit_checker`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Protocol

import numpy as np

from index.errors import ModelError
from index.settings import value_of
from index.words import words
from rag.alignment import MAX_CLAIM
from rag.asking import Model, tells_likelihood
from rag.local_model import load_local
from rag.model_files import find_model
from rag.models import default_model, is_embedded
from rag.nearest import focus
from rag.prompts import load_prompt
from rag.signal_checker import (
    FAILS,
    Calibration,
    SignalChecker,
    calibration,
    failed,
    signal_checker,
)

SETTING, QUICK = "WIRECHECK_CHECKER", SignalChecker.name
#: Signals: 1 for each hard check that fails, and the probability of the model's "Yes".
SIGNALS = (*FAILS, "yes")
#: Words of evidence that the model reads with a claim, those nearest to it.
WORDS = 160
#: Pairs that are asked about in one call, which has a deadline.
AT_ONCE = 16


class Checker(Protocol):
    """Says how far evidence entails a claim."""

    @property
    def threshold(self) -> float:
        """A claim is shown if its support is at least this."""

    def support(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """0..1 for each pair of (evidence, claim), higher is better supported."""


def quick(checker: Checker) -> Checker:
    """The checker that stands in for a slow one where many texts are compared; else itself."""
    found: Checker = getattr(checker, "quick", checker)
    return found


class ModelChecker:
    """Support by a model that says how likely its words are; without one, by `quick` alone.

    `quick` is for whoever has many pairs to compare. `without` says why no model took part last
    time; it is empty if one did.
    """

    name = "bundled"

    def __init__(self, find: Callable[[], Model], weights: Calibration) -> None:
        """`find` gives the model, or raises ModelError where there is none."""
        self.quick = signal_checker(weights.threshold)
        self.threshold = weights.threshold
        self.without = ""
        self._find = find
        self._calibration = weights

    def beside(self, model: Model | None) -> ModelChecker | SignalChecker:
        """The same with a model that is loaded already, or without one.

        One that doesn't say how likely its words are has no part in it.
        """
        if model is None or not tells_likelihood(model):
            return self.quick
        return ModelChecker(lambda: model, self._calibration)

    def support(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """0..1 for each pair of (evidence, claim); 0.0 where either holds no word."""
        cut = [(evidence, claim[:MAX_CLAIM]) for evidence, claim in pairs]
        full = [p for p in dict.fromkeys(cut) if words(p[0]) and words(p[1])]
        try:
            said = yes_of(self._find(), full)
        except ModelError as error:
            self.without = str(error)
            return self.quick.support(pairs)
        self.without = ""
        table = np.column_stack([failed(full), said])
        known = dict(zip(full, self._calibration.supports(table), strict=True))
        return [known.get(pair, 0.0) for pair in cut]


def yes_of(model: Model, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
    """How likely the model's "Yes" is to each pair of (evidence, claim), `(n,)`, 0..1."""
    if not pairs:
        return np.zeros(0)
    prompt = load_prompt("supported")
    asked = [prompt.messages(evidence=focus(e, c, WORDS), claim=c) for e, c in pairs]
    chunks = (asked[n : n + AT_ONCE] for n in range(0, len(asked), AT_ONCE))
    return np.array([r.yes() for chunk in chunks for r in model.ask(chunk, max_tokens=1)])


@lru_cache(maxsize=4)
def default_checker(threshold: float | None = None) -> ModelChecker:
    """The checker that ships: with the model in the box, if it is here and is to be used."""
    return ModelChecker(_in_the_box, calibration("read", SIGNALS, threshold))


def _in_the_box() -> Model:
    if value_of(SETTING) == QUICK:
        raise ModelError(f"{SETTING}={QUICK} leaves it out")
    if not is_embedded(default_model()):
        raise ModelError(f"the model that is set, {default_model()}, has no part in checking")
    if find_model() is None:
        raise ModelError("the language model isn't here: run `wirecheck models get`")
    return load_local()
