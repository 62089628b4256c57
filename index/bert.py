"""The bundled encoder's network, BERT (Devlin et al. 2019), run on torch alone.

Written out because loading it through sentence-transformers brings in scikit-learn, scipy and
most of transformers: 320 MB more and, when cold, three times as long. A test holds it to the same
vectors.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_EPSILON = 1e-12
#: Tokens that are computed together: more take more memory, and no less time.
_BATCH_TOKENS = 2048


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

    def means(self, rows: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Embed rows of token numbers, special ones included, to `(n, dim)`."""
        import torch

        with torch.inference_mode():
            means = [hidden.mean(0).numpy() for hidden in self.hidden(rows)]
        return np.array(means, dtype=np.float32).reshape(len(rows), -1)

    def hidden(
        self, rows: Sequence[Sequence[int]], kinds: Sequence[Sequence[int]] | None = None
    ) -> list[Tensor]:
        """Compute the last layer of each row, `(tokens, hidden size)` float32. Call without grad.

        `rows` are token numbers, special ones included; `kinds` is 1 where a token belongs to the
        second text of a pair, all 0 if not given.
        """
        found: list[Tensor] = []
        for batch in _batches([len(row) for row in rows]):
            some = None if kinds is None else kinds[batch]
            found += self._packed(rows[batch], some)
        return found

    def _packed(
        self, rows: Sequence[Sequence[int]], kinds: Sequence[Sequence[int]] | None
    ) -> list[Tensor]:
        """`hidden` of a batch: its tokens in one long row, so that no padding is computed."""
        import torch

        w, lengths = self._weights, [len(row) for row in rows]
        places = torch.cat([torch.arange(length) for length in lengths])
        second = torch.tensor([*chain(*kinds)]) if kinds is not None else torch.zeros_like(places)
        x = w["embeddings.word_embeddings.weight"][torch.tensor([*chain(*rows)])]
        x = x + w["embeddings.position_embeddings.weight"][places]
        x = x + w["embeddings.token_type_embeddings.weight"][second]
        x = self._norm(x, "embeddings.LayerNorm")
        for number in range(self._layers):
            x = self._layer(x, lengths, f"encoder.layer.{number}")
        return list(x.float().split_with_sizes(lengths))

    def _layer(self, x: Tensor, lengths: list[int], name: str) -> Tensor:
        from torch.nn import functional

        attended = self._linear(self._attend(x, lengths, name), f"{name}.attention.output.dense")
        x = self._norm(x + attended, f"{name}.attention.output.LayerNorm")
        inner = functional.gelu(self._linear(x, f"{name}.intermediate.dense"))
        return self._norm(
            x + self._linear(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm"
        )

    def _attend(self, x: Tensor, lengths: list[int], name: str) -> Tensor:
        """What each token takes from those of its own row."""
        import torch
        from torch.nn import functional

        # (1, heads, tokens, size of a head): the shape that has a fast way.
        query, key, value = (
            self._linear(x, f"{name}.attention.self.{part}")
            .view(1, len(x), self._heads, -1)
            .transpose(1, 2)
            .split_with_sizes(lengths, dim=2)
            for part in ("query", "key", "value")
        )
        found = [
            functional.scaled_dot_product_attention(*row)
            for row in zip(query, key, value, strict=True)
        ]
        return torch.cat(found, dim=2).transpose(1, 2).flatten(2)[0]

    def _linear(self, x: Tensor, name: str) -> Tensor:
        from torch.nn import functional

        return functional.linear(x, self._weights[f"{name}.weight"], self._weights[f"{name}.bias"])

    def _norm(self, x: Tensor, name: str) -> Tensor:
        from torch.nn import functional

        weight, bias = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
        return functional.layer_norm(x, (x.shape[-1],), weight, bias, _EPSILON)


def _batches(lengths: Sequence[int]) -> Iterator[slice]:
    """Neighbours that are computed together: at most `_BATCH_TOKENS`, or one longer row alone."""
    start = tokens = 0
    for number, length in enumerate(lengths):
        if tokens and tokens + length > _BATCH_TOKENS:
            yield slice(start, number)
            start, tokens = number, 0
        tokens += length
    if start < len(lengths):
        yield slice(start, len(lengths))
