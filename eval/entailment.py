"""What `eval/train/checker.py` trains, as it judges: evidence and claim in, support out.

It is a file of its own so that judging needs none of what training needs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rag.nearest import focus
from rag.tuned import Tuned

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
        firsts = [hidden[0] for hidden in self._tuned.hidden(rows)]
        return np.array([float(self._tuned.head(first, "support")[0]) for first in firsts])
