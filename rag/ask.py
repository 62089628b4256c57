"""The way from a question to a checked, cited answer.

plan -> find -> read -> compare -> write -> cite and verify -> assemble

Each step is a module of that name (find is `rag.evidence`); each takes what the one before gives.
Without a language model nothing is read: the sentences that answer best are quoted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from index import Article, Hit, Index, Passage, open_index
from index.errors import ModelError, ModelReplyError
from index.search import earlier
from rag.checkers import load_checker, traced, unreadable
from rag.cite import Verified, verify
from rag.compare import Compared, compare
from rag.evidence import Found, Scored, find_evidence, is_addressed
from rag.ledger import counted, independent, ledger_of, quoted_rows, remark_of
from rag.model_files import Tell
from rag.models import (
    EMBEDDED,
    NONE,
    Model,
    Tick,
    check_model,
    default_model,
    is_embedded,
    load_model,
)
from rag.plan import Part, Plan, plan, turns_of
from rag.prompts import load_prompt
from rag.question import Question, analyse
from rag.read import Reading, read, windows
from rag.reader import Reader, load_reader
from rag.schema import NEAREST, Answer, Citation, Claim, Evidence, Kind, Rejection
from rag.timing import as_of_day
from rag.verify import Checker
from rag.voice import voice_of
from rag.write import (
    MAX_QUOTES,
    Draft,
    best_sentences,
    mentions,
    nearest,
    on_point,
    quotations,
    read_sentences,
    values,
    written,
)

Progress = Callable[[str], None]
#: Told of each sentence as soon as it was checked.
OnJudged = Callable[[Claim | Rejection], None]
#: Passages that are looked through for the reports that mention something, and how far a sentence
#: must cover the words asked for, by itself and with its surroundings.
MENTION_PASSAGES, MENTION = 40, {"coverage": 0.5, "context_coverage": 0.75}
#: What is said of a sentence that is shown and that the model did not take for an answer.
UNREAD = "nearest by the search; the model took other words for the answer"
#: And of one whose words may answer, but not surely enough to be set against the others.
APART, MAX_APART = "read less surely: it may be about something else", 2
#: What an answer's note begins with where no reading is sure enough to be told.
DOUBTFUL = "No report surely answers this; these sentences come nearest. "
#: Why what was shown while reading is not in the answer.
OUTDONE, UNDONE = "another report answers it more surely", "no answer stood in the end"


@dataclass(frozen=True)
class Way:
    """What the way needs: an index, the small reader, a checker, a language model or None.

    `unheard` says why there is no model, where one was asked for. `besides` are articles whose
    outlets "who else" is not answered with.
    """

    index: Index
    reader: Reader
    checker: Checker
    model: Model | None
    progress: Progress
    on_judged: OnJudged
    unheard: str = ""
    besides: tuple[Article, ...] = ()

    def during(self, step: str) -> Tick:
        """Tells a step while the model is at it: whoever watches may end it."""
        return lambda texts: self.progress(step)


def answer(
    question: str,
    index: str | Path | Index,
    model: str | Model | None = None,
    *,
    outlets: Sequence[str] | None = None,
    since: str | None = None,
    until: str | None = None,
    as_of: str | None = None,
    history: Sequence[Answer | Mapping[str, Any]] = (),
    progress: Progress | None = None,
    on_judged: OnJudged | None = None,
    tell: Tell | None = None,
) -> Answer:
    """A cited answer in which every sentence was checked, or a declined one.

    `model` is "embedded", "none", a LiteLLM name, or a `rag.models.Model`; None takes the
    configured one. Where the embedded one can't be had, the answer is that of "none", and its note
    says why. `outlets`, `since` and `until` (ISO dates) narrow the search; `as_of` asks as if it
    were that day: what was published later is not there. `history` are the answers of a
    conversation, oldest first, or what `to_dict` made of them: with it, a follow-up is asked as it
    stands alone (`rag.plan`), and the trace says how. `progress` is told each step in words, again
    and again while it lasts; `on_judged` each sentence once it was checked: first the nearest one,
    then each value as its report was read, then the answer's own. What either raises ends the way
    there. `tell` is told how the embedded model is fetched, where that is needed.
    The checker is the one that WIRECHECK_CHECKER names, else the one that ships.
    Raises QuestionError, SettingError, IndexProblem or ModelError, each one line for a user.
    """
    began = time.perf_counter()
    asked = analyse(question)
    if isinstance(model, str) or model is None:
        check_model(model or default_model())
    corpus = index if isinstance(index, Index) else _opened(str(Path(index).resolve()))
    turns = turns_of(history)
    filters = {"outlets": outlets, "since": since, "until": earlier(until, as_of)}
    # Last, since it may be gigabytes: whatever else is wrong has been said by now.
    name, reads, unheard = _model_of(model, tell)
    way = Way(
        corpus,
        load_reader(),
        load_checker(),
        reads,
        progress or (lambda step: None),
        on_judged or (lambda judged: None),
        unheard,
        _cited_before(asked, turns[-1].answer) if turns else (),
    )
    way.progress(f"searching {len(corpus.articles)} reports")
    planned = plan(asked.text, turns, reads, corpus.outlets, way.during("reading the question"))
    answers = [answer_part(part, way, filters) for part in planned.parts]
    result = answers[0] if len(answers) == 1 else join(planned.parts, answers)
    return _finished(asked, result, planned, way, name, time.perf_counter() - began)


def _model_of(model: str | Model | None, tell: Tell | None) -> tuple[str, Model | None, str]:
    """Its name, the model, and why there is none where one was asked for."""
    if model is not None and not isinstance(model, str):
        return model.name, model, ""
    name = model or default_model()
    if name == NONE:
        return name, None, ""
    try:
        return name, load_model(name, tell or (lambda what, done, of: None)), ""
    except ModelError as error:
        if not is_embedded(name):
            raise
        return NONE, None, str(error)


def answer_part(part: Part, way: Way, filters: dict[str, Any]) -> Answer:
    """The answer to one question that stands alone."""
    question = analyse(part.text)
    filters = until_named(question, narrowed(filters, part), way.index)
    if part.kind == "mentions":
        return _mentioned(question, way, filters)
    found = find_evidence(question, way.index, way.reader, **filters)
    if way.model is None or not found.sentences:
        return _quoted(question, found, way)
    return _read(question, found, way, way.model)


def _mentioned(question: Question, way: Way, filters: dict[str, Any]) -> Answer:
    """Every report that mentions the words, each quoted where it does."""
    count = MENTION_PASSAGES * (2 if way.besides else 1)
    found = find_evidence(question, way.index, way.reader, k=count, per_article=2, **filters)
    told = {a.outlet for a in way.besides} | {a.id for a in way.besides}
    others = [
        s
        for s in found.sentences
        if not {s.passage.article.id, s.passage.article.outlet} & (told - {None})
    ]
    found = replace(found, sentences=tuple(others))
    return _shown(question, found, mentions(found, MENTION), way, "mentions")


def _quoted(question: Question, found: Found, way: Way) -> Answer:
    """Without a language model: whole sentences, if they address the question."""
    if not is_addressed(question, found):
        return decline(question, found, way)
    return _shown(question, found, best_sentences(found), way, "quote")


def _shown(question: Question, found: Found, draft: Draft, way: Way, voice: str) -> Answer:
    """An answer of quotations alone."""
    verified = verify(draft.claims, draft.evidence, way.checker, way.on_judged)
    if not verified.claims:
        return replace(decline(question, found, way), rejected=verified.rejected)
    claims = tuple(remarked(c) for c in verified.claims)
    cluster_of = way.index.cluster_of
    note = _count_of_reports if voice == "mentions" else note_of
    return Answer(
        question.text,
        "answered",
        claims,
        verified.rejected,
        quoted_rows(claims, cluster_of),
        draft.evidence,
        note(claims, cluster_of),
        {"voice": voice, **_trace(question, found)},
    )


# --- with a language model ---------------------------------------------------------------------


@dataclass
class Watched:
    """What is shown while the reports are read, so that none of it is silently withdrawn."""

    on_judged: OnJudged
    claims: dict[Citation, Claim] = field(default_factory=dict)

    def nearest(self, found: Found) -> None:
        """Show the best sentence, as such."""
        best = found.sentences[0]
        text = " ".join(best.passage.text.split())
        citation = Citation(best.passage, best.score)
        self.on_judged(Claim(text, (citation,), best.score, (), "quote", NEAREST))

    def positions(self, question: Question, found: Found, readings: Sequence[Reading]) -> None:
        """Show each value that stands so far, once."""
        said = _compared(question, found, readings)
        for side in said.sides if said.in_short else ():
            for reading in side.readings:
                citation = Citation(reading.sentence.passage, 0.0)
                if citation not in self.claims:
                    text = " ".join(reading.words.text.split())
                    shown = replace(citation, support=reading.sure)
                    self.claims[citation] = Claim(text, (shown,), reading.sure, (), "span")
                    self.on_judged(self.claims[citation])

    def withdrawn(self, claims: Sequence[Claim]) -> tuple[Rejection, ...]:
        """What was shown and is not cited by the answer, with the reason."""
        why = OUTDONE if claims else UNDONE
        return tuple(
            Rejection(claim.text, "unsure", f"{why} ({citation.article_id} said it)")
            for citation, claim in self.claims.items()
            if not _cites(claims, citation.passage)
        )


def _read(question: Question, found: Found, way: Way, model: Model) -> Answer:
    """Each report is asked; what stands is compared, told, and checked."""
    watched = Watched(way.on_judged)
    result = _heard(question, found, way, model, watched)
    return replace(result, rejected=(*result.rejected, *watched.withdrawn(result.claims)))


def _heard(question: Question, found: Found, way: Way, model: Model, watched: Watched) -> Answer:
    """The answer of what is read, part of which `watched` shows before."""
    watched.nearest(found)
    reports = windows(found, way.index.cluster_of)
    way.progress(f"reading {len(reports)} reports")

    def on_read(readings: Sequence[Reading]) -> None:
        watched.positions(question, found, readings)

    try:
        readings = read(question, reports, model, on_read, way.during("reading the reports"))
    except ModelReplyError as error:
        # An unusable reply is no reason to leave the reader without the sources' own words.
        return _traced(_quoted(question, found, way), model_error=str(error))
    compared = _compared(question, found, readings)
    trace = {**_trace(question, found), "readings": _readings(readings)}
    trace["confidence"] = round(max((r.sure for r in readings), default=0.0), 4)
    if not compared.sides:
        declined = decline(question, found, way, compared)
        return replace(declined, trace={**declined.trace, **trace})
    draft, verified, voice = _told(question, found, compared, way, model, trace)
    if not verified.claims:
        declined = decline(question, found, way, compared)
        return replace(declined, rejected=verified.rejected, trace={**declined.trace, **trace})
    claims = tuple(remarked(c, compared) for c in verified.claims)
    cluster_of = way.index.cluster_of
    return Answer(
        question.text,
        "answered",
        claims,
        verified.rejected,
        (not compared.doubtful and ledger_of(compared, cluster_of))
        or quoted_rows(claims, cluster_of),
        draft.evidence,
        DOUBTFUL * compared.doubtful + note_of(claims, cluster_of, model.name),
        {"voice": voice, **trace},
    )


def _compared(question: Question, found: Found, readings: Sequence[Reading]) -> Compared:
    return compare(question, readings, found.sentences, is_addressed(question, found))


def _told(
    question: Question,
    found: Found,
    compared: Compared,
    way: Way,
    model: Model,
    trace: dict[str, Any],
) -> tuple[Draft, Verified, str]:
    """A value in the reports' words; else what the model writes, and what that leaves out.

    Of doubtful readings the sentences alone.
    """
    before = unreadable(way.checker)
    cluster_of = way.index.cluster_of
    if compared.in_short:
        draft, voice = values(compared, cluster_of), "values"
        rest = [r.sentence for r in compared.apart[:MAX_APART]]
    elif compared.doubtful:
        draft, voice = Draft((), ()), "quote"
        rest = read_sentences(compared)[:MAX_QUOTES]
    else:
        draft, voice = _written(question, compared, way, model, trace), "write"
        rest = [*read_sentences(compared)[:MAX_QUOTES], *nearest(found)]
    verified = verify(draft.claims, draft.evidence, way.checker, way.on_judged)
    verified = on_point(verified, compared)
    draft, verified = _completed([*rest, found.sentences[0]], draft, verified, way)
    if unread := unreadable(way.checker) - before:
        trace["unreadable_verdicts"] = unread
    return draft, verified, voice


def _written(
    question: Question, compared: Compared, way: Way, model: Model, trace: dict[str, Any]
) -> Draft:
    way.progress("writing")
    try:
        return written(question, compared, model, way.checker, way.during("writing"))
    except ModelReplyError as error:
        trace["model_error"] = str(error)
        return Draft((), ())


def _completed(
    sentences: Sequence[Scored], draft: Draft, verified: Verified, way: Way
) -> tuple[Draft, Verified]:
    """With those of the sentences, whole, that no claim cites yet; so is the one shown first."""
    rest = quotations(s for s in sentences if not _cites(verified.claims, s.passage))
    quoted = verify(rest.claims, rest.evidence, way.checker, way.on_judged)
    hits = {e.hit.passage: e.hit for e in (*draft.evidence, *rest.evidence)}
    evidence = tuple(Evidence(f"E{n}", hit) for n, hit in enumerate(hits.values(), 1))
    return replace(draft, evidence=evidence), Verified((*verified.judged, *quoted.judged))


def _cites(claims: Sequence[Claim], sentence: Passage) -> bool:
    """Whether a claim cites this sentence, or a part of it."""
    same = (c for k in claims for c in k.citations if c.article_id == sentence.article.id)
    return any(c.start < sentence.end and sentence.start < c.end for c in same)


def _readings(readings: Sequence[Reading]) -> list[dict[str, Any]]:
    """What each report was read to say, JSON-ready, for whoever wonders."""
    return [
        {"article_id": r.article.id, "words": r.words.text, "yes": round(r.yes, 4)}
        for r in readings
    ]


# --- what was asked ----------------------------------------------------------------------------


def _cited_before(question: Question, last: Answer) -> tuple[Article, ...]:
    """The articles that "who else" is not to be answered with."""
    if " else" not in question.text:
        return ()
    return tuple(
        {c.article_id: c.passage.article for k in last.claims for c in k.citations}.values()
    )


def until_named(question: Question, filters: dict[str, Any], index: Index) -> dict[str, Any]:
    """The filters with the day of an "as of 3 May" in the question, if it names one."""
    day = as_of_day(question, max((a.published or "" for a in index.articles.values()), default=""))
    return {**filters, "until": earlier(filters.get("until"), day)} if day else filters


def narrowed(filters: dict[str, Any], part: Part) -> dict[str, Any]:
    """The caller's filters and the part's own outlets: both must hold."""
    if not part.outlets:
        return filters
    given = filters.get("outlets")
    allowed = None if given is None else {name.strip().casefold() for name in given}
    kept = [o for o in part.outlets if allowed is None or o.casefold() in allowed]
    return {**filters, "outlets": kept}


# --- assemble ----------------------------------------------------------------------------------


def remarked(claim: Claim, compared: Compared | None = None) -> Claim:
    """The claim, marked if unnamed sources or opinion alone say it, or if it wasn't read."""
    if claim.kind == "difference":
        return claim
    said = [r for side in compared.sides for r in side.said] if compared else []
    spans = {r.sentence.passage: (r.words.start, r.words.end) for r in said}
    if compared and claim.kind == "quote":
        shown = claim.citations[0].passage
        doubted = [r.sentence.passage for r in compared.apart] + list(spans) * compared.doubtful
        if shown in doubted or shown not in spans:
            return replace(claim, remark=APART if shown in doubted else UNREAD)
    voices = [voice_of(c.passage, spans.get(c.passage, (c.start, c.end))) for c in claim.citations]
    return replace(claim, remark=remark_of(voices))


