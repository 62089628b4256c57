"""The reader: one small model that marks a question's answer in a passage, or says there is none.

It is the bundled encoder (all-MiniLM-L6-v2, 6 layers, hidden size 384) with its transformer layers
fine-tuned and two linear heads. It scores every token as a start and as an end of the answer, with
the first token ([CLS]) standing for "no answer here" (Devlin et al. 2019, section 4.3), and, from
that same token, whether the passage answers at all. `eval/train/reader.py` trains it.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from rag.tuned import Tuned, read_tuned, shipped_weights

if TYPE_CHECKING:
    from tokenizers import Encoding


#: Tokens of one window, question included, as in training; and how many two windows share.
WINDOW, STRIDE = 192, 64
#: An answer's longest length in tokens.
LONGEST = 24
#: Characters of a question that are read, and tokens: a letter may be one, and a window must have
#: room for twice as many of the passage.
LONGEST_QUESTION, MOST_TOKENS = 200, 62


@dataclass(frozen=True)
class Reading:
    """What the reader saw in one passage.

    `answers` is 0..1, how surely the passage answers at all. `starts` and `ends` are the margins
    of each token's logit over "no answer" (higher is likelier, 0 is even), `offsets` the tokens'
    places in the passage as an `(n, 2)` array.
    """

    answers: float
    starts: np.ndarray
    ends: np.ndarray
    offsets: np.ndarray

    def best_span(self, start: int = 0, end: int | None = None) -> tuple[float, int, int] | None:
        """The likeliest answer within characters `[start, end)`: (margin, start, end), or None.

        The margin is the sum of both ends' logits over "no answer"'s; above 0 it is the likelier.
        """
        stop = end if end is not None else int(self.offsets[-1, 1]) if len(self.offsets) else 0
        inside = np.flatnonzero((self.offsets[:, 0] >= start) & (self.offsets[:, 1] <= stop))
        if not len(inside):
            return None
        sums = self.starts[inside][:, None] + self.ends[inside][None, :]
        allowed = np.triu(np.tril(np.ones_like(sums), LONGEST - 1)).astype(bool)
        first, last = np.unravel_index(np.argmax(np.where(allowed, sums, -np.inf)), sums.shape)
        return (
            float(sums[first, last]),
            int(self.offsets[inside[first], 0]),
            int(self.offsets[inside[last], 1]),
        )


class Reader:
    """Reads passages for a question; safe to share between threads."""

    def __init__(self, tuned: Tuned) -> None:
        """Its heads: span, two logits a token, and answers, one for the whole."""
        self._tuned = tuned
        tuned.tokenizer.no_padding()
        tuned.tokenizer.no_truncation()
        self._whole = copy.deepcopy(tuned.tokenizer)
        tuned.tokenizer.enable_truncation(WINDOW, stride=STRIDE, strategy="only_second")

    def read(self, question: str, passages: Sequence[str]) -> list[Reading]:
        """One reading for each passage, of whatever length, in their order."""
        asked = self._beginning(question[:LONGEST_QUESTION])
        windows: list[tuple[int, Encoding]] = []
        for number, row in enumerate(
            self._tuned.tokenizer.encode_batch([(asked, p) for p in passages])
        ):
            windows += [(number, row), *((number, more) for more in row.overflowing)]
        parts: list[list[Reading]] = [[] for _ in passages]
        readings = self._read_windows([window for _, window in windows])
        for (number, _), reading in zip(windows, readings, strict=True):
            parts[number].append(reading)
        return [_merge(part) for part in parts]

    def _beginning(self, question: str) -> str:
        """As many tokens of a question as are read."""
        offsets = self._whole.encode(question, add_special_tokens=False).offsets
        return question[: offsets[MOST_TOKENS - 1][1]] if offsets[MOST_TOKENS:] else question

    def _read_windows(self, windows: Sequence[Encoding]) -> list[Reading]:
        return [
            _reading(
                window,
                self._tuned.head(hidden, "span"),
                0.5 + 0.5 * math.tanh(self._tuned.head(hidden[0], "answers")[0] / 2),
            )
            for window, hidden in zip(windows, self._tuned.hidden(windows), strict=True)
        ]


def _reading(window: Encoding, spans: np.ndarray, answers: float) -> Reading:
    """What one window's logits `(tokens, 2)` say of the passage's own tokens."""
    offsets = np.array(window.offsets)
    body = np.flatnonzero((np.array(window.type_ids) == 1) & (offsets[:, 1] > offsets[:, 0]))
    margins = spans[body] - spans[0]
    return Reading(answers, margins[:, 0], margins[:, 1], offsets[body])


def _merge(windows: list[Reading]) -> Reading:
    """One reading of a passage from those of its windows; where two overlap, the surer counts."""
    if len(windows) == 1:
        return windows[0]
    by_token: dict[tuple[int, int], tuple[float, float]] = {}
    for reading in windows:
        rows = zip(reading.offsets, reading.starts, reading.ends, strict=True)
        for (s, e), start, end in rows:
            old = by_token.get((int(s), int(e)), (-math.inf, -math.inf))
            by_token[int(s), int(e)] = (max(old[0], float(start)), max(old[1], float(end)))
    offsets = sorted(by_token)
    return Reading(
        max(r.answers for r in windows),
        np.array([by_token[o][0] for o in offsets]),
        np.array([by_token[o][1] for o in offsets]),
        np.array(offsets),
    )


@lru_cache(maxsize=1)
def load_reader() -> Reader:
    """The reader that ships. Raises SettingError when its weights are missing or damaged."""
    return Reader(read_tuned(shipped_weights("reader")))
