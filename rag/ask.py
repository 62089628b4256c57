"""The way from a question to a checked, cited answer: find, draft, cite and verify, assemble.

A question that holds several goes the way once for each of its parts (`rag.parts`); their answers
are joined, in the order asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from index import Article, Index, open_index
from index.errors import ModelReplyError
from index.search import earlier
from rag.checkers import load_checker, traced, unreadable
from rag.checks import hard_checks
from rag.cite import Verified, verify
from rag.draft import (
    propose_searches,
    quote,
    quote_denial,
    quote_mentions,
    quote_sentences,
    rewrite,
    write,
)
from rag.evidence import Found, find_evidence, is_addressed
from rag.follow import Followed, follow, turns_of
from rag.ledger import (
    Survey,
    counted,
    difference_drafts,
    independent,
    labelled,
    ledger_of,
    quoted_rows,
    remark_of,
    survey,
)
from rag.llm import can_write, check_model, default_model
from rag.parts import Part, described, split
from rag.prompts import load_prompt
from rag.question import Question, analyse
from rag.reader import Reader, load_reader
from rag.repair import Repair
from rag.schema import Answer, Claim, DraftClaim, Evidence, Kind, Rejection
from rag.timing import as_of_day
from rag.verify import Checker
from rag.voice import voice_of

Progress = Callable[[str], None]
#: Told of each drafted sentence as soon as it was checked.
OnJudged = Callable[[Claim | Rejection], None]
#: Pieces of evidence that a writing model sees, each a sentence with its neighbours.
WRITING_EVIDENCE = 6
#: Passages that are looked through for the reports that mention something.
MENTION_PASSAGES = 40


@dataclass(frozen=True)
class Parts:
    """What the way needs: an index, a reader, a checker and a model's name.

    `on_judged` hears of each check. `besides` are articles that "who else" is not answered with,
    nor with others of their outlets.
    """

    index: Index
    reader: Reader
    checker: Checker
    model: str
    on_judged: OnJudged = lambda judged: None
    besides: tuple[Article, ...] = ()


def answer(
    question: str,
    index: str | Path | Index,
    model: str | None = None,
    *,
    outlets: Sequence[str] | None = None,
    since: str | None = None,
    until: str | None = None,
    as_of: str | None = None,
    history: Sequence[Answer | Mapping[str, Any]] = (),
    progress: Progress | None = None,
    on_judged: OnJudged | None = None,
) -> Answer:
    """A cited answer in which every sentence was checked, or a declined one.

    `model` is a LiteLLM name, "embedded", or "none"; None takes the configured one. `outlets`,
    `since` and `until` (ISO dates) narrow the search; `as_of` asks as if it were that day: what was
    published later is not there. `history` are the answers of a conversation, oldest first, or what
    `to_dict` made of them: with it, a follow-up is asked as it stands alone (`rag.follow`), and the
    trace says how. `progress` is told each step in words, `on_judged` each drafted sentence once it
    was checked: a claim that passed will be in the answer. What either raises ends the way there.
    The checker is the one that WIRECHECK_CHECKER names, else the one that ships.
    Raises QuestionError, SettingError, IndexProblem or ModelError, each one line for a user.
    """
    asked = analyse(question)
    name = model or default_model()
    check_model(name)
    corpus = index if isinstance(index, Index) else _opened(str(Path(index).resolve()))
    told = on_judged or (lambda judged: None)
    turns = turns_of(history)
    followed = follow(asked.text, turns, name) if turns else None
    cited = sorted(followed.besides) if followed else []
    besides = tuple(corpus.articles[name] for name in cited if name in corpus.articles)
    parts = Parts(corpus, load_reader(), load_checker(), name, told, besides)
    filters = {"outlets": outlets, "since": since, "until": earlier(until, as_of)}
    tell = progress or (lambda step: None)
    if followed is None:
        return ask(asked, parts, tell, filters)
    return as_typed(asked, followed, ask(analyse(followed.text), parts, tell, filters))


def as_typed(asked: Question, followed: Followed, result: Answer) -> Answer:
    """The answer to a follow-up under the question as typed, with what it was asked as."""
    told = followed.trace(asked.text)
    prompts = {**result.trace.get("prompts", {}), **told.pop("prompts", {})}
    trace = {**result.trace, **told, **({"prompts": prompts} if prompts else {})}
    return replace(result, question=asked.text, trace=trace)


def ask(question: Question, parts: Parts, progress: Progress, filters: dict[str, Any]) -> Answer:
    """The answer to a question: that of its only part, or those of its parts, joined."""
    began = time.perf_counter()
    progress(f"searching {len(parts.index.articles)} reports")
    pieces = split(question.text, parts.index.outlets)
    answers = [answer_part(piece, parts, progress, filters) for piece in pieces]
    result = answers[0] if len(answers) == 1 else join(pieces, answers, parts)
    trace = {**result.trace, "parts": described(pieces)}
    trace["seconds"] = round(time.perf_counter() - began, 3)
    return replace(result, question=question.text, trace=trace)


def answer_part(piece: Part, parts: Parts, progress: Progress, filters: dict[str, Any]) -> Answer:
    """Find evidence, draft, cite and verify, assemble."""
    question = analyse(piece.text)
    filters = until_named(question, narrowed(filters, piece), parts.index)
    found = find(piece, question, parts, filters)
    trace = _trace(question, parts, found)
    if piece.kind == "ask" and not is_addressed(question, found):
        found = search_again(piece, question, found, parts, filters, trace)
    surveyed = survey(question, found, parts.index.cluster_of, parts.index.encoder)
    if piece.kind == "ask" and not surveyed.denials and not is_addressed(question, found):
        return decline(question, found, trace)
    progress("drafting")
    evidence, drafts = draft(piece, question, found, surveyed, parts, trace)
    progress(f"checking {len(drafts)} sentences")
    evidence, verified = judge(piece, question, found, evidence, drafts, parts, trace)
    evidence, verified = preface(surveyed, evidence, verified, parts)
    return assemble(question, found, surveyed, evidence, verified, trace, parts.index.cluster_of)


def judge(
    piece: Part,
    question: Question,
    found: Found,
    evidence: tuple[Evidence, ...],
    drafts: Sequence[DraftClaim],
    parts: Parts,
    trace: dict[str, Any],
) -> tuple[tuple[Evidence, ...], Verified]:
    """The draft's sentences checked, mended, or replaced by quotations, with their evidence."""
    before = unreadable(parts.checker)
    verified = verify(drafts, evidence, parts.checker, parts.on_judged)
    if trace["voice"] == "write":
        verified = mend(question, verified, evidence, parts, trace)
    if not verified.claims and piece.kind == "ask":
        evidence, verified = quote_instead(found, verified, parts, trace)
    if unread := unreadable(parts.checker) - before:
        trace["unreadable_verdicts"] = unread
    return evidence, verified


