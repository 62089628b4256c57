import subprocess
import sys
from pathlib import Path

import pytest
from fakes import TopicEncoder

import index
from index import build_index, load_encoder, open_index
from index.errors import IndexMismatch, IndexMissing, QuestionError, SettingError
from index.search import MAX_QUERY, _fused

STORIES = {
    "dock": "---\noutlet: Tern Daily\npublished: 2025-03-01\n---\nThe harbour is open.",
    "gale": "---\noutlet: Tern Daily\npublished: 2025-03-05\n---\nThe storm hit the harbour.",
    "vote": "---\noutlet: Moor Post\npublished: 2025-03-09\n---\nThe election is over.",
    "shrug": "---\noutlet: Moor Post\n---\nThe storm was no storm at all.",
    "anon": "Nobody knows who wrote of a storm in a museum.",
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "articles").mkdir()
    for name, text in STORIES.items():
        (folder / "articles" / f"{name}.txt").write_text(text)
    build_index([folder / "articles"], folder / "index", encoder=TopicEncoder())
    return open_index(folder / "index", TopicEncoder())


def ids(hits):
    return [hit.passage.article.id for hit in hits]


def test_fusion_by_hand():
    """Number 7 stands first and third: 1/61 + 1/63; number 2 second and first: 1/62 + 1/61."""
    assert _fused([[7, 2], [2, 5, 7]]) == [
        (2, 1 / 62 + 1 / 61),
        (7, 1 / 61 + 1 / 63),
        (5, 1 / 62),
    ]
    assert _fused([[4], [3]]) == [(3, 1 / 61), (4, 1 / 61)]
    assert _fused([[], []]) == []


def test_hits_are_ranked_best_first(corpus):
    hits = corpus.search("storm in the harbour")
    assert ids(hits)[0] == "gale"
    assert [h.rank for h in hits] == list(range(1, len(hits) + 1))
    assert [h.score for h in hits] == sorted((h.score for h in hits), reverse=True)
    assert all(0 < h.score <= 2 / 61 for h in hits)
    assert hits[0].score == 2 / 61  # first in both lists
    assert hits[0].passage.text == "The storm hit the harbour."


def test_words_find_what_vectors_do_not_tell_apart(corpus):
    """ "Nobody" and "shrug" are no topics, so all vectors are alike to the encoder."""
    assert ids(corpus.search("who is nobody?", 1)) == ["anon"]


def test_k(corpus):
    assert len(corpus.search("storm", 2)) == 2
    assert len(corpus.search("storm", 99)) == len(STORIES)
    assert corpus.search("storm", 3) == corpus.search("storm", 99)[:3]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"outlets": ["Tern Daily"]}, {"dock", "gale"}),
        ({"outlets": ["tern daily ", "MOOR POST"]}, {"dock", "gale", "vote", "shrug"}),
        ({"outlets": ["Nobody's"]}, set()),
        ({"outlets": []}, set()),
        ({"outlets": [""]}, set()),
        ({"since": "2025-03-05"}, {"gale", "vote"}),
        ({"until": "2025-03-05"}, {"dock", "gale"}),
        ({"since": "2025-03-05", "until": "2025-03-05"}, {"gale"}),
        ({"since": "2025-03-02", "outlets": ["Moor Post"]}, {"vote"}),
    ],
)
def test_filters_narrow(corpus, filters, expected):
    assert set(ids(corpus.search("storm", 10, **filters))) == expected


def test_filters_look_deeper_than_the_best(tmp_path):
    """The one report of an outlet is found though 300 others fit better."""
    for n in range(300):
        (tmp_path / f"s{n}.txt").write_text(f"The storm, part {n}. Storm!")
    (tmp_path / "odd.txt").write_text("---\noutlet: Moor Post\n---\nA bank had a storm in it.")
    build_index([tmp_path], tmp_path / "index", encoder=TopicEncoder())
    found = open_index(tmp_path / "index", TopicEncoder())
    assert "odd" not in ids(found.search("storm", 10))
    assert ids(found.search("storm", 10, outlets={"Moor Post"})) == ["odd"]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("", "empty"),
        (" \n\t", "empty"),
        ("?!… --", "empty"),
        ("\u200b\u2060", "empty"),
        ("😀", "empty"),
        ("a" * (MAX_QUERY + 1), "10,001 characters"),
        (None, "NoneType, not text"),
        (b"storm", "bytes, not text"),
        (["storm"], "list, not text"),
    ],
)
def test_queries_that_are_refused(corpus, query, reason):
    with pytest.raises(QuestionError, match=reason) as caught:
        corpus.search(query)
    assert len(str(caught.value)) < 100


