import pytest

from eval.peers.answerers import Text, marked
from eval.peers.answering import OURS, SHOWN, table
from eval.systems import answer_of
from index import Article

FERRY = Article("ferry", "Ferry", "The ferry sank at noon. Nine people died.")
CREW = Article("crew", "Crew", "The crew struck for\nnine days.")
SOURCES = [
    Text(FERRY, "The ferry sank at noon."),
    Text(FERRY, "Nine people died."),
    Text(CREW, "The crew struck for nine days."),
]


@pytest.mark.parametrize(
    ("reply", "claims"),
    [
        ("The ferry sank [1].", [("The ferry sank.", [1])]),
        ("The ferry sank. [1]", [("The ferry sank.", [1])]),
        (
            "The ferry sank [1]. Nine died [2][3].",
            [("The ferry sank.", [1]), ("Nine died.", [2, 3])],
        ),
        ("Nine died [2, 1]. It was noon.", [("Nine died.", [2, 1]), ("It was noon.", [])]),
        ("Nine died, it is said.", [("Nine died, it is said.", [])]),
    ],
)
def test_marks_become_citations_of_the_passages_they_name(reply, claims):
    told = marked(reply, SOURCES)["claims"]
    assert [(c["text"], c["citations"]) for c in told] == [
        (text, [SOURCES[n - 1].citation() for n in numbers]) for text, numbers in claims
    ]


def test_a_passage_is_quoted_where_it_stands_so_else_its_article_is_cited():
    assert SOURCES[1].citation() == {"article_id": "ferry", "quote": "Nine people died."}
    assert SOURCES[2].citation() == {"article_id": "crew"}


def test_a_number_that_no_source_has_is_no_valid_citation():
    told = marked("The ferry sank [1][4].", SOURCES)
    answer = answer_of("q", told, {"ferry": FERRY, "crew": CREW})
    assert [c.article_id for c in answer.claims[0].citations] == ["ferry", "[4]"]
    assert answer.claims[0].citations[0].quote == "The ferry sank at noon."


@pytest.mark.parametrize(
    "reply",
    ["", "  [1] ", "I cannot answer.", "The documents do not say.", "None of the sources tell."],
)
def test_a_reply_that_tells_nothing_is_a_decline(reply):
    assert marked(reply, SOURCES) == {"declined": True}


def test_the_table_has_a_row_for_each_system_with_intervals_and_gaps():
    figures = {name: {"value": 0.5, "low": 0.25, "high": 0.75, "n": 9} for name in SHOWN}
    figures["memory_mb"] = {"value": 1234.5, "low": None, "high": None, "n": 9}
    figures["nuggets"] = {"value": None, "low": None, "high": None, "n": 0}
    rows = table({OURS: {"summary": {"figures": figures}}}).splitlines()
    assert len(rows) == 3 and rows[2].startswith("| wirecheck (wirecheck 0")
    cells = dict(zip(SHOWN, rows[2].strip("| ").split(" | ")[1:], strict=True))
    assert cells["citation_recall"] == "0.50 [0.25, 0.75]"
    assert cells["memory_mb"] == "1234" and cells["nuggets"] == "-"
