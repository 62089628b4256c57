"""An answer, or a verdict on one claim, as plain text for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from index.commandline import plain
from rag.assemble import lead_and_note
from rag.ledger import counted, reports_told
from rag.schema import Answer, Citation, Claim, Evidence, Position, marks, source_of
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
        rows = [_wrap(f"- {r.text} ({r.reason}: {r.detail})", "  ") for r in answer.rejected]
        parts.append("\n".join([f"Not shown: {len(rows)}", *rows]))
    return "\n\n".join(parts)


def show_ledger(rows: Sequence[Position]) -> str:
    """Who says what, a paragraph a row: value, position, reports, and each report's own words."""
    if not rows:
        return "No report found says anything on this."
    return "\n\n".join(_row(row) for row in rows)


def _row(row: Position) -> str:
    files = counted(len(row.article_ids), row.reports) or reports_told(row.reports)
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


def show_verdict(verdict: Verdict) -> str:
    """The verdict, every check, the support and the sentence that supports the claim best."""
    lines = [_wrap(verdict.words[:1].upper() + verdict.words[1:])]
    for check in verdict.checks:
        outcome = "passed" if check.passed else f"failed: {check.detail}"
        lines.append(_wrap(f"{check.name}: {outcome}", "  "))
    cited, support = verdict.citation, verdict.support
    said = (
        f"support: {support:.2f}, {meaning(support, verdict.threshold)} of "
        f"{verdict.threshold:.2f} (0 to 1, by the checker {verdict.checker})"
    )
    lines += [
        _wrap(said, "  "),
        f"Nearest in the evidence, characters {cited.start} to {cited.end}:",
        _quote(cited),
    ]
    if verdict.note:
        lines.append(_wrap(verdict.note))
    return "\n".join(lines)


def _claim(claim: Claim, count: str) -> str:
    lines = [_wrap(f"{claim.text} {marks(claim)}" + f" ({count})" * bool(count))]
    if claim.remark:
        lines.append(_wrap(f"({claim.remark})", "    "))
    if claim.kind in {"span", "written"}:
        lines += [_quote(c) for c in claim.citations]
    return "\n".join(lines)


def _quote(citation: Citation) -> str:
    source = source_of(citation.passage.article)
    return _wrap(f"“{citation.quote}” ({citation.article_id}; {source})", "    ")


def _nearest(evidence: Evidence) -> str:
    passage = evidence.hit.passage
    text = passage.text if len(passage.text) <= 300 else passage.text[:297] + "..."
    return _wrap(f"{passage.article.id}: {text}", "    ")


def _wrap(text: str, indent: str = "") -> str:
    return textwrap.fill(plain(text), WIDTH, initial_indent=indent, subsequent_indent=indent)
