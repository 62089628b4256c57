"""The ledger: when it is shown, and what its rows tell."""

from dataclasses import replace

from rag.schema import Answer
from tests.parsed_html import Parsed, card, ledger_answer
from tests.scripted_answers import (
    SPAN,
    THREE,
    TWO,
)
from web import page


def test_the_ledger_is_shown_only_if_the_reports_differ() -> None:
    parsed = card(SPAN)
    assert parsed.texts("caption") == ["Who says what"]
    words = [c.quote for c in (*TWO, *THREE)]
    assert parsed.texts("tr")[1:] == [
        f"two dockersOstmere Gazette · 4 March 2025 · 000_1538ab12ce41f0a7{words[0]}",
        f"outlet unknown · date unknown · h003_ef56{words[1]}",
        f"Sahil News · 5 March 2025 · h004_aa78{words[2]}",
        f"Three dockersNorthline Wire · 4 March 2025 · h002_cd34{words[3]}",
    ]
    same = Answer("q", "answered", SPAN.claims, (), SPAN.ledger[:1])
    assert not card(same).of("table")


def test_files_that_are_one_report_are_told():
    answer = replace(SPAN, ledger=(replace(SPAN.ledger[0], reports=1), SPAN.ledger[1]))
    assert "3 files, 1 independent report" in page.answer_card("t1", answer)
    assert "independent" not in page.answer_card("t1", SPAN)


def test_copies_are_folded_under_their_original_in_the_ledger():
    original = ["h003_ef56", "000_1538ab12ce41f0a7"]

    def copies_of(name: str) -> list[str]:
        return original if name in original else [name]

    rows = Parsed(page.answer_card("t1", SPAN, copies_of=copies_of)).texts("tr")[1:]
    assert len(rows) == 3
    assert rows[0].startswith("two dockersoutlet unknown · date unknown · h003_ef561 copyOstmere")
    assert rows[1].startswith("Sahil News") and rows[2].startswith("Three dockers")


def test_the_ledger_tells_what_is_superseded_denied_and_not_said_and_whose_words_they_are() -> None:
    rows = card(ledger_answer()).texts("tr")[1:]
    assert "A union official (a source without a name)" in rows[1]
    assert rows[2].startswith("Fortysuperseded; Lune Wire gave “Nine” later")
    assert rows[3].startswith("says that it is not so") and "from the port" in rows[3]
    assert rows[4].startswith("on the matter, but gives no value")
