import json

import bm25s
import numpy as np
import pytest

from index import keywords as module
from index.errors import IndexCorrupt
from index.keywords import KeywordIndex, keyword_tokens
from tests.index.corpora import array_bytes, files_of


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("The ferries sailed", ["ferri", "sail"]),
        ("10,022 killed; 2.5 billion; 1,234,567.", ["10022", "kill", "2.5", "billion", "1234567"]),
        ("F-16 jets", ["f-16", "jet"]),
        ("Erdoğan’s visit to ELÂZIĞ, Łódź", ["erdogan", "visit", "elazig", "lodz"]),
        ("the U.N. and the U.K.", ["un", "uk"]),
        ("two-and-a-half hours", ["two", "half", "hour"]),
        ("Harbour/port (old)", ["harbour", "port", "old"]),
        ("Москва", ["москва"]),
        ("of the and", []),
        ("?! … 😀", []),
        ("", []),
    ],
)
def test_tokens(text, tokens):
    assert keyword_tokens(text) == tokens


TEXTS = ["The storm hit the harbour.", "", "Harbour election", "of the and", "Storm! Storm, storm."]


def numbers(found):
    return [n for n, _ in found]


def read_back(keywords):
    return KeywordIndex.from_files(files_of(keywords), len(keywords))


@pytest.fixture(params=["built", "read back"])
def keywords(request):
    built = KeywordIndex.build(TEXTS)
    return built if request.param == "built" else read_back(built)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("storms", [4, 0]),
        ("harbour storm", [0, 4, 2]),
        ("Which of the elections?", [2]),
        ("the of and", []),
        ("", []),
    ],
)
def test_search(keywords, query, expected):
    found = keywords.search(query, 9)
    assert numbers(found) == expected
    assert all(score > 0 for _, score in found)
    assert list(keywords.problems()) == []


def test_a_word_said_twice_counts_once_in_a_query(keywords):
    assert keywords.search("storm storm", 9) == keywords.search("storm", 9)


def test_k_and_among(keywords):
    assert numbers(keywords.search("harbour storm", 1)) == [0]
    assert numbers(keywords.search("harbour storm", 9, np.array([1, 2, 4]))) == [4, 2]
    assert keywords.search("storm", 9, np.array([], int)) == []


def test_equal_scores_come_in_order():
    same = KeywordIndex.build(["storm"] * 40)
    assert numbers(same.search("storm", 30)) == list(range(30))


@pytest.mark.parametrize("texts", [[], [""], ["the", "…"]])
def test_texts_without_words(texts):
    built = KeywordIndex.build(texts)
    again = read_back(built)
    assert built.search("storm", 3) == again.search("storm", 3) == []
    assert len(again) == len(texts)
    assert list(again.problems()) == []


# Few words and many texts: every list is long, and many scores are close.
WORDS = [f"w{chr(97 + n // 26)}{chr(97 + n % 26)}x" for n in range(120)]


def said(count, seed=1):
    """Texts of 3 to 40 words, the first of WORDS in most of them and the last in very few."""
    rng = np.random.default_rng(seed)
    often = 1 / np.arange(1, len(WORDS) + 1)
    return [
        " ".join(rng.choice(WORDS, rng.integers(3, 40), p=often / often.sum()))
        for _ in range(count)
    ]


SAID = said(3000)
QUERIES = [" ".join(q) for q in np.random.default_rng(2).choice(WORDS, (60, 5))]


@pytest.fixture(scope="module")
def many():
    return KeywordIndex.build(SAID)


@pytest.fixture(scope="module")
def oracle():
    """bm25s, told to do the same: the library's own sums over all texts."""
    retriever = bm25s.BM25(k1=1.5, b=0.75, method="lucene")
    retriever.index([keyword_tokens(text) for text in SAID], show_progress=False)
    return retriever


def by_the_oracle(oracle, query, k):
    scores = oracle.get_scores(list(dict.fromkeys(keyword_tokens(query))))
    order = np.argsort(-scores, kind="stable")[:k]
    return [(int(n), float(scores[n])) for n in order if scores[n] > 0]


def test_scores_are_those_of_bm25s(many, oracle):
    for query in QUERIES:
        found, wanted = many.search(query, 50), by_the_oracle(oracle, query, 50)
        assert [s for _, s in found] == pytest.approx([s for _, s in wanted], rel=1e-5)
        sure = {n for n, s in wanted if s > wanted[-1][1] + 1e-4}
        assert sure <= set(numbers(found))