def join(parts: Sequence[Part], answers: Sequence[Answer]) -> Answer:
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
        tuple(Evidence(f"E{n}", hit) for n, hit in enumerate(found, start=1)),
        " ".join(notes),
        {"voice": "parts", "answers": [{"outcome": a.outcome, **a.trace} for a in answers]},
    )


def note_of(claims: Sequence[Claim], cluster_of: Callable[[str], int], model: str = NONE) -> str:
    """What a reader is looking at, and how many independent reports it is, if that differs."""
    cited = {c.article_id for claim in claims for c in claim.citations}
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


def _count_of_reports(claims: Sequence[Claim], cluster_of: Callable[[str], int]) -> str:
    """How many of the reports, and which outlets, the claims cite."""
    articles = {c.article_id: c.passage.article for claim in claims for c in claim.citations}
    outlets = sorted({a.outlet or "an unknown outlet" for a in articles.values()})
    reports = f"{len(articles)} report{'s' * (len(articles) > 1)}"
    reports = counted(len(articles), independent(articles, cluster_of)) or reports
    return f"{reports} found, by {', '.join(outlets)}; each is quoted where it mentions it."


def decline(question: Question, found: Found, way: Way, compared: Compared | None = None) -> Answer:
    """No answer: what was looked for, what no article holds, and the nearest sentences as such."""
    wanted = {w.lower(): w for w in (*question.terms, *question.names)}
    looked = ", ".join(wanted.values()) or question.text.rstrip(" ?.!")
    missing = f" No report found mentions {', '.join(found.missing)}." if found.missing else ""
    note = f"The reports don't answer this. Looked for: {looked}.{missing}"
    hits = list(found.nearest[:3])
    if compared and compared.unsure:
        best = [found.sentences[0], *(r.sentence for r in compared.unsure)]
        once = list(dict.fromkeys(s.passage for s in best))[:3]
        hits = [Hit(p, 0.0, n) for n, p in enumerate(once, 1)]
    nearest = tuple(Evidence(f"E{n}", hit) for n, hit in enumerate(hits, start=1))
    trace = {"voice": "declined", **_trace(question, found)}
    return Answer(question.text, "declined", evidence=nearest, note=note, trace=trace)


