"""A second look at what was found, by a model that reads query and passage together.

Off unless a model is named: the environment's WIRECHECK_RERANKER, or an argument, is the name or
the folder of a cross-encoder that sentence-transformers can load.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

import numpy as np

from .encoder import load_model, unloadable
from .errors import SettingError

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

SETTING = "WIRECHECK_RERANKER"


class Reranker(Protocol):
    """Reads a query with each of some texts and says how well each answers it."""

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """One finite number for each text, higher is better; the scale is the model's own."""


def load_reranker(name: str | None = None) -> Reranker | None:
    """Return the reranker called `name`, else the one that WIRECHECK_RERANKER names, else None.

    `name` is a folder, or a name that is looked up among the models downloaded before and then on
    the Hub; code that comes with a model is never run, and only safetensors weights are read.
    Raises SettingError if it can't be loaded.
    """
    name = (os.environ.get(SETTING, "") if name is None else name).strip()
    return _named(name) if name else None


class CrossEncoderReranker:
    """A sentence-transformers cross-encoder with one output; texts are cut where it ends."""

    def __init__(self, name: str, model: CrossEncoder) -> None:
        """`name` is for messages. Raises SettingError if the model gives several numbers a pair."""
        if model.num_labels != 1:
            raise SettingError(
                f"reranker {name} gives {model.num_labels} numbers for a text, not one score"
            )
        self.name = name
        self._model = model
        self._lock = threading.Lock()

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """See Reranker. Raises SettingError if the model gives something that is no number."""
        if not texts:
            return []
        # One model, many threads: sentence-transformers does not say that it is safe.
        with self._lock:
            raw = self._model.predict([(query, text) for text in texts], show_progress_bar=False)
        found = np.asarray(raw, dtype=np.float64)
        if found.shape != (len(texts),) or not np.isfinite(found).all():
            raise SettingError(f"reranker {self.name} gave a score that is no finite number")
        return [float(score) for score in found]


@lru_cache(maxsize=2)
def _named(name: str) -> Reranker:
    from sentence_transformers import CrossEncoder

    with unloadable("reranker", name):
        model: CrossEncoder = load_model(CrossEncoder, name)
        _check_kind(name, model)
    return CrossEncoderReranker(name, model)


def _check_kind(name: str, model: CrossEncoder) -> None:
    """Refuse a model that transformers had to invent a scoring layer for."""
    from transformers import PreTrainedModel

    network = next((m for m in model.modules() if isinstance(m, PreTrainedModel)), None)
    trained_as = (network.config.architectures if network else None) or ()
    if type(network).__name__ not in trained_as:
        raise SettingError(
            f"reranker {name} is no cross-encoder: it was trained as {', '.join(trained_as) or '?'}"
        )
