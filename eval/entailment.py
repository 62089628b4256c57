"""What `eval/train_checker.py` trains, as it judges: evidence and claim in, support out.

It is a file of its own so that judging needs none of what training needs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from rag.nearest import focus
from rag.tuned import Tuned, batches

#: Tokens of a claim with its evidence, and characters of the claim.
MAX_TOKENS, LONGEST_CLAIM = 160, 500


class Entailment:
    """Reads pairs of evidence and claim; safe to share between threads."""

    def __init__(self, tuned: Tuned) -> None:
        """Its head: support, one logit for a pair."""
        self._tuned = tuned
        tuned.tokenizer.no_padding()
        tuned.tokenizer.enable_truncation(MAX_TOKENS, strategy="longest_first")

    def logits(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float64]:
        """`(n,)` for pairs of (evidence, claim): above 0, the evidence supports the claim."""
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
