import subprocess
import sys

import faiss
import numpy as np
import pytest

from index.errors import IndexCorrupt
from index.vectors import VectorIndex

ROWS = np.array([[1, 0, 0], [0, 1, 0], [0.6, 0.8, 0], [0, 0, 1]], dtype=np.float32)
FOUR = VectorIndex.build(ROWS)


def vector(*values):
    return np.array(values, dtype=np.float32)


@pytest.fixture(params=["built", "read back"])
def vectors(request):
    return FOUR if request.param == "built" else VectorIndex.from_bytes(FOUR.to_bytes(), 3, 4)


def test_scores_are_cosines(vectors):
    found = vectors.search(vector(0, 1, 0), 3)
    assert [(n, round(s, 6)) for n, s in found] == [(1, 1.0), (2, 0.8), (0, 0.0)]
    assert (len(vectors), vectors.dim) == (4, 3)
    assert (vectors.vectors() == ROWS).all()


@pytest.mark.parametrize(
    ("k", "among", "numbers"),
    [
        (1, None, [1]),
        (99, None, [1, 2, 0, 3]),
        (99, [0, 3], [0, 3]),
        (1, {3, 2}, [2]),
        (9, [], []),
        (9, [77], []),
    ],
)
def test_k_and_among(vectors, k, among, numbers):
    assert [n for n, _ in vectors.search(vector(0, 1, 0), k, among)] == numbers


def test_equal_scores_come_in_order():
    same = VectorIndex.build(np.repeat(ROWS[:1], 50, axis=0))
    assert [n for n, _ in same.search(ROWS[0], 50)] == list(range(50))


def test_an_empty_index():
    empty = VectorIndex.build(np.zeros((0, 3), dtype=np.float32))
    assert empty.search(vector(1, 0, 0), 5) == []
    assert empty.vectors().shape == (0, 3)
    assert len(VectorIndex.from_bytes(empty.to_bytes(), 3, 0)) == 0


BAD_ROWS = [
    (ROWS.astype(np.float64), "float64"),
    (ROWS * 2, "not of unit length"),
    (ROWS * np.float32(np.nan), "not finite"),
    (np.zeros((1, 3), dtype=np.float32), "not of unit length"),
    (ROWS[0], "shape"),
    (np.zeros((1, 0), dtype=np.float32), "shape"),
]


@pytest.mark.parametrize(("rows", "reason"), BAD_ROWS)
def test_rows_that_are_refused(rows, reason):
    with pytest.raises(ValueError, match=reason):
        VectorIndex.build(rows)


def test_rows_that_are_not_contiguous_are_taken():
    wide = np.zeros((4, 6), dtype=np.float32)
    wide[:, ::2] = ROWS
    assert (VectorIndex.build(wide[:, ::2]).vectors() == ROWS).all()


BAD_QUERIES = [
    (vector(1, 0), 1, "shape"),
    (vector(1, 0, 0, 0), 1, "shape"),
    (vector(1, 0, 0).astype(np.float64), 1, "float64"),
    (vector(np.nan, 0, 0), 1, "not finite"),
    (vector(np.inf, 0, 0), 1, "not finite"),
    (vector(0, 0, 0), 1, "unit length"),
    (ROWS, 1, "shape"),
    (vector(1, 0, 0), 0, "k is 0"),
    (vector(1, 0, 0), -1, "k is -1"),
]


@pytest.mark.parametrize(("query", "k", "reason"), BAD_QUERIES)
def test_queries_that_are_refused(query, k, reason):
    with pytest.raises(ValueError, match=reason):
        FOUR.search(query, k)


def test_checks_hold_without_assertions():
    """`python -O` drops `assert`, faiss's own checks with it."""
    said = subprocess.run(
        [sys.executable, "-O", "-c", "import numpy as np; from index.vectors import VectorIndex;"
         "rows = np.eye(4, dtype=np.float32); VectorIndex.build(rows[:3, :3]).search(rows[0], 1)"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert "ValueError: a query of shape (4,), not (3,)" in said.stderr


def _serialized(index):
    return bytes(faiss.serialize_index(index))


def _other_kinds():
    l2, ip, nan, hnsw = (faiss.IndexFlatL2(3), faiss.IndexFlatIP(3), faiss.IndexFlatIP(3),
                         faiss.IndexHNSWFlat(3, 4))  # fmt: skip
    for index, rows in ((l2, ROWS), (ip, ROWS * 2), (nan, ROWS * np.float32(np.nan)), (hnsw, ROWS)):
        index.add(rows)
    return [
        (_serialized(l2), "IndexFlatL2, not an IndexFlatIP"),
        (_serialized(hnsw), "IndexHNSWFlat, not an IndexFlatIP"),
        (_serialized(ip), "not of unit length"),
        (_serialized(nan), "not finite"),
        (b"", "faiss can't read it"),
        (b"IxFI" + b"\xff" * 200, "faiss can't read it"),
        (FOUR.to_bytes()[:-1], "faiss can't read it"),
    ]


@pytest.mark.parametrize(("data", "reason"), _other_kinds())
def test_bytes_that_are_refused(data, reason):
    with pytest.raises(IndexCorrupt, match=reason):
        VectorIndex.from_bytes(data, 3, 4)


@pytest.mark.parametrize(("dim", "count"), [(3, 5), (3, 3), (4, 4), (3, 0)])
def test_another_size_than_promised(dim, count):
    with pytest.raises(IndexCorrupt, match="holds 4 vectors of length 3, not"):
        VectorIndex.from_bytes(FOUR.to_bytes(), dim, count)
