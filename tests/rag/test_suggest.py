"""Questions made of the reports at hand."""

import pytest

from index import Index
from rag.suggest import suggest
from tests.fakes import indexed

REPORTS = {
    "a1": "Crane falls at the harbour\n\nTwelve dockers were hurt in Ostmere when a crane fell on "
    "the harbour. “We had cleared the cabin at nine,” Ines Tallow said on Tuesday.",
    "a2": "Harbour crane down\n\nNine dockers were hurt in Ostmere, the harbour police said. "
    "The harbour of Ostmere stays closed.",
    "b1": "Election recount begins\n\nThe election office in Hollin began a recount on Monday. "
    "Two hundred clerks counted the ballots in Hollin. Lotte Brandis said that it would take days.",
    "c1": "Museum reopens\n\nThe museum opened its doors again. It had been shut for two years.",
}


@pytest.fixture(scope="module")
def index(tmp_path_factory) -> Index:
    return indexed(tmp_path_factory.mktemp("suggest"), REPORTS)


def test_a_number_that_reports_differ_on_comes_first(index):
    assert suggest(index)[0] == "How many dockers were hurt?"


def test_the_place_is_asked_with_where_the_noun_alone_says_too_little(tmp_path):
    text = "Notes of the harbour\n\nTwelve people were hurt in Lisbon when a crane fell."
    assert suggest(indexed(tmp_path, {"x": text}), 1) == ["How many people were hurt in Lisbon?"]


def test_each_kind_has_a_question_before_any_has_a_second(index):
    first = suggest(index, 3)
    assert any(q.startswith("Which outlets mention ") for q in first)
    assert any(q in ("What did Ines Tallow say?", "What did Lotte Brandis say?") for q in first)


def test_as_many_as_wanted_and_none_twice(index):
    for count in (1, 2, 4):
        made = suggest(index, count)
        assert len(made) == len(set(made)) == count
        assert all(q.endswith("?") and len(q) <= 110 for q in made)


@pytest.mark.parametrize(
    ("text", "never"),
    [
        ("Two years passed in Hollin.", "years"),
        ("Three people were moved.", "people"),
        ("Four dockers were not hurt in Hollin.", "dockers"),
        ("Ten clerks said that the harbour was shut.", "clerks"),
    ],
)
def test_what_would_make_a_poor_question_is_passed_over(tmp_path, text, never):
    (question,) = suggest(indexed(tmp_path, {"x": f"Notes of the day\n\n{text}"}), 1)
    assert never not in question


def test_where_no_rule_fits_the_headlines_are_asked_about(tmp_path):
    index = indexed(tmp_path, {"h": "מנוף קרס בנמל\n\nשני פועלים נפצעו.", "long": "x" * 200})
    assert suggest(index) == ["What do the reports say about “מנוף קרס בנמל”?"]


def test_copies_of_a_report_lead_to_no_more_questions(tmp_path):
    copies = {f"w{n}": REPORTS["b1"] for n in range(3)}
    questions = suggest(indexed(tmp_path, copies))
    assert len([q for q in questions if "Election recount" in q]) <= 1


def test_one_report_leads_to_one_question_of_a_kind_before_its_headline(tmp_path):
    text = (
        "Harbour notes\n\nTwelve dockers were hurt. Nine clerks counted the cranes. "
        "Ten sailors left."
    )
    first, second = suggest(indexed(tmp_path, {"x": text}), 2)
    assert first.startswith("How many ") and "“Harbour notes”" in second
