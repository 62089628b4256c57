"""A run as one page that needs nothing else: no script, style, font or picture from outside.

Every question folds open to its answer with the quotes that it cites, the judge's verdict on each
sentence, what was refused and what is missing. All that comes from outside is escaped.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from eval.figures import Figure, JudgeNote, Measure
from eval.metrics import MEASURES
from eval.retrieval import CUTS
from eval.scores import QuestionScore, faults
from rag.markup import environment

#: What is shown at the top: name, and words.
_HEADLINES = {
    "complete": "answers complete, nothing wrong",
    "nuggets": "wanted facts found",
    "citation_recall": "sentences supported by what they cite",
    "valid_citations": "citations that are real",
    "declined_right": "unanswerable questions declined",
    "declined_wrong": "answerable questions left unanswered",
}
_LINES = {
    "article_recall": "right articles",
    "article_all": "every group of articles",
    "span_found": "nuggets, in passages",
}
_BARS = {
    "complete": "Complete answers, by kind",
    "nuggets": "Nuggets found, by kind",
    "citation_recall": "Citation recall, by kind",
    "right_outcome": "Answered or declined as it should be, by kind",
}
_MARKS = {
    "supported": ("good", "✓ supported"),
    "misattributed": ("bad", "✗ misattributed"),
    "unsupported": ("bad", "✗ unsupported"),
    "fabricated": ("bad", "✗ fabricated quotation"),
    "unscored": ("none", "? no verdict"),
}
#: Bars of a histogram, about.
_BINS = 16


class Point(NamedTuple):
    """Where a line goes through; `low` to `high` is its interval. `x` and `y` are 0..1."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None


def page_parts(head: Mapping[str, Any], records: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The page's text, a piece at a time; see `eval.report.write_reports` for what is given."""
    summary, seconds = head["summary"], list[float]()
    figures = {name: Figure(**row) for name, row in summary["figures"].items()}
    tables: dict[str, list[tuple[Measure, Figure]]] = {}
    for measure in MEASURES:
        tables.setdefault(measure.table, []).append((measure, figures[measure.name]))
    found = [(words, _cuts(figures, stem)) for stem, words in _LINES.items()]
    rows = [*head["settings"].items(), *head["versions"].items()]
    curve = summary["risk_coverage"]
    yield from TEMPLATES.get_template("report.html").generate(
        head=head,
        summary=summary,
        model=head["model"] or "as configured",
        headlines=_HEADLINES,
        figures_by_name=figures,
        outcomes=("answered", "declined", "failed"),
        tables=tables,
        judge=f"Grounding is {JudgeNote.of(head['judge'])}.",
        found_lines=found if any(points for _, points in found) else [],
        cuts=[(_place(k), k) for k in CUTS],
        quarters=[(n / 4, f"{n * 25} %") for n in range(5)],
        risk=[Point(x, y) for x, y in curve["points"]],
        area=f"{Figure(**curve['area']):.2f}, n={curve['area']['n']}",
        bars=_BARS,
        by_kind=lambda name: _by_kind(summary["kinds"], name),
        # One record at a time: a run may have more of them than there is room for.
        questions=(_question(record, seconds) for record in records),
        steps=lambda: steps_of(seconds),
        settings=[(name, value) for name, value in rows if value not in (None, "")],
    )


def _place(k: int) -> float:
    return (k - CUTS[0]) / (CUTS[-1] - CUTS[0])


def _cuts(figures: Mapping[str, Figure], stem: str) -> list[Point]:
    found = ((k, figures[f"{stem}@{k}"]) for k in CUTS)
    return [Point(_place(k), f.value, f.low, f.high) for k, f in found if f.value is not None]


def _by_kind(kinds: Mapping[str, Any], name: str) -> list[tuple[str, Figure]]:
    """A figure of each kind of questions that it is about."""
    found = [(kind, Figure(**part["figures"][name])) for kind, part in kinds.items()]
    return [(kind.replace("_", " "), f) for kind, f in found if f.n or f.unscored]


def steps_of(values: Sequence[float]) -> tuple[float, list[int]]:
    """The width of equal steps from 0, and how many of `values` (0 or more) are in each."""
    if not values:
        return 1.0, []
    sizes = (m * 10.0**power for power in range(-6, 9) for m in (1, 2, 5))
    step = next(size for size in sizes if size * _BINS >= max(values))
    counts = [0] * (math.floor(max(values) / step) + 1)
    for value in values:
        counts[math.floor(value / step)] += 1
    return step, counts


def _question(record: Mapping[str, Any], seconds: list[float]) -> dict[str, Any]:
    """What the page shows of one question; how long it took goes into `seconds`."""
    score, answer = QuestionScore.from_dict(record["score"]), record["answer"]
    if score.seconds is not None:
        seconds.append(float(score.seconds))
    shown = {
        "gold": record["gold"],
        "outcome": score.outcome,
        "wrong": faults(score),
        "answer": answer,
        "figures": _values(record["values"]),
    }
    if answer:
        marks = [_MARKS[verdict.finding] for verdict in score.verdicts or ()]
        marks += [("", "")] * (len(answer["claims"]) - len(marks))
        shown["claims"] = [(c, *mark) for c, mark in zip(answer["claims"], marks, strict=False)]
        shown["refused"] = [
            f"{r['text']} ({r['reason']}: {r['detail']})" for r in answer["rejected"]
        ]
        shown["ledger"] = [
            f"{r['stance']}: {r['value']} [{', '.join(r['article_ids'])}]" for r in answer["ledger"]
        ]
    return shown


def _values(values: Mapping[str, float | None]) -> str:
    """A question's figures in a line; of those by cut, the ones among ten."""
    return ", ".join(
        f"{name} {'unscored' if value is None else f'{value:.3g}'}"
        for name, value in values.items()
        if "@" not in name or name.endswith("@10")
    )


def _value(measure: Measure, value: float | None) -> str:
    if value is None:
        return "not measured"
    return f"{value:.3f}" if measure.unit == "share" else f"{value:.4g}"


TEMPLATES = environment("eval")
TEMPLATES.filters["value"] = _value