def preface(
    surveyed: Survey, evidence: tuple[Evidence, ...], verified: Verified, parts: Parts
) -> tuple[tuple[Evidence, ...], Verified]:
    """What the reports differ in comes first, whoever wrote the rest; not where one denies it."""
    if surveyed.denials or not verified.claims:
        return evidence, verified
    said = (s for side in surveyed.sides for s in side.sayings)
    evidence, labels = labelled(said, evidence)
    drafts = difference_drafts(surveyed, labels, parts.index.cluster_of)
    first = verify(drafts, evidence, parts.checker, parts.on_judged)
    return evidence, Verified((*first.judged, *verified.judged), verified.refused)


def find(piece: Part, question: Question, parts: Parts, filters: dict[str, Any]) -> Found:
    """Evidence for one part; to say who mentions something, more reports are looked through."""
    if piece.kind == "mentions":
        count = MENTION_PASSAGES * (2 if parts.besides else 1)
        filters = {**filters, "k": count, "per_article": 2}
    return find_evidence(question, parts.index, parts.reader, also=piece.also, **filters)


def search_again(
    piece: Part,
    question: Question,
    found: Found,
    parts: Parts,
    filters: dict[str, Any],
    trace: dict[str, Any],
) -> Found:
    """Before declining: search in other words, where there is a model that can propose them."""
    if not can_write(parts.model):
        return found
    try:
        proposed = propose_searches(question, parts.model)
    except ModelReplyError as error:
        trace["searches_error"] = str(error)
        return found
    trace["searches"] = list(proposed)
    if not proposed:
        return found
    return find(replace(piece, also=(*piece.also, *proposed)), question, parts, filters)


