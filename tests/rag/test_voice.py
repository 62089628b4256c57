import pytest

from index.language import sentence_spans
from index.records import Article, Passage
from rag.schema import Voice
from rag.voice import is_opinion, shown_voice, voice_of


def voice(text: str, words: str) -> Voice:
    """The voice of `words` in the sentence of `text` that holds them."""
    at = text.index(words)
    start, end = next(s for s in sentence_spans(text) if s[0] <= at < s[1])
    return voice_of(Passage(Article("a", "Head", text), start, end), (at, at + len(words)))


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("Nine people died.", "Nine", Voice("outlet")),
        ("The talks took two hours, a ministry official said.", "two hours",
         Voice("unnamed", "a ministry official")),
        ("Ada Holm, the harbour master, said the ferry carried 84 people.", "84",
         Voice("named", "Ada Holm, the harbour master")),
        ("According to the police, nearly 300 took part.", "nearly 300",
         Voice("named", "the police")),
        ("The cost was put at 9 million crowns by the trade ministry.", "9 million",
         Voice("named", "the trade ministry")),
        ("The union puts the strikers at 2,300.", "2,300", Voice("named", "The union")),
        ("“It was five coins,” a source close to the inquiry said.", "five",
         Voice("unnamed", "a source close to the inquiry")),
        ("“We counted 300,” said Ada Holm. She said that nine were hurt.", "nine",
         Voice("named", "Ada Holm")),
        ("It took two hours, the coastguard said.", "two hours",
         Voice("named", "the coastguard")),
    ],
)  # fmt: skip
def test_words_belong_to_whoever_says_them(text, words, expected):
    assert voice(text, words) == expected


def test_what_hangs_on_the_saying_is_not_said():
    text = "After two hours of talks, Ada Holm said that nine were hurt."
    assert voice(text, "two hours") == Voice("outlet")
    assert voice(text, "nine") == Voice("named", "Ada Holm")


def test_an_opinion_piece_is_told_by_its_headline_or_by_its_first_person():
    assert is_opinion(Article("a", "Opinion: the port must pay", "The port must pay."))
    own = "I was there. My father was, too. I think that the port must pay."
    assert is_opinion(Article("a", "The port", own))
    quoted = "“I was there, and my father was, and I saw it,” Ada Holm said."
    assert not is_opinion(Article("a", "The port", quoted))
    assert voice_of(Passage(Article("a", "The port", own), 0, 12), (6, 11)).kind == "opinion"


def test_a_speaker_is_said_of_a_side_only_if_all_its_reports_have_that_one():
    holm, police = Voice("named", "The police"), Voice("named", "Holm")
    assert shown_voice([holm, holm]) == "citing the police"
    assert shown_voice([holm, police]) == "" == shown_voice([holm, Voice("outlet")])
    assert shown_voice([Voice("opinion")]) == "in an opinion piece"
