"""Nearest vectors by inner product, by faiss.

    vectors.npy      the vectors, a row a passage
    vectors.faiss    only in a large index: which of them lie near each other (IVF)

Up to EXACT_UP_TO vectors a search compares the query with all of them. Above, faiss sorts them into
cells by k-means. A search then looks only into the cells nearest to the query, at vectors rounded
to a byte a number, and compares the best of them again with the vectors themselves. A score is the
exact cosine in both. What a search may miss is measured when the index is built.

faiss checks little itself: its size check is an `assert`, and where it finds nothing it says -1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from .cells import BLOCK, CELLS, MIN_CANDIDATES, Cells, cells_of, selector
from .encoder import Vectors
from .mapped import Data, array_file, array_in, forget

ROWS = "vectors.npy"
EXACT = "exact"
IVF = "ivf"
FILES = {EXACT: (ROWS,), IVF: (ROWS, CELLS)}

# Measured on two cores with 384 numbers a vector: 50,000 are compared in 3 ms, 100,000, which the
# cache does not hold, in 17.
EXACT_UP_TO = 50_000

_NORM_SLACK = 1e-3
# A search for more than this compares all: what is looked at is chosen for the few best.
_MAX_NEAR = 1_000
_CANDIDATES = 4


class VectorIndex:
    """Unit vectors by passage number, from 0; a score is a cosine, -1..1, higher is nearer."""

    def __init__(self, rows: Vectors, cells: Cells | None) -> None:
        self._rows = rows
        self._cells = cells

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self._rows.shape[1])

    @property
    def settings(self) -> dict[str, Any]:
        """What to know for reading it again, JSON-ready: `kind`, and how the cells are searched."""
        return {"kind": EXACT} if self._cells is None else {"kind": IVF, **self._cells.settings}

    def __str__(self) -> str:
        """How a search compares, in a few words for a user."""
        if self._cells is None:
            return "exact: every vector is compared"
        cells, probe, recall = (self._cells.settings[k] for k in ("cells", "probe", "recall"))
        return (
            f"approximate: the {probe:,} nearest of {cells:,} cells are looked into, which found "
            f"{100 * recall:.1f} % of the 10 nearest when measured"
        )

    def vectors(self) -> Vectors:
        """All vectors: `(n, dim)`, in the order of their numbers, not to be written to."""
        return self._rows

    @classmethod
    def build(
        cls,
        vectors: Vectors,
        *,
        probes: Callable[[], Vectors] | None = None,
        before: VectorIndex | None = None,
    ) -> VectorIndex:
        """Index `(n, dim)` float32 rows of unit length; the same rows give the same index.

        `probes` gives vectors of what people might search for, `(m, dim)`. They and some of the
        rows measure how many cells a search must look into. The cells of `before` are taken over as
        long as they serve. Raises ValueError for rows of another kind.
        """
        if vectors.ndim != 2 or vectors.shape[1] < 1:
            raise ValueError(f"vectors of shape {vectors.shape}, not (n, dim)")
        _check_unit(vectors)
        rows = np.ascontiguousarray(vectors)
        if len(rows) <= EXACT_UP_TO:
            return cls(rows, None)
        found = probes() if probes else None
        return cls(rows, cells_of(rows, found, before._cells if before else None))

    def to_files(self) -> dict[str, tuple[Data, ...]]:
        """Write the index as the named files that `from_files` reads."""
        files = {ROWS: array_file(self._rows)}
        return files if self._cells is None else {**files, CELLS: (self._cells.to_bytes(),)}

    @classmethod
    def from_files(
        cls, files: Mapping[str, Data], settings: Mapping[str, Any], dim: int, count: int
    ) -> VectorIndex:
        """Read `count` vectors of length `dim`. Raises IndexCorrupt naming the file."""
        rows = array_in(files[ROWS], ROWS, "<f4", (count, dim))
        if settings["kind"] == EXACT:
            return cls(rows, None)
        return cls(rows, Cells.from_bytes(files[CELLS], settings, dim, count))

    def search(
        self, vector: Vectors, k: int, among: NDArray[np.int64] | None = None
    ) -> list[tuple[int, float]]:
        """Find the `k` nearest passages, best first; fewer if there are fewer.

        `vector` is `(dim,)` float32 of unit length. `among`, if given, are the only passage
        numbers looked at. Equal scores come in the order of their numbers. Raises ValueError if
        `vector` is something else.
        """
        if vector.shape != (self.dim,):
            raise ValueError(f"a query of shape {vector.shape}, not {(self.dim,)}")
        _check_unit(vector[None, :])
        allowed = None
        if among is not None:
            allowed = np.zeros(len(self), np.bool_)
            allowed[among] = True
        left = len(self) if allowed is None else int(allowed.sum())
        wanted = min(k, left)
        if not wanted:
            return []
        numbers = self._near(vector, wanted, allowed, left)
        if numbers is None:
            return nearest(self._rows, vector, wanted, allowed)
        found = nearest(self._rows[numbers], vector, wanted)
        # The system maps far more around what is read, until all of the vectors are resident.
        forget(self._rows)
        return [(int(numbers[place]), score) for place, score in found]

    def _near(
        self, vector: Vectors, wanted: int, allowed: NDArray[np.bool_] | None, left: int
    ) -> NDArray[np.int64] | None:
        """Numbers, in order, among which the nearest are; None if all must be compared."""
        if self._cells is None or left <= EXACT_UP_TO or wanted > _MAX_NEAR:
            return None
        candidates = max(MIN_CANDIDATES, _CANDIDATES * wanted)
        # The fewer pass the filter, the more cells must be looked into to find as many.
        found = self._cells.near(vector[None, :], candidates, len(self) / left, allowed)[0]
        found = np.sort(found[found >= 0])
        return found if len(found) >= wanted else None

    def problems(self) -> Iterator[str]:
        """Look at every vector and tell what is wrong, a line each."""
        for start in range(0, len(self), BLOCK):
            block = self._rows[start : start + BLOCK]
            for number in np.flatnonzero(~_are_unit(block)).tolist():
                yield f"{ROWS}: vector {start + number} is not of unit length, or not finite"
        forget(self._rows)
        if self._cells is not None and not self._cells.holds_each_once(len(self)):
            yield f"{CELLS}: does not hold every passage once"


def nearest(
    rows: Vectors, vector: Vectors, k: int, allowed: NDArray[np.bool_] | None = None
) -> list[tuple[int, float]]:
    """The `k` nearest of `rows`, or of those that are `allowed`, by comparing with each.

    Equal ones come in their order.
    """
    scores, numbers = np.empty((1, k), np.float32), np.empty((1, k), np.int64)
    query, rows = np.ascontiguousarray(vector), np.ascontiguousarray(rows)
    # Unlike an IndexFlat it takes the vectors where they lie, in a mapped file.
    faiss.knn_inner_product(
        faiss.swig_ptr(query),
        faiss.swig_ptr(rows),
        rows.shape[1],
        1,
        len(rows),
        k,
        faiss.swig_ptr(scores),
        faiss.swig_ptr(numbers),
        selector(allowed),
    )
    pairs = zip(numbers[0].tolist(), scores[0].tolist(), strict=True)
    return sorted(((n, s) for n, s in pairs if n >= 0), key=lambda hit: (-hit[1], hit[0]))


def _are_unit(vectors: Vectors) -> NDArray[np.bool_]:
    # Written so that NaN fails it, too.
    are: NDArray[np.bool_] = np.abs(np.linalg.norm(vectors, axis=1) - 1) <= _NORM_SLACK
    return are


def _check_unit(vectors: Vectors) -> None:
    if vectors.dtype != np.float32:
        raise ValueError(f"vectors of {vectors.dtype}, not float32")
    if not _are_unit(vectors).all():
        raise ValueError("holds a vector that is not of unit length, or not finite")
