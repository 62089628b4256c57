import hashlib

import faiss
import numpy as np
import pytest

from index import cells
from index import vectors as module
from index.errors import IndexCorrupt
from index.vectors import VectorIndex
from tests.index.corpora import array_bytes, files_of

ROWS = np.array([[1, 0, 0], [0, 1, 0], [0.6, 0.8, 0], [0, 0, 1]], dtype=np.float32)
FOUR = VectorIndex.build(ROWS)


def vector(*values):
    return np.array(values, dtype=np.float32)


def read_back(index):
    return VectorIndex.from_files(files_of(index), index.settings, index.dim, len(index))


@pytest.fixture(params=["built", "read back"])
def vectors(request):
    return FOUR if request.param == "built" else read_back(FOUR)


def test_scores_are_cosines(vectors):
    found = vectors.search(vector(0, 1, 0), 3)
    assert [(n, round(s, 6)) for n, s in found] == [(1, 1.0), (2, 0.8), (0, 0.0)]
    assert (len(vectors), vectors.dim) == (4, 3)
    assert (vectors.vectors() == ROWS).all()
    assert list(vectors.problems()) == []


@pytest.mark.parametrize(
    ("k", "among", "numbers"),
    [
        (1, None, [1]),
        (99, None, [1, 2, 0, 3]),
        (99, [0, 3], [0, 3]),
        (1, [2, 3], [2]),
        (9, [], []),
    ],
)
def test_k_and_among(vectors, k, among, numbers):
    among = None if among is None else np.array(among, int)
    assert [n for n, _ in vectors.search(vector(0, 1, 0), k, among)] == numbers


def test_equal_scores_come_in_order():
    same = VectorIndex.build(np.repeat(ROWS[:1], 50, axis=0))
    assert [n for n, _ in same.search(ROWS[0], 50)] == list(range(50))


def test_an_empty_index():
    empty = VectorIndex.build(np.zeros((0, 3), dtype=np.float32))
    assert empty.search(vector(1, 0, 0), 5) == []
    assert empty.vectors().shape == (0, 3)
    assert len(read_back(empty)) == 0
    assert list(empty.problems()) == []


BAD_ROWS = [
    (ROWS.astype(np.float64), "float64"),
    (ROWS * 2, "not of unit length"),
    (ROWS * np.float32(np.nan), "not finite"),
    (ROWS[0], "shape"),
]


@pytest.mark.parametrize(("rows", "reason"), BAD_ROWS)
def test_rows_that_are_refused(rows, reason):
    with pytest.raises(ValueError, match=reason):
        VectorIndex.build(rows)


BAD_QUERIES = [
    (vector(1, 0), 1, "shape"),
    (vector(1, 0, 0).astype(np.float64), 1, "float64"),
    (vector(np.nan, 0, 0), 1, "not finite"),
    (vector(0, 0, 0), 1, "unit length"),
]


@pytest.mark.parametrize(("query", "k", "reason"), BAD_QUERIES)
def test_queries_that_are_refused(query, k, reason):
    with pytest.raises(ValueError, match=reason):
        FOUR.search(query, k)


@pytest.mark.parametrize(("dim", "count"), [(3, 5), (3, 3), (4, 4), (3, 0)])
def test_another_size_than_promised(dim, count):
    with pytest.raises(IndexCorrupt, match=r"vectors\.npy: holds float32 of shape \(4, 3\), not"):
        VectorIndex.from_files(files_of(FOUR), FOUR.settings, dim, count)


def test_problems_name_the_vector():
    rows = ROWS.copy()
    rows[1] *= 1.01
    rows[3, 0] = np.nan
    read = VectorIndex.from_files({"vectors.npy": array_bytes(rows)}, FOUR.settings, 3, 4)
    assert [p.split(" is not")[0] for p in read.problems()] == [
        "vectors.npy: vector 1",
        "vectors.npy: vector 3",
    ]


# The approximate index, with the limit low so that building one takes no time.


