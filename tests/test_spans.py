import pytest

from rag.question import analyse
from rag.spans import is_list_of_names, is_quoted, same_value, speaks, typed_spans


@pytest.mark.parametrize(
    ("question", "sentence", "spans"),
    [
        (
            "How long did the strike last?",
            "It lasted ten days and cost 9 million crowns.",
            ["ten days"],
        ),
        (
            "How much did the strike cost?",
            "It lasted ten days and cost 9 million crowns.",
            ["9 million crowns"],
        ),
        ("How much did it cost?", "It took 9 men and cost 30 yuan.", ["30 yuan"]),
        ("How many people died?", "Nine people died on 12 March.", ["Nine"]),
        ("When did it end?", "On 12 March nine ships left.", ["12 March"]),
        ("What share voted?", "Some 61 per cent voted.", ["Some 61 per cent"]),
        ("Why did it end?", "On 12 March nine ships left.", []),
        (
            "How many people were aboard?",
            "The barge Dorrit Four left at 6:10 with Tilde Marsh, 34, and nine others.",
            ["nine"],
        ),
        ("How many came?", "At half past six, 12 came; at seven o'clock 40.", ["12", "40"]),
        ("How old was he?", "Osric Dane, 58, was the captain.", ["58"]),
        ("How many ran?", "The Ostry baker, 38, won the race of 400.", ["400"]),
        (
            "How many crew were there?",
            "On board were 84 passengers and a crew of seven.",
            ["seven"],
        ),
        ("How many passengers died?", "Of 84 passengers, nine died.", ["nine"]),
        (
            "What is the base rate now?",
            "At nine the bank put it at 4.75 per cent.",
            ["4.75 per cent"],
        ),
        ("How many of the 40 houses burned?", "Of 40 houses twelve burned.", ["twelve"]),
    ],
)
def test_spans_of_the_kind_that_is_asked_for(question, sentence, spans):
    asked = analyse(question)
    assert [sentence[s:e] for s, e in typed_spans(asked, sentence)] == spans


def test_a_name_in_the_question_is_not_its_answer():
    asked = analyse("Who met Maria Lindqvist in Paris?")
    sentence = "Maria Lindqvist met John Harper in Paris."
    assert [sentence[s:e] for s, e in typed_spans(asked, sentence)] == ["John Harper"]


@pytest.mark.parametrize(
    ("kind", "a", "b", "same"),
    [
        ("duration", "two and a half hours", "150 minutes", True),
        ("duration", "two and a half hours", "almost three hours", False),
        ("person", "Antony Harper", "Harper", True),
        ("person", "Antony Harper", "Harper's wife Ada", False),
        ("person", "Antony Harper", "Maria Lindqvist", False),
        ("time", "12 March", "March 12, 2025", True),
        ("time", "Tuesday", "Wednesday", False),
        ("place", "the old harbour", "old harbour", True),
    ],
)
def test_values_are_compared_as_what_they_are(kind, a, b, same):
    assert same_value(kind, a, b) is same
    assert same_value(kind, b, a) is same


@pytest.mark.parametrize(
    ("text", "words", "said"),
    [
        ("The dam was safe, Ada Holm told reporters.", "Ada Holm", True),
        ("The talks lasted two hours, a ministry official said.", "ministry official", True),
        ("Lene Doorn met Ada Holm, the police said.", "Ada Holm", False),
        ("According to Ada Holm, the dam was safe.", "Ada Holm", True),
    ],
)
def test_who_speaks_is_told_from_who_is_spoken_of(text, words, said):
    start = text.index(words)
    assert speaks(text, (start, start + len(words))) is said


def test_names_that_are_listed_are_told_from_other_words():
    assert is_list_of_names("Ada Holm and Lene Doorn")
    assert not is_list_of_names("governor Ada Holm")
    assert not is_list_of_names("Ada Holm met Lene Doorn")
    assert not is_list_of_names("Monday")


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ('"We lost two cranes," said Holm.', True),
        ("‘We lost two cranes,’ said Holm.", True),
        ("The “Patience” sank.", False),
        ("The ministers’ two old cranes fell.", False),
    ],
)
def test_a_quotation_is_more_than_a_name_in_marks(text, quoted):
    assert is_quoted(text) is quoted


def test_a_measure_has_its_unit_where_the_sentence_gives_one():
    asked = analyse("How high did the river rise?")
    text = "The river was highest at eleven at night, 5.8 metres."
    assert [text[s:e] for s, e in typed_spans(asked, text)] == ["5.8 metres"]
