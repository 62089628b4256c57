from eval.bench.ramdocs import normal, outcome
from index.records import Article, Passage
from rag.schema import Answer, Citation, Claim, Position

ROW = {"question": "Where?", "gold_answers": ["Lune", "Arden Mere"], "wrong_answers": ["Varn"]}


def told(*texts: str, differs: bool = False, quote: str = "No."):
    passage = Passage(Article("a", "", quote), 0, len(quote))
    claims = tuple(Claim(t, (Citation(passage, 1.0),), 1.0, kind="span") for t in texts)
    rows = (Position(("a",), "differs", texts[0]),) if differs else ()
    return outcome(ROW, Answer("Where?", "answered", claims, (), rows), 0.1)


def test_all_right_answers_must_be_named_in_the_text_or_its_quotes():
    assert told("the Lune", "Arden Mere").strict(0)
    half = told("Lune", quote="In Arden Mere, too.")
    assert not half.said(0) and half.said(1)


def test_a_planted_answer_counts_as_right_only_if_the_difference_is_said():
    alone = told("Lune", "Arden Mere", "Varn")
    assert not alone.said(0) and not alone.strict(0)
    beside = told("Lune", "Arden Mere", "Varn", differs=True)
    assert beside.said(0) and not beside.strict(0)


def test_names_are_compared_without_articles_and_marks():
    assert normal("The “Lune”, a river") == " lune river "
