from dataclasses import replace

import pytest

from index.records import Article
from rag.evidence import Scored
from rag.question import analyse
from rag.read import (
    CLEAR,
    REPORTS,
    SIGNALS,
    Window,
    anchor,
    read,
    weighed,
    windows,
)
from tests.fake_reader import found, reading, scored
from tests.replay import NO, YES, ReplayModel

ASKED = "How long was the harbour shut?"
pytestmark = pytest.mark.usefixtures("plain")


def window(*sentences: str) -> Window:
    """One report of these sentences, the likeliest first."""
    article = Article("a", "Harbour shut", " ".join(sorted(sentences)))
    return Window(tuple(scored(article, s) for s in sentences))


def copied(words: str, *sentences: str) -> str | None:
    """What of a report stands for copied words."""
    place = anchor(words, window(*sentences))
    return place and place[1].text


# --- what is read


def test_each_independent_report_has_a_window_and_copies_have_none_of_their_own():
    a, b, c = (Article(n, "", "One. Two.") for n in "abc")
    rows = [scored(a, "One."), scored(b, "One."), scored(c, "Two."), scored(a, "Two.")]
    cluster = {"a": 0, "b": 0, "c": 1}.__getitem__
    told = windows(found(*rows), cluster)
    assert [(w.article.id, [s.passage.text for s in w.sentences]) for w in told] == [
        ("a", ["One.", "Two."]),
        ("c", ["Two."]),
    ]


def test_what_a_report_takes_back_is_neither_shown_to_the_model_nor_found_again():
    old = "An earlier version of this report said that the harbour was shut for nine hours."
    report = (old, "It was shut for six hours.")
    assert "nine" not in window(*report).text and "six hours" in window(*report).text
    assert copied("nine hours", *report) is None
    assert copied("six hours", *report) == "six hours"


def test_no_more_reports_are_read_than_may_be_nor_more_words():
    many = [scored(Article(f"a{n}", "", "One two three.")) for n in range(REPORTS + 2)]
    assert len(windows(found(*many), hash)) == REPORTS
    article = Article("a", "", "One two three. Four five six. Seven.")
    rows = [scored(article, s) for s in ("One two three.", "Four five six.", "Seven.")]
    (cut,) = windows(found(*rows), hash, most=(6, 6))
    assert [s.passage.text for s in cut.sentences] == ["One two three.", "Four five six."]
    copy = replace(scored(Article("b", "", "One two three.")), is_copy=True)
    assert windows(found(rows[0], copy, *rows[1:]), lambda name: 0, most=(6, 6)) == [cut]
    (least,) = windows(found(*rows), hash, most=(1, 1))
    assert [s.passage.text for s in least.sentences] == ["One two three."]


def test_a_model_sees_the_sentences_in_their_order_under_outlet_day_and_headline():
    article = Article("a", "Head", "One. Two.\nThree.", "Lune Wire", "2031-03-04")
    told = Window((scored(article, "Two.\nThree."), scored(article, "One.")))
    assert told.text == "Report (Lune Wire, 2031-03-04): Head\nOne. ... Two. Three."
    assert Window((scored(Article("b", "Head", "One.")),)).text == "Report: Head\nOne."


# --- words are found again


@pytest.mark.parametrize(
    ("words", "stands"),
    [
        ("four days", "four\n days"),
        ("FOUR Days.", "four\n days"),
        ('"We waited," she', "“We waited,” she"),
        ("the mayor's", "the mayor’s"),
        ("rose - and", "rose – and"),
        ("twelve", "twelve"),
        ("bridge.", "bridge"),
        ("The city", "The city"),
        ("shut for four days, after a long and hard winter", None),
        ("shut for nine", None),
        ("our days", None),
        ("", None),
        ('" .,;', None),
    ],
)
def test_copied_words_are_found_whatever_their_white_space_case_and_marks(words, stands):
    text = "It was shut for four\n days. “We waited,” she told the mayor’s men. The sea rose – and fell. It was twelve-fold. The city-old bridge.Gone."
    assert copied(words, text) == stands


def test_words_that_are_not_in_the_report_are_never_used():
    assert copied("six weeks", "It was shut for four days.") is None
    # What stands in two sentences is in neither.
    assert copied("days. Nobody was hurt", "It lasted days.", "Nobody knew her name.") is None


def test_most_of_what_was_copied_in_one_piece_will_do():
    assert copied("shut for four whole", "It was shut for four days.") == "shut for four"
    assert copied("shut for whole four", "It was shut for four days.") is None


@pytest.mark.parametrize("words", ["nine days at sea", "days at sea for 9", "9 days at sea"])
def test_a_piece_without_the_number_that_was_copied_is_not_used(words):
    assert copied(words, "They spent four days at sea.") is None


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("9", "It was 19 days."),
        ("9", "It cost 9,000 crowns."),
        ("000 crowns", "It cost 9,000 crowns."),
        ("5 days", "It took 2.5 days."),
        ("Twenty", "Twenty-two people came."),
    ],
)
def test_a_part_of_a_number_is_not_that_number(words, text):
    assert copied(words, text) is None


