"""Empty, partial and missing inputs in one matrix: what can't be computed says so and is not 0."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from eval.answers import MEASURES as ANSWERS
from eval.figures import JudgeNote
from eval.gold import GoldQuestion
from eval.grounding import MEASURES as GROUNDING
from eval.judging import Pair
from eval.metrics import BY_NAME, MEASURES, Material, Summary, misses, summarise
from eval.report_text import table
from eval.retrieval import MEASURES as RETRIEVAL
from eval.run import System, run
from rag.schema import Answer
from tests.eval.test_mutations import ARTICLES, EVERY, GOOD, QUESTIONS

Change = Callable[[Answer], Answer]
JUDGED = {"citation_recall", "citation_precision", "unsupported", "misattributed"}
SPANS = {n for n in BY_NAME if n.startswith("span_")}
ALL = {m.name for m in MEASURES}
NAMES = {
    "retrieval": {m.name for m in RETRIEVAL},
    "grounding": {m.name for m in GROUNDING},
    "answers": {m.name for m in ANSWERS},
}


@dataclass
class Silent:
    """A judge that never has a verdict."""

    name: str = "silent"

    def judge(self, pairs: Sequence[Pair]) -> list[bool | None]:
        return [None] * len(pairs)


def fails(answer: Answer) -> Answer:
    raise RuntimeError("no reply")


def declines(answer: Answer) -> Answer:
    return Answer(answer.question, "declined")


def says_nothing(answer: Answer) -> Answer:
    return replace(answer, claims=(), ledger=(), evidence=(), trace={})


def cites_nothing(answer: Answer) -> Answer:
    return replace(answer, claims=tuple(replace(c, citations=()) for c in answer.claims))


def kept(name: str) -> list[GoldQuestion]:
    return [q for q in QUESTIONS if q.id == name]


def bare(**fields: Any) -> list[GoldQuestion]:
    return [replace(q, **fields) for q in QUESTIONS]


#: Questions, what becomes of the answers, the material without, whether there is a ranking; then
#: the figures that no question has a value for, and of these those that are unscored.
MATRIX: dict[str, dict[str, Any]] = {
    "whole": {"lacks": set()},
    "no question": {"questions": [], "lacks": ALL},
    "no ranking": {"rank": False, "lacks": NAMES["retrieval"], "unscored": NAMES["retrieval"]},
    "nobody knows of copies": {"copies": False, "lacks": {"copies"}, "unscored": {"copies"}},
    "passages are not known": {
        "passages": False,
        "lacks": (spans := {n for n in SPANS if not n.startswith(("span_found", "span_all"))}),
        "unscored": spans,
    },
    "the judge has no verdict": {
        "judge": Silent(),
        # A quotation that no article has is found without a judge.
        "lacks": JUDGED | {"fabricated"},
        "unscored": JUDGED | {"fabricated"},
    },
    "all fail": {
        "change": fails,
        "lacks": NAMES["retrieval"]
        | (NAMES["grounding"] - {"must_cite"})
        | {"short_answer", "short_answer_given", "forbidden", "false_difference"}
        | {"refused", "words"},
        "unscored": NAMES["retrieval"],
    },
    "all decline": {
        "change": declines,
        "lacks": (NAMES["grounding"] - {"must_cite"})
        | {"short_answer", "short_answer_given", "forbidden", "false_difference", "words"},
    },
    "answers are empty": {
        "change": says_nothing,
        "lacks": (NAMES["grounding"] - {"must_cite", "unverbatim"})
        | {"short_answer", "short_answer_given"},
    },
    "nothing is cited": {
        "change": cites_nothing,
        # ALCE's recall and precision of an answer without citations are 0, by definition.
        "lacks": {"valid_citations", "may_cite", "copies"},
    },
    "only unanswerable ones": {
        "questions": kept("builder"),
        "lacks": ALL
        - {"right_outcome", "declined_right", "declined"}
        - {"refused", "seconds", "memory_mb", "failed"},
    },
    "gold without articles": {
        "questions": bare(may_cite=(), must_cite=()),
        "lacks": NAMES["retrieval"] | {"must_cite"},
    },
    "gold with wordings that no article has": {
        "questions": bare(nuggets=(("nowhere",),), answerable=True, kind="single"),
        "lacks": SPANS | {"conflict_recall", "right_speaker", "right_event", "declined_right"},
        "unscored": SPANS,
    },
    "gold without wrong wordings": {"questions": bare(forbid=()), "lacks": {"forbidden"}},
}


def summary_of(case: dict[str, Any]) -> Summary:
    change: Change = case.get("change", lambda answer: answer)
    material = Material(
        ARTICLES,
        **({"judge": case["judge"]} if "judge" in case else {}),
        copies_of=(lambda name: (name,)) if case.get("copies", True) else None,
        passages_of=(lambda name: [p for p in EVERY if p.article.id == name])
        if case.get("passages", True)
        else None,
    )
    rank = (lambda question: EVERY) if case.get("rank", True) else None
    system = System(lambda question: change(GOOD[question]), rank)
    return summarise(run(case.get("questions", QUESTIONS), system, material))


@pytest.mark.parametrize("name", MATRIX)
def test_what_cannot_be_computed_says_so_and_meets_no_bar(name: str) -> None:
    case = MATRIX[name]
    summary = summary_of(case)
    lacking = {n for n, found in summary.figures.items() if found.value is None}
    # Short answers are asked of typed questions, and only one of these is.
    typed = {"short_answer", "short_answer_given"}
    # No judge of these grades answers.
    graded = {n for n in BY_NAME if n.startswith("graded_")}
    assert graded <= lacking
    assert lacking - typed - graded == case["lacks"] - typed - graded
    unscored = {n for n in lacking if summary.figures[n].unscored}
    assert unscored == case.get("unscored", set())
    of_kinds = (f for part in summary.kinds.values() for f in part.figures.values())
    for found in (*summary.figures.values(), summary.risk_coverage.area, *of_kinds):
        assert (found.value is None) == (found.n == 0)
        assert found.n + found.unscored <= summary.n
    json.dumps(summary.to_dict(), allow_nan=False)
    text = table(summary, [], JudgeNote("any", None))
    rows = {line.split()[0]: line.split() for line in text.splitlines() if line.split()}
    for measure in (*GROUNDING, *ANSWERS):
        found, shown = summary.figures[measure.name], rows[measure.name]
        assert shown[-2:] == [str(found.n), str(found.unscored)]
        if found.value is None:
            assert shown[-4:-2] == ["-", "-"]
            if measure.better:
                bar = 0.0 if measure.better == "higher" else 1e9
                (line,) = misses(summary, {measure.name: bar})
                assert ("unscored in" in line) == (found.unscored > 0)
