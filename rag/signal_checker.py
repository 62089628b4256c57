"""Support from words, the encoder and the hard checks: quick, and needs no language model."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

import numpy as np

from index import Encoder, load_encoder
from index.encoder import BUNDLED
from index.language import sentence_spans
from index.words import stems, words
from rag.alignment import MAX_CLAIM
from rag.checks import READ_CHECKS, hard_checks_many
from rag.weights import squash

#: Evidence is read up to this many sentences.
MAX_SENTENCES = 400


@dataclass(frozen=True)
class Calibration:
    """Weights of a logistic model over a checker's signals, and the threshold of its support."""

    weights: tuple[float, ...]
    bias: float
    threshold: float

    def supports(self, table: np.ndarray) -> list[float]:
        """0..1 for each row of signals."""
        logits = table @ np.array(self.weights) + self.bias
        return [squash(float(x)) for x in logits]


#: Hard checks that count as signals, too: each is 1 where it fails.
FAILS = tuple(f"fails_{name}" for name in READ_CHECKS)
SIGNALS = ("containment", "cosine", *FAILS)


class SignalChecker:
    """Support from words, the encoder and the hard checks, calibrated by a logistic model.

    Signals: the weighted share (0..1) of the claim's words in the evidence; the cosine (-1..1) of
    the claim with the nearest sentence or pair of neighbouring sentences; and 1 for each hard check
    that fails.
    """

    name = "signals"

    def __init__(self, encoder: Encoder, calibration: Calibration) -> None:
        self.threshold = calibration.threshold
        self.calibration, self._encoder = calibration, encoder

    def support(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """0..1 for each pair of (evidence, claim); 0.0 where either holds no word."""
        supports = self.calibration.supports(self.signals(pairs))
        full = (words(evidence) and words(claim) for evidence, claim in pairs)
        return [s if has_words else 0.0 for s, has_words in zip(supports, full, strict=True)]

    def signals(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        """The signals of each pair, `(len(pairs), len(SIGNALS))` float64."""
        if not pairs:
            return np.zeros((0, len(SIGNALS)))
        cut = [(evidence, claim[:MAX_CLAIM]) for evidence, claim in pairs]
        return np.hstack([self._likeness(cut), failed(cut)])

    def _likeness(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        """Containment and cosine, `(n, 2)`."""
        nearest = [_nearest(evidence, claim) for evidence, claim in pairs]
        claims = [claim for _, claim in pairs]
        texts = list(dict.fromkeys([*claims, *(t for near, _ in nearest for t in near)]))
        vectors = dict(zip(texts, self._encoder.encode(texts), strict=True))
        rows = []
        for claim, (near, stems_of_all) in zip(claims, nearest, strict=True):
            cosines = (float(vectors[text] @ vectors[claim]) for text in near)
            rows.append([_containment(_weights(claim), stems_of_all), max(cosines, default=0.0)])
        return np.array(rows)


def failed(pairs: Sequence[tuple[str, str]]) -> np.ndarray:
    """1 for each of the hard checks in `FAILS` that fails, `(n, len(FAILS))`."""
    judged = hard_checks_many([(claim, evidence) for evidence, claim in pairs])
    names = [name.removeprefix("fails_") for name in FAILS]
    return np.array(
        [[any(c.name == n and not c.passed for c in checks) for n in names] for checks in judged],
        dtype=float,
    ).reshape(-1, len(FAILS))


def _nearest(evidence: str, claim: str, keep: int = 3) -> tuple[list[str], frozenset[str]]:
    """The evidence's sentences that share most words with the claim, and pairs of neighbours.

    And the stems of all its sentences.
    """
    spans = sentence_spans(evidence[: 400 * MAX_SENTENCES])[:MAX_SENTENCES]
    sentences = [evidence[s:e] for s, e in spans]
    weights = _weights(claim)
    bags = [frozenset(stems(s)) for s in sentences]
    order = sorted(range(len(sentences)), key=lambda i: -_containment(weights, bags[i]))
    best = sorted(order[:keep])
    starts = sorted({p for i in best for p in (i - 1, i) if 0 <= p < len(sentences) - 1})
    texts = [sentences[i] for i in best]
    texts += [f"{sentences[p]} {sentences[p + 1]}" for p in starts]
    return texts, frozenset().union(*bags)


def _weights(claim: str) -> dict[str, float]:
    """Stem -> weight: numbers and capitalised words count double."""
    marked = {s for w in re.findall(r"\b[A-Z][\w-]*|\b\d[\d.,]*\d|\b\d", claim) for s in stems(w)}
    return {s: 2.0 if s in marked else 1.0 for s in stems(claim)}


def _containment(weights: dict[str, float], bag: frozenset[str]) -> float:
    total = sum(weights.values())
    return sum(w for s, w in weights.items() if s in bag) / total if total else 0.0


def calibration(name: str, signals: Sequence[str], threshold: float | None = None) -> Calibration:
    """A logistic model of `rag/checker.json`, its weights in the order of `signals`.

    `threshold` takes the place of its own.
    """
    text = resources.files("rag").joinpath("checker.json").read_text(encoding="utf-8")
    data: dict[str, Any] = json.loads(text)[name]
    weights = tuple(float(data["weights"][signal]) for signal in signals)
    limit = data["threshold"] if threshold is None else threshold
    return Calibration(weights, float(data["bias"]), float(limit))


@lru_cache(maxsize=4)
def signal_checker(threshold: float | None = None) -> SignalChecker:
    """With the bundled encoder, which it was calibrated with."""
    return SignalChecker(load_encoder(BUNDLED), calibration("signals", SIGNALS, threshold))
