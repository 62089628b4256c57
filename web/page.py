"""Answers as HTML: pure functions from what `rag` returns to markup of our own.

The markup lies in `templates`, which escape every string from outside (question, article, claim,
error). Nothing is ever read as Markdown or as HTML.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from rag.assemble import APART, UNREAD, lead_and_note
from rag.schema import NEAREST, Answer, Citation, Claim
from web.article import Marks
from web.ledger import CopiesOf, alone, ledger_rows
from web.render import count_of, one_line, render
from web.timeline import timeline_of

#: Quotes shown beneath a short answer, and nearest passages beneath a declined one, before a fold.
QUOTES_SHOWN, NEAREST_SHOWN = 3, 4
_QUESTION_SHOWN = 400

#: The checks by their short names, in plain words.
REASONS = {
    "no label": "it names no report",
    "unknown label": "it names a report that was not among those found",
    "not verbatim": "it is given as a report's own words, and is not",
    "quotation": "its quotation is not in the report",
    "number": "a number is not the report's",
    "date": "a date is not the report's",
    "name": "a name is not the report's",
    "negation": "the report says the opposite",
    "speaker": "somebody else says it in the report",
    "modality": "it is more certain than the report",
    "roles": "who did what to whom is not as in the report",
    "asserted": "the report doesn't say it itself",
    "repeated": "it was said already",
    "too many": "enough was written before it",
    "support": "the report does not say this clearly enough",
}
#: As what an answer can be taken away.
_KINDS = (("html", "page"), ("json", "JSON"), ("md", "Markdown"))


# --- one turn of the conversation ---------------------------------------------------------------


def pending_card(turn: str, question: str, doing: str, claims: Sequence[Claim] = ()) -> str:
    """A question that is being worked on: what is being done, and what was judged so far."""
    return _so_far(turn, question, claims, state="pending", doing=doing)


def stopped_card(turn: str, question: str, claims: Sequence[Claim] = ()) -> str:
    """A question that was stopped, with the claims that had passed by then."""
    return _so_far(turn, question, claims, state="stopped")


def error_card(turn: str, question: str, line: str) -> str:
    """A question that could not be worked on, and the one line that says why."""
    return _card("failed.html", Marks(turn, {}), question, state="failed", line=line)


def answer_card(turn: str, answer: Answer, within: str = "", copies_of: CopiesOf = alone) -> str:
    """A question with its checked answer, or with what was found instead of one.

    `turn` names the card; ids of elements are made of it and of numbers, never of outside text.
    `within` tells in words which reports were asked, if not all.
    """
    lead, note = lead_and_note(answer)
    written = [c for claim in answer.claims if claim.kind == "written" for c in claim.citations]
    return _card(
        "answer.html",
        Marks(turn, answer.articles),
        answer.question,
        state=answer.outcome,
        answer=answer,
        lead=lead,
        note=note,
        written=written,
        passages=[e.hit.passage for e in answer.evidence][:NEAREST_SHOWN],
        ledger=ledger_rows(answer, copies_of),
        timeline=timeline_of(answer),
        reasons=REASONS,
        unsaid=[APART, UNREAD] if lead else [],
        told=_told(answer, within),
        kinds=[(k, n, f"desk/proof?{urlencode({'turn': turn, 'as': k})}") for k, n in _KINDS],
    )


def _card(template: str, marks: Marks, question: str, **values: Any) -> str:
    shown = question if len(question) <= _QUESTION_SHOWN else question[:_QUESTION_SHOWN] + " …"
    return render(
        template,
        turn=marks.turn,
        marks=marks,
        question=shown,
        quotes_shown=QUOTES_SHOWN,
        **values,
    )


def _so_far(turn: str, question: str, claims: Sequence[Claim], **values: Any) -> str:
    """What was judged by now: each value once, and apart from it the nearest sentence.

    That sentence is left out as soon as a value is taken from it.
    """
    passed = _once([c for c in claims if c.remark != NEAREST])
    cited = [c for claim in passed for c in claim.citations]
    nearest = [c for o in claims if o.remark == NEAREST for c in o.citations][-1:]
    apart = [c.passage for c in nearest if not any(_overlap(c, other) for other in cited)]
    marks = Marks(turn, {c.article_id: c.passage.article for o in claims for c in o.citations})
    return _card("pending.html", marks, question, passed=passed, apart=apart, **values)


def _once(claims: Sequence[Claim]) -> list[Claim]:
    """The claims in their order, a value that several reports give once with all their quotes."""
    found: dict[tuple[str, str], Claim] = {}
    for claim in claims:
        name = claim.kind, one_line(claim.text).casefold()
        known = found.get(name, claim)
        more = tuple(dict.fromkeys((*known.citations, *claim.citations)))
        found[name] = replace(known, citations=more)
    return list(found.values())


def _overlap(one: Citation, other: Citation) -> bool:
    same = one.article_id == other.article_id
    return same and one.start < other.end and other.start < one.end


def _told(answer: Answer, within: str) -> str:
    """How long it took, who answered, from how many reports, within which; and to take away."""
    seconds, model = answer.trace.get("seconds"), answer.trace.get("model")
    cited = {c.article_id for claim in answer.claims for c in claim.citations}
    parts = [
        f"{seconds:.1f} s" if isinstance(seconds, int | float) else "",
        f"model {model}" if isinstance(model, str) else "",
        f"{count_of(len(cited), 'report')} cited" if cited else "",
        f"asked within {within}" if within else "",
        "take away as ",
    ]
    return " · ".join(filter(None, parts))


# --- the frame ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Facts:
    """What the status bar says of the index."""

    name: str
    articles: int
    passages: int
    generation: str
