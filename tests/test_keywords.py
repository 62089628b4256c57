import pytest

from index.errors import IndexCorrupt
from index.keywords import KeywordIndex, keyword_tokens


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


@pytest.fixture(params=["built", "read back"])
def keywords(request):
    built = KeywordIndex.build(TEXTS)
    if request.param == "built":
        return built
    return KeywordIndex.from_files(built.to_files(), len(TEXTS))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("storms", [4, 0]),
        ("harbour storm", [0, 4, 2]),
        ("election", [2]),
        ("Which of the elections?", [2]),
        ("the of and", []),
        ("volcano", []),
        ("", []),
    ],
)
def test_search(keywords, query, expected):
    found = keywords.search(query, 9)
    assert numbers(found) == expected
    assert all(score > 0 for _, score in found)


def test_a_word_said_twice_counts_once_in_a_query(keywords):
    assert keywords.search("storm storm", 9) == keywords.search("storm", 9)


def test_k_and_among(keywords):
    assert numbers(keywords.search("harbour storm", 1)) == [0]
    assert numbers(keywords.search("harbour storm", 9, among={1, 2, 4})) == [4, 2]
    assert keywords.search("storm", 9, among=[]) == []
    with pytest.raises(ValueError, match="k is 0"):
        keywords.search("storm", 0)


def test_equal_scores_come_in_order():
    same = KeywordIndex.build(["storm"] * 40)
    assert numbers(same.search("storm", 30)) == list(range(30))


@pytest.mark.parametrize("texts", [[], [""], ["the", "…"]])
def test_texts_without_words(texts):
    built = KeywordIndex.build(texts)
    again = KeywordIndex.from_files(built.to_files(), len(texts))
    assert built.search("storm", 3) == again.search("storm", 3) == []


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("data.npy", b"", "data.npy is no array file"),
        ("data.npy", b"\x93NUMPY\x01\x00\xff\xff{", "data.npy is no array file"),
        ("vocabulary.json", b"[", "vocabulary.json is no JSON"),
        ("vocabulary.json", b"[" * 100_000, "vocabulary.json is no JSON"),
        ("vocabulary.json", b'{"a": 1}', "vocabulary.json is no list of words"),
        ("vocabulary.json", b'["a"]', "do not belong together"),
        ("indices.npy", "data.npy", "indices.npy holds float32"),
        ("data.npy", "indices.npy", "data.npy holds int32"),
    ],
)
def test_damaged_files_are_named(name, data, reason):
    files = KeywordIndex.build(TEXTS).to_files()
    files[name] = files[data] if isinstance(data, str) else data
    with pytest.raises(IndexCorrupt, match=reason):
        KeywordIndex.from_files(files, len(TEXTS))


def test_entries_of_passages_that_are_not_there():
    files = KeywordIndex.build(TEXTS).to_files()
    with pytest.raises(IndexCorrupt, match=r"indices\.npy names a passage that is not there"):
        KeywordIndex.from_files(files, 3)


def test_pickles_are_not_read():
    import io

    import numpy as np

    target = io.BytesIO()
    np.save(target, np.array([object()]), allow_pickle=True)
    files = KeywordIndex.build(TEXTS).to_files() | {"data.npy": target.getvalue()}
    with pytest.raises(IndexCorrupt, match="no array file"):
        KeywordIndex.from_files(files, len(TEXTS))
