"""The logistic models that were fitted on public data, and what they make of signals."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import lru_cache
from importlib import resources


def squash(x: float) -> float:
    """The logistic function, 0..1; beyond 30 it is as good as 0 or 1."""
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, x))))


def log_odds(share: float, least: float = 1e-4) -> float:
    """The inverse of `squash`, of a share that is held `least` away from 0 and 1."""
    held = min(max(share, least), 1 - least)
    return math.log(held / (1 - held))


def logistic(model: dict[str, float], names: Sequence[str], values: Sequence[float]) -> float:
    """0..1 from a logistic model's weights by name, and its "bias"."""
    return squash(model["bias"] + sum(model[n] * v for n, v in zip(names, values, strict=True)))


@lru_cache(maxsize=1)
def model_weights() -> dict[str, dict[str, float]]:
    """The logistic weights of `rag/evidence.json`, by model name."""
    text = resources.files("rag").joinpath("evidence.json").read_text(encoding="utf-8")
    loaded: dict[str, dict[str, float]] = json.loads(text)
    return loaded
