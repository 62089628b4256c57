"""Who says what: one row for each value that the answer gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from rag.schema import Claim, Position


def positions(claims: Sequence[Claim], cluster_of: Callable[[str], int]) -> tuple[Position, ...]:
    """A position for each short answer: the articles that say the value, with their sentences.

    `cluster_of` gives the number of the independent report that an article is a copy of.
    """
    return tuple(
        Position(
            files := tuple(dict.fromkeys(c.article_id for c in claim.citations)),
            "says",
            claim.text,
            claim.citations,
            independent(files, cluster_of),
        )
        for claim in claims
        if claim.kind == "span"
    )


def independent(article_ids: Iterable[str], cluster_of: Callable[[str], int]) -> int:
    """How many independent reports these articles are: near-identical copies are one."""
    return len({cluster_of(article_id) for article_id in article_ids})


def counted(files: int, reports: int) -> str:
    """(5, 2) -> "5 files, 2 independent reports"; empty where there are as many of both."""
    if files == reports:
        return ""
    return f"{files} files, {reports} independent report{'s' * (reports > 1)}"
