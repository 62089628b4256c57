"""Who says what: one row for each value that the answer gives."""

from __future__ import annotations

from collections.abc import Sequence

from rag.schema import Claim, Position


def positions(claims: Sequence[Claim]) -> tuple[Position, ...]:
    """A position for each short answer: the articles that say the value, with their sentences."""
    return tuple(
        Position(
            tuple(dict.fromkeys(c.article_id for c in claim.citations)),
            "says",
            claim.text,
            claim.citations,
        )
        for claim in claims
        if claim.kind == "span"
    )