def test_the_likeliest_sentence_that_has_the_words_is_theirs():
    sentence, words = anchor("four days", window("Then four days passed.", "At last four days."))
    assert sentence.passage.text == "Then four days passed." and words.text == "four days"


# --- reading


REPORT = scored(Article("a", "Harbour shut", "The harbour was shut for four days."))
OTHER = scored(Article("b", "Boats wait", "The boats waited for six days."))
THIRD = scored(Article("c", "Crane falls", "A crane fell."))


def marked(words: str, sentence: Scored) -> Scored:
    """The sentence, in which the small reader takes these words for the answer."""
    start = sentence.passage.article.text.index(words)
    return replace(sentence, span=(start, start + len(words)))


def ask(model, *reports, **told):
    what = found(*reports)
    return read(analyse(ASKED), windows(what, hash), model, **told)


def test_a_reading_is_where_the_words_stand_and_as_sure_as_the_model():
    model = ReplayModel(("How long", "harbour", "four days", YES), ("", "boats", "six days", NO))
    first, second = ask(model, REPORT, OTHER)
    assert (first.words.text, first.article.id, first.sentence) == ("four days", "a", REPORT)
    assert first.sure == pytest.approx(YES) and second.sure == pytest.approx(NO)
    assert len(first.signals) == len(SIGNALS)


def test_a_report_whose_copied_words_it_does_not_have_is_read_as_the_small_reader_marks_it():
    model = ReplayModel(("", "harbour", "nine weeks", YES), ("", "boats", "six days", YES))
    first, second = ask(model, marked("four days", REPORT), OTHER)
    assert (first.words.text, first.yes) == ("four days", pytest.approx(NO))
    assert second.words.text == "six days"
    assert ask(model, marked(".", REPORT), OTHER) == [second]


@pytest.mark.parametrize(
    ("copied", "believed", "words"),
    [
        (CLEAR + 0.01, 0.99, "shut"),
        (CLEAR - 0.05, 0.99, "four days"),
        (CLEAR - 0.05, CLEAR - 0.1, "shut"),
    ],
)
def test_what_the_model_doubts_is_held_against_what_the_small_reader_marks(copied, believed, words):
    model = ReplayModel(("", "harbour", "shut", copied), believes={"four days": believed})
    (only,) = ask(model, marked("four days", REPORT))
    assert only.words.text == words
    assert only.yes == pytest.approx(copied if words == "shut" else believed)
    # Copy, judge, and judge once more, unless the first was clear.
    assert len(model.asked) == (2 if copied > CLEAR else 3)


@pytest.mark.parametrize("words", ["four days", "four", "shut for four days"])
def test_the_same_words_or_a_part_of_them_are_asked_about_once(words):
    model = ReplayModel(("", "harbour", "four days", CLEAR - 0.1), believes={words: 0.99})
    (only,) = ask(model, marked(words, REPORT))
    assert only.words.text == "four days" and len(model.asked) == 2


def test_the_model_judges_what_it_copied_in_the_same_conversation():
    model = ReplayModel(("", "harbour", '"four days" and more', YES))
    ask(model, REPORT)
    copying, judging = model.asked
    assert judging[: len(copying)] == copying
    assert judging[len(copying)] == {"role": "assistant", "content": '"four days"'}
    assert ASKED in copying[-1]["content"] and REPORT.passage.text in copying[-1]["content"]


def test_readings_are_told_as_they_come_and_whoever_hears_may_end_it():
    told = []
    model = ReplayModel(("", "", "", YES))
    mute = (marked(".", report) for report in (REPORT, OTHER, THIRD))
    assert ask(model, *mute, on_read=lambda r: told.append(len(r))) == []
    assert told == [0, 0]
    fits = ReplayModel(*(("", w, w, YES) for w in ("harbour", "boats", "crane")))
    ask(fits, REPORT, OTHER, THIRD, on_read=lambda r: told.append(len(r)))
    assert told == [0, 0, 2, 3]

    def enough(readings):
        raise InterruptedError

    for way in ("on_read", "tick"):
        with pytest.raises(InterruptedError):
            ask(fits, REPORT, **{way: enough})


def test_a_reading_is_weighed_by_the_models_word_and_by_other_signals():
    read_ = weighed(REPORT, reading(REPORT, "four days").words, 0.5)
    assert read_.yes == 0.5
    signals = dict(zip(SIGNALS, read_.signals, strict=True))
    assert signals["yes"] == pytest.approx(0.0)
    assert signals["cosine"] == REPORT.signal("cosine") == 0.8
    certain = weighed(REPORT, read_.words, 1.0)
    assert certain.yes == 1.0 and 0.99 < certain.sure <= 1.0
