"""The way from a question to a checked, cited answer: find, draft, cite and verify, assemble."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from index import Index, open_index
from index.errors import ModelReplyError
from rag.cite import Verified, verify
from rag.draft import quote, quote_sentences, write
from rag.evidence import Found, find_evidence, model_weights
from rag.ledger import positions
from rag.llm import can_write, check_model, default_model
from rag.prompts import load_prompt
from rag.question import Question, analyse
from rag.reader import Reader, load_reader
from rag.schema import Answer, DraftClaim, Evidence
from rag.verify import Checker, default_checker

Progress = Callable[[str], None]
#: Pieces of evidence that a writing model sees, each a sentence with its neighbours.
WRITING_EVIDENCE = 6


@dataclass(frozen=True)
class Parts:
    """What the way needs: an index, a reader, a checker and a model's name."""

    index: Index
    reader: Reader
    checker: Checker
    model: str


def answer(
    question: str,
    index: str | Path | Index,
    model: str | None = None,
    *,
    outlets: Sequence[str] | None = None,
    since: str | None = None,
    until: str | None = None,
    progress: Progress | None = None,
) -> Answer:
    """A cited answer in which every sentence was checked, or a declined one.

    `model` is a LiteLLM name, "embedded", or "none"; None takes the configured one. `outlets`,
    `since` and `until` (ISO dates) narrow the search. `progress` is told each step in words.
    Raises QuestionError, SettingError, IndexProblem or ModelError, each one line for a user.
    """
    asked = analyse(question)
    name = model or default_model()
    check_model(name)
    corpus = index if isinstance(index, Index) else _opened(str(Path(index).resolve()))
    parts = Parts(corpus, load_reader(), default_checker(), name)
    filters = {"outlets": outlets, "since": since, "until": until}
    return ask(asked, parts, progress or (lambda step: None), filters)


def ask(question: Question, parts: Parts, progress: Progress, filters: dict[str, Any]) -> Answer:
    """Find evidence, draft, cite and verify, assemble."""
    began = time.perf_counter()
    progress(f"searching {len(parts.index.articles)} reports")
    found = find_evidence(question, parts.index, parts.reader, **filters)
    trace = _trace(question, parts, found)
    if found.addressed < model_weights()["addressed"]["threshold"]:
        return _timed(decline(question, found, trace), began)
    progress("drafting")
    evidence, drafts = draft(question, found, parts, trace)
    progress(f"checking {len(drafts)} sentences")
    verified = verify(drafts, evidence, parts.checker)
    if not verified.claims:
        evidence, verified = quote_instead(found, verified, parts, trace)
    return _timed(assemble(question, found, evidence, verified, trace), began)


def draft(
    question: Question, found: Found, parts: Parts, trace: dict[str, Any]
) -> tuple[tuple[Evidence, ...], list[DraftClaim]]:
    """Evidence and a draft made from it, in the voice that the model can speak."""
    if parts.model == "none" or not can_write(parts.model):
        return quote(question, found)
    trace["voice"] = "write"
    trace["prompts"] = {n: load_prompt(n).sha256 for n in ("write.system", "write.user")}
    evidence = found.passages(WRITING_EVIDENCE)
    try:
        drafts = write(question, evidence, parts.model)
        trace["model_declined"] = not drafts
        return evidence, drafts
    except ModelReplyError as error:
        # An unusable reply is no reason to leave the reader without the sources' own words.
        trace["model_error"] = str(error)
        return evidence, []


def quote_instead(
    found: Found, verified: Verified, parts: Parts, trace: dict[str, Any]
) -> tuple[tuple[Evidence, ...], Verified]:
    """The best sentences verbatim, where nothing of the draft survived; its refusals are kept."""
    trace["voice"] = "quote instead"
    sentences, drafts = quote_sentences(found)
    quoted = verify(drafts, sentences, parts.checker)
    return sentences, Verified(quoted.claims, verified.rejected + quoted.rejected)


def assemble(
    question: Question,
    found: Found,
    evidence: Sequence[Evidence],
    verified: Verified,
    trace: dict[str, Any],
) -> Answer:
    """The answer with its ledger and a note that says what kind of answer it is."""
    if not verified.claims:
        declined = decline(question, found, trace)
        return Answer(
            question.text,
            "declined",
            rejected=verified.rejected,
            evidence=declined.evidence,
            note=declined.note,
            trace=trace,
        )
    ledger = positions(verified.claims)
    return Answer(
        question.text,
        "answered",
        verified.claims,
        verified.rejected,
        ledger,
        tuple(evidence),
        note_of(verified, len(ledger), trace),
        trace,
    )


def note_of(verified: Verified, values: int, trace: dict[str, Any]) -> str:
    """One sentence that says what a reader is looking at."""
    kinds = {c.kind for c in verified.claims}
    if kinds == {"span"} and values > 1:
        return (
            "More than one value was found, so compare: each is in a report's own words, with the "
            "sentence that says it beneath."
        )
    if kinds == {"span"}:
        return "In the reports' own words; the sentences that say it are quoted beneath."
    if kinds == {"quote"}:
        return "These are quotations: the reports' own sentences, word for word."
    return f"Written by {trace['model']}; every sentence was checked against what it cites."


def decline(question: Question, found: Found, trace: dict[str, Any]) -> Answer:
    """No answer: what was looked for, what no article holds, and the nearest passages as such."""
    wanted = {w.lower(): w for w in (*question.terms, *question.names)}
    looked = ", ".join(wanted.values()) or question.text
    missing = f" No report found mentions {', '.join(found.missing)}." if found.missing else ""
    note = f"The reports don't answer this. Looked for: {looked}.{missing}"
    nearest = tuple(Evidence(f"E{n}", h) for n, h in enumerate(found.nearest[:3], start=1))
    return Answer(question.text, "declined", evidence=nearest, note=note, trace=trace)


def _trace(question: Question, parts: Parts, found: Found) -> dict[str, Any]:
    return {
        "model": parts.model,
        "voice": "quote",
        "answer_type": question.answer_type,
        "terms": list(question.terms),
        "names": list(question.names),
        "missing": list(found.missing),
        "addressed": round(found.addressed, 4),
        "threshold": parts.checker.threshold,
        "generation": parts.index.generation,
        "passages": len(found.nearest),
    }


def _timed(result: Answer, began: float) -> Answer:
    result.trace["seconds"] = round(time.perf_counter() - began, 3)
    return result


@lru_cache(maxsize=4)
def _opened(path: str) -> Index:
    return open_index(path)
