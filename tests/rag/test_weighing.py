import pytest

from index import Article
from rag.question import analyse
from rag.weighing import of_the_number, that_stands
from tests.fake_reader import scored


@pytest.mark.parametrize(
    ("question", "first", "second", "best"),
    [
        ("How deep is well 7?", "Well 8 is 52 metres deep.", "Well 7 is 40 metres deep.", 1),
        (
            "第7区の深さは何メートルですか。",
            "第8区の深さは52メートルだ。",
            "第7区の深さは40メートルだ。",
            1,
        ),
        ("How deep is well 9?", "Well 8 is 52 metres deep.", "Well 7 is 40 metres deep.", 0),
        ("Who dug well 7?", "Bo Lind dug 3 wells.", "Well 7 is 40 metres deep.", 0),
    ],
)
def test_of_sentences_that_differ_in_their_numbers_the_one_that_was_asked_about(
    question, first, second, best
):
    article = Article("wells", "Wells", f"{first}\n{second}")
    ranked = of_the_number(
        analyse(question), [scored(article, first), scored(article, second, score=0.8)]
    )
    assert ranked[0].passage.text == (first, second)[best]


def test_a_sentence_whose_amount_its_report_takes_back_comes_behind_the_one_that_stands():
    old, right = "The 90-metre pier opens in May.", "It is 70 metres long."
    notice = "An earlier version of this report gave the length of the pier as 90 metres."
    article = Article("pier", "Pier", f"{old} {notice} {right}")
    rows = [scored(article, old), scored(article, right, score=0.5)]
    asked = analyse("How many metres long is the pier?")
    assert [s.passage.text for s in that_stands(asked, rows)] == [right, old]
    assert that_stands(analyse("Who opens the pier?"), rows) == rows
