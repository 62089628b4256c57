"""The page's own templates: how they escape, and the few words that they share."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from datetime import date
from typing import Any

from index.records import Passage
from rag.markup import environment
from rag.schema import Citation, Claim


def escape(text: str) -> str:
    """Escaped, and so that it is read as it was sent.

    Half a surrogate pair can't be sent, and a browser would turn a carriage return into a line
    break.
    """
    clean = text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")
    return html.escape(clean).replace("\r", "&#13;")


def render(template: str, **values: Any) -> str:
    """The HTML that a template makes of these values."""
    return TEMPLATES.get_template(template).render(**values)


def day_of(published: str) -> str:
    """2025-03-14 -> 14 March 2025; what is no ISO date stays as it is."""
    try:
        day = date.fromisoformat(published)
    except ValueError:
        return published
    return f"{day.day} {day:%B} {day.year}"


def count_of(number: int, noun: str, many: str = "") -> str:
    """1, "report" -> 1 report; 2, "copy", "copies" -> 2 copies."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {many or noun + 's'}"


def one_line(text: str) -> str:
    """The text without line breaks and without double spaces."""
    return " ".join(text.split())


def _around(text: str, strong: str) -> tuple[str, str, str]:
    """What stands before, at and after the first place of some words; all before, without them."""
    # The number 19 is not in 1975.
    found = re.search(rf"(?<!\w){re.escape(strong)}(?!\w)", text) if strong else None
    if found is None:
        return text, "", ""
    return text[: found.start()], strong, text[found.end() :]


def _passages(citations: Sequence[Citation]) -> list[Passage]:
    """The passages that are cited, each once."""
    return list(dict.fromkeys(c.passage for c in citations))


def _mentioned(claim: Claim) -> list[Passage]:
    """What stands as a mark after a claim: of a difference, one passage of each report."""
    if claim.kind != "difference":
        return [c.passage for c in claim.citations]
    first: dict[str, Passage] = {}
    for cited in claim.citations:
        first.setdefault(cited.article_id, cited.passage)
    return list(first.values())


TEMPLATES = environment("web", escape, folded=True)
TEMPLATES.filters.update(
    day=day_of,
    count_of=count_of,
    one_line=one_line,
    around=_around,
    passages=_passages,
    mentioned=_mentioned,
)