@pytest.mark.parametrize("share", [0.9, 0.2, 0.002])
def test_a_filter_gives_what_sorting_out_afterwards_gives(many, share):
    among = np.flatnonzero(np.random.default_rng(3).random(len(SAID)) < share)
    allowed = set(among.tolist())
    for query in QUERIES:
        passing = [hit for hit in many.search(query, len(SAID)) if hit[0] in allowed]
        assert many.search(query, 10, among) == passing[:10]


def test_an_update_is_as_if_new(many):
    """Some texts go, some come, the rest move: the same files, but for the order of the words."""
    rng = np.random.default_rng(4)
    stay = np.flatnonzero(rng.random(len(SAID)) < 0.7)
    fresh = [*said(200, seed=5), "zebra", ""]
    origins = rng.permutation(np.concatenate([stay, np.full(len(fresh), -1)]))
    left = iter(fresh)
    texts = [SAID[n] if n >= 0 else next(left) for n in origins]
    updated, new = read_back(many).updated(origins, fresh), KeywordIndex.build(texts)
    for query in [*QUERIES, "zebra"]:
        assert updated.search(query, 20) == new.search(query, 20)
    assert list(updated.problems()) == []
    assert {k: len(v) for k, v in files_of(updated).items()} == {
        k: len(v) for k, v in files_of(new).items()
    }


def test_an_update_reads_only_what_is_fresh(many, monkeypatch):
    read = []
    real = module.keyword_tokens
    monkeypatch.setattr(module, "keyword_tokens", lambda text: read.append(text) or real(text))
    updated = many.updated(np.array([2, -1, 0]), ["storm"])
    assert read == ["storm"]
    assert numbers(updated.search("storm", 5)) == [1]
    assert len(updated) == 3


def test_words_that_no_text_has_any_more_are_forgotten():
    updated = KeywordIndex.build(["storm", "harbour"]).updated(np.array([1]), [])
    assert json.loads(files_of(updated)["vocabulary.json"]) == ["harbour"]
    assert updated.search("storm", 5) == []


def test_a_word_said_very_often():
    built = read_back(KeywordIndex.build(["storm " * 1000, "storm harbour"]))
    assert numbers(built.search("storm", 2)) == [0, 1]
    assert list(built.problems()) == []


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("scores.npy", b"", "scores.npy: is no array file"),
        ("vocabulary.json", b"[", "vocabulary.json: is no JSON"),
        ("vocabulary.json", b"[" * 100_000, "vocabulary.json: is no JSON"),
        ("vocabulary.json", b'{"a": 1}', "vocabulary.json: is no list of words"),
        ("vocabulary.json", b'["a"]', "starts.npy: holds int64 of shape"),
        ("texts.npy", "scores.npy", "texts.npy: holds float32"),
        ("starts.npy", np.array([0, 3, 2, 5, 6]), "starts.npy: does not rise"),
        ("starts.npy", np.array([1, 2, 3, 5, 6]), "starts.npy: does not rise"),
        ("starts.npy", np.array([0, 2, 3, 5, 7]), "starts.npy: does not rise"),
    ],
)
def test_damaged_files_are_named(name, data, reason):
    files = files_of(KeywordIndex.build(TEXTS))
    if isinstance(data, np.ndarray):
        data = array_bytes(data)
    files[name] = files[data] if isinstance(data, str) else data
    with pytest.raises(IndexCorrupt, match=reason):
        KeywordIndex.from_files(files, len(TEXTS))


def test_entries_of_passages_that_are_not_there():
    files = files_of(KeywordIndex.build(TEXTS))
    with pytest.raises(IndexCorrupt, match=r"texts\.npy: names a passage that is not there"):
        KeywordIndex.from_files(files, 3)


@pytest.mark.parametrize(
    ("name", "change", "problem"),
    [
        ("texts", lambda a: a[::-1], "texts.npy: is not in order"),
        ("counts", lambda a: a * 0, "counts.npy: counts a word that is not there"),
        ("lengths", lambda a: a + 1, "lengths.npy: is not the number of words that are counted"),
        ("scores", lambda a: a * 1.1, "scores.npy: is not what the counts give"),
        ("scores", lambda a: a * np.nan, "scores.npy: is not what the counts give"),
    ],
)
def test_problems_are_named(name, change, problem):
    built = KeywordIndex.build(TEXTS)
    files = files_of(built)
    array = change(getattr(built, f"_{name}")).astype(getattr(built, f"_{name}").dtype)
    files[f"{name}.npy"] = array_bytes(array)
    assert problem in list(KeywordIndex.from_files(files, len(TEXTS)).problems())


def test_what_a_text_is_listed_under(keywords):
    assert not keywords.lacks(0, "storm at the harbour")
    assert not keywords.lacks(3, "of the and")
    assert keywords.lacks(2, "storm")
    assert keywords.lacks(0, "volcano")
