"""The bundled encoder's network, BERT (Devlin et al. 2019), on OpenVINO.

It is built from the safetensors file at each start, which takes a fraction of a second; torch
alone would take 3 seconds and 500 MB. It computes in one of two formats: FLOAT is 32 bits, or 16
where the processor has them. INT8 keeps weights in 8 bits with a scale for each row, and brings
what they are multiplied with to 8 bits, too, each 128 numbers with a scale of their own. A test
holds both to the vectors of sentence-transformers.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FLOAT, INT8 = "float", "int8"

Array = NDArray[np.float32]
Rows = Sequence[Sequence[int]]

_EPSILON = 1e-12
#: Tokens that are computed together, padding included: more take more memory, and no less time.
_BATCH_TOKENS = 1024
#: How much less is attended to padding; a number that 16 bits hold, too.
_UNSEEN = -1e4
_INT8_SETTINGS = {"DYNAMIC_QUANTIZATION_GROUP_SIZE": 128, "INFERENCE_PRECISION_HINT": "f32"}


class Network:
    """Token numbers to one vector for each token; safe to share between threads."""

    def __init__(
        self, weights: Path, heads: int, form: str, tuned: Mapping[str, Array] | None = None
    ) -> None:
        """`weights` is a safetensors file, `heads` the number of attention heads a layer has.

        `form` is FLOAT or INT8. Arrays of `tuned` stand in for the file's of the same name: layers
        that were fine-tuned. The embeddings are always the file's.
        """
        import openvino as ov

        self._tables = _embeddings(weights)
        self._streams = _threads()
        settings = {
            # A batch for each thread: none waits for another's.
            "NUM_STREAMS": self._streams,
            "INFERENCE_NUM_THREADS": self._streams,
            "ENABLE_CPU_PINNING": False,
            **(_INT8_SETTINGS if form == INT8 else {}),
        }
        graph = _Graph(_read(weights, _of_layers) | dict(tuned or {}), heads, form)
        self._compiled = ov.Core().compile_model(graph.model(), "CPU", settings)

    def means(self, rows: Rows) -> Array:
        """Embed rows of token numbers, special ones included, to `(n, dim)`: means over tokens."""
        found = self._each(rows, None, lambda hidden: hidden.mean(0))
        return np.array(found, np.float32).reshape(len(rows), self._tables[0].shape[1])

    def hidden(self, rows: Rows, kinds: Rows | None = None) -> list[Array]:
        """Compute the last layer of each row, `(tokens, hidden size)`.

        `rows` are token numbers, special ones included; `kinds` is 1 where a token belongs to the
        second text of a pair, all 0 if not given.
        """
        return self._each(rows, kinds, lambda hidden: hidden.copy())

    def _each(self, rows: Rows, kinds: Rows | None, take: Callable[[Array], Array]) -> list[Array]:
        """What `take` makes of each row's last layer, which it must not keep."""
        found: list[Array] = [np.zeros(0, np.float32)] * len(rows)
        batches = _batches([len(row) for row in rows])
        # No callbacks: OpenVINO's threads would run Python, and there its collector ends networks.
        free = [self._compiled.create_infer_request() for _ in batches[: self._streams]]
        running: deque[tuple[Any, list[int]]] = deque()

        def finish() -> None:
            request, batch = running.popleft()
            request.wait()
            free.append(request)
            for place, hidden in zip(batch, request.get_output_tensor().data, strict=True):
                found[place] = take(hidden[: len(rows[place])])

        try:
            for batch in batches:
                given = self._padded([rows[n] for n in batch], kinds and [kinds[n] for n in batch])
                if not free:
                    finish()
                request = free.pop()
                running.append((request, batch))
                request.start_async(given)
        finally:
            while running:
                finish()
        return found

    def _padded(self, rows: Rows, kinds: Rows | None) -> list[Array]:
        """The embeddings of a batch, and which of its places are padding."""
        length = max(map(len, rows))
        ids, second = np.zeros((2, len(rows), length), np.int64)
        unseen = np.full((len(rows), 1, 1, length), _UNSEEN, np.float32)
        for n, row in enumerate(rows):
            ids[n, : len(row)] = row
            second[n, : len(row)] = kinds[n] if kinds else 0
            unseen[n, ..., : len(row)] = 0
        words, places, kind = self._tables
        return [words[ids] + places[:length] + kind[second], unseen]


def _batches(lengths: Sequence[int]) -> list[list[int]]:
    """Numbers of the rows that are computed together: of like length, `_BATCH_TOKENS` at most.

    One row that is longer is alone. The longest come first: a short one fills the end better.
    """
    found: list[list[int]] = []
    for number in sorted(range(len(lengths)), key=lambda n: -lengths[n]):
        if found and lengths[found[-1][0]] * (len(found[-1]) + 1) <= _BATCH_TOKENS:
            found[-1].append(number)
        else:
            found.append([number])
    return found


