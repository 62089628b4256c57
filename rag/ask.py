"""The way from a question to a checked, cited answer.

plan -> find -> read -> compare -> write -> cite and verify -> assemble

Each step is a module of that name (find is `rag.evidence`); each takes what the one before gives.
Without a language model nothing is read: the sentences that answer best are quoted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from index import Article, Index, open_index
from index.arguments import earlier
from index.engines import Place, place_of
from index.errors import ModelError
from rag.addressed import is_addressed
from rag.asking import Model, Tick
from rag.assemble import declined, joined, read_trace, told
from rag.checkers import beside, load_checker, traced, unreadable
from rag.cite import Verified, verify
from rag.compare import Compared, compare
from rag.deadline import Timed, ends, question_seconds
from rag.evidence import Found, Scored, find_evidence
from rag.model_room import Tell
from rag.models import check_model, default_model, model_for
from rag.of_time import told_time
from rag.plan import Part, Plan, asked_on, cited_before, narrowed, plan, turns_of
from rag.prompts import load_prompt
from rag.question import Question, analyse
from rag.read import Reading, read, windows
from rag.reader import Reader, load_reader
from rag.schema import Answer, labelled
from rag.verify import Checker
from rag.watched import OnJudged, Watched, cites
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
#: Passages that are looked through for the reports that mention something, and how far a sentence
#: must cover the words asked for, by itself and with its surroundings.
MENTION_PASSAGES, MENTION = 40, {"coverage": 0.5, "context_coverage": 0.75}
#: Readings that are quoted beside a value, because they may be about something else.
MAX_APART = 2


@dataclass(frozen=True)
class Way:
    """What the way needs: an index, the small reader, a checker, a language model or None.

    `unheard` says why there is no model, where one was asked for. `besides` are articles whose
    outlets "who else" is not answered with. `today` is the day on which it is asked.
    """

    index: Index
    reader: Reader
    checker: Checker
    model: Model | None
    progress: Progress
    on_judged: OnJudged
    unheard: str
    besides: tuple[Article, ...]
    today: date

    def during(self, step: str) -> Tick:
        """Tells a step while the model is at it: whoever watches may end it."""
        return lambda texts: self.progress(step)


def answer(
    question: str,
    index: str | Place | Index,
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

    `model` is "embedded", "none", a LiteLLM name, or a `rag.asking.Model`; None takes the
    configured one. Where the embedded one can't be had, the answer is that of "none", and its note
    says why. `outlets`, `since` and `until` (ISO dates) narrow the search; `as_of` asks as if it
    were that day: what was published later is not there, and "this week" is that day's; else it is
    asked today. `history` are the answers of a conversation, oldest first, or what `to_dict` made
    of them: with it, a follow-up is asked as it stands alone (`rag.plan`), and the trace says how.
    `progress` is told each step in words, again and again while it lasts; `on_judged` each sentence
    once it was checked: first the nearest one, then each value as its report was read, then the
    answer's own. What either raises ends the way there. `tell` is told how the embedded model is
    fetched, where that is needed.
    The checker is the one that WIRECHECK_CHECKER names, else the one that ships.
    Raises QuestionError (also after WIRECHECK_SECONDS), SettingError, IndexProblem or ModelError,
    each one line for a user. A model that fails on the way is no error: the answer is quotations.
    """
    began, seconds = time.perf_counter(), question_seconds()
    asked = analyse(question)
    if isinstance(model, str) or model is None:
        check_model(model or default_model())
    corpus = index if isinstance(index, Index) else _index_at(place_of(index))
    turns = turns_of(history)
    filters = {"outlets": outlets, "since": since, "until": earlier(until, as_of)}
    # Last, since it may be gigabytes: whatever else is wrong has been said by now.
    name, reads, unheard = model_for(model, tell)
    reads = Timed(reads, seconds) if reads else None
    way = Way(
        corpus,
        load_reader(),
        beside(load_checker(), reads),
        reads,
        ends(seconds, progress or (lambda step: None)),
        ends(seconds, on_judged or (lambda judged: None)),
        unheard,
        cited_before(asked, turns[-1].answer) if turns else (),
        date.fromisoformat(as_of) if as_of else date.today(),
    )
    way.progress(f"searching {len(corpus.articles)} reports")
    planned = plan(asked.text, turns, reads, corpus.outlets, way.during("reading the question"))
    answers = [answer_part(part, way, filters) for part in planned.parts]
    result = answers[0] if len(answers) == 1 else joined(planned.parts, answers)
    return _finished(asked, result, planned, way, name, time.perf_counter() - began)


