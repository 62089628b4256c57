"""Wordings in texts, words in quotation marks, and whether a cited article has them."""

import pytest

from eval.wording import fold, holds, quoted_words
from rag.schema import Citation
from tests.eval.test_metrics import ARTICLES, DAYS, WEEKS, answered, claim, gold, score


@pytest.mark.parametrize(
    ("text", "wording", "expected"),
    [
        ("Shut for 40  DAYS.", "40 days", True),
        ("the mayor\u2019s \u201cplan\u201d", 'mayor\'s "plan"', True),
        ("immediately", "immediate", True),
        ("Crete's port", "crete", True),
        ("a concrete plan", "crete", False),
        ("140 days", "40 days", False),
        ("2.5 hours", "5 hours", False),
        ("1,500 people", "500", False),
        ("10,022 people", "10", False),
        ("10,022 people", "10,022", True),
        ("It cost 10.", "10", True),
        ("a $20bn deal", "20bn", True),
        ("US$20bn", "$20", True),
        ("STRASSE", "stra\u00dfe", True),
        ("", "a", False),
        ("f.r.", "f.r", True),
    ],
)
def test_whether_a_text_holds_a_wording(text: str, wording: str, expected: bool) -> None:
    assert holds(text, wording) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No marks, the mayor's only.", []),
        ('She said "we wait" and "we hope".', ["we wait", "we hope"]),
        ("\u201cWe  wait,\u201d she said", ["We wait,"]),
        ("\u00abWe wait\u00bb and \u201ethen\u201d", ["We wait", "then"]),
        ('She said "we wait', ["we wait"]),
        ("He called it 'a snub' twice", ["a snub"]),
        ("\u2018It\u2019s a snub,\u2019 he said", ["It's a snub,"]),
        ("In the '90s, the workers' pay rose", []),
        ('Empty "" and "..." marks', []),
        ("\"He said 'no' again\"", ["He said 'no' again"]),
    ],
)
def test_the_words_in_quotation_marks(text: str, expected: list[str]) -> None:
    assert quoted_words(text) == expected


@pytest.mark.parametrize(
    ("text", "citations", "verbatim"),
    [
        ('Varga said "the old lady".', [DAYS], False),
        ('Varga said "The old lady is tired".', [DAYS], True),
        ('Varga said "The old lady is tired".', [WEEKS], False),
        ('Varga said "The old lady is tired".', [WEEKS, DAYS], True),
        ('Varga said "The old lady is tired".', [], False),
        ('"The old lady is tired" and "seven weeks"', [WEEKS, DAYS], False),
        ('Varga said "The old-lady is tired".', [DAYS], False),
        ("Varga said that the old lady sleeps.", [WEEKS], True),
    ],
)
def test_quoted_words_must_be_in_a_cited_article(
    text: str, citations: list[Citation], verbatim: bool
) -> None:
    row = score(gold(), answered(claim("Shut.", DAYS), claim(text, *citations)), ARTICLES)
    assert row.unverbatim == (() if verbatim else (text,))


def test_fold_changes_white_space_and_marks_only() -> None:
    assert fold(" \u2018A\u2019\u00a0\u201cB\u201d\n\u2013 C ") == "'A' \"B\" \u2013 C"
