"""The answer as it is handed out: checked claims with remarks, the ledger, the note, the trace.

told(...)     -> values, or sentences, that were checked
declined(...) -> no answer, with what comes nearest
joined(...)   -> one answer from those of several questions
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from index import Hit
from index.tongue import NAMES, language_of
from rag.asserted import SPOKEN, reports
from rag.cite import Verified
from rag.compare import ClusterOf, Compared
from rag.evidence import Found
from rag.ledger import counted, independent, ledger_of, quoted_rows, remark_of, reports_told
from rag.models import EMBEDDED, NONE
from rag.plan import Part
from rag.planted import REMARK, planted
from rag.question import Question
from rag.read import Reading
from rag.schema import Answer, Claim, Kind, labelled
from rag.voice import voice_of
from rag.write import Draft

#: What is said of a sentence that is shown and that the model did not take for an answer.
UNREAD = "nearest by the search; the model took other words for the answer"
#: And of one whose words may answer, but not surely enough to be set against the others.
APART = "read less surely: it may be about something else"
#: What an answer's note begins with where no reading is sure enough to be told.
DOUBTFUL = "No report surely answers this; these sentences come nearest. "


def lead_and_note(answer: Answer) -> tuple[str, str]:
    """What must be read before the sentences of an answer, "" if nothing, and what comes after."""
    if answer.note.startswith(DOUBTFUL) and answer.trace.get("voice") != "parts":
        return DOUBTFUL.strip(), answer.note.removeprefix(DOUBTFUL)
    return "", answer.note


def told(
    question: Question,
    found: Found,
    draft: Draft,
    verified: Verified,
    voice: str,
    cluster_of: ClusterOf,
    compared: Compared | None = None,
    readings: Sequence[Reading] = (),
    model: str = NONE,
) -> Answer:
    """What was drafted and checked; declined if no claim passed.

    `compared`, `readings` and `model` are given where a model read. With the voice "mentions" the
    note counts who mentions what was asked.
    """
    read = read_trace(readings) if compared else {}
    if not verified.claims:
        return declined(question, found, compared, verified, read)
    claims = tuple(_remarked(c, compared) for c in verified.claims)
    doubtful = compared is not None and compared.doubtful
    rows = ledger_of(compared, cluster_of) if compared and not doubtful else ()
    mentioned = _count_of_reports(claims, cluster_of) if voice == "mentions" else ""
    return Answer(
        question.text,
        "answered",
        claims,
        verified.rejected,
        rows or quoted_rows(claims, cluster_of),
        draft.evidence,
        mentioned or DOUBTFUL * doubtful + _note(claims, cluster_of, model),
        {"voice": voice, **_trace(question, found), **read},
    )


def declined(
    question: Question,
    found: Found,
    compared: Compared | None = None,
    verified: Verified | None = None,
    trace: dict[str, Any] | None = None,
) -> Answer:
    """No answer: what was looked for, what no article holds, and the nearest sentences as such."""
    wanted = {w.lower(): w for w in (*question.terms, *question.names)}
    looked = ", ".join(wanted.values()) or question.text.rstrip(" ?.!")
    missing = f" No report found mentions {', '.join(found.missing)}." if found.missing else ""
    commands = [hit.passage.article.id for hit in found.nearest if planted(hit.passage)]
    if commands:
        left = ", ".join(dict.fromkeys(commands))
        missing += f" Text in {left} that is addressed to a reader's machine was left out."
    hits = [hit for hit in found.nearest if hit.passage.article.id not in commands][:3]
    if compared and compared.unsure:
        best = [found.sentences[0], *(r.sentence for r in compared.unsure)]
        once = list(dict.fromkeys(s.passage for s in best))[:3]
        hits = [Hit(p, 0.0, n) for n, p in enumerate(once, 1)]
    return Answer(
        question.text,
        "declined",
        rejected=verified.rejected if verified else (),
        evidence=labelled(hits),
        note=f"The reports don't answer this. Looked for: {looked}.{missing}"
        + _tongues(question, found),
        trace={"voice": "declined", **_trace(question, found), **(trace or {})},
    )


def _tongues(question: Question, found: Found) -> str:
    """What is said of a question, or of the nearest reports, in another language than English."""
    asked = language_of(question.text)
    told = next((language_of(hit.passage.article.text) for hit in found.nearest), "")
    foreign = [code for code in (asked, told) if code not in ("", "en")]
    if not foreign:
        return ""
    where = f"These are in {NAMES[foreign[0]]}"
    if asked and told and asked != told:
        where = f"The question is in {NAMES[asked]}, the nearest reports are in {NAMES[told]}"
    return f" {where}; the search that ships knows English best."


def joined(parts: Sequence[Part], answers: Sequence[Answer]) -> Answer:
    """One answer from those of the parts, in their order; what isn't answered is said."""
    answered = [a for a in answers if a.outcome == "answered"]
    unanswered = [
        f"{part.text} {a.note}"
        for part, a in zip(parts, answers, strict=True)
        if a.outcome == "declined"
    ]
    notes = list(dict.fromkeys(a.note for a in answered)) + unanswered
    shown = answered or list(answers)
    found = [e.hit for a in shown for e in a.evidence]
    claims = {(c.text, c.citations): c for a in answered for c in a.claims}
    return Answer(
        "",
        "answered" if answered else "declined",
        tuple(claims.values()),
        tuple(r for a in answers for r in a.rejected),
        tuple(row for a in answered for row in a.ledger),
        labelled(found),
        " ".join(notes),
        {"voice": "parts", "answers": [{"outcome": a.outcome, **a.trace} for a in answers]},
    )


