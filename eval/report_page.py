"""A run as one page that needs nothing else: no script, style, font or picture from outside.

Every question folds open to its answer with the quotes that it cites, the judge's verdict on each
sentence, what was refused and what is missing. All that comes from outside is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from eval.figures import Measure
from eval.metrics import MEASURES
from eval.plots import Bar, Line, Point, bars, histogram, lines
from eval.retrieval import CUTS
from eval.scores import QuestionScore, faults
from rag.markup import Markup, environment

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
    "supported": "✓ supported",
    "misattributed": "✗ misattributed",
    "unsupported": "✗ unsupported",
    "fabricated": "✗ fabricated quotation",
    "unscored": "? no verdict",
}
_STYLES = {"supported": "good", "unscored": "none"}
_OUTCOMES = ("answered", "declined", "failed")


def page_parts(head: Mapping[str, Any], records: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The page's text, a piece at a time; see `eval.report.write_reports` for what is given."""
    summary = head["summary"]
    seconds: list[float] = []
    rows = [*head["settings"].items(), *head["versions"].items()]
    yield from _TEMPLATES.get_template("report.html").generate(
        head=head,
        summary=summary,
        model=head["model"] or "as configured",
        headlines=_HEADLINES,
        outcomes=_OUTCOMES,
        tables=_tables(summary["figures"]),
        judge=_judge(head["judge"]),
        found_plots=_found_plots(summary),
        risk_plot=_risk_plot(summary["risk_coverage"]),
        kind_plots=Markup("").join(_kind_plot(summary, *bar) for bar in _BARS.items()),
        # One record at a time: a run may have more of them than there is room for.
        questions=(_question(record, seconds) for record in records),
        seconds_plot=lambda: Markup(histogram("Seconds per question", seconds, "seconds")),
        settings=[(name, value) for name, value in rows if value not in (None, "")],
    )


# --- figures and plots --------------------------------------------------------------------------


def _tables(figures: Mapping[str, Any]) -> dict[str, list[tuple[Measure, Any]]]:
    """The measures of each table, with their figures."""
    tables: dict[str, list[tuple[Measure, Any]]] = {}
    for measure in MEASURES:
        tables.setdefault(measure.table, []).append((measure, figures[measure.name]))
    return tables


def _about(figure: Mapping[str, Any]) -> str:
    """A figure's interval, and of how many questions it is."""
    between = "" if figure["low"] is None else f"[{figure['low']:.2f}, {figure['high']:.2f}], "
    unscored = f", {figure['unscored']} unscored" if figure["unscored"] else ""
    return f"{between}n={figure['n']}{unscored}"


def _value_of(value: float | None, measure: Measure) -> str:
    if value is None:
        return "not measured"
    return f"{value:.3f}" if measure.unit == "share" else f"{value:.4g}"


def _between(figure: Mapping[str, Any], measure: Measure) -> str:
    if figure["low"] is None:
        return "–"
    return f"{_value_of(figure['low'], measure)} to {_value_of(figure['high'], measure)}"


def _judge(judge: Mapping[str, Any]) -> str:
    """Who judged, and how often that judge agrees with people."""
    found = judge["agreement"]
    if found is None or found["value"] is None:
        return f"Judged by {judge['name']}, whose agreement with people was not measured."
    return (
        f"Judged by {judge['name']}: balanced accuracy {found['value']:.3f} "
        f"({_about(found)}) on labelled pairs."
    )


def _found_plots(summary: Mapping[str, Any]) -> Markup:
    """What is found among the first k, and by kind; empty where nothing was looked for."""
    found = [Line(words, _cuts(summary["figures"], stem)) for stem, words in _LINES.items()]
    if not any(line.points for line in found):
        return Markup("")
    ticks = [(_place(k), f"{k}") for k in CUTS]
    curve = lines("Found among the first k, with intervals", found, ticks, "k")
    kinds = _kind_plot(summary, "article_recall@10", "Right articles among ten, by kind")
    return Markup(curve) + kinds


def _kind_plot(summary: Mapping[str, Any], name: str, title: str) -> Markup:
    return Markup(bars(title, _by_kind(summary, name)))


def _place(k: int) -> float:
    return (k - CUTS[0]) / (CUTS[-1] - CUTS[0])


def _cuts(figures: Mapping[str, Any], stem: str) -> list[Point]:
    found = [(k, figures[f"{stem}@{k}"]) for k in CUTS]
    return [
        Point(_place(k), f["value"], f["low"], f["high"])
        for k, f in found
        if f["value"] is not None
    ]


def _by_kind(summary: Mapping[str, Any], name: str) -> list[Bar]:
    found = [(kind, part["figures"][name]) for kind, part in summary["kinds"].items()]
    return [
        Bar(kind.replace("_", " "), f["value"], f["low"], f["high"], f["n"])
        for kind, f in found
        if f["n"] or f["unscored"]
    ]


def _risk_plot(curve: Mapping[str, Any]) -> Markup:
    """Wrong answers by coverage; empty where no answer came with a confidence."""
    if not curve["points"]:
        return Markup("")
    area = curve["area"]
    title = f"Wrong answers by coverage, surest first (area {area['value']:.2f} {_about(area)})"
    found = [Line("wrong, of those answered", [Point(x, y) for x, y in curve["points"]])]
    ticks = [(n / 4, f"{n * 25} %") for n in range(5)]
    return Markup(lines(title, found, ticks, "questions answered"))


# --- the questions ------------------------------------------------------------------------------


def _question(record: Mapping[str, Any], seconds: list[float]) -> dict[str, Any]:
    """What the page shows of one question; how long it took goes into `seconds`."""
    score, answer = QuestionScore.from_dict(record["score"]), record["answer"]
    if score.seconds is not None:
        seconds.append(float(score.seconds))
    return {
        "gold": record["gold"],
        "outcome": score.outcome,
        "wrong": faults(score),
        "answer": answer,
        "figures": _values(record["values"]),
        **(_answer(answer, score) if answer else {}),
    }


def _answer(answer: Mapping[str, Any], score: QuestionScore) -> dict[str, Any]:
    """The sentences with their verdicts, what was refused, and who says what."""
    findings: list[str | None] = [verdict.finding for verdict in score.verdicts or ()]
    findings += [None] * len(answer["claims"])
    return {
        "claims": [
            (claim, _STYLES.get(finding or "", "bad"), _MARKS[finding] if finding else "")
            for claim, finding in zip(answer["claims"], findings, strict=False)
        ],
        "refused": [f"{r['text']} ({r['reason']}: {r['detail']})" for r in answer["rejected"]],
        "ledger": [
            f"{r['stance']}: {r['value']} [{', '.join(r['article_ids'])}]" for r in answer["ledger"]
        ],
    }


def _values(values: Mapping[str, float | None]) -> str:
    """A question's figures in a line; of those by cut, the ones among ten."""
    return ", ".join(
        f"{name} {'unscored' if value is None else f'{value:.3g}'}"
        for name, value in values.items()
        if "@" not in name or name.endswith("@10")
    )


_TEMPLATES = environment("eval")
_TEMPLATES.filters.update(about=_about, value_of=_value_of, between=_between)