def _trace(question: Question, found: Found) -> dict[str, Any]:
    return {
        "answer_type": question.asks,
        "terms": list(question.terms),
        "names": list(question.names),
        "missing": list(found.missing),
        "addressed": round(found.addressed, 4),
        "passages": len(found.nearest),
    }


def _traced(result: Answer, **more: Any) -> Answer:
    return replace(result, trace={**result.trace, **more})


def _finished(
    asked: Question, result: Answer, planned: Plan, way: Way, name: str, seconds: float
) -> Answer:
    """The answer under the question as typed, with how it was made."""
    made, checked = planned.trace(asked.text), traced(way.checker)
    sums = (made.pop("prompts", {}), checked.pop("prompts", {}), _prompts() if way.model else {})
    prompts = {key: value for some in sums for key, value in some.items()}
    trace = {
        **result.trace,
        **made,
        "model": name,
        **checked,
        "generation": way.index.generation,
        **({"prompts": prompts} if prompts else {}),
        "seconds": round(seconds, 3),
    }
    notes = [result.note]
    if way.unheard:
        trace["model_error"] = way.unheard
        notes.append(f"No language model read the reports: {way.unheard}.")
    if planned.because:
        notes.append(f"This was asked as it was typed: {planned.because}.")
    return replace(result, question=asked.text, note=" ".join(notes), trace=trace)


def _prompts() -> dict[str, str]:
    return {name: load_prompt(name).sha256 for name in ("read", "confirm", "write")}


@lru_cache(maxsize=4)
def _opened(path: str) -> Index:
    return open_index(path)