# --- remarks and notes -------------------------------------------------------------------------


def _remarked(claim: Claim, compared: Compared | None = None) -> Claim:
    """The claim, marked if unnamed sources or opinion alone say it, or if it wasn't read."""
    if claim.kind == "difference":
        return claim
    if any(planted(c.passage) for c in claim.citations):
        return replace(claim, remark=REMARK)
    if claim.kind == "quote" and not reports(claim.citations[0].passage):
        return replace(claim, remark=SPOKEN)
    said = [r for side in compared.sides for r in side.said] if compared else []
    spans = {r.sentence.passage: (r.words.start, r.words.end) for r in said}
    if compared and claim.kind == "quote":
        shown = claim.citations[0].passage
        doubted = [r.sentence.passage for r in compared.apart] + list(spans) * compared.doubtful
        if shown in doubted or shown not in spans:
            return replace(claim, remark=APART if shown in doubted else UNREAD)
    voices = [voice_of(c.passage, spans.get(c.passage, (c.start, c.end))) for c in claim.citations]
    return replace(claim, remark=remark_of(voices))


def _note(claims: Sequence[Claim], cluster_of: ClusterOf, model: str = NONE) -> str:
    """What a reader is looking at, and how many independent reports it is, if that differs."""
    cited = {name for claim in claims for name in claim.article_ids}
    count = counted(len(cited), independent(cited, cluster_of))
    note = _note_of_kinds({c.kind for c in claims}, model)
    return f"{note} Cited: {count}." if count else note


def _note_of_kinds(kinds: set[Kind], model: str) -> str:
    if "written" in kinds:
        who = "the language model in the box" if model == EMBEDDED else model
        note = f"Written by {who}; every sentence was checked against what it cites."
        return f"{note} The other sentences are the reports' own." if "quote" in kinds else note
    if "difference" in kinds:
        return (
            "The reports don't agree, so compare: each value is in a report's own words, with the "
            "sentence that says it beneath."
        )
    if kinds == {"quote"}:
        return "These are quotations: the reports' own sentences, word for word."
    return "In the reports' own words; the sentences that say it are quoted beneath."


def _count_of_reports(claims: Sequence[Claim], cluster_of: ClusterOf) -> str:
    """How many of the reports, and which outlets, the claims cite."""
    articles = {c.article_id: c.passage.article for claim in claims for c in claim.citations}
    outlets = sorted({a.outlet or "an unknown outlet" for a in articles.values()})
    count = len(articles)
    reports = counted(count, independent(articles, cluster_of)) or reports_told(count)
    return f"{reports} found, by {', '.join(outlets)}; each is quoted where it mentions it."


# --- the trace ---------------------------------------------------------------------------------


def _trace(question: Question, found: Found) -> dict[str, Any]:
    return {
        "answer_type": question.asks,
        "terms": list(question.terms),
        "names": list(question.names),
        "missing": list(found.missing),
        "addressed": round(found.addressed, 4),
        "passages": len(found.nearest),
    }


def read_trace(readings: Sequence[Reading]) -> dict[str, Any]:
    """What each report was read to say, and how sure the surest is, JSON-ready."""
    rows = [
        {"article_id": r.article.id, "words": r.words.text, "yes": round(r.yes, 4)}
        for r in readings
    ]
    return {"readings": rows, "confidence": round(max((r.sure for r in readings), default=0.0), 4)}
