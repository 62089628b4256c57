"""Models that read two texts together: the only owner of sentence-transformers' cross-encoders.

A reranker takes a second look at what was found. It is off unless WIRECHECK_RERANKER, or an
argument, names a cross-encoder or its folder. A `PairModel` is such a model for other uses.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .encoder import load_model, unloadable
from .errors import SettingError
from .settings import value_of

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

SETTING = "WIRECHECK_RERANKER"

# Tokens of a pair where a model doesn't say how many it reads, and the most that any is given.
_USUAL_TOKENS, _MOST_TOKENS = 512, 8192


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
    name = (value_of(SETTING) if name is None else name).strip()
    return _named(name) if name else None


class _CrossEncoder:
    """What both share: a model that many threads may ask, and numbers that are checked."""

    def __init__(self, model: CrossEncoder) -> None:
        self._model = model
        self._lock = threading.Lock()

    def _outputs(
        self, pairs: Sequence[tuple[str, str]], shape: tuple[int, ...], complaint: str, **how: Any
    ) -> NDArray[np.float64]:
        if not pairs:
            return np.zeros(shape)
        # One model, many threads: sentence-transformers does not say that it is safe.
        with self._lock:
            raw = self._model.predict(list(pairs), show_progress_bar=False, **how)
        found = np.asarray(raw, dtype=np.float64)
        if found.size != math.prod(shape) or not np.isfinite(found).all():
            raise SettingError(complaint)
        return found.reshape(shape)


class CrossEncoderReranker(_CrossEncoder):
    """A sentence-transformers cross-encoder with one output; texts are cut where it ends."""

    def __init__(self, name: str, model: CrossEncoder) -> None:
        """`name` is for messages. Raises SettingError if the model gives several numbers a pair."""
        if model.num_labels != 1:
            raise SettingError(
                f"reranker {name} gives {model.num_labels} numbers for a text, not one score"
            )
        super().__init__(model)
        self.name = name

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """See Reranker. Raises SettingError if the model gives something that is no number."""
        pairs = [(query, text) for text in texts]
        complaint = f"reranker {self.name} gave a score that is no finite number"
        scores: list[float] = self._outputs(pairs, (len(pairs),), complaint).tolist()
        return scores


class PairModel(_CrossEncoder):
    """A sentence-transformers cross-encoder and its raw outputs for pairs of texts.

    `labels` are the names of its outputs, in order, as its configuration gives them. `max_tokens`
    is how much of a pair it reads, special tokens included; what is beyond is cut off.
    """

    def __init__(self, what: str, name: str, model: CrossEncoder) -> None:
        """`what` ("checker") and `name` are for messages."""
        super().__init__(model)
        self.what, self.name = what, name
        named = getattr(model.config, "id2label", None) or {}
        self.labels = tuple(str(named.get(n, n)) for n in range(model.num_labels))
        self.max_tokens = min(int(model.max_seq_length or _USUAL_TOKENS), _MOST_TOKENS)

    def count_tokens(self, text: str) -> int:
        """How many tokens `text` has, without special ones."""
        with self._lock:
            found = self._model.tokenizer(text, add_special_tokens=False, verbose=False)
        return len(found["input_ids"])

    def logits(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float64]:
        """Its outputs before any softmax or sigmoid, `(len(pairs), len(labels))`.

        Raises SettingError if the model gives something that is no finite number.
        """
        from torch.nn import Identity

        width = len(self.labels)
        complaint = (
            f"{self.what} {self.name} gave something else than {width} finite numbers a pair"
        )
        return self._outputs(pairs, (len(pairs), width), complaint, activation_fn=Identity())


def load_pair_model(name: str, what: str) -> PairModel:
    """Load the cross-encoder called `name`, a folder or a name as `load_reranker` takes it.

    `what` it is for, as in "checker", is said in messages. Raises SettingError if it can't be
    loaded.
    """
    return PairModel(what, name, _cross_encoder(name, what))


@lru_cache(maxsize=2)
def _named(name: str) -> Reranker:
    return CrossEncoderReranker(name, _cross_encoder(name, "reranker"))


def _cross_encoder(name: str, what: str) -> CrossEncoder:
    with unloadable(what, name):
        from sentence_transformers import CrossEncoder
        from transformers import PreTrainedModel

        model: CrossEncoder = load_model(CrossEncoder, name)
        network = next((m for m in model.modules() if isinstance(m, PreTrainedModel)), None)
        trained_as = (network.config.architectures if network else None) or ()
        # Else transformers had to invent a scoring layer.
        if type(network).__name__ not in trained_as:
            known = ", ".join(trained_as) or "?"
            raise SettingError(f"{what} {name} is no cross-encoder: it was trained as {known}")
    return model
