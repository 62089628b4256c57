"""Rows of tables as evidence: shown with their headers, looked up, cited with their headers."""

import pytest

from index import Article, Hit, Passage
from rag.checkers import load_checker
from rag.cite import verify
from rag.evidence import score_sentences
from rag.question import analyse
from rag.read import Window, anchor, windows
from rag.sentences import asked_cell, header_of, sentences_of, told
from rag.write import quotations
from tests.fake_reader import PatternReader, found, scored
from tests.fakes import TopicEncoder, at

HEAD = "Port        2040   2041"
ROWS = ["Imber       411    57", "Kell Sound  902    66", "Orm         57     411"]
TABLE = Article(
    "ports", "Ships at the ports", "\n".join(["Ships by port and year.", "", HEAD, *ROWS])
)


def test_a_row_is_shown_with_its_headers_and_the_header_is_no_sentence():
    assert told(at(TABLE, ROWS[0])) == "Port: Imber; 2040: 411; 2041: 57"
    assert header_of(at(TABLE, ROWS[2])).text == HEAD
    assert header_of(at(TABLE, "Ships by port and year.")) is None
    texts = [s.text for s in sentences_of([Hit(Passage(TABLE, 0, len(TABLE.text)), 1.0, 1)])]
    assert texts == ["Ships by port and year.", *ROWS]


@pytest.mark.parametrize(
    ("question", "row", "value"),
    [
        ("How many ships came to Imber in 2041?", ROWS[0], "57"),
        ("How many ships came to Kell Sound in 2040?", ROWS[1], "902"),
        ("How many ships came to Kell in 2040?", ROWS[1], ""),
        ("How many ships came to Imber in 2042?", ROWS[0], ""),
        ("How many ships came to Imber in 2040 and 2041?", ROWS[0], ""),
        ("How many ships came to Orm in 2041?", ROWS[0], ""),
        ("How many ships came to Imber in 2041?", "Ships by port and year.", ""),
    ],
)
def test_the_value_of_the_row_and_column_that_a_question_names(question, row, value):
    assert asked_cell(question, at(TABLE, row)) == value


def test_what_is_looked_up_comes_first():
    asked = analyse("How many ships came to Orm in 2041?")
    hit = Hit(Passage(TABLE, 0, len(TABLE.text)), 1.0, 1)
    best = score_sentences(asked, [hit], TopicEncoder(), PatternReader({}))[0]
    assert best.passage.text == ROWS[2] and TABLE.text[slice(*best.span)] == "411"


def test_a_value_that_a_model_copies_with_its_header_is_found():
    window = Window((scored(TABLE, ROWS[0]),))
    assert "2041: 57" in window.text
    for copied in ("57", "2041: 57"):
        _, words = anchor(copied, window)
        assert words.text == "57"


def test_a_claim_that_cites_a_row_cites_its_header_too():
    draft = quotations([scored(TABLE, ROWS[0])])
    (claim,) = verify(draft.claims, draft.evidence, load_checker()).claims
    assert [c.quote for c in claim.citations] == [ROWS[0], HEAD]


def test_a_window_of_text_without_spaces_is_as_short_as_of_words():
    article = Article(
        "wells", "井戸", "".join(f"第{n}区の井戸の深さは{n}メートルである。" for n in range(99))
    )
    sentences = [scored(article, f"第{n}区の井戸の深さは{n}メートルである。") for n in range(99)]
    (window,) = windows(found(*sentences), lambda name: 0)
    assert 5 < len(window.sentences) < 20
