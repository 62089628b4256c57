"""The bundled encoder's network, BERT (Devlin et al. 2019), run on torch alone.

Written out because loading it through sentence-transformers brings in scikit-learn, scipy and
most of transformers: 320 MB more and, when cold, three times as long. A test holds it to the same
vectors.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_EPSILON = 1e-12


@lru_cache(maxsize=2)
def _weights(path: Path, dtype: torch.dtype) -> dict[str, Tensor]:
    """The file's weights, once for all networks: the encoder and what was tuned from it share."""
    from safetensors.torch import load_file

    # oneDNN keeps a plan for every size of batch that it met, 1,024 of them if not told otherwise;
    # passages come in all sizes. Read when it first multiplies.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "24")
    return {k: v.to(dtype) for k, v in load_file(path).items() if v.is_floating_point()}


class Bert:
    """Token numbers to one vector for each text: the mean of its last layer's tokens."""

    def __init__(
        self,
        weights: Path,
        heads: int,
        dtype: torch.dtype,
        tuned: Mapping[str, Tensor] | None = None,
    ) -> None:
        """`weights` is a safetensors file, `heads` the number of attention heads a layer has.

        Tensors of `tuned` stand in for the file's of the same name: a model fine-tuned from it.
        """
        fine = {name: tensor.to(dtype) for name, tensor in (tuned or {}).items()}
        self._weights = {**_weights(weights, dtype), **fine}
        self._layers = sum(name.endswith("query.weight") for name in self._weights)
        self._heads = heads

    def means(self, batch: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Embed a batch: rows of token numbers, special ones included, to `(n, dim)`."""
        import torch

        longest = max(map(len, batch))
        ids = torch.tensor([[*row, *[0] * (longest - len(row))] for row in batch])
        mask = torch.tensor([[n < len(row) for n in range(longest)] for row in batch])
        with torch.inference_mode():
            hidden = self.hidden(ids, mask).float() * mask[:, :, None]
            means: NDArray[np.float32] = (hidden.sum(1) / mask.sum(1, keepdim=True)).numpy()
        return means

    def hidden(self, ids: Tensor, mask: Tensor, kinds: Tensor | None = None) -> Tensor:
        """Compute the last layer, `(n, tokens, hidden size)`.

        `ids` and `mask` are `(n, tokens)`, the mask true where there is a token; `kinds` is 1 where
        it belongs to the second text of a pair, all 0 if not given.
        """
        w = self._weights
        x = w["embeddings.word_embeddings.weight"][ids]
        x = x + w["embeddings.position_embeddings.weight"][: ids.shape[1]]
        x = x + w["embeddings.token_type_embeddings.weight"][0 if kinds is None else kinds]
        x = self._norm(x, "embeddings.LayerNorm")
        for number in range(self._layers):
            x = self._layer(x, mask, f"encoder.layer.{number}")
        return x

    def _layer(self, x: Tensor, mask: Tensor, name: str) -> Tensor:
        from torch.nn import functional

        attended = self._linear(self._attend(x, mask, name), f"{name}.attention.output.dense")
        x = self._norm(x + attended, f"{name}.attention.output.LayerNorm")
        inner = functional.gelu(self._linear(x, f"{name}.intermediate.dense"))
        return self._norm(
            x + self._linear(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm"
        )

    def _attend(self, x: Tensor, mask: Tensor, name: str) -> Tensor:
        from torch.nn import functional

        query, key, value = (
            self._linear(x, f"{name}.attention.self.{part}")
            .view(*x.shape[:2], self._heads, -1)
            .transpose(1, 2)
            for part in ("query", "key", "value")
        )
        found = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=mask[:, None, None, :]
        )
        return found.transpose(1, 2).flatten(2)

    def _linear(self, x: Tensor, name: str) -> Tensor:
        from torch.nn import functional

        return functional.linear(x, self._weights[f"{name}.weight"], self._weights[f"{name}.bias"])

    def _norm(self, x: Tensor, name: str) -> Tensor:
        from torch.nn import functional

        weight, bias = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
        return functional.layer_norm(x, (x.shape[-1],), weight, bias, _EPSILON)