def _threads() -> int:
    """As many as OMP_NUM_THREADS says, as for torch, else as this process may run on."""
    named = os.environ.get("OMP_NUM_THREADS", "")
    if named.isdecimal() and int(named):
        return int(named)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _of_layers(name: str) -> bool:
    return name.startswith(("encoder.", "embeddings.LayerNorm."))


def _read(weights: Path, wanted: Callable[[str], bool]) -> dict[str, Array]:
    from safetensors import safe_open

    with safe_open(weights, "numpy") as file:
        return {n: np.asarray(file.get_tensor(n), np.float32) for n in filter(wanted, file.keys())}


@lru_cache(maxsize=1)
def _embeddings(weights: Path) -> tuple[Array, Array, Array]:
    """Those of words, places and kinds: once for all networks, half of all weights."""
    names = [f"embeddings.{name}_embeddings.weight" for name in ("word", "position", "token_type")]
    found = _read(weights, names.__contains__)
    words, places, kinds = (found[name] for name in names)
    return words, places, kinds


class _Graph:
    """The layers, written down for OpenVINO."""

    def __init__(self, weights: Mapping[str, Array], heads: int, form: str) -> None:
        from openvino import opset13

        self._ops: Any = opset13
        self._weights = weights
        self._form = form
        self._layers = sum(name.endswith("query.weight") for name in weights)
        self._size = len(weights["embeddings.LayerNorm.weight"])
        self._heads, self._head_size = heads, self._size // heads

    def model(self) -> Any:
        """In: embeddings `(rows, tokens, size)`, padding `(rows, 1, 1, tokens)`. Out: as in."""
        import openvino as ov

        given = self._ops.parameter([-1, -1, self._size], np.float32)
        unseen = self._ops.parameter([-1, 1, 1, -1], np.float32)
        x = self._norm(given, "embeddings.LayerNorm")
        for number in range(self._layers):
            x = self._layer(x, unseen, f"encoder.layer.{number}")
        return ov.Model([self._ops.result(x)], [given, unseen], "bert")

    def _layer(self, x: Any, unseen: Any, name: str) -> Any:
        ops = self._ops
        attended = self._linear(
            self._attend(x, unseen, f"{name}.attention.self"), f"{name}.attention.output.dense"
        )
        x = self._norm(ops.add(x, attended), f"{name}.attention.output.LayerNorm")
        inner = ops.gelu(self._linear(x, f"{name}.intermediate.dense"), "erf")
        return self._norm(
            ops.add(x, self._linear(inner, f"{name}.output.dense")), f"{name}.output.LayerNorm"
        )

    def _attend(self, x: Any, unseen: Any, name: str) -> Any:
        """What each token takes from those of its own row."""
        ops = self._ops
        query = self._by_head(self._linear(x, f"{name}.query", self._head_size**-0.5), 0, 2, 1, 3)
        key = self._by_head(self._linear(x, f"{name}.key"), 0, 2, 3, 1)
        value = self._by_head(self._linear(x, f"{name}.value"), 0, 2, 1, 3)
        weights = ops.softmax(ops.add(ops.matmul(query, key, False, False), unseen), -1)
        found = ops.transpose(ops.matmul(weights, value, False, False), _whole(0, 2, 1, 3))
        return ops.reshape(found, _whole(0, 0, self._size), True)

    def _by_head(self, x: Any, *order: int) -> Any:
        split = self._ops.reshape(x, _whole(0, 0, self._heads, self._head_size), True)
        return self._ops.transpose(split, _whole(*order))

    def _linear(self, x: Any, name: str, times: float = 1.0) -> Any:
        ops = self._ops
        weight = self._weights[f"{name}.weight"] * np.float32(times)
        bias = self._weights[f"{name}.bias"] * np.float32(times)
        if self._form == INT8:
            scale = np.abs(weight).max(axis=1, keepdims=True) / 127
            rounded = np.round(weight / scale).astype(np.int8)
            held = ops.multiply(ops.convert(ops.constant(rounded), "f32"), ops.constant(scale))
        else:
            held = ops.constant(weight)
        return ops.add(ops.matmul(x, held, False, True), ops.constant(bias[None, None]))

    def _norm(self, x: Any, name: str) -> Any:
        ops = self._ops
        even = ops.mvn(x, _whole(2), True, _EPSILON, "INSIDE_SQRT")
        weight, bias = (self._weights[f"{name}.{part}"][None, None] for part in ("weight", "bias"))
        return ops.add(ops.multiply(even, ops.constant(weight)), ops.constant(bias))


def _whole(*numbers: int) -> NDArray[np.int64]:
    return np.array(numbers, np.int64)
