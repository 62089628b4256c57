"""An index in Milvus gives what a folder gives; here in milvus-lite, in a file."""

import numpy as np
import pytest

from index import build_index, open_index
from index.errors import IndexMismatch, IndexMissing, SettingError
from tests.index import milvus_corpus as corpus

pytest.importorskip("pymilvus", reason="pymilvus is not installed: uv sync --extra milvus")
pytest.importorskip("milvus_lite", reason="milvus-lite is not installed: uv sync --extra milvus")

ENCODER = corpus.DrawnEncoder()
A, B = corpus.word(1), corpus.word(9)


@pytest.fixture(autouse=True, scope="module")
def no_cache():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WIRECHECK_CACHE", "off")
        yield


@pytest.fixture(scope="module")
def both(tmp_path_factory, no_cache):
    """The same articles in a folder and in Milvus: (folder of articles, local, milvus)."""
    folder = tmp_path_factory.mktemp("both")
    corpus.write(folder / "articles", 60)
    return folder / "articles", *built(folder)


def built(folder):
    places = folder / "index", f"milvus+file:{folder}/index.db"
    for place in places:
        build_index([folder / "articles"], place, encoder=ENCODER)
    return tuple(open_index(place, ENCODER) for place in places)


def told(index, query, **options):
    return [
        (h.passage.article.id, h.passage.start, h.passage.end, round(h.score, 5), h.reasons)
        for h in index.search(query, **options)
    ]


def in_order(index):
    """The number of each passage in the order of all: those of Milvus have gaps."""
    numbers = [n for a in index.articles for n in numbers_of(index, a)]
    return {number: place for place, number in enumerate(numbers)}


def numbers_of(index, article_id):
    contents = index._contents
    return contents.passages.of_article(contents.articles.number_of(article_id)).tolist()


def ranked(found, order):
    return [order[number] for number, _ in found], np.array([score for _, score in found])


@pytest.mark.parametrize("query", corpus.QUERIES)
@pytest.mark.parametrize("k", [1, 10, 100])
def test_words_give_the_same_order_and_scores(both, query, k):
    _, *indexes = both
    found = [ranked(i._contents.keywords.search(query, k), in_order(i)) for i in indexes]
    assert found[0][0] == found[1][0]
    np.testing.assert_allclose(found[0][1], found[1][1], atol=1e-5)
    assert len(found[0][0]) > 0 or "unknown" in query


@pytest.mark.parametrize("query", corpus.QUERIES)
def test_vectors_give_the_same(both, query):
    _, *indexes = both
    vector = ENCODER.encode_query(query)
    near, there = (ranked(i._contents.vectors.search(vector, 10), in_order(i)) for i in indexes)
    assert len(set(near[0]) & set(there[0])) / 10 >= 0.99
    np.testing.assert_allclose(near[1], there[1], atol=1e-6)


@pytest.mark.parametrize("query", corpus.QUERIES)
@pytest.mark.parametrize(
    "narrowed",
    [
        {},
        {"per_article": 1},
        {"outlets": ["moor post"]},
        {"outlets": ["nobody"]},
        {"since": "2031-03-05", "until": "2031-03-05"},
        {"since": "2032-01-01"},
        {"since": "2031-01-01", "outlets": list(corpus.OUTLETS)},
    ],
)
def test_hits_are_the_same(both, query, narrowed):
    _, local, there = both
    found = told(there, query, **narrowed)
    assert found == told(local, query, **narrowed)
    assert bool(found) == ("2032" not in str(narrowed) and "nobody" not in str(narrowed))


def test_what_is_held_is_the_same(both):
    _, local, there = both
    assert list(there.articles.values()) == list(local.articles.values())
    assert list(there.passages) == list(local.passages)
    assert len(there.passages) == len(local.passages)
    assert list(there.outlets) == list(local.outlets)
    for name in local.articles:
        assert there.copies_of(name) == local.copies_of(name)
        narrowed = {"outlets": ["The Quay"], "since": "2031-03-09"}
        assert there.copies_of(name, **narrowed) == local.copies_of(name, **narrowed)
        assert there.passages_of(name) == local.passages_of(name)
        assert (there.cluster_of(name) == there.cluster_of("a007")) == (name in ("a007", "a008"))
    with pytest.raises(SettingError, match="has the ID 'absent'"):
        there.copies_of("absent")
    same = ("articles", "reports", "passages", "outlets", "first_published", "last_published")
    stats = [index.stats() for index in (local, there)]
    assert [stats[0][name] for name in same] == [stats[1][name] for name in same]


def changed(articles):
    """Add, change and remove articles, and change a date; one comes before and one between."""
    long = " ".join(f"{A} {B} mamama kikiki." for _ in range(40))
    corpus.put(articles, "a000a", long)
    corpus.put(articles, "0first", long + " Ends otherwise.")
    corpus.put(articles, "a020", f"Much of {A} was cut, and {B} was changed.")
    (articles / "a030.txt").unlink()
    date = (articles / "a040.txt").read_text().replace("2031-03-", "2032-04-")
    (articles / "a040.txt").write_text(date)


@pytest.fixture
def own(tmp_path):
    corpus.write(tmp_path / "articles", 50)
    return tmp_path, *built(tmp_path)


