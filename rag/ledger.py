"""Who reports it, who differs, who is silent: one row for each value of the point that was asked.

Copies of one report are one voice. A majority is not called the truth, and nothing is averaged.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from index import Passage
from rag.compare import ClusterOf, Compared, Side
from rag.entries import when_said
from rag.read import Reading
from rag.schema import Citation, Claim, Position, Stance, Voice
from rag.voice import voice_of


def ledger_of(found: Compared, cluster_of: ClusterOf) -> tuple[Position, ...]:
    """The rows: values that stand, values that were superseded, and who is silent."""
    if not found.in_short:
        return ()
    stance: Stance = "differs" if found.differ else "agrees"
    rows = [_side_row(side, stance, cluster_of) for side in found.standing]
    gone = [side for side in found.sides if found.is_replaced(side)]
    rows += [_gone_row(side, found, cluster_of) for side in gone]
    if found.silent:
        rows.append(_silent_row(found.silent, cluster_of))
    return tuple(rows)


def _side_row(side: Side, stance: Stance, cluster_of: ClusterOf) -> Position:
    said = {r.article.id: r for r in reversed(side.said)}
    surest = [said[name] for name in side.article_ids]
    return Position(
        side.article_ids,
        stance,
        side.text,
        tuple(Citation(r.sentence.passage, r.sure) for r in surest),
        independent(side.article_ids, cluster_of),
        tuple(voice_in(r) for r in surest),
    )


def _gone_row(side: Side, found: Compared, cluster_of: ClusterOf) -> Position:
    row = _side_row(side, "superseded", cluster_of)
    new = found.replaced[side.readings[0]]
    return replace(row, note=gone_note(new.words.text, new.sentence.passage))


def gone_note(words: str, sentence: Passage) -> str:
    """What superseded a value: the words, and the sentence that gives them."""
    said, article = " ".join(words.split()), sentence.article
    who = article.outlet or "the same report"
    return f"{who} gave “{said}” on {when_said(sentence)} ({article.id})"


def _silent_row(silent: Sequence[Reading], cluster_of: ClusterOf) -> Position:
    """Who is on the matter and gives no value, each with its nearest sentence, of support 0."""
    names = tuple(r.article.id for r in silent)
    nearest = tuple(Citation(r.sentence.passage, 0.0) for r in silent)
    return Position(names, "silent", "", nearest, independent(names, cluster_of))


def quoted_rows(claims: Sequence[Claim], cluster_of: ClusterOf) -> tuple[Position, ...]:
    """Where no value is asked for: a row for each sentence quoted, in the reports' own words."""
    return tuple(
        Position(
            claim.article_ids,
            "says",
            claim.text,
            claim.citations,
            independent(claim.article_ids, cluster_of),
            tuple(voice_of(c.passage, (c.start, c.end)) for c in claim.citations),
        )
        for claim in claims
        if claim.kind == "quote"
    )


def voice_in(reading: Reading) -> Voice:
    """Who says the words of a reading."""
    return voice_of(reading.sentence.passage, (reading.words.start, reading.words.end))


def remark_of(voices: Sequence[Voice]) -> str:
    """What a reader must know of a claim that rests on these voices alone; "" if nothing."""
    kinds = {v.kind for v in voices}
    if kinds == {"unnamed"}:
        names = ", ".join(dict.fromkeys(v.speaker for v in voices))
        return f"rests on a source without a name: {names}"
    if kinds == {"opinion"}:
        return "said in an opinion piece"
    return ""


def independent(article_ids: Iterable[str], cluster_of: ClusterOf) -> int:
    """How many independent reports these articles are: near-identical copies are one."""
    return len({cluster_of(article_id) for article_id in article_ids})


def reports_told(count: int) -> str:
    """2 -> "2 reports"."""
    return f"{count} report{'s' * (count != 1)}"


def counted(files: int, reports: int) -> str:
    """(5, 2) -> "5 files, 2 independent reports"; empty where there are as many of both."""
    if files == reports:
        return ""
    return f"{files} files, {reports} independent report{'s' * (reports > 1)}"
