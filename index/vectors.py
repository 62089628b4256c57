"""Nearest vectors by inner product, exactly: the only owner of faiss.

faiss checks little itself: its own size check is an `assert`, its files carry no checksum, and
where it finds nothing it answers -1. What is checked here is checked for those reasons.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .encoder import Vectors
from .errors import IndexCorrupt

if TYPE_CHECKING:
    import faiss

_NORM_SLACK = 1e-3


class VectorIndex:
    """Unit vectors by passage number, from 0; a score is a cosine, -1..1, higher is nearer."""

    def __init__(self, flat: faiss.IndexFlatIP) -> None:
        """Use `build` or `from_bytes`."""
        self._flat = flat

    def __len__(self) -> int:
        """Count the vectors."""
        return int(self._flat.ntotal)

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self._flat.d)

    def vectors(self) -> Vectors:
        """Copy all vectors out: `(n, dim)`, in the order of their numbers."""
        if not len(self):
            return np.zeros((0, self.dim), np.float32)
        return np.asarray(self._flat.reconstruct_n(0, len(self)), np.float32)

    @classmethod
    def build(cls, vectors: Vectors) -> VectorIndex:
        """Index `(n, dim)` float32 rows of unit length. Raises ValueError for anything else."""
        if vectors.ndim != 2 or vectors.shape[1] < 1:
            raise ValueError(f"vectors of shape {vectors.shape}, not (n, dim)")
        _check_unit(vectors)
        import faiss

        flat = faiss.IndexFlatIP(vectors.shape[1])
        flat.add(np.ascontiguousarray(vectors))
        return cls(flat)

    def to_bytes(self) -> bytes:
        """Write the index as `from_bytes` reads it."""
        import faiss

        return bytes(faiss.serialize_index(self._flat))

    @classmethod
    def from_bytes(cls, data: bytes, dim: int, count: int) -> VectorIndex:
        """Read what `to_bytes` wrote: `count` vectors of length `dim`. Raises IndexCorrupt."""
        flat = _deserialized(data)
        if (flat.ntotal, flat.d) != (count, dim):
            raise IndexCorrupt(
                f"holds {flat.ntotal} vectors of length {flat.d}, not {count} of {dim}"
            )
        index = cls(flat)
        try:
            _check_unit(index.vectors())
        except ValueError as error:
            raise IndexCorrupt(str(error)) from error
        return index

    def search(
        self, vector: Vectors, k: int, among: Collection[int] | None = None
    ) -> list[tuple[int, float]]:
        """Find the `k` nearest passages, best first; fewer if there are fewer.

        `vector` is `(dim,)` float32 of unit length. `among`, if given, are the only passage
        numbers looked at. Equal scores come in the order of their numbers. Raises ValueError if
        `vector` is something else or `k` is below 1.
        """
        if vector.shape != (self.dim,):
            raise ValueError(f"a query of shape {vector.shape}, not {(self.dim,)}")
        _check_unit(vector[None, :])
        if k < 1:
            raise ValueError(f"k is {k}, not 1 or more")
        numbers, scores = self._nearest(vector, min(k, len(self)), among)
        found = [(int(n), float(s)) for n, s in zip(numbers, scores, strict=True) if n >= 0]
        return sorted(found, key=lambda hit: (-hit[1], hit[0]))

    def _nearest(
        self, vector: Vectors, k: int, among: Collection[int] | None
    ) -> tuple[NDArray[np.int64], Vectors]:
        if k == 0:
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        query = np.ascontiguousarray(vector[None, :])
        if among is None:
            scores, numbers = self._flat.search(query, k)
            return numbers[0], scores[0]
        import faiss

        allowed = faiss.IDSelectorBatch(np.array(sorted(among), dtype=np.int64))
        limits = faiss.SearchParameters(sel=allowed)  # type: ignore[call-arg]
        scores, numbers = self._flat.search(query, k, params=limits)
        return numbers[0], scores[0]


def _deserialized(data: bytes) -> faiss.IndexFlatIP:
    import faiss

    # A damaged length field must not ask for terabytes, nor a damaged count for hours.
    faiss.set_deserialization_vector_byte_limit(max(2 * len(data), 1 << 20))
    faiss.set_deserialization_loop_limit(10_000_000)
    try:
        index: faiss.Index = faiss.deserialize_index(np.frombuffer(data, dtype=np.uint8))
    except RuntimeError as error:
        raise IndexCorrupt("faiss can't read it") from error
    if not isinstance(index, faiss.IndexFlatIP):
        raise IndexCorrupt(f"holds a faiss {type(index).__name__}, not an IndexFlatIP")
    return index


def _check_unit(vectors: Vectors) -> None:
    if vectors.dtype != np.float32:
        raise ValueError(f"vectors of {vectors.dtype}, not float32")
    lengths = np.linalg.norm(vectors, axis=1)
    # Written so that NaN fails it, too.
    if not (np.abs(lengths - 1) <= _NORM_SLACK).all():
        raise ValueError("holds a vector that is not of unit length, or not finite")
