"""Vectors sorted into cells by k-means, of which a search looks into a few: faiss's IVF index.

How many cells it takes to find nearly all of the nearest is measured when the index is built.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, cast

import faiss
import numpy as np
from numpy.typing import NDArray

from .encoder import Vectors
from .errors import IndexCorrupt
from .mapped import Data

CELLS = "vectors.faiss"
BLOCK = 65_536
MIN_CANDIDATES = 200

_READ_AT_ONCE = 1 << 20
_SEED = 20_250_301
_ROUNDS = 10
_TRAINED_PER_CELL = 40
# What the cells must find of the 10 nearest of each probe when the index is built. Questions are
# less like the passages than the probes are, so it is above the 0.97 that a search is to reach.
_RECALL = 0.985
_RECALL_AT = 10
_PROBES = 256
_STEP = 1.25
_SLACK = 1e-5


class Cells:
    """Vectors sorted into cells by faiss; `settings` tell how they are searched and how well.

    A search looks into `probe` cells and then found `recall` of the 10 nearest; `trained` is how
    many vectors there were when the cells were made.
    """

    def __init__(self, ivf: faiss.IndexIVFScalarQuantizer, settings: dict[str, Any]) -> None:
        self._ivf = ivf
        self.settings = settings

    def to_bytes(self) -> memoryview:
        """Write what `from_bytes` reads."""
        return faiss.serialize_index(self._ivf).data

    @classmethod
    def from_bytes(cls, data: Data, settings: Mapping[str, Any], dim: int, count: int) -> Cells:
        """Read `count` vectors of length `dim`. Raises IndexCorrupt naming the file."""
        ivf = _deserialized(data)
        if (ivf.ntotal, ivf.d, ivf.nlist) != (count, dim, settings["cells"]):
            raise IndexCorrupt(
                f"{CELLS}: holds {ivf.ntotal} vectors of length {ivf.d} in {ivf.nlist} cells, "
                f"not {count} of {dim} in {settings['cells']}"
            )
        if not ivf.is_trained or ivf.metric_type != faiss.METRIC_INNER_PRODUCT:
            raise IndexCorrupt(f"{CELLS}: holds another kind of faiss index")
        return cls(ivf, {k: v for k, v in settings.items() if k != "kind"})

    def near(
        self,
        queries: Vectors,
        count: int,
        widen: float = 1.0,
        allowed: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.int64]:
        """Numbers of about the nearest vectors, `(n, count)`, -1 where there are no more."""
        cells = min(math.ceil(self.settings["probe"] * widen), self.settings["cells"])
        limits = faiss.SearchParametersIVF(nprobe=cells, sel=selector(allowed))  # type: ignore[call-arg]
        numbers: NDArray[np.int64] = self._ivf.search(queries, count, params=limits)[1]
        return numbers

    def holds_each_once(self, count: int) -> bool:
        """Whether the numbers in the cells are those from 0 to `count`."""
        lists: Any = self._ivf.invlists
        sizes = [lists.list_size(n) for n in range(self._ivf.nlist)]
        held = [faiss.rev_swig_ptr(lists.get_ids(n), size) for n, size in enumerate(sizes) if size]
        return bool((np.sort(np.concatenate(held)) == np.arange(count)).all())


def cells_of(rows: Vectors, probes: Vectors | None, before: Cells | None) -> Cells:
    """Sort `rows` into cells, those of `before` if they still serve."""
    truth = _Truth(rows, probes)
    trained = int(before.settings["trained"]) if before else 0
    if before and trained / 2 <= len(rows) <= trained * 2:
        ivf = cast(faiss.IndexIVFScalarQuantizer, faiss.clone_index(before._ivf))
        ivf.reset()  # the same cells without the vectors in them
        cells = truth.tuned(_filled(ivf, rows), trained)
        if cells.settings["recall"] >= _RECALL:
            return cells
    return truth.tuned(_filled(_trained(rows), rows), len(rows))


def _trained(rows: Vectors) -> faiss.IndexIVFScalarQuantizer:
    count = 4 * round(math.sqrt(len(rows)))
    made = faiss.index_factory(rows.shape[1], f"IVF{count},SQ8", faiss.METRIC_INNER_PRODUCT)
    ivf = cast(faiss.IndexIVFScalarQuantizer, made)
    ivf.cp.seed, ivf.cp.niter = _SEED, _ROUNDS
    ivf.train(np.ascontiguousarray(rows[:: max(1, len(rows) // (_TRAINED_PER_CELL * count))]))
    return ivf


def _filled(ivf: faiss.IndexIVFScalarQuantizer, rows: Vectors) -> faiss.IndexIVFScalarQuantizer:
    for start in range(0, len(rows), BLOCK):
        ivf.add(rows[start : start + BLOCK])
    return ivf


class _Truth:
    """Probes and, by comparing all, how near the 10 nearest to each of them are."""

    def __init__(self, rows: Vectors, probes: Vectors | None) -> None:
        self._rows = rows
        own = np.ascontiguousarray(rows[:: max(1, len(rows) // _PROBES)][:_PROBES])
        # A row is nearest to itself, which is easy to find and doesn't count.
        self._sets = [(own, self._least(own, _RECALL_AT + 1), 1)]
        if probes is not None and len(probes):
            self._sets.append((probes, self._least(probes, _RECALL_AT), 0))

    def _least(self, probes: Vectors, k: int) -> Vectors:
        scores: Vectors = faiss.knn(probes, self._rows, k, metric=faiss.METRIC_INNER_PRODUCT)[0]
        return scores[:, -1]

    def tuned(self, ivf: faiss.IndexIVFScalarQuantizer, trained: int) -> Cells:
        """Look into as many cells as it takes to find the share wanted of both sets."""
        probe, recall = 1, 0.0
        while True:
            settings = {"cells": ivf.nlist, "probe": probe, "trained": trained}
            recall = min(self._recall(Cells(ivf, settings), *one) for one in self._sets)
            if recall >= _RECALL or probe == ivf.nlist:
                return Cells(ivf, {**settings, "recall": round(recall, 4)})
            probe = min(math.ceil(probe * _STEP), ivf.nlist)

    def _recall(self, cells: Cells, probes: Vectors, least: Vectors, known: int) -> float:
        shares = []
        lists = cells.near(probes, MIN_CANDIDATES)
        for probe, score, found in zip(probes, least, lists, strict=True):
            # By score, not by number: of many copies of one text, any will do.
            near = int((self._rows[found[found >= 0]] @ probe >= score - _SLACK).sum())
            shares.append((min(near, _RECALL_AT + known) - known) / _RECALL_AT)
        return float(np.mean(shares))


def _deserialized(data: Data) -> faiss.IndexIVFScalarQuantizer:
    # A damaged length field must not ask for terabytes, nor a damaged count for hours.
    faiss.set_deserialization_vector_byte_limit(max(2 * len(data), 1 << 20))
    faiss.set_deserialization_loop_limit(10_000_000)
    # faiss's own ZeroCopyIOReader reads past the end of a file that was cut.
    read = _reading(data)
    reader = faiss.PyCallbackIOReader(read, _READ_AT_ONCE)  # type: ignore[attr-defined]
    try:
        index: faiss.Index = faiss.read_index(reader)
    except RuntimeError as error:
        raise IndexCorrupt(f"{CELLS}: faiss can't read it") from error
    if not isinstance(index, faiss.IndexIVFScalarQuantizer):
        raise IndexCorrupt(
            f"{CELLS}: holds a faiss {type(index).__name__}, not an IndexIVFScalarQuantizer"
        )
    return index


def _reading(data: Data) -> Callable[[int], bytes]:
    """Give the next bytes of `data`, as a file's `read` does."""
    at = 0

    def read(size: int) -> bytes:
        nonlocal at
        part = bytes(data[at : at + size])
        at += len(part)
        return part

    return read


def selector(allowed: NDArray[np.bool_] | None) -> faiss.IDSelectorBitmap | None:
    """Let through what is allowed; None if all is."""
    if allowed is None:
        return None
    bits = np.packbits(allowed, bitorder="little")
    return faiss.IDSelectorBitmap(bits)  # type: ignore[call-arg,arg-type]
