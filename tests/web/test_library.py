"""The library's list: what is in it, in which order, and what a search finds."""

import pytest

from index.records import Article
from tests.scripted_answers import ARTICLES, HARBOUR, HEBREW, UNKNOWN, WIRE, Shelf
from web import library
from web.library import SHOWN, Library, folded

CAFE = Article("h009_cafe", "Café on Quay Street shuts", "Shut.", "Ostmere Gazette", "2024-01-02")


def ids(reports) -> list[list[str]]:
    """The IDs of each report, its original first."""
    return [[e.id for e in report] for report in reports]


def test_the_newest_stand_first_and_those_without_a_date_last():
    assert ids(Library(Shelf(ARTICLES)).reports) == [
        [HEBREW.id],
        [HARBOUR.id],
        [WIRE.id],
        [UNKNOWN.id],
    ]


def test_copies_stand_under_their_original():
    made = Library(Shelf(ARTICLES, copies=[WIRE.id, HARBOUR.id, UNKNOWN.id]))
    assert ids(made.reports) == [[HEBREW.id], [WIRE.id, HARBOUR.id, UNKNOWN.id]]
    assert (made.first, made.last) == ("2025-03-04", "2025-03-05")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", 5),
        ("crane", 2),
        ("crane gazette", 1),
        ("CRANE storm", 1),
        ("cafe", 1),
        ("ＣＡＦＥ", 1),
        ("2025-03", 3),
        ("ef56", 1),
        ("נמל", 1),
        ("crane zeppelin", 0),
    ],
)
def test_all_words_must_be_found(query, found):
    made = Library(Shelf([*ARTICLES, CAFE])).find(query)
    assert (len(made.reports), made.total) == (found, found)


def test_a_copy_that_fits_shows_its_report():
    made = Library(Shelf(ARTICLES, copies=[WIRE.id, UNKNOWN.id])).find("storm notes")
    assert ids(made.reports) == [[WIRE.id, UNKNOWN.id]]


def test_of_many_the_first_are_shown_and_all_are_counted(monkeypatch):
    many = [Article(f"m{n}", f"Notes {n}", "x") for n in range(SHOWN + 5)]
    found = Library(Shelf(many)).find("notes")
    assert (len(found.reports), found.total) == (SHOWN, SHOWN + 5)
    monkeypatch.setattr(library, "MAX_LISTED", 10)
    made = Library(Shelf(many))
    assert len(made.reports) == 10 and not made.complete


def test_an_empty_index_has_no_dates():
    made = Library(Shelf())
    assert (made.first, made.last, made.find("x").total) == (None, None, 0)


def test_folding_drops_case_accents_and_width():
    assert folded("Café ＡＢ İ") == "cafe ab i"