def until_named(question: Question, filters: dict[str, Any], index: Index) -> dict[str, Any]:
    """The filters with the day of an "as of 3 May" in the question, if it names one."""
    day = as_of_day(question, max((a.published or "" for a in index.articles.values()), default=""))
    return {**filters, "until": earlier(filters.get("until"), day)} if day else filters


def narrowed(filters: dict[str, Any], piece: Part) -> dict[str, Any]:
    """The caller's filters and the part's own outlets: both must hold."""
    if not piece.outlets:
        return filters
    given = filters.get("outlets")
    allowed = None if given is None else {name.strip().casefold() for name in given}
    kept = [o for o in piece.outlets if allowed is None or o.casefold() in allowed]
    return {**filters, "outlets": kept}


def draft(
    piece: Part,
    question: Question,
    found: Found,
    surveyed: Survey,
    parts: Parts,
    trace: dict[str, Any],
) -> tuple[tuple[Evidence, ...], list[DraftClaim]]:
    """Evidence and a draft made from it, in the voice that the model can speak."""
    if piece.kind == "mentions":
        trace["voice"] = "mentions"
        too = partial(reports_too, piece.text, parts.besides)
        return quote_mentions(found, too if parts.besides else None)
    if parts.model == "none" or not can_write(parts.model):
        if surveyed.denials:
            denial = surveyed.denials[0]
            trace["premise"] = {"holds": False, "article_id": denial.passage.article.id}
            return quote_denial(denial, found)
        return quote(question, found, surveyed)
    trace["voice"] = "write"
    written = {n: load_prompt(n).sha256 for n in ("write.system", "write.user")}
    trace["prompts"] = {**trace.get("prompts", {}), **written}
    evidence = found.passages(WRITING_EVIDENCE)
    try:
        drafts = write(question, evidence, parts.model)
        trace["model_declined"] = not drafts
        return evidence, drafts
    except ModelReplyError as error:
        # An unusable reply is no reason to leave the reader without the sources' own words.
        trace["model_error"] = str(error)
        return evidence, []


def reports_too(claim: str, besides: Sequence[Article], article: Article) -> bool:
    """Whether an article may be quoted as one that reports a claim, too, `besides` others.

    It must be another outlet's, and give no other number or date and no denial for it.
    """
    for known in besides:
        if article.id == known.id or (article.outlet and article.outlet == known.outlet):
            return False
    checks = hard_checks(claim, article.text, article.published)
    return all(c.passed for c in checks if c.name in {"number", "date", "negation"})


def mend(
    question: Question,
    verified: Verified,
    evidence: Sequence[Evidence],
    parts: Parts,
    trace: dict[str, Any],
) -> Verified:
    """One more try for each refused sentence; the trace counts the ways (`rag.repair`).

    If only quotations would be left, those that answer best are better than the nearest to what
    was refused: then nothing is mended.
    """
    repair = Repair(evidence, parts.checker, partial(rewrite, question, model=parts.model))
    mended = repair(verified)
    if all(claim.kind == "quote" for claim in mended.claims):
        return verified
    if verified.rejected:
        trace["repairs"] = repair.counts
    return mended


def quote_instead(
    found: Found, verified: Verified, parts: Parts, trace: dict[str, Any]
) -> tuple[tuple[Evidence, ...], Verified]:
    """The best sentences verbatim, where nothing of the draft survived; its refusals are kept."""
    trace["voice"] = "quote instead"
    sentences, drafts = quote_sentences(found)
    quoted = verify(drafts, sentences, parts.checker, parts.on_judged)
    return sentences, Verified(quoted.judged, verified.rejected)