@pytest.mark.parametrize(
    "query",
    [
        "the of and",
        "\ud800 storm",
        "storm\x00\x1b[31m",
        "x" * MAX_QUERY,
        "' OR 1=1",
        "{0}",
        "暴风雨",
    ],
)
def test_odd_queries_are_just_words(corpus, query):
    assert len(corpus.search(query, 3)) == 3


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"k": 0}, "k is 0"),
        ({"k": -1}, "k is -1"),
        ({"k": 2.0}, r"k is 2\.0"),
        ({"k": True}, "k is True"),
        ({"k": "5"}, "k is '5'"),
        ({"since": "2025-3-1"}, "since is '2025-3-1'"),
        ({"until": "20250301"}, "until is '20250301'"),
        ({"until": 2025}, "until is 2025"),
        ({"since": "2025-03-02", "until": "2025-03-01"}, "since 2025-03-02 is after"),
        ({"outlets": "Tern Daily"}, "must be a list of names"),
    ],
)
def test_arguments_that_are_refused(corpus, arguments, reason):
    with pytest.raises(SettingError, match=reason):
        corpus.search("storm", **arguments)


def test_what_an_index_shows_of_itself(corpus):
    assert set(corpus.articles) == set(STORIES)
    assert corpus.articles["gale"].outlet == "Tern Daily"
    assert [p.text for p in corpus.passages if p.article.id == "vote"] == ["The election is over."]
    assert corpus.generation == 1
    assert isinstance(corpus.folder, Path)
    stats = corpus.stats()
    assert stats.pop("created").startswith("20")
    files = {
        p.relative_to(corpus.folder / "gen-000001").as_posix(): p.stat().st_size
        for p in (corpus.folder / "gen-000001").rglob("*")
        if p.is_file()
    }
    assert stats.pop("files") == files
    assert stats.pop("bytes") == sum(files.values())
    assert stats == {
        "generation": 1,
        "articles": 5,
        "passages": 5,
        "outlets": 2,
        "first_published": "2025-03-01",
        "last_published": "2025-03-09",
        "encoder": "topics:1",
        "dim": 8,
        "vectors": {"kind": "exact"},
    }
    with pytest.raises(TypeError):
        corpus.articles["new"] = corpus.articles["gale"]


def test_no_index(tmp_path):
    with pytest.raises(IndexMissing, match="wirecheck index"):
        open_index(tmp_path / "nowhere")


def test_the_bundled_encoder_is_the_default(corpus):
    with pytest.raises(IndexMismatch, match=r"topics:1 built it, not all-MiniLM-L6-v2:"):
        open_index(corpus.folder)


def test_the_whole_way_with_the_bundled_encoder(tmp_path):
    stories = {
        "ferry": "Boat service is back\n\nPassengers can cross the sound by ship again today.",
        "rates": "Money gets dearer\n\nThe central bank raised borrowing costs by half a point.",
        "snow": "White morning\n\nSchools stayed shut after a night of heavy snowfall.",
    }
    (tmp_path / "articles").mkdir()
    for name, text in stories.items():
        (tmp_path / "articles" / f"{name}.txt").write_text(text)
    report = build_index([tmp_path / "articles"], tmp_path / "index")
    assert (report.added, report.embedded) == (3, 3)
    opened = open_index(str(tmp_path / "index"))
    assert opened.encoder is load_encoder()
    # No word in common: only meaning can tell.
    assert ids(opened.search("When does the ferry sail?", 1)) == ["ferry"]
    assert ids(opened.search("interest rates", 1)) == ["rates"]
    assert ids(opened.search("\ud800 ferry sails", 1)) == ["ferry"]  # half a pair
    assert build_index([tmp_path / "articles"], tmp_path / "index").embedded == 0


HEAVY = {"torch", "transformers", "sentence_transformers", "faiss", "spacy", "bm25s", "Stemmer"}


def test_importing_is_cheap():
    said = subprocess.run(
        [sys.executable, "-c", "import sys, index; print(*sys.modules)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "index" in said.stdout.split()
    assert not (HEAVY | {"numpy"}) & set(said.stdout.split())


def test_public_names():
    assert index.__all__ == sorted(index.__all__)
    for name in index.__all__:
        assert getattr(index, name).__module__.startswith("index.")
