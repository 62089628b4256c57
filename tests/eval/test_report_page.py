"""report.html: everything is in it, nothing comes from outside, and nothing hostile gets through."""

from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest

from eval.figures import Figure
from eval.report_page import TEMPLATES, page_parts, steps_of
from eval.scores import Found, QuestionScore, Verdict
from tests.eval.test_report import ROWS, head, row
from tests.hostile import HOSTILE


def text_of(rows: list[QuestionScore], records: list[dict[str, Any]], **fields: Any) -> str:
    return "".join(page_parts(head(rows, **fields), records))


def record(scored: QuestionScore, text: str = "plain") -> dict[str, Any]:
    citation = {"article_id": text, "start": 3, "end": 9, "quote": text, "support": 1.0}
    answer = {
        "claims": [{"text": text, "citations": [citation]}],
        "rejected": [{"text": text, "reason": text, "detail": text, "labels": [text]}],
        "ledger": [{"stance": text, "value": text, "article_ids": [text]}],
        "note": text,
        "articles": {text: {"outlet": text, "published": text, "title": text, "url": text}},
    }
    gold = {"id": text, "kind": text, "question": text, "reference": text}
    return {
        "gold": gold,
        "answer": answer,
        "score": scored.to_dict(),
        "values": {"nuggets": 0.5, "citation_recall": None},
    }


class Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def parsed(page: str) -> Elements:
    elements = Elements()
    elements.feed(page)
    elements.close()
    return elements


def test_a_question_opens_to_all_that_is_known_of_it() -> None:
    found = row(
        "q7",
        nuggets=Found(0, 1, ("six weeks",)),
        verdicts=(Verdict("misattributed", False, (False,), "other"),),
        seconds=2.5,
    )
    page = text_of([found], [record(found, "Some words")])
    words = " ".join(" ".join(parsed(page).texts).split())
    assert "✗ answered" in words
    assert "lacks six weeks (0/1)" in words
    assert "✗ misattributed Some words" in words
    assert "“Some words” Some words, Some words, Some words , 3–9" in words
    assert "Refused: 1 Some words (Some words: Some words)" in words
    assert "Some words: Some words [Some words]" in words
    assert "nuggets 0.5, citation_recall unscored" in words
    assert parsed(page).tags.count("details") == 1 + 1 + 1, "retrieval, the question, settings"


def test_it_asks_nothing_of_anybody_and_runs_nothing() -> None:
    found = parsed(text_of(ROWS, [record(scored) for scored in ROWS]))
    assert not {"script", "link", "img", "iframe", "object", "embed", "form", "base", "a"} & set(
        found.tags
    )
    names = {name for name, _ in found.attributes}
    assert not {n for n in names if n.startswith("on") or n in ("src", "href", "srcset", "action")}
    page = text_of(ROWS, [record(scored) for scored in ROWS])
    assert "http:" not in page and "https:" not in page and "url(" not in page
    assert "default-src 'none'" in page


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_makes_no_element(text: str) -> None:
    def elements(words: str) -> list[str]:
        scored = row(words, words, outcome="answered", nuggets=Found(0, 1, (words,)), error=words)
        page = text_of(
            [scored],
            [record(scored, words)],
            model=words,
            made=words,
            judge={"name": words, "agreement": None},
            settings={words: words},
            versions={words: words},
        )
        page.encode("utf-8")
        found = parsed(page)
        return found.tags + [name for name, _ in found.attributes]

    assert elements(text) == elements("plain")


def test_a_question_without_an_answer_and_a_run_without_questions() -> None:
    failed = row("q1", outcome="failed", error="no <reply>", nuggets=Found(0, 1, ("x",)))
    page = text_of([failed], [{**record(failed), "answer": None}])
    assert "failed: no &lt;reply&gt;" in page
    assert "Evaluation of 0 questions" in text_of([], [])
    assert "not measured" in text_of([], [])


PLOTS: Any = TEMPLATES.get_template("plots.html").module


def drawn(figure: str) -> ElementTree.Element:
    return ElementTree.fromstring(figure)


def test_bars_are_as_long_as_their_shares() -> None:
    found = [("one", Figure(0.5, 0.25, 1.0, 7)), ("none", Figure(None, None, None, 0))]
    figure = drawn(PLOTS.bars("T", found))
    lengths = {r.get("class"): float(r.get("width") or 0) for r in figure.iter("rect")}
    assert lengths["bar"] == lengths["track"] / 2
    assert [t.text for t in figure.iter("text")] == ["one", "0.50  n=7", "none", "not measured"]
    (whisker,) = figure.iter("path")
    assert whisker.get("d") == "M172.0 13H364.0M172.0 9v8M364.0 9v8"
    assert "<b>" not in PLOTS.bars("<b>", [("<b>", Figure(1.0, None, None, 1))])


def test_a_histogram_counts_every_value_once() -> None:
    step, counts = steps_of([0.0, 0.1, 0.1, 0.95, 1.6, 3.2])
    assert (step, len(counts)) == (0.2, 17)
    assert {n: c for n, c in enumerate(counts) if c} == {0: 3, 4: 1, 8: 1, 16: 1}
    figure = drawn(PLOTS.histogram("T", step, counts, "s"))
    tall = [float(r.get("height") or 0) for r in figure.iter("rect")]
    assert tall == pytest.approx([194, 194 / 3, 194 / 3, 194 / 3], abs=0.05)
    assert steps_of([]) == (1.0, []) and steps_of([0.0, 0.0])[1] == [2]
