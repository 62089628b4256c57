"""The timeline: what it draws it also tells in words."""

from index.records import Article, Passage
from rag.schema import Answer, Citation, Position
from tests.parsed_html import ledger_answer
from web.render import render
from web.timeline import timeline_of


def timeline(answer: Answer) -> str:
    """The picture as HTML."""
    return render("timeline.html", timeline=timeline_of(answer))


def test_the_timeline_tells_in_words_what_it_draws() -> None:
    picture = timeline(ledger_answer())
    assert 'aria-label="When each value was reported. Nine: 4 March 2031; ten: 2 March 2031; ' in (
        picture
    )
    assert picture.count("<circle") == 3 and "<b>" not in picture
    assert not timeline(Answer("q", "answered"))


def test_the_timeline_shows_the_days_that_reports_name() -> None:
    def row(value: str, text: str, day: str) -> Position:
        article = Article(value, value, text, "Lune Wire", day)
        cited = Citation(Passage(article, 0, len(text)), 0.9)
        return Position((value,), "differs", value, (cited,))

    rows = (
        row("Nine", "Nine were hurt on 2 March, and on Tuesday more.", "2031-03-04"),
        row("Ten", "Ten were hurt yesterday. It was built on 4 May 1974.", "2031-03-08"),
    )
    picture = timeline(Answer("q", "answered", (), (), rows))
    assert "Nine: 4 March 2031, speaks of 2 March 2031; Ten: 8 March 2031, speaks of 7 " in picture
    assert picture.count("<polygon") == 3 and "a day that the report names" in picture
    assert ">2 March 2031</text>" in picture and "1974" not in picture
    plain = timeline(ledger_answer())
    assert "<polygon" not in plain and "a day that" not in plain