def test_an_update_gives_what_a_new_index_would(own):
    folder, _, before = own
    query = corpus.QUERIES[0]
    as_it_was = told(before, query)
    changed(folder / "articles")
    reports = [
        build_index([folder / "articles"], place, encoder=ENCODER)
        for place in (folder / "index", f"milvus+file:{folder}/index.db")
    ]
    counts = ("added", "changed", "removed", "unchanged", "reports", "passages", "embedded")
    assert [getattr(reports[1], c) for c in counts] == [getattr(reports[0], c) for c in counts]
    assert (reports[1].added, reports[1].changed, reports[1].removed) == (2, 2, 1)
    local, there = open_index(folder / "index", ENCODER), reopened(folder)
    assert list(there.articles.values()) == list(local.articles.values())
    for query_now in corpus.QUERIES:
        assert told(there, query_now, k=20) == told(local, query_now, k=20)
    assert [there.copies_of(n) for n in local.articles] == [
        local.copies_of(n) for n in local.articles
    ]
    # Who opened it before still sees what was there.
    assert told(before, query) == as_it_was
    assert before.generation == 1 and there.generation == 2


def reopened(folder):
    return open_index(f"milvus+file:{folder}/index.db", ENCODER)


def rows_in(index):
    contents = index._contents
    engine = contents.engine
    names = engine.passages(contents.serving.dim), engine.articles, engine.meta
    return [engine.count(name, "born >= 0") for name in names]


def test_the_same_articles_write_nothing(own):
    folder, _, there = own
    before = rows_in(there)
    report = build_index([folder / "articles"], f"milvus+file:{folder}/index.db", encoder=ENCODER)
    assert (report.generation, report.unchanged, report.embedded) == (1, 50, 0)
    assert rows_in(there)[:2] == before[:2]


def test_what_died_is_removed_after_its_readers(own):
    folder, _, first = own
    address = f"milvus+file:{folder}/index.db"
    clean = rows_in(first)
    for number in range(4):
        corpus.put(folder / "articles", "a020", f"Version {number} of {A}.")
        build_index([folder / "articles"], address, encoder=ENCODER)
    # The last two generations: of one article, and of the documents that count.
    assert rows_in(first)[0] <= clean[0] + 3
    first._contents._looked = -100.0
    with pytest.raises(IndexMissing, match="generation 1 is gone after two updates"):
        first.search(A)


def test_much_longer_articles_shift_no_score(own):
    """The average length moves, and with it the weights that Milvus should have."""
    folder, *_ = own
    rng = np.random.default_rng(5)
    for number in range(40):
        corpus.put(folder / "articles", f"b{number}", " ".join(corpus.words_drawn(rng, 5)) + ".")
    for step in range(2):
        for place in (folder / "index", f"milvus+file:{folder}/index.db"):
            build_index([folder / "articles"], place, encoder=ENCODER)
        local, there = open_index(folder / "index", ENCODER), reopened(folder)
        assert (there._contents.serving.drift > 1.05) == (step == 0)
        for query in corpus.QUERIES:
            assert told(there, query, k=20) == told(local, query, k=20)
        corpus.put(folder / "articles", "c", "One more.")


def test_long_texts_are_kept_whole(tmp_path):
    (tmp_path / "articles").mkdir()
    text = " ".join(f"Sätze über Kähne, Nummer {n}." for n in range(4000))
    corpus.put(tmp_path / "articles", "long", text)
    local, there = built(tmp_path)
    assert there.articles["long"] == local.articles["long"]
    assert len(there.articles["long"].text) > 100_000
    assert told(there, "Nummer 3777") == told(local, "Nummer 3777")


def test_another_encoder(own):
    folder, *_ = own
    other = corpus.DrawnEncoder("other:1", dim=8)
    address = f"milvus+file:{folder}/index.db"
    with pytest.raises(IndexMismatch, match="re-index needed: drawn:1 built it, not other:1"):
        open_index(address, other)
    report = build_index([folder / "articles"], address, encoder=other)
    assert (report.added, report.unchanged, report.embedded) == (0, 50, report.passages)
    assert any("all is made anew" in note for note in report.notes)
    build_index([folder / "articles"], folder / "index", encoder=other)
    for query in corpus.QUERIES:
        found = [told(open_index(p, other), query) for p in (folder / "index", address)]
        assert found[0] == found[1]


def test_every_read_names_its_level(both, monkeypatch):
    _, _, there = both
    engine, levels = there._contents.engine, []

    class Client:
        def __getattr__(self, name):
            def call(*args, **kwargs):
                if name in ("search", "query"):
                    levels.append(kwargs.get("consistency_level"))
                return getattr(real, name)(*args, **kwargs)

            return call

    real = engine._client
    monkeypatch.setattr(engine, "_client", Client())
    there.search(f"{A} {B}")
    list(there.articles)
    assert levels and set(levels) <= {"Strong", "Bounded"}


def test_an_open_index_knows_that_a_newer_generation_serves(tmp_path):
    corpus.write(tmp_path / "articles", 4)
    address = f"milvus+file:{tmp_path}/index.db"
    for place in (address, tmp_path / "index"):
        build_index([tmp_path / "articles"], place, encoder=corpus.DrawnEncoder())
    held = [open_index(place, corpus.DrawnEncoder()) for place in (address, tmp_path / "index")]
    assert [index.generation_now() for index in held] == [1, 1]
    corpus.put(tmp_path / "articles", "new", "A new report of the harbour.")
    for place in (address, tmp_path / "index"):
        build_index([tmp_path / "articles"], place, encoder=corpus.DrawnEncoder())
    assert [index.generation for index in held] == [1, 1]
    assert [index.generation_now() for index in held] == [2, 2]
