import json
from dataclasses import replace

import pytest

from index.errors import SettingError
from index.records import Article, Hit, Passage
from rag.schema import Answer, Check, Citation, Claim, Evidence, Position, Rejection

TEXT = "Bridge shut\n\nThe Arden bridge closed on Friday. *Nobody* [was] hurt."
ARTICLE = Article("b1", "Bridge shut", TEXT, "Arden Echo", "2025-04-04")


def an_answer() -> Answer:
    passage = Passage(ARTICLE, 13, 47)
    citation = Citation(passage, 0.9)
    return Answer(
        "When did it close?",
        "answered",
        claims=(
            Claim("Friday", (citation, citation), 0.9, (Check("verbatim", True, "b1"),), "span"),
            Claim("*Nobody* [was] hurt.", (Citation(Passage(ARTICLE, 48, 68), 0.8),), 0.8),
        ),
        rejected=(Rejection("It fell.", "support", "0.10", ("E1",)),),
        ledger=(Position(("b1",), "says", "Friday", (citation,)),),
        evidence=(Evidence("E1", Hit(passage, 0.7, 1)),),
        note="Quoted.",
        trace={"model": "none"},
    )


def test_text_puts_each_file_once_after_its_sentence_and_escapes_markup():
    assert an_answer().text == "Friday [b1]\n\n\\*Nobody\\* \\[was\\] hurt. [b1]"


def test_a_position_counts_files_unless_it_was_told_the_reports():
    assert Position(("b1", "b2"), "says", "Friday").reports == 2
    answer = replace(an_answer(), ledger=(Position(("b1", "b2"), "says", "Friday", reports=1),))
    written = json.loads(json.dumps(answer.to_dict()))
    assert Answer.from_dict(written).ledger[0].reports == 1
    del written["ledger"][0]["reports"]
    assert Answer.from_dict(written).ledger[0].reports == 2


def test_to_dict_is_json_and_comes_back_equal():
    answer = an_answer()
    data = json.loads(json.dumps(answer.to_dict()))
    assert Answer.from_dict(data) == answer
    assert Answer.from_dict(data).to_dict() == answer.to_dict()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: d["articles"]["b1"].update(text="Other words."),
        lambda d: d["claims"][0]["citations"][0].update(quote="The Arden bridge fell on Friday."),
        lambda d: d["evidence"][0].update(start=14),
        lambda d: d["evidence"][0].update(article_id="b2"),
        lambda d: d.pop("claims"),
    ],
)
def test_a_changed_answer_is_refused(spoil):
    data = an_answer().to_dict()
    spoil(data)
    with pytest.raises(SettingError):
        Answer.from_dict(data)
