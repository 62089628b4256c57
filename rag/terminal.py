"""An answer, or a verdict on one claim, as plain text for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from index.commandline import plain
from rag.assemble import lead_and_note
from rag.ledger import counted
from rag.schema import Answer, Citation, Claim, Evidence, Position
from rag.verdict import Verdict, meaning

WIDTH = 88


def show(answer: Answer) -> str:
    """The answer with its quotes, sources and refusals; control characters are never passed on."""
    counts = {
        (row.value, row.citations): counted(len(row.article_ids), row.reports)
        for row in answer.ledger
    }
    parts = [_wrap(f"Asked as: {answer.asked}")] if answer.asked != answer.question else []
    lead, note = lead_and_note(answer)
    parts += [_wrap(lead)] if lead else []
    parts += [_claim(c, counts.get((c.text, c.citations), "")) for c in answer.claims]
    if answer.outcome == "declined":
        parts += ["No answer.", _wrap(note), "The nearest passages, which are no answer:"]
        parts += [_nearest(e) for e in answer.evidence]
    else:
        parts.append(_wrap(note))
    if answer.rejected:
        parts.append(
            f"Not shown: {len(answer.rejected)}\n"
            + "\n".join(
                _wrap(f"- {r.text} ({r.reason}: {r.detail})", "  ") for r in answer.rejected
            )
        )
    return "\n\n".join(parts)


def show_ledger(rows: Sequence[Position]) -> str:
    """Who says what, a paragraph a row: value, position, reports, and each report's own words."""
    if not rows:
        return "No report found says anything on this."
    return "\n\n".join(_row(row) for row in rows)


def _row(row: Position) -> str:
    files = counted(len(row.article_ids), row.reports) or _reports(row.reports)
    value = row.value if row.value and row.stance != "says" else ""
    head = ": ".join(filter(None, [row.stance, value]))
    lines = [_wrap(f"{head} ({files})" + f"; {row.note}" * bool(row.note))]
    if row.stance == "silent":
        return "\n".join([*lines, _wrap(", ".join(row.article_ids), "    ")])
    voices = [*row.voices, *[None] * (len(row.citations) - len(row.voices))]
    for citation, voice in zip(row.citations, voices, strict=True):
        lines.append(_quote(citation))
        if voice and voice.kind != "outlet":
            who = voice.speaker or "an opinion piece"
            lines.append(
                _wrap(f"in the words of {who}{' (no name)' * (voice.kind == 'unnamed')}", "      ")
            )
    return "\n".join(lines)


def _reports(count: int) -> str:
    return f"{count} report{'s' * (count != 1)}"


def show_verdict(verdict: Verdict) -> str:
    """The verdict, every check, the support and the sentence that supports the claim best."""
    lines = [_wrap(verdict.words[:1].upper() + verdict.words[1:])]
    for check in verdict.checks:
        outcome = "passed" if check.passed else f"failed: {check.detail}"
        lines.append(_wrap(f"{check.name}: {outcome}", "  "))
    lines.append(
        _wrap(
            f"support: {verdict.support:.2f}, {meaning(verdict.support, verdict.threshold)} of "
            f"{verdict.threshold:.2f} (0 to 1, by the checker {verdict.checker})",
            "  ",
        )
    )
    cited = verdict.citation
    lines.append(f"Nearest in the evidence, characters {cited.start} to {cited.end}:")
    lines.append(_quote(cited))
    if verdict.note:
        lines.append(_wrap(verdict.note))
    return "\n".join(lines)


def _claim(claim: Claim, count: str) -> str:
    marks = " ".join(f"[{name}]" for name in dict.fromkeys(c.article_id for c in claim.citations))
    lines = [_wrap(f"{claim.text} {marks}" + f" ({count})" * bool(count))]
    if claim.remark:
        lines.append(_wrap(f"({claim.remark})", "    "))
    if claim.kind in {"span", "written"}:
        lines += [_quote(c) for c in claim.citations]
    return "\n".join(lines)


def _quote(citation: Citation) -> str:
    article = citation.passage.article
    source = ", ".join([article.outlet or "outlet unknown", article.published or "date unknown"])
    return _wrap(f"“{citation.quote}” ({citation.article_id}; {source})", "    ")


def _nearest(evidence: Evidence) -> str:
    passage = evidence.hit.passage
    text = passage.text if len(passage.text) <= 300 else passage.text[:297] + "..."
    return _wrap(f"{passage.article.id}: {text}", "    ")


def _wrap(text: str, indent: str = "") -> str:
    return textwrap.fill(plain(text), WIDTH, initial_indent=indent, subsequent_indent=indent)
