import pytest

from index import Article
from rag.namesakes import is_of_namesake
from rag.question import analyse

BO = "Judge Bo Holm sat on Monday. Holm, 58, came from Orrin."


def asks_of_another(question: str, text: str, title: str = "") -> bool:
    return is_of_namesake(analyse(question).names, Article("a", title, text))


@pytest.mark.parametrize(
    "question",
    [
        "How old is Ada Holm?",
        "How old is Ada Hólm?",
        "When did Ada Holm's train leave?",
        "Did Judge Ada Holm sit on Monday?",
        "What did Warden Ada Holm say?",
        "How old is the judge of Ada Holm’s court?",
    ],
)
def test_a_report_that_knows_another_of_the_name_is_not_about_the_one_asked_for(question):
    assert asks_of_another(question, BO)


def test_a_place_may_have_a_namesake_too():
    asked = "Who owns the South Quay?"
    assert asks_of_another(asked, "The North Quay belongs to Bo Holm.")
    assert not asks_of_another(asked, "The North Quay lies across from that in the south.")


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("How old is Bo Holm?", BO),
        ("How old is Holm?", BO),
        ("How old is Ada Holm?", "Judge Holm sat on Monday. Holm, 58, came from Orrin."),
        ("How old is Ada Holm?", "Bo Holm came with his sister Ada, 58."),
        ("How old is Ada Holm?", "A. Holm, 58, and Bo Holm sat on Monday."),
        ("How old is Thomas Holm?", "Tom Holm, 58, sat on Monday."),
        ("How old is Ada Maria Holm?", "Ada Holm, 58, sat on Monday."),
        ("How old is Ada Holm?", "The Holm bridge is 58 years old."),
        ("When did the Dutch Fleet sail?", "The Dutch Fleet and the Tern Fleet sailed in May."),
        ("When did the UK Parliament sit?", "The British Parliament sat in May."),
    ],
)
def test_a_report_that_may_mean_the_person_is_read(question, text):
    assert not asks_of_another(question, text)
