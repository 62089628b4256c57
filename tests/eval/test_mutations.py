"""Faults planted in good answers must move the figures that are about them, and no others.

Four articles of our own: the Herald and its copy in the Post, a report of another length, and one
of an earlier closure. The answers to six questions are right; then each of ten faults is planted.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from eval.gold import GoldQuestion
from eval.metrics import Material, summarise
from eval.run import System, run
from index.records import Article, Hit, Passage
from rag.schema import Answer, Citation, Claim, Evidence, Kind, Rejection

BRIDGE = Article(
    "bridge",
    "Lorn bridge shut",
    "Lorn bridge shut\n\nThe bridge at Lorn will stay shut for 40 days, mayor Ada Quill said. "
    "“The old lady is tired,” engineer Ines Varga told the council.\n",
    "Herald",
)
COPY = replace(BRIDGE, id="copy", text=BRIDGE.text + "Ferries run.\n", outlet="Post")
FERRY = Article(
    "ferry",
    "Ferries to run",
    "Ferries to run\n\nThe bridge at Lorn will stay shut for six weeks, the works office said. "
    "The ferry carried 10,022 people on Monday.\n",
    "Courier",
)
EARLIER = Article(
    "earlier",
    "Bridge closed",
    "Bridge closed\n\nIn 2009 the bridge at Lorn was shut for five months after a barge hit it. "
    "Nobody used a ferry then.\n",
    "Herald",
)
ARTICLES = {a.id: a for a in (BRIDGE, COPY, FERRY, EARLIER)}


def sentence(article: Article, words: str) -> Passage:
    """The sentence, line end to full stop, in which the words stand."""
    at = article.text.index(words)
    start = max(article.text.rfind("\n", 0, at), article.text.rfind(". ", 0, at) + 1) + 1
    ends = [e for mark in (". ", ".\n") if (e := article.text.find(mark, at)) >= 0]
    return Passage(article, start, min(ends) + 1)


DAYS, DAYS_COPY = sentence(BRIDGE, "40 days"), sentence(COPY, "40 days")
VARGA = sentence(BRIDGE, "Varga")
WEEKS, PEOPLE = sentence(FERRY, "six weeks"), sentence(FERRY, "10,022")
MONTHS = sentence(EARLIER, "2009")
EVERY = (DAYS, VARGA, WEEKS, PEOPLE, MONTHS, DAYS_COPY)


def gold(name: str, kind: str, nuggets: Sequence[str], cites: Sequence[str], **more: Any) -> Any:
    groups = tuple(tuple(group.split("|")) for group in cites)
    return GoldQuestion(
        id=name,
        kind=kind,
        question=f"{name}?",
        answerable=bool(nuggets),
        reference="",
        nuggets=tuple((nugget,) for nugget in nuggets),
        must_cite=groups,
        may_cite=tuple(dict.fromkeys(one for group in groups for one in group)),
        forbid=tuple(more.get("forbid", ())),
    )


def claim(text: str, *cited: Passage, kind: Kind = "written") -> Claim:
    return Claim(text, tuple(Citation(p, 1.0) for p in cited), 1.0, kind=kind)


def answered(name: str, *claims: Claim, sure: float, **more: Any) -> Answer:
    trace = {"answer_type": more.pop("answer_type", None), "addressed": sure}
    evidence = tuple(Evidence(f"E{n}", Hit(p, 1.0, n)) for n, p in enumerate(EVERY, start=1))
    return Answer(f"{name}?", "answered", claims, evidence=evidence, trace=trace, **more)


QUESTIONS = [
    gold("length", "conflict", ["40 days", "six weeks"], ["bridge|copy", "ferry"]),
    gold("words", "quote", ["is tired"], ["bridge|copy"]),
    gold("people", "single", ["10,022"], ["ferry"], forbid=["12,022"]),
    gold("event", "temporal", ["40 days"], ["bridge|copy"], forbid=["five months"]),
    gold("speaker", "attribution", ["ada quill"], ["bridge|copy"]),
    gold("builder", "unanswerable", [], []),
]
GOOD = {
    "length?": answered(
        "length",
        claim("The bridge will stay shut for 40 days, Ada Quill said.", DAYS),
        claim("Six weeks, the works office said.", WEEKS),
        sure=0.9,
        rejected=(Rejection("A barge sank in the harbour of Marl.", "support", ""),),
    ),
    "words?": answered(
        "words", claim("Ines Varga said: “The old lady is tired,”", VARGA), sure=0.8
    ),
    "people?": answered(
        "people", claim("10,022 people", PEOPLE, kind="span"), sure=0.7, answer_type="how_many"
    ),
    "event?": answered("event", claim("It is shut for 40 days.", DAYS), sure=0.6),
    "speaker?": answered("speaker", claim("Mayor Ada Quill said so.", DAYS), sure=0.5),
    "builder?": Answer("builder?", "declined"),
}
#: All figures that are watched, as they are for the good answers.
CLEAN = {
    "citation_recall": 1,
    "citation_precision": 1,
    "unsupported": 0,
    "misattributed": 0,
    "fabricated": 0,
    "valid_citations": 1,
    "unverbatim": 0,
    "must_cite": 1,
    "may_cite": 1,
    "copies": 1,
    "nuggets": 1,
    "complete": 1,
    "short_answer": 1,
    "forbidden": 0,
    "conflict_recall": 1,
    "right_speaker": 1,
    "right_event": 1,
    "right_outcome": 1,
    "declined_right": 1,
    "declined_wrong": 0,
}
Change = Callable[[Answer], Answer]


def each(change: Callable[[Claim], Claim]) -> Change:
    return lambda answer: replace(answer, claims=tuple(map(change, answer.claims)))


def cited_as(change: Callable[[Passage], Passage]) -> Change:
    def changed(one: Claim) -> Claim:
        return replace(
            one, citations=tuple(Citation(change(c.passage), 1.0) for c in one.citations)
        )

    return each(changed)


def reworded(old: str, new: str) -> Change:
    return each(lambda one: replace(one, text=one.text.replace(old, new)))


def without_quotes(change: Change) -> Change:
    """The fault, and spans that show none of the wanted words: those would be found in quotes."""
    return lambda answer: cited_as(lambda p: Passage(p.article, 0, 4))(change(answer))


def refusals_shown(answer: Answer) -> Answer:
    shown = tuple(claim(r.text, DAYS) for r in answer.rejected)
    return replace(answer, claims=(*answer.claims, *shown))


def article_copied(answer: Answer) -> Answer:
    whole = Passage(BRIDGE, 0, len(BRIDGE.text))
    return replace(answer, outcome="answered", claims=(claim(BRIDGE.text, whole),))


def copies_cited(answer: Answer) -> Answer:
    def both(one: Claim) -> Claim:
        copies = tuple(Citation(DAYS_COPY, 1.0) for c in one.citations if c.passage == DAYS)
        return replace(one, citations=one.citations + copies)

    return each(both)(answer)


def other_event(answer: Answer) -> Answer:
    if answer.question != "event?":
        return answer
    return replace(answer, claims=(claim("It was shut for five months.", MONTHS),))


def never_declines(answer: Answer) -> Answer:
    if answer.outcome == "answered":
        return answer
    return replace(answered("builder", claim("The bridge is at Lorn.", DAYS), sure=0.4))


#: What each fault does; the figures that it doesn't name stay as they were.
FAULTS: dict[str, tuple[Change, dict[str, float | None]]] = {
    "none": (lambda answer: answer, {}),
    "wrong file ID": (
        cited_as(lambda p: replace(p, article=replace(p.article, id="nowhere"))),
        {
            "citation_recall": 0,
            "citation_precision": 0,
            # Of the retrieved articles others say what the sentence says: all are misattributed.
            "misattributed": 1,
            "valid_citations": 0,
            "must_cite": 0,
            "may_cite": 0,
            "copies": None,
            "unverbatim": 1,
            "nuggets": 1,
            "conflict_recall": 0,
            "right_speaker": 0,
        },
    ),
    "shifted span": (
        # The first words of the same article: real, but they say nothing of it.
        cited_as(lambda p: Passage(p.article, 0, 4)),
        {
            "citation_recall": 0,
            "citation_precision": 0,
            # "40 days" and "Ada Quill" are in the copy; the other three are in no other article.
            "misattributed": (1 / 2 + 0 + 0 + 1 + 1) / 5,
            "unsupported": (1 / 2 + 1 + 1 + 0 + 0) / 5,
        },
    ),
    "swapped number": (
        without_quotes(reworded("10,022", "12,022")),
        {
            "citation_recall": 0,
            "citation_precision": 0,
            "misattributed": (1 / 2 + 0 + 0 + 1 + 1) / 5,
            "unsupported": (1 / 2 + 1 + 1 + 0 + 0) / 5,
            "nuggets": 4 / 5,
            "complete": 4 / 5,
            "short_answer": 0,
            "forbidden": 1 / 2,
        },
    ),
    "dropped refusal": (
        refusals_shown,
        # One more sentence, of three, for the first question; it has one of three citations.
        {
            "citation_recall": (2 / 3 + 4) / 5,
            "citation_precision": (2 / 3 + 4) / 5,
            "unsupported": (1 / 3) / 5,
        },
    ),
    "always decline": (
        lambda answer: Answer(answer.question, "declined"),
        {
            **dict.fromkeys(CLEAN, None),
            "must_cite": 0,
            "nuggets": 0,
            "complete": 0,
            "conflict_recall": 0,
            "right_speaker": 0,
            "right_event": 0,
            "right_outcome": 1 / 6,
            "declined_right": 1,
            "declined_wrong": 1,
        },
    ),
    "never decline": (
        never_declines,
        {"right_outcome": 5 / 6, "declined_right": 0, "may_cite": 5 / 6},
    ),
    "copied passage as answer": (
        article_copied,
        # ALCE's citation scores stay perfect, and say so: what moves is whether it answers.
        {
            "must_cite": (1 / 2 + 1 + 0 + 1 + 1) / 5,
            "may_cite": 4 / 6,
            "nuggets": (1 / 2 + 1 + 0 + 1 + 1) / 5,
            "complete": 3 / 5,
            "short_answer": 0,
            "conflict_recall": 0,
            "right_outcome": 5 / 6,
            "declined_right": 0,
        },
    ),
    # Both files are real and right; that they are one report is seen in one figure alone.
    "citations to copies": (
        copies_cited,
        {"copies": (3 / 2 + 1 + 1 + 2 + 2) / 5},
    ),
    "wrong event": (
        other_event,
        # Well supported by what it cites, and about another year.
        {
            "must_cite": 4 / 5,
            "may_cite": 4 / 5,
            "nuggets": 4 / 5,
            "complete": 4 / 5,
            "forbidden": 1 / 2,
            "right_event": 0,
        },
    ),
    "invented quote": (
        reworded("The old lady is tired,", "The old lady wants a rest,"),
        {
            "citation_recall": 4 / 5,
            "citation_precision": 4 / 5,
            "fabricated": 1 / 5,
            "unverbatim": 1,
        },
    ),
}


def figures(change: Change) -> dict[str, float | None]:
    material = Material(
        ARTICLES, copies_of=lambda n: ("bridge", "copy") if n in ("bridge", "copy") else (n,)
    )
    system = System(lambda question: change(GOOD[question]), lambda question: EVERY)
    summary = summarise(run(QUESTIONS, system, material))
    never_the_same = {"seconds", "memory_mb"}
    return {n: f.value for n, f in summary.figures.items() if n not in never_the_same}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_moves_its_figures_and_no_others(name: str) -> None:
    change, moved = FAULTS[name]
    found = figures(change)
    assert {key: found[key] for key in CLEAN} == pytest.approx({**CLEAN, **moved})
    assert (found != figures(FAULTS["none"][0])) == (name != "none")


def test_retrieval_is_judged_apart_from_answers() -> None:
    """The same ranking has the same figures, whatever became of it."""
    before = {n: v for n, v in figures(FAULTS["none"][0]).items() if "@" in n}
    for name in FAULTS:
        assert {n: v for n, v in figures(FAULTS[name][0]).items() if "@" in n} == before
    assert before["article_mrr@10"] is not None