def assemble(
    question: Question,
    found: Found,
    surveyed: Survey,
    evidence: Sequence[Evidence],
    verified: Verified,
    trace: dict[str, Any],
    cluster_of: Callable[[str], int],
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
    claims = tuple(remarked(c, surveyed) for c in verified.claims)
    rows = ledger_of(surveyed, cluster_of) or quoted_rows(claims, cluster_of)
    return Answer(
        question.text,
        "answered",
        claims,
        verified.rejected,
        rows,
        tuple(evidence),
        note_of(verified, trace, cluster_of),
        trace,
    )


def remarked(claim: Claim, surveyed: Survey) -> Claim:
    """The claim, marked if it rests on unnamed sources or opinion alone."""
    if claim.kind == "difference":
        return claim
    spans = {s.sentence.passage: s.span for side in surveyed.sides for s in side.sayings}
    voices = [voice_of(c.passage, spans.get(c.passage, (c.start, c.end))) for c in claim.citations]
    return replace(claim, remark=remark_of(voices))


def join(pieces: Sequence[Part], answers: Sequence[Answer], parts: Parts) -> Answer:
    """One answer from those of the parts, in their order; what isn't answered is said."""
    answered = [a for a in answers if a.outcome == "answered"]
    unanswered = [
        f"{piece.text} {a.note}"
        for piece, a in zip(pieces, answers, strict=True)
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
        tuple(p for a in answered for p in a.ledger),
        tuple(Evidence(f"E{n}", hit) for n, hit in enumerate(found, start=1)),
        " ".join(notes),
        {
            "model": parts.model,
            "voice": "parts",
            "generation": parts.index.generation,
            "answers": [{"outcome": a.outcome, **a.trace} for a in answers],
        },
    )


def note_of(verified: Verified, trace: dict[str, Any], cluster_of: Callable[[str], int]) -> str:
    """What a reader is looking at, and how many independent reports it is, if that differs."""
    if trace["voice"] == "mentions":
        return _count_of_reports(verified.claims, cluster_of)
    cited = {c.article_id for claim in verified.claims for c in claim.citations}
    count = counted(len(cited), independent(cited, cluster_of))
    note = _note_of_kind({c.kind for c in verified.claims}, trace)
    return f"{note} Cited: {count}." if count else note


def _note_of_kind(kinds: set[Kind], trace: dict[str, Any]) -> str:
    if "premise" in trace:
        return (
            "Not every report agrees with what the question takes for granted: the one quoted "
            "first says otherwise. All of this is in the reports' own words."
        )
    if "difference" in kinds and "written" not in kinds:
        return (
            "The reports don't agree, so compare: each value is in a report's own words, with the "
            "sentence that says it beneath."
        )
    if kinds == {"span"}:
        return "In the reports' own words; the sentences that say it are quoted beneath."
    if kinds == {"quote"}:
        return "These are quotations: the reports' own sentences, word for word."
    if kinds <= {"span", "quote"}:
        return "In the reports' own words: a short answer, then the sentences that answer best."
    note = f"Written by {trace['model']}; every sentence was checked against what it cites."
    return f"{note} A sentence in quotation marks is a report's own." if "quote" in kinds else note


def _count_of_reports(claims: Sequence[Claim], cluster_of: Callable[[str], int]) -> str:
    """How many of the reports, and which outlets, the claims cite."""
    articles = {c.article_id: c.passage.article for claim in claims for c in claim.citations}
    outlets = sorted({a.outlet or "an unknown outlet" for a in articles.values()})
    reports = f"{len(articles)} report{'s' * (len(articles) > 1)}"
    reports = counted(len(articles), independent(articles, cluster_of)) or reports
    return f"{reports} found, by {', '.join(outlets)}; each is quoted where it mentions it."


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
        **traced(parts.checker),
        "generation": parts.index.generation,
        "passages": len(found.nearest),
    }


@lru_cache(maxsize=4)
def _opened(path: str) -> Index:
    return open_index(path)
