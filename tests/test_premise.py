import pytest

from index import Article, Passage
from rag.evidence import Scored
from rag.premise import LOOKED_AT, denials_of, premise_of


@pytest.mark.parametrize(
    ("question", "premise"),
    [
        ("Why did the mayor close the bridge?", "the mayor did close the bridge."),
        ("Why was Keld Shipping fined over the leak?", "Keld Shipping was fined over the leak."),
        ("How many divers were hurt in the fire?", "divers were hurt in the fire."),
        ("What caused the siren to fail?", "the siren did fail."),
        ("Who repaired the dam?", "someone repaired the dam."),
        ("Which company built the bridge?", "company built the bridge."),
        ("Where did the crew sleep?", "the crew did sleep."),
    ],
)
def test_what_a_question_takes_for_granted(question, premise):
    assert premise_of(question) == premise


@pytest.mark.parametrize("question", ["Did the dam leak?", "Ferry?", "How long?", "…", "What?"])
def test_some_questions_take_nothing_for_granted_that_rules_can_see(question):
    assert premise_of(question) is None


def scored(*texts: str) -> list[Scored]:
    places = [Passage(Article(f"a{n}", "", t), 0, len(t)) for n, t in enumerate(texts)]
    return [Scored(p, (), 1.0, (0, 1), 0.0) for p in places]


FINED = "Why was Keld Shipping fined over the leak?"
DENIED = "Keld Shipping has never been fined over any leak."


def test_a_sentence_that_says_the_opposite_is_a_denial():
    found = denials_of(FINED, scored("The leak began in May.", DENIED))
    assert [f.passage.text for f in found] == [DENIED]


@pytest.mark.parametrize(
    "text",
    [
        "Keld Shipping was fined over the leak in May.",
        "The harbour was not closed after the leak.",
        "Keld Shipping said that no ship had left.",
    ],
)
def test_other_sentences_are_not(text):
    assert denials_of(FINED, scored(text)) == []


def test_a_bare_denial_counts_in_a_report_on_the_matter_alone():
    asked = "How many divers were killed in the fire at the Ferrow mill?"

    def report(rest: str) -> Scored:
        text = f"Nobody was killed. {rest}"
        return Scored(Passage(Article("a", "", text), 0, 18), (), 1.0, (0, 1), 0.0)

    assert denials_of(asked, [report("A fire broke out at the Ferrow mill; divers came.")])
    assert denials_of(asked, [report("A lorry turned over at Lune.")]) == []


def test_only_the_best_sentences_are_looked_at():
    far = scored(*["The leak began in May."] * LOOKED_AT, DENIED)
    assert denials_of(FINED, far) == []