def near_each_other(count, seed=1, dim=24, topics=60):
    """Unit vectors around `topics` others, as passages lie around what they are about."""
    rng = np.random.default_rng(seed)
    about = np.random.default_rng(5).standard_normal((topics, dim))
    rows = about[rng.integers(0, topics, count)] + 0.7 * rng.standard_normal((count, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


MANY = near_each_other(4000)
QUERIES = near_each_other(200, seed=2)


@pytest.fixture
def low_limit(monkeypatch):
    monkeypatch.setattr(module, "EXACT_UP_TO", 1000)


@pytest.fixture(scope="module")
def large():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "EXACT_UP_TO", 1000)
        yield VectorIndex.build(MANY, probes=lambda: QUERIES[:100])


def nearest(query, k, among=None):
    """By hand: all cosines, sorted."""
    numbers = np.arange(len(MANY)) if among is None else np.asarray(among)
    scores = MANY[numbers] @ query
    order = np.argsort(-scores, kind="stable")[:k]
    return dict(zip(numbers[order].tolist(), scores[order].tolist(), strict=True))


def recall(index, k=10, among=None):
    found = [{n for n, _ in index.search(q, k, among)} for q in QUERIES[100:]]
    wanted = [nearest(q, k, among).keys() for q in QUERIES[100:]]
    return np.mean([len(f & w) / k for f, w in zip(found, wanted, strict=True)])


def test_the_kind_is_chosen_by_size(low_limit):
    assert VectorIndex.build(MANY[:1000]).settings == {"kind": "exact"}
    assert "every vector is compared" in str(VectorIndex.build(MANY[:1000]))
    settings = VectorIndex.build(MANY[:1001]).settings
    assert (settings["kind"], settings["cells"], settings["trained"]) == ("ivf", 128, 1001)


@pytest.mark.parametrize("kind", ["built", "read back"])
def test_an_approximate_index_finds_nearly_all(large, kind):
    index = large if kind == "built" else read_back(large)
    settings = index.settings
    assert 1 <= settings["probe"] < settings["cells"]  # else it would prove nothing
    assert 0.985 <= settings["recall"] <= 1
    assert recall(index) >= 0.97
    for number, score in index.search(QUERIES[100], 10):
        assert score == pytest.approx(float(MANY[number] @ QUERIES[100]), abs=1e-6)
    assert f"{settings['probe']} nearest of {settings['cells']} cells" in str(index)
    assert list(index.problems()) == []


@pytest.mark.parametrize("share", [0.5, 0.3, 0.1, 0.001])
def test_filters_on_it_neither_widen_nor_lose(large, share):
    rng = np.random.default_rng(3)
    among = np.flatnonzero(rng.random(len(MANY)) < share)
    assert len(among) >= 2
    for query in QUERIES[100:120]:
        found = [n for n, _ in large.search(query, 10, among)]
        assert set(found) <= set(among.tolist())
        assert len(found) == min(10, len(among))
    assert recall(large, min(10, len(among)), among) >= 0.97


def test_a_filter_far_from_the_query_still_finds_its_passages(large):
    """The cells near the query hold none of them."""
    query = MANY[0]
    among = np.argsort(MANY @ query)[:1500]
    found = large.search(query, 10, among)
    assert [n for n, _ in found] == list(nearest(query, 10, np.sort(among)))


def test_the_same_rows_give_the_same_index(low_limit, large):
    again = VectorIndex.build(MANY.copy(), probes=lambda: QUERIES[:100])
    assert again.settings == large.settings
    one, other = (hashlib.sha256(files_of(i)["vectors.faiss"]).hexdigest() for i in (large, again))
    assert one == other


def test_the_cells_are_taken_over_while_they_serve(large, monkeypatch):
    def never(rows):
        raise AssertionError("trained again")

    with monkeypatch.context() as patch:
        patch.setattr(cells, "_trained", never)
        rows = np.concatenate([MANY[50:], near_each_other(40, seed=9)])
        updated = VectorIndex.build(rows, probes=lambda: QUERIES[:100], before=large)
    assert updated.settings["trained"] == 4000
    assert updated.settings["recall"] >= 0.985
    assert (updated.vectors() == rows).all()
    assert list(updated.problems()) == []
    assert updated.search(rows[-1], 1)[0][0] == len(rows) - 1
    # Twice as many: the cells are made anew.
    more = near_each_other(8001, seed=4)
    assert VectorIndex.build(more, before=large).settings["trained"] == 8001
    # Down to where all are compared, and up again.
    small = VectorIndex.build(MANY[:900], before=large)
    assert small.settings == {"kind": "exact"}
    assert VectorIndex.build(MANY[:1500], before=small).settings["trained"] == 1500


def test_cells_that_do_not_find_enough_are_made_anew(large):
    """All vectors elsewhere now: looking into every cell would be needed."""
    moved = np.roll(MANY, 7, axis=1)
    updated = VectorIndex.build(moved, before=large)
    assert updated.settings["recall"] >= 0.985
    assert updated.settings["probe"] < updated.settings["cells"]


def test_copies_do_not_count_as_missed(low_limit):
    """Of thirty copies of each vector any ten are the ten nearest."""
    copies = np.repeat(near_each_other(100), 30, axis=0)
    settings = VectorIndex.build(copies).settings
    assert settings["recall"] >= 0.985
    assert settings["probe"] < settings["cells"] / 2


def _other_kinds(large):
    flat, hnsw = faiss.IndexFlatIP(24), faiss.IndexHNSWFlat(24, 4)
    near = faiss.index_factory(24, "IVF252,SQ8", faiss.METRIC_L2)
    near.train(MANY)
    for index in (flat, hnsw, near):
        index.add(MANY)
    good = files_of(large)["vectors.faiss"]
    return [
        (bytes(faiss.serialize_index(flat)), "IndexFlatIP, not an IndexIVFScalarQuantizer"),
        (bytes(faiss.serialize_index(hnsw)), "IndexHNSWFlat, not an IndexIVF"),
        (bytes(faiss.serialize_index(near)), "another kind of faiss index"),
        (b"", "faiss can't read it"),
        (b"IwSq" + b"\xff" * 200, "faiss can't read it"),
        (good[:-1], "faiss can't read it"),
    ]


def test_bytes_that_are_refused(large):
    files = files_of(large)
    for data, reason in _other_kinds(large):
        with pytest.raises(IndexCorrupt, match=f"vectors.faiss: .*{reason}"):
            VectorIndex.from_files(files | {"vectors.faiss": data}, large.settings, 24, 4000)


def test_an_approximate_index_of_another_size(large):
    files = files_of(large)
    for change in ({"cells": 5}, {}):
        rows = MANY if change else MANY[:-1]
        files["vectors.npy"] = array_bytes(rows)
        with pytest.raises(IndexCorrupt, match=r"vectors\.faiss: holds 4000 vectors of length 24"):
            VectorIndex.from_files(files, large.settings | change, 24, len(rows))


def test_a_passage_missing_in_the_cells_is_a_problem(large):
    lacking = read_back(large)
    ids = lacking._cells._ivf.invlists
    at = next(n for n in range(lacking._cells._ivf.nlist) if ids.list_size(n))
    faiss.rev_swig_ptr(ids.get_ids(at), 1)[0] += 1
    assert list(lacking.problems()) == ["vectors.faiss: does not hold every passage once"]