def answer_part(part: Part, way: Way, filters: dict[str, Any]) -> Answer:
    """The answer to one question that stands alone."""
    question, until = asked_on(analyse(part.text), way.today, way.index)
    filters = narrowed({**filters, "until": earlier(filters.get("until"), until)}, part)
    return told_time(question, _answered(question, part, way, filters))


def _answered(question: Question, part: Part, way: Way, filters: dict[str, Any]) -> Answer:
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
        return declined(question, found)
    return _shown(question, found, best_sentences(found), way, "quote")


def _shown(question: Question, found: Found, draft: Draft, way: Way, voice: str) -> Answer:
    """An answer of quotations alone."""
    verified = verify(draft.claims, draft.evidence, way.checker, way.on_judged)
    return told(question, found, draft, verified, voice, way.index.cluster_of)


# --- with a language model ---------------------------------------------------------------------


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
        watched.positions(_compared(question, found, readings))

    try:
        readings = read(question, reports, model, on_read, way.during("reading the reports"))
    except ModelError as error:
        # A model that fails is no reason to leave the reader without the sources' own words.
        return _traced(_quoted(question, found, way), model_error=str(error))
    compared = _compared(question, found, readings)
    if not compared.sides:
        return declined(question, found, compared, trace=read_trace(readings))
    trace: dict[str, Any] = {}
    draft, verified, voice = _told(question, found, compared, way, model, trace)
    result = told(
        question,
        found,
        draft,
        verified,
        voice,
        way.index.cluster_of,
        compared,
        readings,
        model.name,
    )
    return _traced(result, **trace)


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
    near = nearest(found, compared.sides[0].sure if compared.in_short else 0.0)
    if compared.in_short:
        draft, voice = values(compared, way.index.cluster_of), "values"
        rest = [r.sentence for r in compared.apart[:MAX_APART]]
    else:
        rest = read_sentences(compared)[:MAX_QUOTES]
        draft, voice = Draft((), ()), "quote"
        if not compared.doubtful:
            draft, voice = _written(question, compared, way, model, trace), "write"
    verified = verify(draft.claims, draft.evidence, way.checker, way.on_judged)
    verified = on_point(question, verified, compared)
    draft, verified = _completed([*rest, *near, found.sentences[0]], draft, verified, way)
    if unread := unreadable(way.checker) - before:
        trace["unreadable_verdicts"] = unread
    return draft, verified, voice


def _written(
    question: Question, compared: Compared, way: Way, model: Model, trace: dict[str, Any]
) -> Draft:
    way.progress("writing")
    try:
        return written(question, compared, model, way.checker, way.during("writing"))
    except ModelError as error:
        trace["model_error"] = str(error)
        return Draft((), ())


def _completed(
    sentences: Sequence[Scored], draft: Draft, verified: Verified, way: Way
) -> tuple[Draft, Verified]:
    """With those of the sentences, whole, that no claim cites yet; so is the one shown first."""
    rest = quotations(s for s in sentences if not cites(verified.claims, s.passage))
    whole = verify(rest.claims, rest.evidence, way.checker, way.on_judged)
    hits = {e.hit.passage: e.hit for e in (*draft.evidence, *rest.evidence)}
    shown = replace(draft, evidence=labelled(hits.values()))
    return shown, Verified((*verified.judged, *whole.judged))


# --- the end -----------------------------------------------------------------------------------


def _traced(result: Answer, **more: Any) -> Answer:
    return replace(result, trace={**result.trace, **more})


def _finished(
    asked: Question, result: Answer, planned: Plan, way: Way, name: str, seconds: float
) -> Answer:
    """The answer under the question as typed, with how it was made."""
    made, checked = planned.trace(asked.text), traced(way.checker)
    prompts = {**made.pop("prompts", {}), **checked.pop("prompts", {})}
    if way.model:
        prompts |= {name: load_prompt(name).sha256 for name in ("read", "confirm", "write")}
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
    parts = (result.trace, *result.trace.get("answers", ()))
    for failure in dict.fromkeys(part["model_error"] for part in parts if "model_error" in part):
        notes.append(f"The language model failed: {failure}.")
    if planned.because:
        notes.append(f"This was asked as it was typed: {planned.because}.")
    return replace(result, question=asked.text, note=" ".join(notes), trace=trace)


def _index_at(place: Place) -> Index:
    # One in Milvus is opened anew: what serves may have changed, and the old may be gone.
    return _opened(str(place.resolve())) if isinstance(place, Path) else open_index(place)


@lru_cache(maxsize=4)
def _opened(path: str) -> Index:
    return open_index(path)
