"""What the load of many readers takes for wrong: see `tests.faults.load`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.faults.load import Load, Serving, of_wrong_generation, thousand
from tests.faults.tally import Tally


@pytest.mark.parametrize(
    ("text", "served", "told", "wrong"),
    [
        ("hung up 1004 lanterns, and 1005 lanterns", [1], 1, ""),
        ("hung up 2004 lanterns", [1, 2], None, ""),
        ("nothing", [1], 1, ""),
        ("hung up 1004 lanterns, and 2004 lanterns", [1, 2], None, "2 generations at once"),
        ("hung up 1004 lanterns", [1, 2], 2, "tells thousands"),
        ("hung up 1004 lanterns", [2, 3], None, "tells thousands"),
        ("hung up 1004 lanterns", [2, 3], 1, "not one of"),
    ],
)
def test_an_answer_is_of_one_generation_that_served(text, served, told, wrong):
    found = of_wrong_generation(text, served, told)
    assert wrong in found and bool(wrong) is bool(found)
    assert thousand(1) == 1 and thousand(9) == 1 and thousand(2) == 2


def card(kind: str, text: str) -> dict[str, object]:
    html = f'<section class="turn {kind}">{text}</section>'
    return {"success": True, "output": {"data": [{"turn": "t", "html": html}]}}


def told(generation: int, note: str = "") -> dict[str, object]:
    answer = {"outcome": "answered", "note": note, "trace": {"generation": generation}}
    return {"success": True, "output": {"data": [json.dumps(answer)]}}


@pytest.mark.parametrize(
    ("done", "counted"),
    [
        (card("answered", "1004 <b>lanterns</b>"), ["answered"]),
        (card("declined", "nothing"), ["declined"]),
        (card("failed", "30 questions are waiting. Ask again"), ["refused with a line"]),
        (card("failed", "Something went wrong here."), ["told of an error"]),
        (
            {"success": False, "output": {"error": "10 questions from your address"}},
            ["refused with a line"],
        ),
        (told(1), ["answered"]),
        (
            told(1, "The language model failed: x."),
            ["answered", "the note says that the model failed"],
        ),
        ({}, ["FAILED", "lost without a word"]),
        ({"success": False, "output": {"error": None}}, ["FAILED", "lost without a word"]),
        (
            card("answered", "1004 lanterns, 2004 lanterns"),
            ["FAILED", "answered", "of a wrong corpus"],
        ),
        (told(4), ["FAILED", "answered", "of a wrong corpus"]),
    ],
)
def test_whatever_comes_of_a_question_is_counted(done, counted):
    tally = Tally("load", 1, True, Path())
    load = Load(Serving(None, ""), Path(), tally, "none")
    load._judge("q", done, 0.0)
    assert sorted(tally.counts) == counted and bool(tally.failures) is ("FAILED" in counted)
