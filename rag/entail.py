"""The checker's cross-encoder: reads a claim beside the evidence nearest to it, gives one logit.

It is the bundled encoder (all-MiniLM-L6-v2) with its transformer layers fine-tuned and one linear
head on the first token. `eval/train_checker.py` trains it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from index.language import sentence_spans
from index.words import stems
from rag.tuned import Tuned, batches, load_tuned

#: Tokens of a claim with its evidence, as in training.
MAX_TOKENS = 160
#: Words of evidence that are read, and characters of a claim.
FOCUS_WORDS, LONGEST_CLAIM = 100, 500


class Entailment:
    """Reads pairs of evidence and claim; safe to share between threads."""

    def __init__(self, tuned: Tuned) -> None:
        """Its head: support, one logit for a pair."""
        self._tuned = tuned
        tuned.tokenizer.no_padding()
        tuned.tokenizer.enable_truncation(MAX_TOKENS, strategy="longest_first")

    def logits(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float64]:
        """`(n,)` for pairs of (evidence, claim): above 0, the evidence supports the claim."""
        import torch

        rows = self._tuned.tokenizer.encode_batch(
            [(claim[:LONGEST_CLAIM], focus(evidence, claim)) for evidence, claim in pairs]
        )
        found = np.zeros(len(pairs))
        with torch.inference_mode():
            for batch in batches(list(enumerate(rows))):
                hidden = self._tuned.hidden([row for _, row in batch])
                logits = self._tuned.head(hidden[:, 0], "support")[:, 0].numpy()
                found[[number for number, _ in batch]] = logits
        return found


def focus(evidence: str, claim: str, words: int = FOCUS_WORDS) -> str:
    """The sentences of `evidence` that share most with `claim`, in their order, up to `words`.

    The one that shares most comes whole, however long; evidence that is short comes as it is.
    """
    if len(evidence.split()) <= words:
        return evidence
    wanted = set(stems(claim))
    spans = sentence_spans(evidence)
    shares = [len(wanted & set(stems(evidence[s:e]))) for s, e in spans]
    # A neighbour of a sentence that shares much often says who "he" is.
    ranks = [
        share + 0.25 * max(shares[max(0, n - 1)], shares[min(len(shares) - 1, n + 1)])
        for n, share in enumerate(shares)
    ]
    kept: list[int] = []
    room = words
    for n in sorted(range(len(spans)), key=lambda n: -ranks[n]):
        size = len(evidence[slice(*spans[n])].split())
        if kept and size > room:
            continue
        kept.append(n)
        room -= size
    return " ".join(evidence[slice(*spans[n])] for n in sorted(kept))


@lru_cache(maxsize=1)
def load_entailment() -> Entailment:
    """The one that ships. Raises SettingError when its weights are missing or damaged."""
    return Entailment(load_tuned("checker"))
